"""Processor time by stage: what runs is stamped where one stage ends and the next begins.

A stage's time is its own: what it calls that is a stage too counts there. A coroutine's stage is
left whenever it waits. Each stamp costs something itself, which is measured beside and told apart.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Generator, Mapping
from functools import wraps
from types import coroutine
from typing import Any

import attrs

CALIBRATION = 20_000
"""Empty stages that are timed to know what a stamp costs."""


class Meter:
    """The processor time of one thread, by stage.

    :param rest: what counts while no stage has begun.
    :param clock: nanoseconds of the thread's processor.
    """

    def __init__(self, rest: str, clock: Callable[[], int] = time.thread_time_ns) -> None:
        self.spent: defaultdict[str, int] = defaultdict(int)
        self.entered: Counter[str] = Counter()
        self.inside: Counter[str] = Counter()
        self._clock = clock
        self._stack = [rest]
        self._last = 0

    def begin(self) -> None:
        """Begin to count, in the thread itself."""
        self._last = self._clock()

    def enter(self, stage: str) -> None:
        """Begin a stage within the one that is under way."""
        now, stack = self._clock(), self._stack
        outer = stack[-1]
        self.spent[outer] += now - self._last
        self.inside[outer] += 1
        self.entered[stage] += 1
        stack.append(stage)
        self._last = now

    def leave(self) -> None:
        """End the stage that is under way; go on with the one around it."""
        now = self._clock()
        self.spent[self._stack.pop()] += now - self._last
        self._last = now

    def told(self) -> dict[str, dict[str, int]]:
        """Return what was counted until now."""
        return {"spent": {**self.spent}, "entered": {**self.entered}, "inside": {**self.inside}}

    def around(self, work: Callable[..., Any], stage: str) -> Callable[..., Any]:
        """Return a function as a stage."""
        enter, leave = self.enter, self.leave

        @wraps(work)
        def staged(*args: Any, **more: Any) -> Any:
            enter(stage)
            try:
                return work(*args, **more)
            finally:
                leave()

        return staged

    def along(
        self, work: Callable[..., Awaitable[Any]], stage: str
    ) -> Callable[..., Awaitable[Any]]:
        """Return an async function as a stage that is left whenever it waits."""

        @wraps(work)
        async def staged(*args: Any, **more: Any) -> Any:
            return await _stepped(self, work(*args, **more), stage)

        return staged


@coroutine
def _stepped(meter: Meter, work: Any, stage: str) -> Generator[Any, Any, Any]:
    """Drive a coroutine, stamped at the begin and the end of each of its steps."""
    step, given = work.send, None
    while True:
        meter.enter(stage)
        try:
            waits = step(given)
        except StopIteration as done:
            return done.value
        finally:
            meter.leave()
        try:
            step, given = work.send, (yield waits)
        except BaseException as error:  # noqa: BLE001  the coroutine's own to handle
            step, given = work.throw, error


@attrs.frozen
class Stamp:
    """What a stage that does nothing costs, in nanoseconds.

    :param own: of it, what is counted as the stage's.
    :param outer: of it, what is counted as the time of the stage around it.
    """

    own: float
    outer: float

    @classmethod
    def measured(cls) -> "Stamp":
        """Measure it here and now."""
        meter = Meter("outer")
        empty = meter.around(_nothing, "own")
        meter.begin()
        for _ in range(CALIBRATION):
            empty()
        return cls(meter.spent["own"] / CALIBRATION, meter.spent["outer"] / CALIBRATION)


def _nothing() -> None:
    """Stand in for a stage's work."""


def freed(told: Mapping[str, Mapping[str, int]], stamp: Stamp) -> tuple[dict[str, float], float]:
    """Return each stage's nanoseconds without what the stamps cost, and what those cost."""
    costs = {
        stage: told["entered"].get(stage, 0) * stamp.own
        + told["inside"].get(stage, 0) * stamp.outer
        for stage in told["spent"]
    }
    found = {stage: max(0.0, spent - costs[stage]) for stage, spent in told["spent"].items()}
    return found, sum(told["spent"].values()) - sum(found.values())


def since(
    before: Mapping[str, Mapping[str, int]], after: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, int]]:
    """Return what was counted between two times."""
    return {
        kind: {stage: value - before[kind].get(stage, 0) for stage, value in of.items()}
        for kind, of in after.items()
    }
