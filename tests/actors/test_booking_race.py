"""Rule 42 under load: a thousand people pick a hundred slots at once, on disk."""

import time
from collections import Counter
from contextlib import asynccontextmanager

import pytest
import trio
import trio.lowlevel

from actors.rules.agenda import commands as agenda
from actors.rules.base import SYSTEM, Person
from actors.rules.event_model import Create
from actors.rules.meeting import commands as meeting
from actors.rules.zones import expand
from storage import SqliteJournal
from tests.actors.rules.fair import DAYS
from tests.actors.test_booking import house, visitors

EMPLOYEES = [
    Person(id=f"e{n}", name=f"E{n}", event="fair", role="employee", company="acme")
    for n in range(10)
]
SLOTS = expand("Europe/Berlin", DAYS[0], "09:00", "14:00", 30)
PEOPLE = 1000


@asynccontextmanager
async def fair_on_disk(path):
    async with SqliteJournal.open(path) as journal, house(journal) as fair:
        yield fair


async def prepare(fair):
    """Publish 100 slots and approve a request of everybody; return their picks."""
    await fair.ask(
        Create(
            by=SYSTEM,
            id="fair",
            name="Fair",
            time_zone="Europe/Berlin",
            days=DAYS,
            one_to_one={"durations": [30], "hours": ["09:00", "14:00"]},
        )
    )
    for employee in EMPLOYEES:
        await fair.call(agenda.Draft(by=employee, day=DAYS[0], duration=30, slots="all"))
        await fair.call(agenda.Publish(by=employee))
    picks = []

    async def ask(number, person):
        id_ = await fair.approved(person, EMPLOYEES[number % 10])
        slot = SLOTS[number // 10 % 10].start
        picks.append(meeting.Pick(by=person, id=id_, slot=slot))

    people = visitors(PEOPLE)
    for first in range(0, PEOPLE, 50):
        async with trio.open_nursery() as nursery:
            for number in range(first, first + 50):
                nursery.start_soon(ask, number, people[number])
    return picks


async def check(fair, won):
    """Check what is on disk: each slot once, nobody twice, both agendas agree."""
    taken, records = set(), {}
    for employee in EMPLOYEES:
        for id_ in await fair.listed(employee, "confirmed"):
            record = records[id_] = await fair.record(id_)
            key = (employee.id, record["start"])
            assert key not in taken
            taken.add(key)
            assert record["employee"]["id"] == employee.id
            participant = Person(
                id=record["participant"]["id"], name=record["participant"]["name"], event="fair"
            )
            assert await fair.listed(participant, "confirmed") == [id_]
    assert set(records) == won
    assert len(taken) == len({record["participant"]["id"] for record in records.values()})


@pytest.mark.slow
async def test_rule_42_a_thousand_pick_a_hundred_slots_and_a_hundred_win(tmp_path):
    path = tmp_path / "greenroom.db"
    async with fair_on_disk(path) as fair:
        picks = await prepare(fair)
        start = time.perf_counter()
        async with trio.open_nursery() as nursery:
            for pick in picks:
                nursery.start_soon(fair.attempt, pick)
        seconds = time.perf_counter() - start
        outcomes = Counter(outcome for _, outcome in fair.outcomes)
        print(f"{PEOPLE} picks of {len(SLOTS) * 10} slots in {seconds:.2f} s: {dict(outcomes)}")
        assert outcomes == {"confirmed": 100, "slot_taken": 900}
        won = {pick.id for pick, outcome in fair.outcomes if outcome == "confirmed"}
        await check(fair, won)
    async with fair_on_disk(path) as fair:
        await check(fair, won)


@pytest.mark.slow
async def test_rule_42_torn_down_in_the_middle_nothing_is_half_booked(tmp_path):
    path = tmp_path / "greenroom.db"
    async with fair_on_disk(path) as fair:
        picks = await prepare(fair)
        with trio.CancelScope() as crash:
            async with trio.open_nursery() as nursery:
                for pick in picks:
                    nursery.start_soon(fair.attempt, pick)
                while len(fair.outcomes) < 300:
                    await trio.lowlevel.checkpoint()
                crash.cancel()
        told = {pick.id for pick, outcome in fair.outcomes if outcome == "confirmed"}
    async with fair_on_disk(path) as fair:
        kept = {id_ for e in EMPLOYEES for id_ in await fair.listed(e, "confirmed")}
        assert told <= kept
        await check(fair, kept)
        fair.outcomes.clear()
        async with trio.open_nursery() as nursery:
            for pick in picks:
                if pick.id not in kept:
                    nursery.start_soon(fair.attempt, pick)
        won = {pick.id for pick, outcome in fair.outcomes if outcome == "confirmed"}
        assert len(kept | won) == 100
        await check(fair, kept | won)
