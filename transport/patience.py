"""Deadlines of one length for thousands who wait at the same time.

They stand in the order in which they were set, so no heap is needed, and nobody has a timer. Who
is no longer waited for when a deadline passes knows so: nothing is taken out early.
"""

from collections import deque
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

import trio


class Awaited(Protocol):
    """What a deadline is set for."""

    def late(self) -> None:
        """Take note that the deadline has passed."""


Waiting = TypeVar("Waiting", bound=Awaited)


class Patience(Generic[Waiting]):
    """Deadlines that lie ``seconds`` ahead of the time they are set at."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due: deque[tuple[float, Waiting]] = deque()

    def begin(self, waiting: Waiting) -> None:
        """Set a deadline."""
        self._due.append((trio.current_time() + self._seconds, waiting))

    def over(self, now: float) -> Iterator[Waiting]:
        """Yield, once, those whose deadline has passed."""
        while self._due and self._due[0][0] <= now:
            yield self._due.popleft()[1]
