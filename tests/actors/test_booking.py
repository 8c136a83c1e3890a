"""Transactions over several entity actors: all or nothing, in a fixed order, never stuck."""

from contextlib import asynccontextmanager
from functools import partial

import attrs
import pytest
import trio

from actors.booking import BORROW_SECONDS, COMMIT_SECONDS, Bookings
from actors.clock import TrioClock
from actors.door import FrontDoor
from actors.errors import Refused
from actors.holding import LENT_SECONDS, HeldActor, Hold, Loan, Peek
from actors.kernel import ActorSystem
from actors.participant import Connect, ParticipantActor
from actors.ports import StorageUnavailable
from actors.presence import Presence
from actors.rules.agenda import commands as agenda
from actors.rules.agenda.rules import AgendaRules
from actors.rules.base import COMMANDS, SYSTEM, Person
from actors.rules.company import CompanyRules
from actors.rules.event import EventRules
from actors.rules.event_model import Change, Create
from actors.rules.joint import TRANSACTIONS
from actors.rules.meeting import commands as meeting
from actors.rules.meeting.rules import MeetingRules
from actors.rules.meeting.transaction import Stepping
from actors.rules.person import PersonRules
from actors.services import Services
from storage.memory import MemoryJournal
from tests.actors.rules.fair import DAYS, OPENING, ana, at, ben, hana, hugo, olga
from tests.actors.world import NoArchive, WritingPublisher

KINDS = {
    "event": (EventRules(), HeldActor),
    "company": (CompanyRules(), HeldActor),
    "agenda": (AgendaRules(), HeldActor),
    "chat": (MeetingRules(), HeldActor),
    "person": (PersonRules(), ParticipantActor),
}


@pytest.fixture
def autojump_clock():
    return trio.testing.MockClock(autojump_threshold=0)


class House:
    """A running fair."""

    def __init__(self, services):
        self.services = services
        self.bookings = Bookings(services)
        self.outcomes = []

    async def ask(self, command):
        return await self.services.address(command.entity).ask(command, timeout=60)

    async def call(self, command):
        return await self.bookings.call(command)

    async def open(self, employees=(hana,), slots="all"):
        await self.ask(
            Create(
                by=SYSTEM,
                id="fair",
                name="Fair",
                time_zone="Europe/Berlin",
                days=DAYS,
                one_to_one={"durations": [30], "hours": ["09:00", "12:00"]},
            )
        )
        for employee in employees:
            draft = agenda.Draft(by=employee, day=DAYS[0], duration=30, slots=slots)
            await self.call(draft)
            await self.call(agenda.Publish(by=employee))

    async def approved(self, by, to=hana):
        asked = await self.call(meeting.Request(by=by, to=to.id))
        id_ = asked["meeting"]["id"]
        await self.call(meeting.Approve(by=to, id=id_))
        return id_

    async def attempt(self, command):
        try:
            answer = await self.call(command)
        except Refused as refused:
            self.outcomes.append((command, refused.reason))
        else:
            self.outcomes.append((command, answer["meeting"]["state"]))

    async def record(self, id_, by=SYSTEM):
        return (await self.ask(meeting.Get(by=by, id=id_)))["meeting"]

    async def listed(self, person, tab):
        listed = await self.ask(agenda.ListMeetings(by=person, tab=tab))
        return [each["id"] for each in listed["meetings"]]


async def test_whoever_connects_while_nothing_can_be_read_is_told_to_come_back(autojump_clock):
    class Unreadable(MemoryJournal):
        async def load(self, entity, limit=1000):
            if not self.available:
                raise StorageUnavailable("nobody answers")
            return await super().load(entity, limit)

    journal = Unreadable()
    async with house(journal) as fair:
        journal.available = False
        with pytest.raises(Refused) as refused:
            await fair.services.address("person/fair.ana").ask(Connect(ana, "c-1", {}), timeout=60)
        assert refused.value.reason == "storage_unavailable"
        journal.available = True
        again = fair.services.address("person/fair.ana").ask(Connect(ana, "c-1", {}), timeout=60)
        assert (await again)["recovered"] == {}


@asynccontextmanager
async def house(journal):
    async with ActorSystem() as system:
        services = Services(
            journal=journal,
            publisher=WritingPublisher(),
            archive=NoArchive(),
            clock=TrioClock(OPENING),
            presence=Presence(),
            address=lambda entity: system.get(*entity.split("/", 1)),
            noticing={"chat"},
        )
        for kind, (rules, actor) in KINDS.items():
            factory = partial(_make, kind, rules, actor, services)
            system.register(kind, factory)
        yield House(services)


