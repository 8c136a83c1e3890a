"""Deadlines of all actors of a system: one heap, one task."""

import heapq
import itertools
from collections.abc import Callable
from functools import partial
from math import inf

import trio
from trio.lowlevel import Abort, Task

PRUNE_ABOVE = 256
"""Cancelled timers the heap keeps before it is built anew."""


class Timer:
    """Something that will happen; :meth:`cancel` undoes it."""

    __slots__ = ("_service", "action", "among", "period", "when")

    def __init__(
        self, service: "Timers", when: float, action: Callable[[], object], period: float | None
    ) -> None:
        self._service = service
        self.when = when
        self.action: Callable[[], object] | None = action
        self.period = period
        self.among: set[Timer] | None = None
        """Where its owner keeps it while it is pending."""

    @property
    def pending(self) -> bool:
        """Whether it is still to fire."""
        return self.action is not None

    def cancel(self) -> None:
        """Let it not fire. Cancelling twice, or too late, does nothing."""
        if self.action is not None:
            self.action = None
            self._service.forget()
            if self.among is not None:
                self.among.discard(self)


class Timers:
    """Fires callbacks at their time by trio's clock."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._numbers = itertools.count()
        self._cancelled = 0
        self._sleep = trio.CancelScope()

    def __len__(self) -> int:
        return len(self._heap) - self._cancelled

    def call_after(
        self, seconds: float, action: Callable[[], object], period: float | None = None
    ) -> Timer:
        """Call ``action`` in ``seconds``, then every ``period`` seconds if one is given."""
        timer = Timer(self, trio.current_time() + max(0.0, seconds), action, period)
        self._push(timer)
        return timer

    def forget(self) -> None:
        """Count a cancelled timer, and sweep when there are many."""
        self._cancelled += 1
        if self._cancelled > PRUNE_ABOVE and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].pending]
            heapq.heapify(self._heap)
            self._cancelled = 0

    def _push(self, timer: Timer) -> None:
        heapq.heappush(self._heap, (timer.when, next(self._numbers), timer))
        # While a sleep ends, a deadline changes nothing any more, and the heap is looked at anyway.
        if timer.when < self._sleep.deadline:  # noqa: PLR1730  setting it costs far more than this
            self._sleep.deadline = timer.when

    async def run(self) -> None:
        """Fire what is due, for ever."""
        while True:
            self._fire_due(trio.current_time())
            ends = self._heap[0][0] if self._heap else inf
            with trio.CancelScope(deadline=ends) as self._sleep:
                task = trio.lowlevel.current_task()
                await trio.lowlevel.wait_task_rescheduled(partial(_wake, task))
            await trio.lowlevel.checkpoint_if_cancelled()

    def _fire_due(self, now: float) -> None:
        # Those cancelled go as well: to wake up for one later would be for nothing.
        while self._heap and (self._heap[0][0] <= now or not self._heap[0][2].pending):
            timer = heapq.heappop(self._heap)[2]
            action = timer.action
            if action is None:
                self._cancelled -= 1
                continue
            if timer.period is None:
                timer.action = None
            else:
                # Missed beats are not made up for: after a stall a heartbeat goes on, once.
                missed = (now - timer.when) // timer.period
                timer.when += timer.period * (missed + 1)
                self._push(timer)
            action()


def _wake(task: Task, _: object) -> Abort:
    """Let a task go on whose scope has ended, without an exception: that costs a multiple."""
    trio.lowlevel.reschedule(task)
    return Abort.FAILED
