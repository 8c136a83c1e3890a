"""A crash at any moment changes nothing: neither the state nor what people are told."""

from datetime import timedelta
from random import Random

import pytest
import trio

from actors.durable import GIVEN_UP_PAUSE
from actors.entity import EntityActor
from actors.errors import Refused
from actors.participant import ParticipantActor
from tests.actors.house import (
    GUESTS,
    HANA,
    HUGO,
    CrashError,
    FaultyJournal,
    House,
    everybody_in,
    open_house,
    person,
)

ANA, BEN, CEM, DORA = GUESTS
LATE = person("late")


async def workshop(house: House) -> None:
    """A short workshop in which everything happens that a session remembers."""
    await everybody_in(house)
    call = house.call
    await call(ANA, "stage.request", session="ux", mic=True, camera=True)
    await call(BEN, "stage.request", session="ux", mic=True, camera=False)
    await call(HANA, "stage.accept", session="ux", person="ana")
    await call(HANA, "stage.decline", session="ux", person="ben", message="Later")
    await call(ANA, "stage.ready", session="ux")
    await house.wait(6)
    await call(ANA, "media.set", session="ux", screen=True)
    await call(HANA, "media.block", session="ux", person="ana", mic=True)
    await call(CEM, "chat.send", topic="session/ux", text="Hello")
    await call(DORA, "chat.react", topic="session/ux", id="1", emoji="👍")
    await call(BEN, "qa.ask", session="ux", text="Why?")
    await call(DORA, "qa.upvote", session="ux", id="1")
    await call(HANA, "qa.live", session="ux", id="1")
    await call(
        HANA,
        "breakout.open",
        session="ux",
        assign="list",
        groups=[["ana", "ben"], ["cem", "dora"]],
        minutes=10,
    )
    await call(ANA, "chat.send", topic="room/ux.1", text="Only us")
    await call(CEM, "chat.send", topic="room/ux.2", text="Only the two of us")
    await call(BEN, "breakout.main", session="ux")
    await call(BEN, "breakout.enter", session="ux", room="1")
    await call(HANA, "breakout.move", session="ux", person="dora", room="1")
    await call(CEM, "breakout.help", session="ux")
    await call(HUGO, "breakout.answer", session="ux", room="2")
    await call(HANA, "people.kick", session="ux", person="cem", message="Bye")
    await call(HANA, "breakout.broadcast", session="ux", text="Two minutes")
    await call(HANA, "breakout.close", session="ux", countdown=30)
    await house.wait(31)
    await call(BEN, "session.leave", session="ux")
    await call(HANA, "people.ban", session="ux", person="ben")
    house.door.gone(DORA, "dora")
    await house.wait(20)
    await house.enter(LATE, "late")
    await call(LATE, "session.join", session="ux")
    await call(HANA, "session.end", session="ux")


async def outcome(journal: FaultyJournal) -> tuple[object, ...]:
    async with open_house(journal) as house:
        with trio.fail_after(3600):
            await workshop(house)
        assert house.ears.gaps() == []
        following = {one: sorted(topics) for one, topics in house.ears.listening.items()}
        return await house.everything(), dict(house.ears.published), following


async def fault_free(kind: str) -> tuple[tuple[object, ...], int]:
    journal = FaultyJournal(kind=kind)
    return await outcome(journal), journal.count


@pytest.mark.slow
@pytest.mark.parametrize("after", [True, False], ids=["on disk", "not on disk"])
@pytest.mark.parametrize("kind", ["session/", "room/", "person/", "event/"])
async def test_a_crash_at_each_append_in_turn_changes_nothing(autojump_clock, kind, after):
    expected, appends = await fault_free(kind)
    assert appends >= 2
    for at in range(1, appends + 1):
        journal = FaultyJournal(at, after=after, kind=kind)
        got = await outcome(journal)
        assert journal.count >= at
        for mine, theirs in zip(got, expected, strict=True):
            assert mine == theirs, f"{kind} append {at}"


