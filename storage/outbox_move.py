"""Carrying an outbox over when a journal moves between a file and a cluster's NATS.

A message is one of an endpoint, an entity and a number. It waits after the move if it waits at each
end that has entered it: what was told at either is told, however often the move is repeated and in
whichever direction.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from secrets import token_hex
from typing import Protocol

import attrs
from sqlite_utils import Database

from actors.ports import StorageUnavailable
from actors.rules.records import iso
from storage import follower
from storage import jetstream_api as api
from storage.jetstream import JetStreamJournal
from storage.jetstream_api import Connection, Outgoing, StreamRefused
from storage.jetstream_model import name_of
from storage.jetstream_webhooks import (
    ENDPOINT,
    counted,
    message_of,
    read_place,
    spelled,
    spelled_place,
    stream_configuration,
)
from storage.journal import SqliteJournal
from storage.outbox import NAME, Message, read_message

PAGE = 256
"""Messages read or written at once."""

Key = tuple[str, str]
"""An endpoint and an entity."""

Numbers = Mapping[Key, set[int]]
"""Of messages."""

Pages = AsyncIterator[Sequence[Message]]
"""Messages, those of an endpoint and an entity in the order of their numbers."""


@attrs.frozen
class Held:
    """What an outbox holds.

    :param counts: number of the last message entered, of each endpoint and entity.
    :param waiting: messages not heard yet.
    """

    counts: Mapping[Key, int]
    waiting: Numbers

    def __len__(self) -> int:
        """Return how many messages wait."""
        return sum(len(numbers) for numbers in self.waiting.values())

    def has(self, message: Message) -> bool:
        """Whether a message waits."""
        return message.seq in self.waiting.get((message.endpoint, message.entity), ())


def joined(one: Held, other: Held) -> Held:
    """Return what waits when both ends are put together."""
    both = (one, other)
    counts = {
        key: max(each.counts.get(key, 0) for each in both) for key in {*one.counts, *other.counts}
    }
    waiting = {}
    for key in {*one.waiting, *other.waiting}:
        here, there = (each.waiting.get(key, set()) for each in both)
        entered, entered_there = (each.counts.get(key, 0) for each in both)
        left = {
            seq
            for seq in here | there
            if (seq in here or seq > entered) and (seq in there or seq > entered_there)
        }
        if left:
            waiting[key] = left
    return Held(counts, waiting)


class OutboxEnd(Protocol):
    """One end's outbox."""

    async def held(self) -> Held:
        """Return what it holds.

        :raises StorageUnavailable: it cannot be read.
        """

    async def tail(self) -> Mapping[str, int]:
        """Return the entities with events no messages were entered for yet.

        Each with the number of its last event before those.

        :raises StorageUnavailable: it cannot be read.
        """

    def messages(self) -> Pages:
        """Return all that wait.

        :raises StorageUnavailable: it cannot be read.
        """

    async def take(self, held: Held, more: Pages) -> None:
        """Hold just this; all that stands in the journal now has been entered.

        :param more: those messages of it that are not held here yet.
        :raises StorageUnavailable: it cannot be written.
        """


class FileOutbox:
    """The outbox in a database file."""

    def __init__(self, journal: SqliteJournal) -> None:
        self._journal = journal

    async def held(self) -> Held:
        """Return what it holds."""
        return await self._journal.query(_held)

    async def tail(self) -> Mapping[str, int]:
        """Return the entities with events no messages were entered for yet."""

        def query(db: Database) -> dict[str, int]:
            at = follower.position(db, NAME)
            rows = db.conn.execute(
                "SELECT entity, min(seq) - 1 FROM journal WHERE position > ? GROUP BY entity",
                (follower.end(db) if at is None else at[0],),
            )
            return dict(rows.fetchall())

        return await self._journal.query(query)

    async def messages(self) -> Pages:
        """Return all that wait."""
        last = 0
        while page := await self._journal.query(partial(_page, after=last)):
            yield page
            last = page[-1].id

    async def take(self, held: Held, more: Pages) -> None:
        """Hold just this; all that stands in the journal now has been entered."""
        await self._journal.transact(partial(_drop, held=held))
        async for page in more:
            await self._journal.transact(partial(_insert, messages=page))
        # Last the place: a move that is broken off here begins anew and repeats nothing.
        await self._journal.transact(partial(_finish, counts=held.counts))


def _held(db: Database) -> Held:
    counters = db.conn.execute("SELECT endpoint, entity, seq FROM webhook_counters")
    waiting: dict[Key, set[int]] = {}
    rows = db.conn.execute("SELECT endpoint, entity, seq FROM webhooks WHERE state = 'waiting'")
    for endpoint, entity, seq in rows:
        waiting.setdefault((endpoint, entity), set()).add(seq)
    return Held({(row[0], row[1]): row[2] for row in counters}, waiting)