def _make(kind, rules, actor, services, key):
    return actor, (f"{kind}/{key}", rules, services)


def visitors(count):
    return [Person(id=f"p{n}", name=f"P{n}", event="fair") for n in range(count)]


async def test_rule_42_a_pick_is_one_append_over_meeting_and_both_agendas(autojump_clock):
    written = []
    journal = MemoryJournal(lambda writes: written.append([w.entity for w in writes]))
    async with house(journal) as fair:
        await fair.open()
        id_ = await fair.approved(ana)
        written.clear()
        picked = await fair.call(meeting.Pick(by=ana, id=id_, slot=at("08:00")))
        assert picked["meeting"]["state"] == "confirmed"
        (pick,) = [names for names in written if f"chat/{id_}" in names]
        assert sorted(pick) == ["agenda/fair.ana", "agenda/fair.hana", f"chat/{id_}"]
        assert await fair.listed(ana, "confirmed") == await fair.listed(hana, "confirmed") == [id_]


async def test_rule_42_many_picks_of_few_slots_have_one_winner_each(autojump_clock):
    journal = MemoryJournal()
    async with house(journal) as fair:
        await fair.open([hana, hugo])
        people = visitors(40)
        picks = []
        for n, person in enumerate(people):
            id_ = await fair.approved(person, [hana, hugo][n % 2])
            slot = at(("08:00", "08:30", "09:00")[n % 3])
            picks.append(meeting.Pick(by=person, id=id_, slot=slot))
        async with trio.open_nursery() as nursery:
            for pick in picks:
                nursery.start_soon(fair.attempt, pick)
        won = [pick for pick, outcome in fair.outcomes if outcome == "confirmed"]
        assert len(won) == 6
        assert [outcome for _, outcome in fair.outcomes].count("slot_taken") == 34
        records = [await fair.record(pick.id) for pick in won]
        taken = {(each["employee"]["id"], each["start"]) for each in records}
        assert len(taken) == 6


async def test_rule_42_one_person_who_picks_at_two_places_at_once_gets_one(autojump_clock):
    async with house(MemoryJournal()) as fair:
        await fair.open([hana, hugo])
        ids = [await fair.approved(ana, employee) for employee in (hana, hugo)]
        async with trio.open_nursery() as nursery:
            for id_ in ids:
                pick = meeting.Pick(by=ana, id=id_, slot=at("08:00"))
                nursery.start_soon(fair.attempt, pick)
        assert sorted(outcome for _, outcome in fair.outcomes) == ["confirmed", "conflict"]


async def test_rule_42_requests_in_both_directions_at_once_make_one_meeting(autojump_clock):
    async with house(MemoryJournal()) as fair:
        await fair.open()
        async with trio.open_nursery() as nursery:
            for by, to in ((ana, "hana"), (hana, "ana")):
                nursery.start_soon(fair.attempt, meeting.Request(by=by, to=to))
        assert sorted(outcome for _, outcome in fair.outcomes) == ["requested", "wrong_state"]


async def test_rule_39_employees_who_take_the_last_slots_at_once_stay_in_the_quota(autojump_clock):
    async with house(MemoryJournal()) as fair:
        await fair.open()
        (await fair.services.address("company/acme").ask(Peek(), timeout=5)).quota.limit = 10
        drafts = [
            agenda.Draft(by=employee, day=DAYS[1], duration=30, slots="all")
            for employee in (hugo, Person(**_like(hana, "hector")))
        ]
        refused = []

        async def draft(command):
            try:
                await fair.call(command)
            except Refused as error:
                refused.append(error.reason)

        async with trio.open_nursery() as nursery:
            for command in drafts:
                nursery.start_soon(draft, command)
        assert refused == ["quota_exceeded", "quota_exceeded"]
        shown = await fair.call(agenda.Get(by=hana, employee="hana"))
        assert shown["quota"] == {"limit": 10, "used": 6, "mine": 6}


def _like(person, id_):
    return {
        "id": id_,
        "name": id_,
        "event": person.event,
        "role": person.role,
        "company": person.company,
    }


