"""The world of a simulation: the engine through its lives, the time, and the way in."""

import sys
from collections.abc import AsyncIterator, Iterator, MutableSequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from math import inf
from random import Random
from typing import Any, cast

import attrs
import trio

from actors.clock import TrioClock
from actors.errors import Refused
from actors.kernel import loop as kernel_loop
from actors.rules.base import Command
from bench.simulate.clock import JumpingClock
from bench.simulate.disk import Disk, Faults, NoArchive
from bench.simulate.fair import Fair
from bench.simulate.frames import Frames
from bench.simulate.history import History
from bench.simulate.plan import Plan
from engine.config import Config, MediaOptions
from engine.engine import Engine
from storage.memory import MemoryJournal
from transport.hub import Hub
from transport.limits import Limits

NO_SLICES = Limits(slice_seconds=inf)
"""The fan-out ends its slices by the machine's clock, which no seed decides."""

PAIR = 2
"""Tasks that have but two orders."""

DOWN = (0.5, 5.0, 40.0)
"""Seconds that the engine may be gone; within the grace of a drop, and beyond."""


class World:
    """One engine after the other over one journal.

    :param fair: what is planned.
    :param time: the clock of trio's that it runs by.
    """

    def __init__(self, plan: Plan, fair: Fair, time: JumpingClock) -> None:
        self.plan = plan
        self.fair = fair
        self.random = Random(f"world {plan.seed}")
        self.sleep = time.sleep
        self.clock = TrioClock(fair.begin)
        self.history = History(self.clock.now)
        self.frames = Frames(self.history)
        self.faults = Faults(Random(f"faults {plan.seed}"), plan.fault_percent)
        self.rows = MemoryJournal()
        self.life = 0
        self.commands = 0
        self.failed = 0
        self.lost = 0
        self.refusals: dict[str, int] = {}
        self.over = False
        self.visitors: dict[str, Any] = {}
        self.crashed_at = fair.begin
        self._engine: Engine | None = None
        self._disk: Disk | None = None
        self._up = trio.Event()
        self._scope = trio.CancelScope()

    # Time

    @property
    def now(self) -> datetime:
        """The simulated time."""
        return self.clock.now()

    async def until(self, at: datetime) -> None:
        """Wait for an instant."""
        await self.sleep(max(0.0, (at - self.now).total_seconds()))

    # The engine

    @property
    def engine(self) -> Engine:
        """The engine that lives.

        :raises Refused: none does just now.
        """
        if self._engine is None:
            raise Refused("internal", "The engine is down.")
        return self._engine

    @property
    def alive(self) -> bool:
        """Whether an engine lives."""
        return self._engine is not None

    @property
    def hub(self) -> Hub:
        """The fan-out of the engine that lives."""
        return cast("Hub", self.engine.services.publisher)

    async def up(self) -> None:
        """Wait until the engine lives."""
        await self._up.wait()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep an engine alive within the block."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._lives)
            await self.up()
            yield
            self.over = True
            self._scope.cancel()

    async def _lives(self) -> None:
        while not self.over:
            with trio.CancelScope() as self._scope:
                await self._live()
            if not self.over:
                await self.sleep(self.random.choice(DOWN))

    async def _live(self) -> None:
        self._disk = Disk(self.rows, self.faults, self.history.take)
        config = Config(
            key=("simulation:" + "s" * 32,), media=MediaOptions(workers=0), limits=NO_SLICES
        )
        async with Engine.assemble(
            config, journal=self._disk, archive=NoArchive(), epoch="simulation", clock=self.clock
        ) as engine:
            self.life += 1
            engine.system.random.seed(self.plan.seed + self.life)
            self._engine = engine
            self._up.set()
            try:
                await trio.sleep_forever()
            finally:
                self._count(engine)
                self._engine = None
                self._up = trio.Event()

    def _count(self, engine: Engine) -> None:
        counters = engine.services.counters
        self.commands += counters.commands
        self.failed += counters.failed
        self.lost += counters.effects_lost

    def crash(self) -> None:
        """End the engine as a power cut does: what is not on disk is gone.

        Whoever waits for an answer hears no more than that its actor has ended.
        """
        if self._engine is None or self._disk is None:
            return
        self.faults.count("restart")
        self.crashed_at = self.now
        self._disk.alive = False
        self._scope.cancel()

    async def call(self, command: Command) -> Any:
        """Carry out a command.

        :raises Refused: it was not carried out, or nobody knows.
        """
        return await self.engine.door.call(command)

    def refused(self, reason: str) -> None:
        """Count a refusal that somebody was told."""
        self.refusals[reason] = self.refusals.get(reason, 0) + 1


def leftovers(engine: Engine) -> dict[str, int]:
    """Count what should not be there once everybody has gone and all is over."""
    hub = cast("Hub", engine.services.publisher).statistics()
    pools = engine.system.tree().children
    return {
        "actors": sum(len(pool.children) for pool in pools),
        "connections": hub.connections,
        "subscriptions": hub.subscriptions,
        "people present": len(engine.services.presence),
        "timers": len(engine.system.timers),
    }


class _Dice(Random):
    """Trio's, which are thrown each time any task can run."""

    def shuffle(self, x: MutableSequence[Any]) -> None:
        """Put tasks in any order; mostly there is one, or there are two."""
        if len(x) > PAIR:
            super().shuffle(x)
        elif self.getrandbits(1):
            x.reverse()


@contextmanager
def steady(seed: int) -> Iterator[None]:
    """Let the seed alone decide the order of things: trio's dice, and no real time anywhere."""
    run: Any = sys.modules["trio._core._run"]
    allowed = run._ALLOW_DETERMINISTIC_SCHEDULING  # noqa: SLF001  as Hypothesis does it
    dice = run._r  # noqa: SLF001  as above
    clock = kernel_loop._clock  # noqa: SLF001  a slice ends by the machine's clock
    run._ALLOW_DETERMINISTIC_SCHEDULING = True  # noqa: SLF001  as above
    run._r = _Dice(seed)  # noqa: SLF001  as above
    kernel_loop._clock = lambda: 0.0  # noqa: SLF001  as above
    try:
        yield
    finally:
        run._ALLOW_DETERMINISTIC_SCHEDULING = allowed  # noqa: SLF001  as above
        run._r = dice  # noqa: SLF001  as above
        kernel_loop._clock = clock  # noqa: SLF001  as above


@attrs.frozen
class Span:
    """A stretch of time."""

    begin: datetime
    end: datetime

    def covers(self, at: datetime, margin: timedelta = timedelta()) -> bool:
        """Whether an instant lies well within."""
        return self.begin + margin <= at <= self.end - margin
