"""What connections are sent: read once for all, and checked for order at each of them."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import attrs
import orjson
import trio

from bench.simulate.history import History

_SHORT, _LONG = 126, 127
KEPT = 64
"""Events a device looks back on."""

REMEMBERED = 8
"""Frames that are read but once; the fan-out gives the same bytes to one listener after another."""

LARGE = 4_096
"""Bytes of an event above which its data is left for those who want it."""

DATA = b',"data":'
"""What stands before an event's data, which comes last."""

Event = Mapping[str, Any]


class Frames:
    """Reads frames (RFC 6455, 5.2), each once however many connections it goes to."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._known: dict[bytes, list[Event]] = {}

    def read(self, data: bytes) -> list[Event]:
        """Return the events in some frames; what is told must be on disk already."""
        events = self._known.get(data)
        if events is None:
            events = list(_events(data))
            for event in events:
                self._is_true(event)
            if len(self._known) >= REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[data] = events
        return events

    def _is_true(self, event: Event) -> None:
        topic, seq, kind = event["topic"], event.get("seq"), event["type"]
        if seq is None or topic == "me" or kind == "snapshot":
            return
        entity = topic if topic != "support" else "support/fair"
        told = self._history.told(entity, seq)
        if told != kind:
            self._history.breach(f"{topic}: {kind} was told as number {seq}; on disk is {told}")
        if kind == "qa.asked" and event["data"]["anonymous"] and "author" in event["data"]:
            self._history.breach(f"{topic}: told who asked anonymously (rule 20)")


class _Large(dict[str, Any]):
    """An event whose data is read only if somebody asks for it: a lobby's has a card a session."""

    def __init__(self, head: Mapping[str, Any], payload: bytes) -> None:
        super().__init__(head)
        self._payload = payload

    def __missing__(self, name: str) -> Any:
        if name != "data":
            raise KeyError(name)
        data = self[name] = orjson.loads(self._payload)["params"]["data"]
        return data


def _event(payload: bytes) -> Event:
    if len(payload) > LARGE:
        head, data, _ = payload.partition(DATA)
        if data:
            return _Large(orjson.loads(head + b"}}")["params"], payload)
    event: Event = orjson.loads(payload)["params"]
    return event


def _events(data: bytes) -> Iterator[Event]:
    while data:
        size, start = data[1], 2
        if size == _SHORT:
            size, start = int.from_bytes(data[2:4], "big"), 4
        elif size == _LONG:
            size, start = int.from_bytes(data[2:10], "big"), 10
        yield _event(data[start : start + size])
        data = data[start + size :]


@attrs.define(eq=False)
class Inbox:
    """Stands where a connection's outbox stands; sees that nothing is missing, nothing twice.

    :param topics: topic -> the last number seen; goes with the client from connection to
        connection.
    :param leaving: topics that were left; what still comes of them does not count.
    """

    direct: ClassVar[int] = -1

    read: Callable[[bytes], list[Event]]
    breach: Callable[[str], None]
    owner: str
    topics: dict[str, int] = attrs.field(factory=dict)
    events: deque[Event] = attrs.field(factory=lambda: deque(maxlen=KEPT))
    leaving: set[str] = attrs.field(factory=set)
    received: int = 0
    _waiting: trio.Event | None = None

    def write(self, data: bytes) -> None:
        """Take one or several frames."""
        for event in self.read(data):
            self.received += 1
            seq = event.get("seq")
            if seq is not None:
                self._number(event, event["topic"], seq)
            self.events.append(event)
        if self._waiting is not None:
            self._waiting.set()

    def _number(self, event: Event, topic: str, seq: int) -> None:
        topics = self.topics
        if topic in self.leaving:
            if event["type"] != "snapshot":
                return  # what is still under way when somebody leaves
            self.leaving.discard(topic)
        before = topics.get(topic)
        if event["type"] != "snapshot" and seq != (before or 0) + 1:
            if before is not None:
                self.breach(f"{self.owner}: {topic}: {event['type']} {seq} came after {before}")
            elif topic != "me":
                self.breach(f"{self.owner}: {topic}: {event['type']} {seq} before any snapshot")
        topics[topic] = seq

    def take(self) -> list[Event]:
        """Return the events since last asked."""
        events = list(self.events)
        self.events.clear()
        return events

    async def wait(self, seconds: float) -> None:
        """Wait for something to come, but not longer than so many seconds."""
        if self.events:
            return
        self._waiting = trio.Event()
        with trio.move_on_after(seconds):
            await self._waiting.wait()
        self._waiting = None