async def test_rule_42_a_failed_write_leaves_nothing_behind_and_blocks_nobody(autojump_clock):
    journal = MemoryJournal()
    async with house(journal) as fair:
        await fair.open()
        id_ = await fair.approved(ana)
        journal.interfere = _fails_chats
        with pytest.raises(Refused) as refusal:
            await fair.call(meeting.Pick(by=ana, id=id_, slot=at("08:00")))
        journal.interfere = None
        assert refusal.value.reason == "storage_unavailable"
        assert (await fair.record(id_))["state"] == "in_scheduling"
        assert await fair.listed(hana, "confirmed") == []
        assert ("meeting.confirmed", id_) not in _published(fair)
        other = await fair.approved(ben)
        for person, meeting_id, slot in ((ben, other, "08:00"), (ana, id_, "08:30")):
            await fair.call(meeting.Pick(by=person, id=meeting_id, slot=at(slot)))


def _fails_chats(writes):
    touched = any(write.entity.startswith("chat/") for write in writes)
    return StorageUnavailable("told to fail") if touched else None


def _published(fair):
    return [
        (row[2], row[3]["meeting"]["id"])
        for row in fair.services.publisher.log
        if row[0] == "publish" and "meeting" in row[3]
    ]


@pytest.mark.parametrize("kept", [True, False])
async def test_rule_42_a_crash_around_the_write_keeps_all_of_it_or_none(autojump_clock, kept):
    journal = MemoryJournal()
    async with house(journal) as fair:
        await fair.open()
        id_ = await fair.approved(ana)
        journal.interfere = None if kept else _fails_chats
        await fair.attempt(meeting.Pick(by=ana, id=id_, slot=at("08:00")))
    journal.interfere = None
    status = "confirmed" if kept else "in_scheduling"
    async with house(journal) as fair:
        assert (await fair.record(id_))["state"] == status
        for person in (ana, hana):
            assert await fair.listed(person, status) == [id_]


async def test_rule_42_a_caller_who_gives_up_while_waiting_holds_nobody_up(autojump_clock):
    async with house(MemoryJournal()) as fair:
        await fair.open()
        id_ = await fair.approved(ana)
        blocking = Loan("agenda/fair.hana")
        await fair.services.address(blocking.entity).ask(Hold(blocking))
        with trio.move_on_after(1) as patience:
            await fair.call(meeting.Pick(by=ana, id=id_, slot=at("08:00")))
        assert patience.cancelled_caught
        assert (await fair.record(id_))["state"] == "in_scheduling"
        blocking.returned.set()
        await fair.call(meeting.Pick(by=ana, id=id_, slot=at("08:00")))


async def test_rule_42_a_transaction_that_cannot_get_its_entities_is_told_in_time(autojump_clock):
    async with house(MemoryJournal()) as fair:
        await fair.open()
        id_ = await fair.approved(ana)
        blocking = Loan("agenda/fair.hana")
        await fair.services.address(blocking.entity).ask(Hold(blocking))
        start = trio.current_time()
        with pytest.raises(Refused) as refusal:
            await fair.call(meeting.Pick(by=ana, id=id_, slot=at("08:00")))
        assert refusal.value.reason == "overloaded"
        assert trio.current_time() - start == pytest.approx(BORROW_SECONDS)


async def test_a_transaction_is_told_at_once_that_an_entity_has_ended(autojump_clock):
    async with house(MemoryJournal()) as fair:
        await fair.open()
        id_ = await fair.approved(ana)
        pick = meeting.Pick(by=ana, id=id_, slot=at("08:00"))
        blocking = Loan("agenda/fair.hana")
        lender = fair.services.address(blocking.entity)
        await lender.ask(Hold(blocking))
        start = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fair.attempt, pick)
            await trio.testing.wait_all_tasks_blocked()
            lender.stop()
            lender.kill()
        assert fair.outcomes == [(pick, "overloaded")]
        assert trio.current_time() == start
        await fair.call(pick)


async def test_a_transaction_that_looks_at_one_that_dies_is_told_to_try_again(
    autojump_clock,
):
    class Deadly(MemoryJournal):
        pauses = 0

        async def append(self, *writes):
            if writes[0].entity == "event/fair" and self.pauses:
                self.pauses -= 1
                await trio.sleep(1)
                if not self.pauses:
                    raise RuntimeError("the actor dies over this")
            await super().append(*writes)

    journal = Deadly()
    async with house(journal) as fair:
        await fair.open()
        journal.pauses = 2
        door, wish = FrontDoor(fair.services, "e"), meeting.Request(by=ana, to="hana")
        for name in ("One", "Two"):  # the second dies, and what it queued with
            fair.services.address("event/fair").tell(Change(by=olga, id="fair", name=name))
            await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(Refused) as refusal:
            await door.call(wish)
        assert journal.pauses == 0
        assert refusal.value.reason == "overloaded"
        assert fair.services.counters.failed == 0
        assert (await door.call(wish))["meeting"]["state"] == "requested"


