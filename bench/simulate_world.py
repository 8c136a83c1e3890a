"""The world of a simulation: a journal with faults, and what each connection is sent."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import attrs
import orjson

from actors.ports import StorageUnavailable, Write
from storage.memory import MemoryJournal

_SHORT, _LONG = 126, 127


class Crash(Exception):  # noqa: N818  an actor's end, not a caller's error
    """An actor dies where it stands."""


class FaultyJournal(MemoryJournal):
    """A journal whose appends go wrong now and then, in every way there is.

    ``refused``: nothing is written, and the writer is told so. ``lost``: it is written, but the
    answer says it is not. ``crash before`` and ``crash after`` the write: the actor dies there.

    :param rate: how many of a hundred appends go wrong.
    """

    def __init__(self, random: Random, rate: float) -> None:
        super().__init__()
        self._random = random
        self._rate = rate
        self.calm = True
        """While True nothing goes wrong."""
        self.faults: dict[str, int] = {}

    async def append(self, *writes: Write) -> None:
        """Commit all the writes, or none, or say the wrong thing."""
        fault = self._fault()
        if fault == "refused":
            raise StorageUnavailable("simulated")
        if fault == "crash before":
            raise Crash
        await super().append(*writes)
        if fault == "lost":
            raise StorageUnavailable("simulated, after the write")
        if fault == "crash after":
            raise Crash

    def _fault(self) -> str | None:
        if self.calm or self._random.random() * 100 >= self._rate:
            return None
        fault = self._random.choice(("refused", "lost", "crash before", "crash after"))
        self.faults[fault] = self.faults.get(fault, 0) + 1
        return fault


class NoArchive:
    """A read model with nothing in it."""

    async def chat_history(
        self, topic: str, before: str | None, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        """Return nothing."""
        del topic, before, limit
        return ()

    async def chat_search(self, topic: str, query: str, limit: int) -> Sequence[Mapping[str, Any]]:
        """Return nothing."""
        del topic, query, limit
        return ()


@attrs.define(eq=False)
class Inbox:
    """Stands where a connection's outbox stands; checks the order of what it is sent.

    :param topics: topic -> the last number seen; goes with the client from connection to
        connection.
    :param wrong: what should never have come.
    """

    topics: dict[str, int] = attrs.field(factory=dict)
    wrong: list[str] = attrs.field(factory=list)
    events: list[Mapping[str, Any]] = attrs.field(factory=list)
    received: int = 0

    def write(self, data: bytes) -> None:
        """Take one or several frames (RFC 6455, 5.2)."""
        while data:
            size, start = data[1], 2
            if size == _SHORT:
                size, start = int.from_bytes(data[2:4], "big"), 4
            elif size == _LONG:
                size, start = int.from_bytes(data[2:10], "big"), 10
            self._take(orjson.loads(data[start : start + size])["params"])
            data = data[start + size :]

    def _take(self, event: Mapping[str, Any]) -> None:
        self.received += 1
        topic, seq = event["topic"], event.get("seq")
        self.events.append(event)
        if seq is None:
            return
        if event["type"] != "snapshot":
            before = self.topics.get(topic)
            if before is None and topic != "me":
                self.wrong.append(f"{topic}: {event['type']} {seq} came before any snapshot")
            elif before is not None and seq != before + 1:
                self.wrong.append(f"{topic}: {event['type']} {seq} came after {before}")
        self.topics[topic] = seq

    def take(self) -> list[Mapping[str, Any]]:
        """Return the events since last asked."""
        events, self.events = self.events, []
        return events
