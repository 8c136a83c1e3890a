"""The time of a simulation: it stands still while anybody can run, and jumps when nobody can.

Trio's own mock clock does this as well. This one jumps without another round of the loop, and
people sleep by it without a cancel scope each, which costs a multiple of what they then do.
"""

import heapq
from itertools import count
from math import inf

import trio
from trio.abc import Clock
from trio.lowlevel import Abort, Task


class JumpingClock(Clock):
    """A clock for :func:`trio.run`."""

    def __init__(self) -> None:
        self._time = 0.0
        self._sleepers: list[tuple[float, int, Task]] = []
        self._gone: set[int] = set()
        self._numbers = count()

    def start_clock(self) -> None:
        """Do nothing: time passes by jumps alone."""

    def current_time(self) -> float:
        """Return the seconds since the simulation began."""
        return self._time

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Jump to trio's next deadline, or to when a sleeper wakes; trio asks if nobody can run.

        :return: real seconds to wait for that.
        """
        sleepers = self._sleepers
        at = min(deadline, sleepers[0][0]) if sleepers else deadline
        if at == inf:
            return inf
        self._time = max(self._time, at)
        while sleepers and sleepers[0][0] <= self._time:
            _, number, task = heapq.heappop(sleepers)
            if number in self._gone:
                self._gone.discard(number)
            else:
                trio.lowlevel.reschedule(task)
        return 0.0

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        if seconds <= 0:
            await trio.lowlevel.checkpoint()
            return
        number = next(self._numbers)
        task = trio.lowlevel.current_task()
        heapq.heappush(self._sleepers, (self._time + seconds, number, task))

        def give_up(_: object) -> Abort:
            self._gone.add(number)
            return Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(give_up)