async def crash(house: House, entity: str) -> None:
    """Let an entity's actor fail with its next message."""
    house.services.address(entity).tell(object())
    await house.settle()


def failures(house: House, entity: str) -> int:
    return house.services.address(entity)._cell.failures


@pytest.mark.parametrize(
    ("kind", "actor"), [("event/", EntityActor), ("person/", ParticipantActor)]
)
async def test_who_connects_while_an_actor_dies_is_let_in(autojump_clock, monkeypatch, kind, actor):
    carry_out = actor.on_receive_batch
    doomed = [kind]

    async def die_once(self, batch):
        if self.entity.startswith(kind) and doomed:
            raise RuntimeError(doomed.pop())
        await carry_out(self, batch)

    monkeypatch.setattr(actor, "on_receive_batch", die_once)
    async with open_house() as house:
        welcome = await house.enter(LATE, "late")
        assert not doomed
        assert welcome["epoch"] == house.door.epoch
        await house.call(LATE, "session.join", session="ux", connection="late")


@pytest.mark.parametrize("way", ["waited for", "begun"])
async def test_rule_36_who_is_asked_again_is_counted(autojump_clock, way):
    async with open_house() as house:
        await everybody_in(house)
        house.journal.kind, house.journal.count, house.journal.at = "session/ux", 0, 1
        command = house.command(ANA, "chat.send", "ana", topic="session/ux", text="Hi", key="k")
        if way == "waited for":
            told = await house.door.call(command)
        else:
            with pytest.raises(CrashError):
                await house.door.begin(command)
            assert house.services.counters.retried == 0
            told = await house.door.again(command)
        assert told["message"]["text"] == "Hi"
        assert house.services.counters.retried == 1
        messages = house.plain("session/ux")["chat"]["messages"]
        assert [message["text"] for message in messages.values()] == ["Hi"]


async def test_rule_32_a_room_that_crashes_comes_back_with_people_chat_and_time(autojump_clock):
    async with open_house() as house:
        await everybody_in(house)
        await house.call(
            HANA,
            "breakout.open",
            session="ux",
            assign="list",
            groups=[["ana", "ben"], ["cem", "dora"]],
            minutes=10,
        )
        await house.call(ANA, "chat.send", topic="room/ux.1", text="Before")
        await house.call(BEN, "media.set", session="ux", room="1", camera=False)
        before = {name: house.plain(name) for name in ("room/ux.1", "room/ux.2", "session/ux")}
        others = {name: failures(house, name) for name in ("room/ux.2", "session/ux")}
        heard = len(house.ears.heard["cem"])

        await crash(house, "room/ux.1")

        assert failures(house, "room/ux.1") == 1
        assert {name: house.plain(name) for name in before} == before
        assert {name: failures(house, name) for name in others} == others
        assert len(house.ears.heard["cem"]) == heard
        assert before["room/ux.1"]["here"] == ["ana", "ben"]
        assert before["room/ux.1"]["ends_at"] == "2026-12-01T09:10:00.000Z"
        await house.call(BEN, "chat.send", topic="room/ux.1", text="After")
        assert [post["text"] for post in house.ears.data("ana", "chat.posted")] == [
            "Before",
            "After",
        ]
        assert house.ears.gaps() == []


async def test_a_room_that_keeps_crashing_takes_nothing_with_it(autojump_clock):
    async with open_house() as house:
        await everybody_in(house)
        await house.call(HANA, "breakout.open", session="ux", rooms=2)
        for _ in range(12):
            await crash(house, "room/ux.1")
        assert failures(house, "session/ux") == failures(house, "room/ux.2") == 0
        await house.call(HANA, "breakout.close", session="ux", countdown=0)
        assert house.state("room/ux.1").status == "closed"
        assert house.state("session/ux").rooms.status == "closed"


