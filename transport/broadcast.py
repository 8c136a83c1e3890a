"""Events on their way to a topic's listeners."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Sequence

import attrs

from transport.codec import Codec
from transport.outbox import Outbox

BUNDLE_BYTES = 64 << 10
"""Bytes of events that go to the same listeners in one write."""


@attrs.define(eq=False, slots=True)
class Subscription:
    """One connection's place among a topic's listeners.

    :param stranded: the last number it was sent, if it is sent nothing until it has resumed.
    """

    outbox: Outbox
    codec: Codec
    active: bool = True
    stranded: int | None = None


@attrs.frozen(eq=False)
class Audience:
    """The listeners of a topic for as long as nobody comes or goes; never changed.

    :param listeners: those of one codec stand together.
    :param parts: each codec somebody listens in, and where its listeners end.
    """

    listeners: list[Subscription]
    parts: list[tuple[Codec, int]]

    @classmethod
    def of(cls, subscriptions: Iterable[Subscription]) -> "Audience":
        """Put listeners in order."""
        by_codec: dict[int, list[Subscription]] = {}
        for one in subscriptions:
            by_codec.setdefault(one.codec.index, []).append(one)
        listeners: list[Subscription] = []
        parts = []
        for same in by_codec.values():
            listeners += same
            parts.append((same[0].codec, len(listeners)))
        return cls(listeners, parts)


class Together:
    """A block within which something holds; a block within the block changes nothing.

    There is one about every batch: a generator for it costs two and a half times as much.

    :param hold: called with ``on`` as the block begins, and as it ends.
    """

    __slots__ = ("_depth", "_hold")

    def __init__(self, hold: Callable[..., None]) -> None:
        self._hold = hold
        self._depth = 0

    def __enter__(self) -> None:
        self._depth += 1
        if self._depth == 1:
            self._hold(on=True)

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if not self._depth:
            self._hold(on=False)


@attrs.define(eq=False, slots=True)
class Broadcast:
    """Events on their way to the listeners they had when they were published.

    :param spelled: their frames, one after the other, for each codec somebody listens in.
    :param at: the listener whose turn is next.
    :param part: the part of the audience it belongs to.
    """

    spelled: list[bytes | None]
    audience: Audience
    topic: str
    events: int = 1
    at: int = 0
    part: int = 0

    def send_to(self, count: int) -> bool:
        """Send it to the next listeners, ``count`` at most; return whether any are left."""
        codec, end = self.audience.parts[self.part]
        stop = min(self.at + count, end)
        write_to(self.audience.listeners[self.at : stop], self.spelled[codec.index] or b"")
        self.at = stop
        if stop == end:
            self.part += 1
        return self.part < len(self.audience.parts)

    @property
    def size(self) -> int:
        """Bytes that a listener is sent, in the codec that takes most."""
        return max(len(frame) for frame in self.spelled if frame)

    def goes_with(self, other: "Broadcast") -> bool:
        """Whether both go to the same listeners."""
        return self.audience is other.audience

    def take(self, others: "list[Broadcast]") -> None:
        """Send others along behind this one."""
        for index, frame in enumerate(self.spelled):
            if frame is not None:
                rest = (other.spelled[index] or b"" for other in others)
                self.spelled[index] = b"".join((frame, *rest))
        self.events += len(others)


def write_to(listeners: Sequence[Subscription], frame: bytes) -> None:
    """Write a frame to each of the listeners.

    As :meth:`Outbox.write` does, but with no call a listener beside the kernel's: that was half of
    what a listener cost beside it.
    """
    size = len(frame)
    for listener in listeners:
        if not listener.active:
            continue
        outbox = listener.outbox
        if outbox.direct < 0:
            outbox.write(frame)
            continue
        try:
            sent = os.write(outbox.direct, frame)
        except OSError as error:
            outbox.refused(frame, error)
            continue
        if sent != size:
            outbox.written(frame, sent)


def bundle(backlog: deque[Broadcast]) -> None:
    """Join to the oldest broadcast those right behind it that go to the same listeners.

    Only those right behind: a listener of two topics is told everything in its order.
    """
    first = backlog.popleft()
    others, size = [], first.size
    while backlog and size < BUNDLE_BYTES and first.goes_with(backlog[0]):
        others.append(backlog.popleft())
        size += others[-1].size
    if others:
        first.take(others)
    backlog.appendleft(first)
