"""The webhook outbox of several nodes: a stream of what is still to be told.

One node enters: it follows the journal, and stores a slice's messages together with the place it
has come to in one atomic batch, on condition that the place is where it left it. So whoever enters,
and however often that changes, each message is entered once. The node that owns an entity
delivers its messages, one after the other, and removes each when it was heard. A node that takes
over finds what is left, so that a message may be heard twice, and never not at all.
"""

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from hashlib import blake2b
from secrets import token_hex
from typing import Any, Protocol

import attrs
import structlog
import trio

from actors.ports import Entry, StorageUnavailable
from actors.rules.records import instant, iso
from storage import jetstream_api as api
from storage.jetstream import JetStreamJournal
from storage.jetstream_api import Connection, Outgoing, Stored, StreamRefused
from storage.jetstream_model import token
from storage.outbox import GIVE_UP, Endpoint, Message, body_of, told, wait_after
from storage.projections.model import Fact

POLL_SECONDS = 0.5
"""How long it waits when nothing was new."""

BATCH = 400
"""Messages entered at once; the server takes 1,000 in a batch, and each has a counter."""

PAGE = 64
"""Messages of the journal looked at together."""

WAITING_PAGE = 256
"""Waiting messages read at once."""

ENDPOINT = "Greenroom-Endpoint"
"""Header of a counter: whose it is."""

ENTERING = "webhooks/outbox"
"""Whoever owns this enters messages."""

_log = structlog.get_logger("greenroom.webhooks")


class Ownership(Protocol):
    """Which entities are this node's."""

    def shares(self) -> object:
        """Return something that is another whenever owners change."""

    def owner(self, entity: str) -> str:
        """Return the id of the node an entity belongs to."""

    def owns(self, entity: str) -> bool:
        """Whether an entity is this node's now."""

    @property
    def me(self) -> str:
        """The id of the node that asks."""


@attrs.define
class _Waiting:
    """A message that waits, and until when."""

    message: Message
    due: datetime


@attrs.define
class _Cursor:
    """How far the journal has been entered.

    :param number: of the cursor's own last message, to be expected.
    :param after: number of the last journal message that is entered wholly.
    :param done: how many messages of the next one are entered too.
    """

    number: int
    after: int
    done: int = 0


def stream_configuration(cluster: str, replicas: int) -> dict[str, Any]:
    """Return how the stream of the outbox is made."""
    return {
        "name": f"GREENROOM_{cluster}_WEBHOOKS",
        "subjects": [f"greenroom.{cluster}.webhook.>"],
        "max_msgs_per_subject": 1,
        "storage": "file",
        "num_replicas": replicas,
        "allow_direct": True,
        "allow_atomic": True,
    }


def _where(endpoint: str, entity: str) -> str:
    kind, _, ident = entity.partition("/")
    name = blake2b(endpoint.encode(), digest_size=8).hexdigest()
    return f"{name}.{token(kind)}.{token(ident)}"


def counter_of(prefix: str, endpoint: str, entity: str) -> str:
    """Return the subject under which an entity's messages to an endpoint are counted."""
    return f"{prefix}.count.{_where(endpoint, entity)}"


def counted(prefix: str, endpoint: str, entity: str, count: int) -> Outgoing:
    """Spell how many of an entity's messages to an endpoint were entered."""
    subject = counter_of(prefix, endpoint, entity)
    return Outgoing(subject, str(count).encode(), {ENDPOINT: endpoint}, None)


def place_of(prefix: str, after: int, done: int = 0, expected: int | None = None) -> Outgoing:
    """Spell how far the journal is entered: up to a message's number, and so many of the next."""
    place = json.dumps({"after": after, "done": done}).encode()
    return Outgoing(f"{prefix}.cursor", place, {}, expected)


def read_place(stored: Stored) -> tuple[int, int]:
    """Return the number up to which the journal is entered, and how many of the next."""
    place = json.loads(stored.data)
    return place["after"], place["done"]