async def test_a_deadline_that_could_not_be_written_is_kept_later(autojump_clock):
    async with open_house() as house:
        await everybody_in(house)
        await house.call(ANA, "stage.request", session="ux", mic=True, camera=True)
        await house.call(HANA, "stage.accept", session="ux", person="ana")
        house.journal.fail_next()
        await house.wait(11)
        assert house.ears.data("hana", "stage.missed") == [{"person": "ana"}]


async def test_what_is_due_comes_late_to_an_entity_that_was_given_up_on(autojump_clock):
    async with open_house() as house:
        await everybody_in(house)
        await house.call(ANA, "stage.request", session="ux", mic=True, camera=True)
        await house.call(HANA, "stage.accept", session="ux", person="ana")
        session = house.services.address("session/ux")
        while session._cell.phase != "ended":
            session.tell(object())
            await trio.sleep(2)
        house.clock.at += timedelta(seconds=GIVEN_UP_PAUSE)
        assert house.ears.data("hana", "stage.missed") == []
        await trio.sleep(GIVEN_UP_PAUSE + 1)
        assert house.ears.data("hana", "stage.missed") == [{"person": "ana"}]


async def test_the_engine_ends_while_somebody_who_failed_is_about_to_be_brought_back(
    autojump_clock, monkeypatch
):
    async def linger(self):
        ended.append(self.entity)
        await trio.sleep(4)

    ended = []
    async with open_house() as house:
        await everybody_in(house)
        await crash(house, "person/fair.ana")
        await house.services.address("person/fair.ana").stop()
        await trio.sleep(GIVEN_UP_PAUSE - 5)
        monkeypatch.setattr(ParticipantActor, "on_stop", linger)
    assert "person/fair.ben" in ended
    assert "person/fair.ana" not in ended


BOUND = 10.0
"""Seconds in which everybody is answered, however many actors crash: what the daemon waits too."""


async def test_everybody_is_answered_while_actors_crash(autojump_clock, monkeypatch):
    random, carry_out = Random(5), EntityActor.on_receive_batch
    due, crashes = 0.0, 0

    async def on_receive_batch(self, batch):
        nonlocal due, crashes
        if trio.current_time() < due:
            await carry_out(self, batch)
            return
        due, crashes = trio.current_time() + random.uniform(1, 3), crashes + 1
        if random.random() < 0.5:
            raise CrashError(self.entity)
        await carry_out(self, batch)
        raise CrashError(self.entity)

    def something(number: int) -> tuple[str, dict[str, object]]:
        topic = {"topic": "session/ux", "text": f"{number}"}
        return random.choice([
            ("chat.send", topic),
            ("chat.send", topic),
            ("qa.list", {"session": "ux"}),
            ("notifications.read", {"ids": ["1"]}),
            ("session.join", {"session": "ux"}),
        ])  # fmt: skip

    async def live(by):
        for number in range(100):
            method, params = something(number)
            command = House.command(by, method, by.id, **params, key=f"{by.id} {number}")
            begun = trio.current_time()
            try:
                await house.door.call(command)
            except Refused as refused:
                refusals.add(refused.reason)
            else:
                answered.append(method)
                if method == "chat.send":
                    said.append((by.id, params["text"]))
            slowest.append((trio.current_time() - begun, method))
            await trio.sleep(random.uniform(0.1, 1))

    slowest, answered, said, refusals = [], [], [], set()
    async with open_house() as house:
        await everybody_in(house)
        due = trio.current_time()
        monkeypatch.setattr(EntityActor, "on_receive_batch", on_receive_batch)
        async with trio.open_nursery() as nursery:
            for one in (HANA, *GUESTS):
                nursery.start_soon(live, one)
        monkeypatch.undo()
        house.services.address("session/ux")  # it may have crashed too often, and wait for us
        await house.wait(BOUND)  # whoever crashed often is restarted late
        kept = [(one.person, one.text) for one in house.state("session/ux").chat.messages]
    assert crashes > 20
    assert max(slowest)[0] < BOUND
    assert len(answered) > 400
    assert refusals <= {"internal", "overloaded"}
    assert set(said) <= set(kept)
    assert len(kept) == len(set(kept))
