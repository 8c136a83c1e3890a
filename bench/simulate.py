"""A fair on a clock that jumps, with everything that can go wrong, from one seed.

``greenroom simulate --seed 7`` runs the engine's own actors and rules over a journal in memory,
with people who chat, ask, vote, come on screen, drop, and come back, while appends fail, answers
get lost and actors die. At the end everything anybody was told must be true. The same seed does
the same again.
"""

import hashlib
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import attrs
import structlog
import trio
from trio.testing import MockClock

from actors.clock import TrioClock
from actors.rules.base import Person
from bench.simulate_checks import check
from bench.simulate_people import Hosting, Visitor
from bench.simulate_world import FaultyJournal, NoArchive
from engine.config import Config, MediaOptions
from engine.engine import Engine
from engine.loading import load_steps, steps, within

START = datetime(2026, 12, 1, 9, tzinfo=UTC)
EVENT, SESSION = "fair", "ux"
SETTLE = 90.0
"""Seconds without faults at the end: longer than every grace and every retry."""

LIMIT = 60.0
"""Real seconds after which a simulation counts as stuck."""


@attrs.frozen(kw_only=True)
class Plan:
    """How large a simulation is.

    :param people: besides the host.
    :param minutes: of simulated time, before everything settles.
    :param fault_percent: of the appends.
    """

    seed: int
    people: int = 6
    minutes: float = 2.0
    fault_percent: float = 4.0


@attrs.frozen(kw_only=True)
class Outcome:
    """What came of a simulation.

    :param broken: the promises that did not hold; empty if all is well.
    :param digest: of the journal; two runs of one plan have the same.
    """

    seed: int
    broken: tuple[str, ...]
    commands: int
    events: int
    received: int
    faults: dict[str, int]
    simulated_seconds: float
    digest: str


def description() -> dict[str, Any]:
    """Return the fair."""
    return {
        "event": {"id": EVENT, "name": "Fair", "time_zone": "UTC", "days": ["2026-12-01"]},
        "company": [{"id": "acme", "name": "Acme", "slots": 10}],
        "session": [
            {
                "id": SESSION,
                "title": "Workshop",
                "kind": "workshop",
                "company": "acme",
                "start": START + timedelta(minutes=1),
                "minutes": 240,
                "hosts": ["host"],
            }
        ],
    }


def simulate(plan: Plan) -> Outcome:
    """Run one simulation.

    Trio shuffles tasks that are ready at once; here the seed decides their order too.
    """
    _seed_scheduler(plan.seed)
    with _quiet():
        return trio.run(_main, plan, clock=MockClock(autojump_threshold=0))


def _seed_scheduler(seed: int) -> None:
    run: Any = sys.modules["trio._core._run"]
    run._ALLOW_DETERMINISTIC_SCHEDULING = True  # noqa: SLF001  as Hypothesis does it
    run._r.seed(seed)  # noqa: SLF001  as above


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


async def _main(plan: Plan) -> Outcome:
    random = Random(plan.seed)
    journal = FaultyJournal(random, plan.fault_percent)
    config = Config(key=("simulation:" + "s" * 32,), media=MediaOptions(workers=0))
    began = trio.current_time()
    async with Engine.assemble(
        config, journal=journal, archive=NoArchive(), epoch="simulation", clock=TrioClock(START)
    ) as engine:
        engine.system.random.seed(plan.seed)
        await load_steps(within(engine), steps(description()))
        people = await _live(engine, journal, plan)
        journal.calm = True
        await trio.sleep(SETTLE)
        broken = await check(engine, journal, people)
        counters = engine.services.counters
        return Outcome(
            seed=plan.seed,
            broken=tuple(broken),
            commands=counters.commands,
            events=counters.events,
            received=sum(person.inbox.received for person in people),
            faults=dict(sorted(journal.faults.items())),
            simulated_seconds=trio.current_time() - began,
            digest=await _digest(journal),
        )


async def _live(engine: Engine, journal: FaultyJournal, plan: Plan) -> list[Visitor]:
    host = Person(id="host", name="Host", event=EVENT, sessions=frozenset({SESSION}))
    hosting = Hosting(engine, host, SESSION, plan.seed * 1000)
    people = [
        Visitor(engine, Person(id=name, name=name.title(), event=EVENT), SESSION,
                plan.seed * 1000 + number)
        for number, name in enumerate((f"p{number}" for number in range(plan.people)), 1)
    ]  # fmt: skip
    await hosting.begin()
    journal.calm = False
    until = trio.current_time() + plan.minutes * 60
    async with trio.open_nursery() as nursery:
        for person in (hosting, *people):
            nursery.start_soon(person.run, until)
    return [hosting, *people]


async def _digest(journal: FaultyJournal) -> str:
    found = hashlib.blake2s(digest_size=8)
    for kind in ("event", "session", "room", "person"):
        for entity in await journal.entities(kind):
            for entry in await journal.read(entity, limit=100_000):
                found.update(f"{entity} {entry.seq} {entry.type} {entry.at}".encode())
    return found.hexdigest()
