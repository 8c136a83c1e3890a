"""Rule 42 over the wire: a thousand people pick a hundred slots of a real daemon at once."""

import asyncio
import shutil
import tomllib
from collections import Counter
from datetime import timedelta

import pytest
import trio

from actors.rules.agenda import commands as agenda
from actors.rules.base import SYSTEM, Person
from actors.rules.event_model import Change
from actors.rules.meeting import commands as meeting
from bench.book_race import Pick, Race
from engine.config import Config, MediaOptions
from engine.engine import Engine
from engine.loading import load_steps, steps, within
from tests.engine.daemon import EVENT, EVENT_FILE, KEY, START, running, token

PEOPLE, SLOTS = 1000, 100
ANSWERS_BEFORE_THE_KILL = 250
NO_MEDIA = MediaOptions(workers=0)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("book"), pytest.mark.timeout(300)]


def race_at(daemon):
    return Race(daemon.url, token, EVENT, "acme", people=PEOPLE, slots=SLOTS)


def desk(number):
    return Person(id=f"desk-{number}", name="Desk", event=EVENT, role="employee", company="acme")


async def approve_everybody(folder):
    """Publish the slots and approve a request of everybody; return what each is to pick."""
    config = Config(data=folder / "data", key=(f"{KEY.id}:{KEY.secret}",), media=NO_MEDIA)
    day = (START + timedelta(days=2)).date().isoformat()
    policy = {"durations": [30], "hours": ["09:00", "14:00"]}
    async with Engine.open(config) as engine:
        await load_steps(within(engine), steps(tomllib.loads(EVENT_FILE)))
        await engine.call(Change(by=SYSTEM, id=EVENT, days=[day], one_to_one=policy))
        starts = []
        for number in range(10):
            draft = agenda.Draft(by=desk(number), day=day, duration=30, slots="all")
            await engine.call(draft)
            published = await engine.call(agenda.Publish(by=desk(number)))
            starts.append([slot["start"] for slot in published["days"][0]["slots"]])
        gate, picks = trio.CapacityLimiter(50), []

        async def book(number):
            someone, host = Person(id=f"racer-{number}", name="Racer", event=EVENT), number % 10
            async with gate:
                asked = await engine.call(meeting.Request(by=someone, to=f"desk-{host}"))
                id_ = asked["meeting"]["id"]
                await engine.call(meeting.Approve(by=desk(host), id=id_))
            picks.append(Pick(someone.id, id_, f"desk-{host}", starts[host][number // 10 % 10]))

        async with trio.open_nursery() as nursery:
            for number in range(PEOPLE):
                nursery.start_soon(book, number)
    return picks


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder in which everybody is approved, and what each is to pick."""
    folder = tmp_path_factory.mktemp("prepared")
    picks = trio.run(approve_everybody, folder)
    assert Counter(pick.employee for pick in picks) == {f"desk-{n}": 100 for n in range(10)}
    assert len({(pick.employee, pick.slot) for pick in picks}) == SLOTS
    return folder, picks


@pytest.fixture
def daemon(prepared, tmp_path):
    """A daemon of the test's own that begins where the preparation ended."""
    folder = tmp_path / "race"
    shutil.copytree(prepared[0], folder)
    with running(folder) as daemon:
        yield daemon


def winners(answers):
    return {told.pick.meeting for told in answers if told.outcome == "confirmed"}


def test_rule_42_a_hundred_win_and_everybody_else_is_told_at_once(daemon, prepared):
    _, picks = prepared
    answers = asyncio.run(race_at(daemon).run(picks))
    outcomes = Counter(told.outcome for told in answers)
    assert outcomes == {"confirmed": SLOTS, "slot_taken": PEOPLE - SLOTS}
    for told in answers:
        won = told.outcome == "confirmed"
        assert list(told.confirmed) == ([told.pick.meeting] if won else [])
    booked = asyncio.run(race_at(daemon).booked())
    assert {chat["id"] for chat in booked} == winners(answers)
    wanted = {pick.meeting: (pick.employee, pick.person, pick.slot) for pick in picks}
    for chat in booked:
        sides = chat["employee"]["id"], chat["participant"]["id"], chat["start"]
        assert sides == wanted[chat["id"]]


def test_rule_42_every_acknowledged_pick_survives_kill_9_in_the_middle(daemon, prepared):
    _, picks = prepared
    seen = []

    def kill_in_the_middle(told):
        seen.append(told)
        if len(seen) == ANSWERS_BEFORE_THE_KILL:
            daemon.kill()

    answers = asyncio.run(race_at(daemon).run(picks, kill_in_the_middle))
    told = winners(answers)
    lost = [each.pick for each in answers if each.outcome == "lost"]
    assert told
    assert len(lost) > PEOPLE / 2
    daemon.start()
    kept = {chat["id"] for chat in asyncio.run(race_at(daemon).booked())}
    assert told <= kept
    # What is there besides was committed, but its answer was lost with the daemon.
    assert kept - told <= {pick.meeting for pick in lost}

    again = asyncio.run(race_at(daemon).run(lost))
    outcomes = Counter(each.outcome for each in again)
    assert set(outcomes) <= {"confirmed", "slot_taken", "wrong_state"}
    assert outcomes["wrong_state"] == len(kept - told)
    booked = {chat["id"] for chat in asyncio.run(race_at(daemon).booked())}
    assert booked == kept | winners(again)
    assert len(booked) == SLOTS
