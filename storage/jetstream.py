"""The journal in NATS JetStream: for engines of several nodes.

Each entity has a subject of its own. A write is one message, and names the number of the subject's
last message as it knows it: the server takes it only if that is still so, so of two owners of an
entity one alone can write. Writes to several entities are one atomic batch of the server.

When an answer is missing, the subject's last message tells whether the write is there: each
carries an id of its own. So a restart of NATS costs time, and never doubles or loses a write.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from secrets import token_hex
from typing import Any
from urllib.parse import unquote

import attrs
import outcome
import structlog
import trio

from actors.packing import pack
from actors.ports import (
    Entry,
    Snapshot,
    Standing,
    StorageUnavailable,
    Write,
    WrongSequence,
)
from storage import jetstream_api as api
from storage.codec import entries, pack_write
from storage.jetstream_api import Connection, Outgoing, StreamRefused
from storage.jetstream_model import (
    APPEND,
    BATCHES,
    ENTITIES,
    HEADER_BYTES,
    LAST,
    READ_SECONDS,
    RETRY_PAUSE,
    ClusterRefused,
    Head,
    Known,
    Part,
    entries_of,
    name_of,
    rows_of,
    stream_configurations,
    token,
)
from storage.jetstream_snapshots import Snapshots

APPEND_SECONDS = 10.0
"""How long an append is tried before ``storage_unavailable``."""

FIRST_SECONDS = 0.5
"""Seconds after which it is looked what became of a write; twice as long with each try. What is
sent to a leader that has died is lost, and is to be sent again soon after there is another."""

PAGE = 256
"""Messages read at once."""

_log = structlog.get_logger("greenroom.journal")


@attrs.define
class JetStreamStatistics:
    """How the journal is doing. ``retried``: appends whose answer was missing at first."""

    appends: int = 0
    events: int = 0
    conflicts: int = 0
    retried: int = 0


class JetStreamJournal:
    """Entities' events in JetStream; make it with :meth:`open`.

    :param cluster: a name that tells this engine's streams from others in the same NATS.
    """

    def __init__(self, connection: Connection, cluster: str, identity: str) -> None:
        self.statistics = JetStreamStatistics()
        self._connection = connection
        self._identity = identity
        self._stream = f"GREENROOM_{cluster}_JOURNAL"
        self._snapshots = Snapshots(connection, f"GREENROOM_{cluster}_SNAPSHOTS")
        self._prefix = f"greenroom.{cluster}"
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._batches = trio.CapacityLimiter(BATCHES)

    @classmethod
    async def open(
        cls, connection: Connection, cluster: str = "main", *, replicas: int = 1
    ) -> "JetStreamJournal":
        """Return the journal, making its streams if they are missing.

        :param replicas: NATS servers that hold each stream, when it is made: 1, 3 or 5.
        :raises ClusterRefused: the server is too old, or cannot hold so many replicas.
        :raises StorageUnavailable: NATS does not answer.
        """
        wanted, snapshots = stream_configurations(cluster, replicas)
        try:
            journal = await api.ensure_stream(connection, wanted)
            await api.ensure_stream(connection, snapshots)
        except StreamRefused as refused:
            raise ClusterRefused(f"NATS refuses the journal: {refused}") from refused
        if not journal.get("allow_atomic"):
            raise ClusterRefused("atomic batches are needed: use NATS server 2.12 or later")
        return cls(connection, cluster, journal["metadata"]["greenroom_identity"])

    async def identity(self) -> str:
        """Return the name of this line of sequence numbers."""
        return self._identity

    # Appending

    async def append(self, *writes: Write) -> None:
        """Commit all the writes, or none. Snapshots are kept meanwhile, if NATS takes them at once.

        :raises WrongSequence: an entity's last number is not the expected one.
        :raises StorageUnavailable: NATS did not take it, or did not say so in time: what became
            of it shows when the entity is read.
        """
        parts = [part for part in self._parts(writes) if part.rows]
        await trio.lowlevel.checkpoint()
        async with trio.open_nursery() as nursery:
            for write in writes:
                if write.snapshot is not None:
                    nursery.start_soon(self._try_keeping, write.entity, write.snapshot)
            appended = await outcome.acapture(self._append_parts, parts)
        appended.unwrap()

    async def _append_parts(self, parts: Sequence[Part]) -> None:
        if not parts:
            return
        finished = False
        try:
            with trio.move_on_after(APPEND_SECONDS):
                await self._append(parts)
                finished = True
        finally:
            if not finished:
                for part in parts:
                    self._entity(part.entity).head = None
        if not finished:
            raise StorageUnavailable(f"NATS did not take the write within {APPEND_SECONDS:g} s")
        self.statistics.appends += 1
        self.statistics.events += sum(len(part.rows) for part in parts)

    async def _try_keeping(self, entity: str, snapshot: Snapshot) -> None:
        try:
            await self.save_snapshot(entity, snapshot)
        except StorageUnavailable as error:  # the journal alone is enough
            _log.warning("snapshot failed", entity=entity, error=str(error))

    def _parts(self, writes: Sequence[Write]) -> list[Part]:
        parts: dict[str, Part] = {}
        for write in writes:
            packed = pack_write(write)
            part = parts.get(write.entity)
            if part is None:
                subject = self._subject("journal", write.entity)
                part = Part(write.entity, subject, write.expected_seq, list(packed.rows))
                parts[write.entity] = part
            elif part.last != write.expected_seq:
                raise WrongSequence(f"{write.entity} is at {part.last}, not {write.expected_seq}")
            else:
                part.rows += packed.rows
        return list(parts.values())

    async def _append(self, parts: Sequence[Part]) -> None:
        heads = [await self._expected(part) for part in parts]
        ident = token_hex(8)
        messages = [
            message
            for part, head in zip(parts, heads, strict=True)
            for message in self._messages(part, head, ident)
        ]
        last = await self._store(messages, ident)
        if last is None:
            return
        numbers = {
            message.subject: number
            for number, message in enumerate(messages, last - len(messages) + 1)
        }
        for part in parts:
            known, number = self._entity(part.entity), numbers[part.subject]
            known.head = Head(part.last, number, ident)
            known.mark(part.last, number)

    async def _expected(self, part: Part) -> Head:
        head = self._entity(part.entity).head
        if head is None or head.seq != part.expected:
            head = await self._head(part.entity)
        if head.seq != part.expected:
            self.statistics.conflicts += 1
            raise WrongSequence(f"{part.entity} is at {head.seq}, not at {part.expected}")
        return head

    def _messages(self, part: Part, head: Head, ident: str) -> list[Outgoing]:
        """Spell an entity's rows as few messages as the server's limit allows."""
        limit = self._connection.payload_limit - HEADER_BYTES
        groups: list[list[bytes]] = []
        lasts: list[int] = []
        room = 0
        for row in part.rows:
            packed = pack(row[1:])
            if len(packed) > limit:
                raise StorageUnavailable(f"{part.entity}: an event is larger than NATS takes")
            if len(packed) > room:
                groups.append([])
                lasts.append(0)
                room = limit
            groups[-1].append(packed)
            lasts[-1] = row[1]
            room -= len(packed)
        return [
            Outgoing(
                part.subject,
                b"".join(rows),
                {APPEND: ident, LAST: str(seq)},
                head.number if index == 0 else None,
            )
            for index, (seq, rows) in enumerate(zip(lasts, groups, strict=True))
        ]

    async def _store(self, messages: Sequence[Outgoing], ident: str) -> int | None:
        """Store messages for good; return the last one's number, None if it is not known."""
        doubtful, within = False, FIRST_SECONDS
        while True:
            try:
                if len(messages) == 1:
                    return await api.store(self._connection, "", messages, within)
                async with self._batches:
                    return await api.store(self._connection, token_hex(8), messages, within)
            except StreamRefused as refused:
                if refused.code not in api.WRONG_LAST:
                    doubtful = True  # no leader just now, or too busy: it will pass
                elif not doubtful:
                    raise self._conflict(messages[0], refused) from refused
            except StorageUnavailable:
                doubtful, within = True, min(api.TIMEOUT, within * 2)
            self.statistics.retried += 1
            if await self._is_there(messages[0], ident):
                return None
            await trio.sleep(RETRY_PAUSE)

    async def _is_there(self, message: Outgoing, ident: str) -> bool:
        try:
            last = await api.last(self._connection, self._stream, message.subject)
        except StorageUnavailable:
            return False
        if last is not None and last.headers.get(APPEND) == ident:
            return True
        if (last.number if last else 0) != message.expected:
            raise self._conflict(message, "somebody else has written")
        return False

    def _conflict(self, message: Outgoing, why: object) -> WrongSequence:
        self.statistics.conflicts += 1
        return WrongSequence(f"{unquote(message.subject)}: {why}")

    # Reading

    async def read(self, entity: str, after: int = 0, limit: int = 1000) -> Sequence[Entry]:
        """Return up to ``limit`` entries with a number above ``after``, in order.

        :raises StorageUnavailable: NATS does not answer, or what it holds is damaged.
        """
        head = await self._head(entity)
        if after >= head.seq:
            return []
        with trio.move_on_after(READ_SECONDS):
            return entries((await self._rows(entity, after, limit, head))[:limit])
        raise StorageUnavailable(f"{entity} cannot be read: NATS replicas lag behind")

    async def _rows(self, entity: str, after: int, limit: int, head: Head) -> list[Any]:
        known, subject = self._entity(entity), self._subject("journal", entity)
        start = known.start(after)
        rows: list[Any] = []
        while start <= head.number and len(rows) < limit:
            page = await api.page(self._connection, self._stream, subject, start, PAGE)
            for message in page:
                known.mark(int(message.headers[LAST]), message.number)
                start = message.number + 1
                rows += [row for row in rows_of(message, entity) if row[0] > after]
            if not page:
                await trio.sleep(RETRY_PAUSE / 2)  # this replica has not got it yet
        return rows

    async def _head(self, entity: str) -> Head:
        last = await api.last(self._connection, self._stream, self._subject("journal", entity))
        head = Head(0, 0)
        if last is not None:
            head = Head(int(last.headers[LAST]), last.number, last.headers.get(APPEND, ""))
        self._entity(entity).head = head
        return head

    async def messages(self, after: int, limit: int) -> Sequence[tuple[int, str, Sequence[Entry]]]:
        """Return the writes that follow the stream's number ``after``, each with its own number.

        :raises StorageUnavailable: NATS does not answer, or a message is damaged.
        """
        subject = f"{self._prefix}.journal.*.*"
        page = await api.page(self._connection, self._stream, subject, after + 1, limit)
        return [
            (message.number, name := name_of(message.subject), entries_of(message, name))
            for message in page
        ]

    async def end(self) -> int:
        """Return the stream's last number.

        :raises StorageUnavailable: NATS does not answer.
        """
        answer = await self._info({})
        return int(answer["state"]["last_seq"])

    async def end_of(self, entity: str) -> int:
        """Return the stream's number of an entity's last message, 0 for none.

        :raises StorageUnavailable: NATS does not answer.
        """
        return (await self._head(entity)).number

    async def entities(self, kind: str) -> Sequence[str]:
        """Return the names (``kind/id``) of all entities of a kind, sorted.

        :raises StorageUnavailable: NATS does not answer.
        """
        wanted = f"{self._prefix}.journal.{token(kind)}.*"
        found: list[str] = []
        while True:
            answer = await self._info({"subjects_filter": wanted, "offset": len(found)})
            subjects = answer["state"].get("subjects") or {}
            found += [name_of(subject) for subject in subjects]
            if not subjects or len(found) >= answer.get("total", 0):
                return sorted(found)

    def rest(self, standing: Standing) -> None:
        """Note nothing: the nodes wake whatever is in the shards they take over."""

    async def standings(self, kind: str) -> Sequence[Standing]:
        """Return the entities of a kind, of each of which nothing is known.

        :raises StorageUnavailable: NATS does not answer.
        """
        return [Standing(entity, 0) for entity in await self.entities(kind)]

    async def _info(self, body: Mapping[str, Any]) -> Any:
        try:
            return await api.call(self._connection, f"STREAM.INFO.{self._stream}", body)
        except StreamRefused as refused:
            raise StorageUnavailable(str(refused)) from refused

    # Snapshots

    async def save_snapshot(self, entity: str, snapshot: Snapshot) -> None:
        """Keep a snapshot unless a newer one is held.

        :raises StorageUnavailable: NATS does not take it, or not at once: nobody is to wait for
            what can be made again.
        """
        await self._snapshots.save(self._subject("snapshot", entity), snapshot)

    async def load_snapshot(self, entity: str) -> Snapshot | None:
        """Return the newest snapshot, if there is one; a replica may answer with an older one.

        :raises StorageUnavailable: NATS does not answer.
        """
        return await self._snapshots.load(self._subject("snapshot", entity))

    async def load(self, entity: str, limit: int = 1000) -> tuple[Snapshot | None, Sequence[Entry]]:
        """Return the newest snapshot, if there is one, and up to ``limit`` entries that follow.

        :raises StorageUnavailable: NATS does not answer.
        """
        snapshot = await self.load_snapshot(entity)
        return snapshot, await self.read(entity, snapshot.seq if snapshot else 0, limit)

    # Names

    def _subject(self, what: str, entity: str) -> str:
        kind, _, ident = entity.partition("/")
        return f"{self._prefix}.{what}.{token(kind)}.{token(ident)}"

    def _entity(self, entity: str) -> Known:
        known = self._known.get(entity)
        if known is None:
            known = self._known[entity] = Known()
            if len(self._known) > ENTITIES:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(entity)
        return known
