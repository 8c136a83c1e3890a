"""Who is in memory when an engine has started: whoever is due, and whoever has work left."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actors.clock import TrioClock
from actors.entity import EntityActor
from actors.ports import Entry, Standing, Write
from actors.rules import base
from actors.rules.base import AT_ONCE, Tick
from engine.config import Config, MediaOptions
from engine.engine import Engine, _version_of_rules
from engine.kinds import KINDS, Kind
from engine.wiring import EARLY
from storage import Store
from storage.memory import MemoryJournal
from tests.actors.world import ANA, START, Add, Copy, CounterRules, NoArchive, SetBell

FAR = 100_000.0


@pytest.fixture(autouse=True)
def _counters(monkeypatch):
    monkeypatch.setitem(KINDS, "counter", Kind(CounterRules(), EntityActor, timed=True))


@asynccontextmanager
async def running(journal: MemoryJournal, clock: TrioClock) -> AsyncIterator[Engine]:
    async with Engine.assemble(
        Config(key=("k:secret-of-more-than-32-characters-x",), media=MediaOptions(workers=0)),
        journal=journal,
        archive=NoArchive(),
        epoch="e",
        clock=clock,
    ) as engine:
        yield engine
        await wait_all_tasks_blocked()


def awake(engine: Engine) -> list[str]:
    return sorted(f"{kind}/{key}" for kind, key in engine.system.identities() if kind == "counter")


async def ask(engine: Engine, command: Add) -> None:
    await engine.services.address(command.entity).ask(command, timeout=60)
    await wait_all_tasks_blocked()


async def types(journal: MemoryJournal, entity: str) -> list[str]:
    return [entry.type for entry in await journal.read(entity)]


async def test_a_distant_deadline_is_kept_without_being_in_memory_until_then(autojump_clock):
    journal, clock = MemoryJournal(), TrioClock(START)
    async with running(journal, clock) as engine:
        for number in range(EARLY + 5):
            await ask(engine, SetBell(by=ANA, to=f"counter/{number}", seconds=FAR))
    bell = START + timedelta(seconds=FAR)
    async with running(journal, clock) as engine:
        assert awake(engine) == []
        await trio.sleep(FAR - 2 * EARLY - 1)
        assert awake(engine) == []
        await trio.sleep(EARLY + 2)
        assert len(awake(engine)) == EARLY + 5
        await trio.sleep(EARLY + 1)
    for number in range(EARLY + 5):
        rang = (await journal.read(f"counter/{number}"))[-1]
        assert (rang.type, rang.at) == ("test.rang", bell)


async def test_a_deadline_that_passed_meanwhile_or_is_near_is_met_at_once(autojump_clock):
    journal, clock = MemoryJournal(), TrioClock(START)
    async with running(journal, clock) as engine:
        await ask(engine, SetBell(by=ANA, to="counter/passed", seconds=50))
        await ask(engine, SetBell(by=ANA, to="counter/near", seconds=110))
    await trio.sleep(100)
    async with running(journal, clock) as engine:
        assert awake(engine) == ["counter/near", "counter/passed"]
        await wait_all_tasks_blocked()
        assert await types(journal, "counter/passed") == ["test.bell_set", "test.rang"]
        await trio.sleep(11)
        assert await types(journal, "counter/near") == ["test.bell_set", "test.rang"]


async def test_a_deadline_that_was_moved_since_the_start_is_met_when_it_is(autojump_clock):
    journal, clock = MemoryJournal(), TrioClock(START)
    async with running(journal, clock) as engine:
        await ask(engine, SetBell(by=ANA, seconds=1000))
    async with running(journal, clock) as engine:
        await ask(engine, SetBell(by=ANA, seconds=5000))
        await trio.sleep(4999)
        assert await types(journal, "counter/one") == ["test.bell_set"] * 2
        await trio.sleep(2)
        assert await types(journal, "counter/one") == ["test.bell_set"] * 2 + ["test.rang"]


async def test_what_nothing_is_due_of_stays_out_of_memory_and_sends_nothing_again(autojump_clock):
    journal, clock = MemoryJournal(), TrioClock(START)
    async with running(journal, clock) as engine:
        await ask(engine, Copy(by=ANA, number=5))
        assert await journal.standings("counter") == [
            Standing("counter/one", 1, None),
            Standing("counter/two", 1, None),
        ]
    async with running(journal, clock) as engine:
        assert awake(engine) == []
        await ask(engine, Add(by=ANA, number=1))
        assert engine.services.counters.effects == 0


async def test_whoever_has_something_left_to_send_is_started_and_sends_it(autojump_clock):
    journal, clock = MemoryJournal(), TrioClock(START)
    added = Entry(1, "test.added", START, {"at": "2026-12-01T09:00:00Z", "number": 5, "copy": True})
    await journal.append(Write("counter/one", 0, [added]))
    async with running(journal, clock) as engine:
        assert awake(engine) == ["counter/one"]
        await wait_all_tasks_blocked()
        assert await types(journal, "counter/two") == ["test.added"]
        assert (await journal.standings("counter"))[0] == Standing("counter/one", 1, None)
        assert engine.services.open_ends == {}


async def test_until_it_is_taken_the_journal_says_that_something_is_to_be_sent(autojump_clock):
    journal, clock = MemoryJournal(), TrioClock(START)
    async with running(journal, clock) as engine:
        two = engine.services.address("counter/two")
        await two.ask(Tick(by=ANA))
        journal.interfere = lambda writes: (
            OSError("held up") if writes[0].entity == "counter/two" else None
        )
        await ask(engine, Copy(by=ANA, number=5))
        assert (await journal.standings("counter"))[0] == Standing("counter/one", 1, AT_ONCE)
        await ask(engine, SetBell(by=ANA, seconds=FAR))
        assert (await journal.standings("counter"))[0] == Standing("counter/one", 2, AT_ONCE)
        journal.interfere = None
        await trio.sleep(60)
        bell = engine.services.clock.now() - timedelta(seconds=60) + timedelta(seconds=FAR)
        assert (await journal.standings("counter"))[0] == Standing("counter/one", 2, bell)


async def test_a_failed_commit_leaves_what_the_journal_says_true(autojump_clock):
    journal, clock = MemoryJournal(), TrioClock(START)
    async with running(journal, clock) as engine:
        await ask(engine, SetBell(by=ANA, seconds=FAR))
        journal.fail_next()
        with pytest.raises(Exception, match="saved"):
            await ask(engine, SetBell(by=ANA, seconds=50))
        await trio.sleep(10)
        bell = START + timedelta(seconds=FAR)
        assert await journal.standings("counter") == [Standing("counter/one", 1, bell)]


async def test_another_version_s_deadlines_are_not_relied_on(tmp_path):
    path, later = tmp_path / "greenroom.db", START + timedelta(days=1)
    entry = Entry(1, "test.noted", START, {})
    async with Store.open(path) as store:
        await store.journal.trust("1")
        await store.journal.append(Write("counter/one", 0, [entry], wake=later))
        await store.journal.trust("1")
        assert await store.journal.standings("counter") == [Standing("counter/one", 1, later)]
        await store.journal.trust("2")
        assert await store.journal.standings("counter") == [Standing("counter/one", 1, AT_ONCE)]


def test_rules_that_were_changed_are_others(tmp_path, monkeypatch):
    ours = _version_of_rules()
    assert ours == _version_of_rules()
    changed = tmp_path / "rules"
    shutil.copytree(Path(base.__file__).parent, changed)
    monkeypatch.setattr(base, "__file__", str(changed / "base.py"))
    assert _version_of_rules() == ours
    with (changed / "meeting" / "room.py").open("a") as source:
        source.write("NO_SHOW_AFTER *= 2\n")
    assert _version_of_rules() != ours
