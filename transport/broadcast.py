"""Events on their way to a topic's listeners."""

from collections import deque

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
    """The listeners of a topic for as long as nobody comes or goes; never changed."""

    listeners: list[Subscription]
    codecs: set[Codec]


@attrs.define(eq=False, slots=True)
class Broadcast:
    """Events on their way to the listeners they had when they were published.

    :param spelled: their frames, one after the other, for each codec somebody listens in.
    """

    spelled: list[bytes | None]
    audience: Audience
    topic: str
    events: int = 1
    at: int = 0

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
