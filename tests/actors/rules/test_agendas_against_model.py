"""Agendas against a plain model: nobody is ever in two places, and no confirmed chat is lost."""

from datetime import timedelta
from itertools import combinations

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors.errors import Refused
from actors.rules.agenda import commands as agenda
from actors.rules.base import SYSTEM, Person
from actors.rules.bookings import RegisteredSession, UnregisteredSession
from actors.rules.meeting import commands as meeting
from tests.actors.rules.fair import Fair, ana, at, ben, hana, hugo, olga

EMPLOYEES = [hana, hugo]
PARTICIPANTS = [ana, ben, Person(id="cem", name="Cem", event="fair")]
PEOPLE = {person.id: person for person in (*EMPLOYEES, *PARTICIPANTS)}
LENGTH = {"hana": timedelta(minutes=30), "hugo": timedelta(minutes=15)}
FIRST = at("08:00")
QUARTERS = st.integers(0, 11)
NO_SHOW = timedelta(minutes=10)

DECIDED = {"approve": "in_scheduling", "decline": "declined", "withdraw": "withdrawn"}


@attrs.define
class Chat:
    employee: str
    participant: str
    asker: str
    status: str = "requested"
    start: object = None
    end: object = None
    proposal: tuple | None = None

    @property
    def people(self):
        return (self.employee, self.participant)

    @property
    def booked(self):
        return self.status in ("confirmed", "missed")

    @property
    def open(self):
        return self.status in ("requested", "in_scheduling", "confirmed")


class Model:
    """What the rules promise, said as plainly as possible."""

    def __init__(self):
        self.chats = {}
        self.seats = dict.fromkeys(PEOPLE)
        self.asked = dict.fromkeys(PEOPLE, 0)

    def busy(self, person, start, end, but=None):
        times = [
            (chat.start, chat.end)
            for id_, chat in self.chats.items()
            if chat.booked and person in chat.people and id_ != but
        ]
        if self.seats[person]:
            times.append(self.seats[person])
        return any(start < other_end and other_start < end for other_start, other_end in times)

    def pass_time(self, now):
        for chat in self.chats.values():
            if chat.status == "confirmed" and now >= chat.start + NO_SHOW:
                chat.status, chat.proposal = "missed", None