def _page(db: Database, *, after: int) -> list[Message]:
    rows = db.conn.execute(
        "SELECT id, endpoint, entity, seq, type, body, created_at, attempts FROM webhooks"
        " WHERE state = 'waiting' AND id > ? ORDER BY id LIMIT ?",
        (after, PAGE),
    )
    return [read_message(row) for row in rows]


def _drop(db: Database, *, held: Held) -> None:
    now = iso(datetime.now(UTC))
    rows = db.conn.execute("SELECT id, endpoint, entity, seq FROM webhooks WHERE state = 'waiting'")
    told = [(now, row[0]) for row in rows if row[3] not in held.waiting.get((row[1], row[2]), ())]
    db.conn.executemany(
        "UPDATE webhooks SET state = 'delivered', delivered_at = ? WHERE id = ?", told
    )


def _insert(db: Database, *, messages: Sequence[Message]) -> None:
    db.conn.executemany(
        "INSERT INTO webhooks (endpoint, entity, seq, type, body, created_at, due_at,"
        " attempts, state) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 'waiting')",
        [
            (one.endpoint, one.entity, one.seq, one.type, one.body, *[iso(one.created_at)] * 2)
            for one in messages
        ],
    )


def _finish(db: Database, *, counts: Mapping[Key, int]) -> None:
    db.conn.executemany(
        "INSERT INTO webhook_counters (endpoint, entity, seq) VALUES (?, ?, ?)"
        " ON CONFLICT (endpoint, entity) DO UPDATE SET seq = excluded.seq",
        [(*key, count) for key, count in counts.items()],
    )
    follower.set_position(db, NAME, follower.end(db))


class StreamOutbox:
    """The outbox in a cluster's NATS; there is none before something is to be told.

    :param replicas: NATS servers that hold the stream, if it has to be made.
    """

    def __init__(
        self, connection: Connection, cluster: str, journal: JetStreamJournal, replicas: int
    ) -> None:
        self._connection = connection
        self._journal = journal
        self._config = stream_configuration(cluster, replicas)
        self._stream = self._config["name"]
        self._prefix = f"greenroom.{cluster}.webhook"

    async def held(self) -> Held:
        """Return what it holds."""
        waiting: dict[Key, set[int]] = {}
        async for page in self.messages():
            for one in page:
                waiting.setdefault((one.endpoint, one.entity), set()).add(one.seq)
        return Held(await self._counts(), waiting)

    async def _counts(self) -> Mapping[Key, int]:
        counts = {}
        if await self._is_there():
            async for page in self._all("count.>"):
                for stored in page:
                    counts[stored.headers[ENDPOINT], name_of(stored.subject)] = int(stored.data)
        return counts

    async def tail(self) -> Mapping[str, int]:
        """Return the entities with events no messages were entered for yet."""
        found: dict[str, int] = {}
        if not await self._is_there():
            return found
        cursor = await api.last(self._connection, self._stream, f"{self._prefix}.cursor")
        at = read_place(cursor)[0] if cursor is not None else await self._journal.end()
        while page := await self._journal.messages(at, PAGE):
            at = page[-1][0]
            for _, entity, entries in page:
                found.setdefault(entity, entries[0].seq - 1)
        return found

    async def messages(self) -> Pages:
        """Return all that wait."""
        if await self._is_there():
            async for page in self._all("message.>"):
                yield [message_of(stored) for stored in page]

    async def take(self, held: Held, more: Pages) -> None:
        """Hold just this; all that stands in the journal now has been entered."""
        if not held.counts and not await self._is_there():
            return
        await api.ensure_stream(self._connection, self._config)
        async for page in self.messages():
            for message in page:
                if not held.has(message):
                    body = {"seq": message.id, "no_erase": True}
                    await api.call(self._connection, f"STREAM.MSG.DELETE.{self._stream}", body)
        async for page in more:
            await self._store([spelled(self._prefix, message) for message in page])
        before = await self._counts()
        outgoing = [
            counted(self._prefix, *key, count)
            for key, count in held.counts.items()
            if before.get(key) != count
        ]
        # Last the place: a move that is broken off here begins anew and repeats nothing.
        outgoing.append(spelled_place(self._prefix, await self._journal.end()))
        for start in range(0, len(outgoing), PAGE):
            await self._store(outgoing[start : start + PAGE])

    async def _store(self, messages: list[Outgoing]) -> None:
        try:
            await api.store(self._connection, token_hex(8), messages)
        except StreamRefused as refused:
            raise StorageUnavailable(f"NATS refuses the outbox: {refused}") from refused

    async def _is_there(self) -> bool:
        try:
            await api.call(self._connection, f"STREAM.INFO.{self._stream}")
        except StreamRefused as refused:
            if refused.code in api.NOT_FOUND:
                return False
            raise StorageUnavailable(str(refused)) from refused
        return True

    async def _all(self, what: str) -> AsyncIterator[list[api.Stored]]:
        at = 1
        subject = f"{self._prefix}.{what}"
        while page := await api.page(self._connection, self._stream, subject, at, PAGE):
            yield page
            at = page[-1].number + 1