async def test_a_borrower_that_never_returns_is_not_waited_for_for_ever(autojump_clock):
    assert LENT_SECONDS > BORROW_SECONDS + COMMIT_SECONDS
    async with house(MemoryJournal()) as fair:
        await fair.open()
        blocking = Loan("agenda/fair.hana")
        await fair.services.address(blocking.entity).ask(Hold(blocking))
        start = trio.current_time()
        assert await fair.listed(hana, "confirmed") == []
        assert trio.current_time() - start == pytest.approx(LENT_SECONDS)
        with pytest.raises(Refused):
            _ = blocking.state


async def test_rule_36_a_repeated_key_gets_the_first_answer_also_after_a_restart(autojump_clock):
    journal = MemoryJournal()
    command = meeting.Request(by=ana, to="hana", key="k1")
    async with house(journal) as fair:
        await fair.open()
        first = await fair.call(command)
        assert await fair.call(command) == first
    async with house(journal) as fair:
        assert await fair.call(command) == first
        assert await fair.listed(ana, "requested") == [first["meeting"]["id"]]


async def test_rule_36_a_repeated_join_of_a_chat_comes_in_once_and_listens_again(autojump_clock):
    async with house(MemoryJournal()) as fair:
        await fair.open()
        id_ = await fair.approved(ana)
        await fair.call(meeting.Pick(by=ana, id=id_, slot=at("08:00")))
        join = meeting.Join(by=ana, id=id_, key="mine", connection="old")
        await trio.sleep((at("07:56") - OPENING).total_seconds())
        first = await fair.ask(join)
        assert await fair.ask(attrs.evolve(join, connection="new")) == first
        log = fair.services.publisher.log
        assert [row[1] for row in log if row[:3:2] == ("subscribe", join.entity)] == ["old", "new"]
        told = [row[2] for row in log if row[:2] == ("publish", join.entity)]
        assert told.count("meeting.joined") == 1
        await fair.ask(meeting.Leave(by=ana, id=id_))
        with pytest.raises(Refused) as refused:
            await fair.ask(join)
        assert refused.value.reason == "wrong_state"


def test_every_transaction_is_a_command_of_the_wire():
    assert set(TRANSACTIONS) <= set(COMMANDS.values())


async def test_a_fault_in_deciding_harms_nobody_but_the_asker(autojump_clock, monkeypatch):
    async with house(MemoryJournal()) as fair:
        await fair.open()
        id_ = await fair.approved(ana)
        door = FrontDoor(fair.services, "e")
        monkeypatch.setattr(Stepping, "decide", lambda *_: {}["a fault"])
        pick = meeting.Pick(by=ana, id=id_, slot=at("08:00"))
        with pytest.raises(Refused) as refusal:
            await door.call(pick)
        assert refusal.value.reason == "internal"
        assert fair.services.counters.failed == 1
        monkeypatch.undo()
        assert (await door.call(pick))["meeting"]["state"] == "confirmed"


async def test_the_door_says_what_a_full_mailbox_means_to_a_transaction(
    autojump_clock, monkeypatch
):
    async with house(MemoryJournal()) as fair:
        await fair.open()
        id_ = await fair.approved(ana)
        monkeypatch.setattr(HeldActor, "mailbox_limit", 1)
        door = FrontDoor(fair.services, "e")
        blocking = Loan("agenda/fair.ben")
        await fair.services.address(blocking.entity).ask(Hold(blocking))
        mine = meeting.Request(by=ben, to="hana")
        reasons = []

        async def attempt():
            try:
                await door.call(mine)
            except Refused as refused:
                reasons.append(refused.reason)

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(attempt)
        assert reasons == ["overloaded"] * 5
        blocking.returned.set()
        assert id_ in (await fair.listed(ana, "in_scheduling"))


async def test_rule_49_the_other_side_is_notified_once(autojump_clock):
    journal = MemoryJournal()
    async with house(journal) as fair:
        await fair.open()
        await fair.approved(ana)
        await trio.testing.wait_all_tasks_blocked()
    async with house(journal) as fair:
        fair.services.address("agenda/fair.ana")
        await trio.testing.wait_all_tasks_blocked()
        entries = await journal.read("person/fair.ana")
        assert [entry.data["kind"] for entry in entries] == ["meeting.approved"]