class Agendas(RuleBasedStateMachine):
    @initialize()
    def open(self):
        self.fair, self.model = Fair(), Model()
        self.fair.now = FIRST - timedelta(minutes=20)
        self.fair.offer(hana, duration=30)
        self.fair.offer(hugo, duration=15)

    def attempt(self, command):
        """Return the refusal's reason, or None for success."""
        try:
            self.answer = self.fair.run(command)
        except Refused as refused:
            return refused.reason
        return None

    def chosen(self, number, status):
        """Return a chat; four times out of five one in the state in which the step is possible."""
        ids = sorted(self.model.chats)
        if number % 5:
            ids = [id_ for id_ in ids if self.model.chats[id_].status == status] or ids
        id_ = ids[number % len(ids)]
        return id_, self.model.chats[id_]

    def slot(self, chat, quarter):
        """Return a published slot of the chat's employee."""
        length = LENGTH[chat.employee]
        start = FIRST + timedelta(minutes=15) * quarter
        if length == timedelta(minutes=30):
            start = FIRST + timedelta(minutes=30) * (quarter // 2)
        return start, start + length

    @rule(e=st.sampled_from(EMPLOYEES), p=st.sampled_from(PARTICIPANTS), turned=st.booleans())
    def request(self, e, p, turned):
        by, to = (e, p) if turned else (p, e)
        taken = any(c.open and c.people == (e.id, p.id) for c in self.model.chats.values())
        outcome = self.attempt(meeting.Request(by=by, to=to.id))
        assert outcome == ("wrong_state" if taken else None)
        if not taken:
            self.model.asked[by.id] += 1
            id_ = f"fair.{by.id}.{self.model.asked[by.id]}"
            assert self.answer["meeting"]["id"] == id_
            self.model.chats[id_] = Chat(e.id, p.id, by.id)

    @precondition(lambda self: self.model.chats)
    @rule(n=st.integers(0, 50), way=st.sampled_from(["approve", "decline", "withdraw"]))
    def decide(self, n, way):
        id_, chat = self.chosen(n, "requested")
        other = chat.employee if chat.asker == chat.participant else chat.participant
        by = PEOPLE[chat.asker if way == "withdraw" else other]
        command = {
            "approve": meeting.Approve(by=by, id=id_),
            "decline": meeting.Decline(by=by, id=id_, message="Sorry"),
            "withdraw": meeting.Withdraw(by=by, id=id_),
        }[way]
        outcome = self.attempt(command)
        if chat.status != "requested":
            assert outcome == "already_decided"
        elif way == "approve" and not self.free(chat):
            assert outcome == "no_free_slots"
        else:
            assert outcome is None
            chat.status = DECIDED[way]

    @rule(
        e=st.sampled_from(EMPLOYEES),
        p=st.sampled_from(PARTICIPANTS),
        n=st.integers(0, 50),
        quarter=QUARTERS,
    )
    def book(self, e, p, n, quarter):
        self.request(e, p, turned=bool(n % 2))
        self.decide(n, "approve")
        self.pick(n, quarter)

    def free(self, chat):
        slots = {self.slot(chat, quarter) for quarter in range(12)}
        return {
            (start, end)
            for start, end in slots
            if start > self.fair.now
            and not any(self.model.busy(person, start, end) for person in chat.people)
        }

    @precondition(lambda self: self.model.chats)
    @rule(n=st.integers(0, 50), quarter=QUARTERS)
    def pick(self, n, quarter):
        id_, chat = self.chosen(n, "in_scheduling")
        start, end = self.slot(chat, quarter)
        outcome = self.attempt(meeting.Pick(by=PEOPLE[chat.participant], id=id_, slot=start))
        if chat.status != "in_scheduling" or start <= self.fair.now:
            assert outcome == "wrong_state"
        elif self.model.busy(chat.employee, start, end):
            assert outcome == "slot_taken"
        elif self.model.busy(chat.participant, start, end):
            assert outcome == "conflict"
        else:
            assert outcome is None
            chat.status, chat.start, chat.end = "confirmed", start, end

    @precondition(lambda self: self.model.chats)
    @rule(n=st.integers(0, 50), quarter=QUARTERS, side=st.integers(0, 1))
    def reschedule(self, n, quarter, side):
        id_, chat = self.chosen(n, "confirmed")
        by = chat.people[side]
        start, end = self.slot(chat, quarter)
        outcome = self.attempt(meeting.Reschedule(by=PEOPLE[by], id=id_, slot=start))
        running = chat.status != "confirmed" or chat.start <= self.fair.now
        if running or start <= self.fair.now:
            assert outcome == "wrong_state"
        elif (start, end) == (chat.start, chat.end):
            assert outcome == "invalid_params"
        elif any(self.model.busy(person, start, end, id_) for person in chat.people):
            assert outcome == "conflict"
        else:
            assert outcome is None
            chat.proposal = (by, start, end)

    @precondition(lambda self: self.model.chats)
    @rule(n=st.integers(0, 50), side=st.integers(0, 1), agrees=st.booleans(), quarter=QUARTERS)
    def propose_and_answer(self, n, side, agrees, quarter):
        self.reschedule(n, quarter, 1 - side)
        if n % 3 == 0:
            # Somebody else may take the proposed slot before the answer.
            _, chat = self.chosen(n, "confirmed")
            self.book(PEOPLE[chat.employee], PARTICIPANTS[n % len(PARTICIPANTS)], n, quarter)
        self.answer_proposal(n, side, agrees)

    @precondition(lambda self: self.model.chats)
    @rule(n=st.integers(0, 50), side=st.integers(0, 1), agrees=st.booleans())
    def answer_proposal(self, n, side, agrees):
        id_, chat = self.chosen(n, "confirmed")
        by = chat.people[side]
        kind = meeting.Agree if agrees else meeting.Disagree
        outcome = self.attempt(kind(by=PEOPLE[by], id=id_))
        if chat.proposal is None:
            assert outcome == "wrong_state"
            return
        who, start, end = chat.proposal
        if not agrees:
            assert outcome is None
            chat.proposal = None
        elif who == by:
            assert outcome == "forbidden"
        elif chat.start <= self.fair.now or start <= self.fair.now:
            assert outcome == "wrong_state"
        elif any(self.model.busy(person, start, end, id_) for person in chat.people):
            assert outcome == "conflict"
        else:
            assert outcome is None
            chat.start, chat.end, chat.proposal = start, end, None

    @precondition(lambda self: self.model.chats)
    @rule(n=st.integers(0, 50), side=st.integers(0, 1))
    def cancel(self, n, side):
        id_, chat = self.chosen(n, "confirmed")
        outcome = self.attempt(meeting.Cancel(by=PEOPLE[chat.people[side]], id=id_))
        possible = chat.status in ("in_scheduling", "confirmed")
        if not possible or (chat.start and chat.start <= self.fair.now):
            assert outcome == "wrong_state"
        else:
            assert outcome is None
            chat.status, chat.proposal = "cancelled", None

    @precondition(lambda self: self.model.chats)
    @rule(n=st.integers(0, 50), quarter=QUARTERS)
    def move(self, n, quarter):
        id_, chat = self.chosen(n, "confirmed")
        start = FIRST + timedelta(minutes=15) * quarter + timedelta(minutes=5)
        outcome = self.attempt(meeting.Move(by=olga, id=id_, start=start))
        running = chat.status != "confirmed" or chat.start <= self.fair.now
        if running or start <= self.fair.now:
            assert outcome == "wrong_state"
            return
        end = start + (chat.end - chat.start)
        if start == chat.start:
            assert outcome == "invalid_params"
        elif any(self.model.busy(person, start, end, id_) for person in chat.people):
            assert outcome == "conflict"
        else:
            assert outcome is None
            chat.start, chat.end, chat.proposal = start, end, None

    @rule(person=st.sampled_from(sorted(PEOPLE)), quarter=QUARTERS, length=st.integers(1, 4))
    def register(self, person, quarter, length):
        start = FIRST + timedelta(minutes=15) * quarter
        end = start + timedelta(minutes=15) * length
        self.fair.run(
            RegisteredSession(
                by=SYSTEM,
                event="fair",
                person=person,
                session="ux",
                title="UX",
                kind="workshop",
                role="registered",
                start=start,
                end=end,
            )
        )
        self.model.seats[person] = (start, end)

    @rule(person=st.sampled_from(sorted(PEOPLE)))
    def unregister(self, person):
        gone = UnregisteredSession(by=SYSTEM, event="fair", person=person, session="ux")
        self.fair.run(gone)
        self.model.seats[person] = None

    @rule(minutes=st.integers(1, 15), asleep=st.booleans())
    def clock(self, minutes, asleep):
        until = self.fair.now + timedelta(minutes=minutes)
        (self.fair.late if asleep else self.fair.wait)(until)
        self.model.pass_time(until)

    @rule()
    def crash(self):
        self.fair.crash()

    @invariant()
    def agrees_with_the_model(self):
        for id_, chat in self.model.chats.items():
            record = self.fair.meeting(id_)
            assert (record.state, record.start, record.end) == (chat.status, chat.start, chat.end)
            for person in chat.people:
                assert self.fair.state(f"agenda/fair.{person}").meetings[id_] == record

    @invariant()
    def nobody_is_in_two_chats_at_once(self):
        for person in PEOPLE:
            state = self.fair.state(f"agenda/fair.{person}")
            slots = [m.slot for m in state.booked() if m.state in ("confirmed", "missed")]
            assert not any(one.overlaps(other) for one, other in combinations(slots, 2))
            booked = sum(c.booked and person in c.people for c in self.model.chats.values())
            assert len(slots) == booked

    @invariant()
    def tabs_hold_every_chat_once(self):
        for person in PEOPLE.values():
            listed = self.fair.run(agenda.ListMeetings(by=person, tab="confirmed"))
            mine = [c for c in self.model.chats.values() if person.id in c.people]
            assert sum(listed["counts"].values()) == len(mine)


TestAgendas = Agendas.TestCase
TestAgendas.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
