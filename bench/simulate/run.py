"""Plays a fair from the seed: who does what when, and what came of it."""

import gc
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import Random

import structlog
import trio

from bench.simulate.checks import check, see_deadlines_kept
from bench.simulate.clock import JumpingClock
from bench.simulate.fair import build
from bench.simulate.life import Lives
from bench.simulate.plan import Outcome, Plan
from bench.simulate.world import World, steady
from engine.loading import load_steps, steps, within
from engine.stopping import run_stoppable

SETTLE = 5 * 60.0
"""Seconds without faults at the end: longer than every grace and every retry."""

Progress = Callable[[float], None]
"""Is told the share of the fair that is over, from 0 to 1."""

TOLD_EVERY = timedelta(minutes=20)

COLLECT_AFTER, COLLECT_AFTER_IF_LARGE = 50_000, 10_000_000
"""New objects after which garbage is collected. A week of 10,000 people leaves five million, nearly
all of them for good: each look at them would be for nothing."""


def simulate(plan: Plan, progress: Progress = lambda _: None, *, last: bool = False) -> Outcome:
    """Run one simulation.

    :param last: whether the process ends afterwards: nothing is cleared away then.
    """
    with steady(plan.seed), _quiet(), _rare_collections(plan, last=last):
        clock = JumpingClock()
        return run_stoppable(_main, plan, clock, progress, clock=clock)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the log of faults that are meant to happen to ourselves."""
    before = structlog.get_config()["wrapper_class"]
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(wrapper_class=before)
        logging.disable(disabled)


@contextmanager
def _rare_collections(plan: Plan, *, last: bool) -> Iterator[None]:
    """Look for garbage seldom: what a fair remembers lasts, and would be looked through again."""
    before = gc.get_threshold()
    gc.set_threshold(COLLECT_AFTER_IF_LARGE if plan.is_large else COLLECT_AFTER, *before[1:])
    try:
        yield
    finally:
        if last and plan.is_large:
            gc.freeze()  # seconds go into looking through what a large fair leaves
        gc.set_threshold(*before)


async def _main(plan: Plan, clock: JumpingClock, progress: Progress) -> Outcome:
    begun = time.perf_counter()
    world = World(plan, build(plan), clock)
    lives = Lives(world)
    with trio.CancelScope() as scope:
        if plan.first:
            world.history.on_broken = scope.cancel
        async with world.running():
            await _play(world, lives, progress)
    people = lives.everybody
    return Outcome(
        seed=plan.seed,
        broken=tuple(world.history.broken),
        commands=world.commands,
        asked=sum(person.asked for person in people),
        events=world.history.events,
        received=sum(person.received for person in people),
        refusals=dict(sorted(world.refusals.items())),
        faults=dict(sorted(world.faults.seen.items())),
        met=dict(sorted(world.history.met.items())),
        simulated_seconds=(world.now - world.fair.begin).total_seconds(),
        digest=world.history.digest,
        seconds=time.perf_counter() - begun,
    )


async def _play(world: World, lives: Lives, progress: Progress) -> None:
    await load_steps(within(world.engine), steps(world.fair.description()))
    world.faults.calm = False
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_crash, world)
        nursery.start_soon(_tell, world, progress)
        lives.begin(nursery)
    world.faults.calm = True
    await world.sleep(SETTLE)
    await check(world, lives)


async def _crash(world: World) -> None:
    """End the engine now and then, mostly while sessions are held."""
    random = Random(f"crashes {world.plan.seed}")
    during = [show.start for show in world.fair.shows]
    instants = [
        random.choice((*during, world.fair.begin + timedelta(hours=random.randint(1, 4))))
        + timedelta(seconds=random.randint(0, 400))
        for _ in range(world.plan.crashes)
    ]
    for at in sorted(instants):
        await world.until(at)
        await world.up()
        world.crash()
        await see_deadlines_kept(world)


async def _tell(world: World, progress: Progress) -> None:
    begin, end = world.fair.begin, world.fair.end
    while world.now < end:
        progress((world.now - begin) / (end - begin))
        await world.until(min(end, world.now + TOLD_EVERY))