def spelled(prefix: str, message: Message) -> Outgoing:
    """Spell a message that waits."""
    about = attrs.asdict(message, filter=attrs.filters.exclude("id", "attempts"))
    about["created_at"] = iso(message.created_at)
    subject = f"{prefix}.message.{_where(message.endpoint, message.entity)}.{message.seq}"
    return Outgoing(subject, json.dumps(about, ensure_ascii=False).encode(), {}, None)


def message_of(stored: Stored) -> Message:
    """Read a message that waits."""
    about = json.loads(stored.data)
    created = instant(about.pop("created_at"))
    return Message(id=stored.number, created_at=created, attempts=0, **about)


class JetStreamOutbox:
    """What several nodes are to tell others; make it with :meth:`open`.

    :param endpoints: who is told; a cluster that had none before begins with what happens next.
    """

    def __init__(
        self,
        connection: Connection,
        cluster: str,
        journal: JetStreamJournal,
        endpoints: Sequence[Endpoint],
        membership: Ownership,
    ) -> None:
        self.given_up = 0
        self._connection = connection
        self._journal = journal
        self._endpoints = endpoints
        self._membership = membership
        self._stream = f"GREENROOM_{cluster}_WEBHOOKS"
        self._prefix = f"greenroom.{cluster}.webhook"
        self._cursor: _Cursor | None = None
        self._counts: dict[str, int] = {}
        self._shards: object = None
        self._at = 0
        self._waiting: dict[tuple[str, str], deque[_Waiting]] = {}
        self._heard: set[int] = set()

    @classmethod
    async def open(
        cls,
        connection: Connection,
        cluster: str,
        journal: JetStreamJournal,
        endpoints: Sequence[Endpoint],
        membership: Ownership,
        *,
        replicas: int = 1,
    ) -> "JetStreamOutbox":
        """Return the outbox, making its stream if it is missing.

        :raises StorageUnavailable: NATS does not answer, or will not have the stream.
        """
        try:
            await api.ensure_stream(connection, stream_configuration(cluster, replicas))
        except StreamRefused as refused:
            raise StorageUnavailable(f"NATS refuses the outbox: {refused}") from refused
        return cls(connection, cluster, journal, endpoints, membership)

    # Entering

    async def run(self) -> None:
        """Enter what happens, while that is this node's to do, until cancelled."""
        while True:
            more = False
            if self._membership.owns(ENTERING):
                try:
                    more = await self.enter()
                except StorageUnavailable as error:
                    self._forget()
                    _log.warning("cannot enter webhooks", error=str(error))
            if not more:
                await trio.sleep(POLL_SECONDS)

    def _forget(self) -> None:
        self._cursor = None
        self._counts.clear()

    async def enter(self) -> bool:
        """Enter a slice of what is new; return whether there was something.

        :raises StorageUnavailable: NATS does not answer.
        """
        cursor = self._cursor = self._cursor or await self._read_cursor()
        page = await self._journal.messages(cursor.after, PAGE)
        if not page:
            return False
        new, outgoing = await self._slice(cursor, page)
        outgoing.append(place_of(self._prefix, new.after, new.done, cursor.number))
        try:
            new.number = await api.store(self._connection, token_hex(8), outgoing)
        except StreamRefused as refused:
            self._forget()
            if refused.code not in api.WRONG_LAST:  # else another node has entered it
                raise StorageUnavailable(str(refused)) from refused
        else:
            self._cursor = new
        return True

    async def _read_cursor(self) -> _Cursor:
        self._counts.clear()
        last = await api.last(self._connection, self._stream, f"{self._prefix}.cursor")
        if last is None:
            return _Cursor(0, await self._journal.end())
        return _Cursor(last.number, *read_place(last))

    async def _slice(
        self, cursor: _Cursor, page: Sequence[tuple[int, str, Sequence[Entry]]]
    ) -> tuple[_Cursor, list[Outgoing]]:
        new = _Cursor(cursor.number, cursor.after, cursor.done)
        found: dict[str, Outgoing] = {}
        entered = 0
        for number, entity, entries in page:
            fresh = list(self._told(entity, entries))[new.done :]
            some = fresh[: BATCH - entered]
            for endpoint, fact, what in some:
                for message in await self._outgoing(endpoint, fact, what):
                    found[message.subject] = message
            entered += len(some)
            if len(some) < len(fresh):
                new.done += len(some)
                break
            new.after, new.done = number, 0
        return new, list(found.values())

    def _told(
        self, entity: str, entries: Sequence[Entry]
    ) -> Iterator[tuple[Endpoint, Fact, Mapping[str, Any]]]:
        for entry in entries:
            by = entry.meta.get("by", "")
            fact = Fact(0, entity, entry.seq, entry.type, iso(entry.at), entry.data, by)
            for endpoint, what in told(fact, self._endpoints):
                yield endpoint, fact, what

    async def _outgoing(
        self, endpoint: Endpoint, fact: Fact, what: Mapping[str, Any]
    ) -> list[Outgoing]:
        counter = counter_of(self._prefix, endpoint.url, fact.entity)
        count = self._counts.get(counter)
        if count is None:
            last = await api.last(self._connection, self._stream, counter)
            count = int(last.data) if last is not None else 0
        self._counts[counter] = count = count + 1
        body, created = body_of(fact, count, what), instant(fact.at)
        message = Message(0, endpoint.url, fact.entity, count, what["type"], body, created, 0)
        return [
            spelled(self._prefix, message),
            counted(self._prefix, endpoint.url, fact.entity, count),
        ]

    # Delivering

    async def due(self, now: datetime, limit: int = 100) -> Sequence[Message]:
        """Return messages to deliver now: of each endpoint and entity of this node's the oldest.

        :raises StorageUnavailable: NATS does not answer.
        """
        await self._remove_heard()
        await self._load()
        heads = (waiting[0] for waiting in self._waiting.values())
        return [
            head.message
            for head in sorted(heads, key=lambda head: head.due)
            if head.due <= now and self._membership.owns(head.message.entity)
        ][:limit]

    async def next_due(self) -> datetime | None:
        """Return None: other nodes enter messages at any time, so it has to be looked often."""
        return None

    async def delivered(self, message: Message, now: datetime) -> None:  # noqa: ARG002  the port's
        """Remove a message that was heard."""
        self._done(message)
        with suppress(StorageUnavailable):  # it is tried again, and not delivered meanwhile
            await self._remove_heard()

    async def failed(self, message: Message, now: datetime, error: str) -> datetime | None:
        """Put a message off; return when it is tried again, None if it is given up."""
        if now - message.created_at > GIVE_UP:
            self.given_up += 1
            _log.error(
                "webhook given up", endpoint=message.endpoint, error=error, body=message.body
            )
            await self.delivered(message, now)
            return None
        due: datetime = now + wait_after(message.attempts)
        waiting = self._waiting.get((message.endpoint, message.entity))
        if waiting and waiting[0].message.id == message.id:
            again = attrs.evolve(message, attempts=message.attempts + 1)
            waiting[0] = _Waiting(again, due)
        return due

    def _done(self, message: Message) -> None:
        self._heard.add(message.id)
        key = (message.endpoint, message.entity)
        waiting = self._waiting.get(key)
        if waiting and waiting[0].message.id == message.id:
            waiting.popleft()
            if not waiting:
                del self._waiting[key]

    async def _remove_heard(self) -> None:
        for number in list(self._heard):
            with suppress(StreamRefused):  # it is gone already
                body = {"seq": number, "no_erase": True}
                await api.call(self._connection, f"STREAM.MSG.DELETE.{self._stream}", body)
            self._heard.discard(number)

    async def _load(self) -> None:
        """Take in what was entered since; all of it anew if the owners have changed."""
        shares = self._membership.shares()
        if shares is not self._shards:
            self._shards, self._at = shares, 0
            self._waiting.clear()
        subject = f"{self._prefix}.message.>"
        while page := await api.page(
            self._connection, self._stream, subject, self._at + 1, WAITING_PAGE
        ):
            for stored in page:
                self._at = stored.number
                message = message_of(stored)
                mine = self._membership.owner(message.entity) == self._membership.me
                if mine and stored.number not in self._heard:
                    due = message.created_at
                    key = (message.endpoint, message.entity)
                    self._waiting.setdefault(key, deque()).append(_Waiting(message, due))
