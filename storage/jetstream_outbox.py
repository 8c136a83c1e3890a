"""The webhook outbox of several nodes: a stream of what is still to be told.

One node enters: it follows the journal, and stores a slice's messages together with the place it
has come to in one atomic batch, on condition that the place is where it left it. So whoever enters,
and however often that changes, each message is entered once. The node that owns an entity
delivers its messages, one after the other, and removes each when it was heard. A node that takes
over finds what is left, so that a message may be heard twice, and never not at all.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from secrets import token_hex
from typing import Any, Protocol

import attrs
import structlog
import trio

from actors.ports import Entry, StorageUnavailable
from actors.rules.records import instant, iso
from storage import jetstream_api as api
from storage.jetstream import JetStreamJournal
from storage.jetstream_api import Connection, Outgoing, StreamRefused
from storage.jetstream_lanes import WINDOW, Head, Lane, endpoint_of, in_turn
from storage.jetstream_model import name_of
from storage.jetstream_webhooks import (
    branch,
    counted,
    counter_of,
    message_of,
    name_of_endpoint,
    read_place,
    spelled,
    spelled_place,
    stream_configuration,
)
from storage.outbox import FIRST_RETRY, GIVE_UP, Endpoint, Message, body_of, told, wait_after
from storage.projections.model import Fact

POLL_SECONDS = 0.5
"""How long it waits when nothing was new."""

BATCH = 400
"""Messages entered at once; the server takes 1,000 in a batch, and each has a counter."""

PAGE = 64
"""Messages of the journal looked at together."""

WAITING_PAGE, PAGES = 256, 16
"""Waiting messages read at once, and how often before something is delivered."""

OTHERS = ""
"""The lane of endpoints that are not configured."""

READS = 4
"""How often the place is read that another node has just written."""

COUNTS = 20_000
"""Counters remembered."""

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
class _Cursor:
    """How far the journal has been entered.

    :param number: of the cursor's own last message, to be expected.
    :param after: number of the last journal message that is entered wholly.
    :param done: how many messages of the next one are entered too.
    """

    number: int
    after: int
    done: int = 0


class JetStreamOutbox:
    """What several nodes are to tell others; make it with :meth:`open`.

    :param endpoints: who is told; a cluster that had none before begins with what happens next.
    :param window: entities of which an endpoint's messages are looked at together; those of others
        stay in the stream until there is room.
    """

    def __init__(
        self,
        connection: Connection,
        cluster: str,
        journal: JetStreamJournal,
        endpoints: Sequence[Endpoint],
        membership: Ownership,
        window: int = WINDOW,
    ) -> None:
        self.given_up = 0
        self._connection = connection
        self._journal = journal
        self._endpoints = endpoints
        self._membership = membership
        self._stream = f"GREENROOM_{cluster}_WEBHOOKS"
        self._prefix = f"greenroom.{cluster}.webhook"
        self._messages = f"{self._prefix}.message"
        self._window = window
        self._cursor: _Cursor | None = None
        self._counts: dict[str, int] = {}
        self._shards: object = None
        self._lanes = self._new_lanes()
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
        window: int = WINDOW,
    ) -> "JetStreamOutbox":
        """Return the outbox, making its stream if it is missing.

        :raises StorageUnavailable: NATS does not answer, or will not have the stream.
        """
        made = cls(connection, cluster, journal, endpoints, membership, window)
        try:
            await api.ensure_stream(connection, stream_configuration(cluster, replicas))
        except StreamRefused as refused:
            raise StorageUnavailable(f"NATS refuses the outbox: {refused}") from refused
        await made._read_cursor()
        return made

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

    def _forget_old_counts(self) -> None:
        """Keep the counters used last; only between slices, for a slice's are in no stream yet."""
        for counter in list(self._counts)[: max(0, len(self._counts) - COUNTS)]:
            del self._counts[counter]

    async def enter(self) -> bool:
        """Enter a slice of what is new; return whether there was something.

        :raises StorageUnavailable: NATS does not answer.
        """
        cursor = self._cursor = self._cursor or await self._read_cursor()
        page = await self._journal.messages(cursor.after, PAGE)
        if not page:
            return False
        new, outgoing = await self._slice(cursor, page)
        outgoing.append(spelled_place(self._prefix, new.after, new.done, cursor.number))
        try:
            new.number = await api.store(self._connection, token_hex(8), outgoing)
        except StreamRefused as refused:
            self._forget()
            if refused.code not in api.WRONG_LAST:  # else another node has entered it
                raise StorageUnavailable(str(refused)) from refused
        else:
            self._cursor = new
            self._forget_old_counts()
        return True

    async def _read_cursor(self) -> _Cursor:
        """Return the place; where there was none, it is the journal's end from now on.

        It is kept at once: by the time something happens another node may be who enters.
        """
        self._counts.clear()
        for _ in range(READS):
            last = await api.last(self._connection, self._stream, f"{self._prefix}.cursor")
            if last is not None:
                return _Cursor(last.number, *read_place(last))
            end = await self._journal.end()
            begin = spelled_place(self._prefix, end, expected=0)
            try:
                return _Cursor(await api.store(self._connection, token_hex(8), [begin]), end)
            except StreamRefused as refused:
                if refused.code not in api.WRONG_LAST:  # else another node was quicker
                    raise StorageUnavailable(f"NATS refuses the outbox: {refused}") from refused
            await trio.sleep(POLL_SECONDS)
        raise StorageUnavailable("the outbox's place cannot be read")

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
        count = self._counts.pop(counter, None)  # and in again, behind those used before
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
        self._begin_anew_if_owners_changed()
        for lane in self._lanes.values():
            await self._look_on(lane, now)
        found: list[Message] = []
        for lane, head in in_turn(list(self._lanes.values()), now):
            if len(found) == limit:
                break
            if self._membership.owns(head.entity):
                message = await self._read(lane, head, now)
                found += [message] if message is not None else []
        return found

    async def next_due(self) -> datetime | None:
        """Return None: other nodes enter messages at any time, so it has to be looked often."""
        return None

    async def delivered(self, message: Message, now: datetime) -> None:
        """Remove a message that was heard."""
        self._heard.add(message.id)
        lane, where = self._lane(message)
        lane.heard(where, message.id, now)
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
        lane, where = self._lane(message)
        lane.put_off(where, message.id, due)
        return due

    async def _remove_heard(self) -> None:
        for number in list(self._heard):
            with suppress(StreamRefused):  # it is gone already
                body = {"seq": number, "no_erase": True}
                await api.call(self._connection, f"STREAM.MSG.DELETE.{self._stream}", body)
            self._heard.discard(number)

    def _lane(self, message: Message) -> tuple[Lane, str]:
        where = f"{self._messages}.{branch(message.endpoint, message.entity)}"
        return self._lanes.get(endpoint_of(where), self._lanes[OTHERS]), where

    def _begin_anew_if_owners_changed(self) -> None:
        shares = self._membership.shares()
        if shares is not self._shards:
            self._shards, self._lanes = shares, self._new_lanes()

    def _new_lanes(self) -> dict[str, Lane]:
        names = [name_of_endpoint(endpoint.url) for endpoint in self._endpoints]
        lanes = {name: Lane(f"{self._messages}.{name}.>", self._window) for name in names}
        # Endpoints that are not configured any more: theirs is given up in the end.
        lanes[OTHERS] = Lane(f"{self._messages}.>", self._window, frozenset(names))
        return lanes

    async def _look_on(self, lane: Lane, now: datetime) -> None:
        """Meet what was entered since, as far as there is room."""
        for _ in range(PAGES):
            if lane.full:
                return
            page = await api.page(
                self._connection, self._stream, lane.subject, lane.place + 1, WAITING_PAGE
            )
            for stored in page:
                where = stored.subject.rpartition(".")[0]
                mine = self._membership.owner(name_of(where)) == self._membership.me
                if mine and lane.concerns(where) and not lane.meet(where, stored.number, now):
                    return
                lane.place = stored.number
            if not page:
                return

    async def _read(self, lane: Lane, head: Head, now: datetime) -> Message | None:
        """Return the message a head stands for; None if it is gone from the stream."""
        subject = f"{head.where}.*"
        stored = await api.following(self._connection, self._stream, subject, head.start)
        if stored is not None and stored.number <= head.met:
            head.stands_at(stored.number)
            return attrs.evolve(message_of(stored), attempts=head.attempts)
        if stored is None and not head.missing:
            # It may only be that a leader just elected does not know yet what another server had.
            head.missing, head.due = True, now + FIRST_RETRY
        else:
            lane.drop(head)
        return None
