"""A fair in memory: rules without actors, a clock moved by hand, effects delivered at once."""

from collections import deque
from datetime import UTC, datetime, timedelta

import attrs

from actors.errors import Refused
from actors.rules import quota as book
from actors.rules import records
from actors.rules.agenda import commands as agenda
from actors.rules.agenda.rules import AgendaRules
from actors.rules.base import SYSTEM, Person, Rules, Tick
from actors.rules.event import EventRules
from actors.rules.event_model import Create
from actors.rules.joint import TRANSACTIONS
from actors.rules.meeting import commands as meeting
from actors.rules.meeting.rules import MeetingRules
from actors.rules.person import PersonRules

OPENING = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
"""The day before the fair."""

DAYS = ["2026-12-01", "2026-12-02"]


def at(text):
    """Return an instant of the first day, from its UTC wall clock."""
    return records.instant(f"2026-12-01T{text}:00Z")


@attrs.define
class Company:
    quota: book.Quota = attrs.field(factory=book.Quota)


class CompanyRules(Rules):
    """As much of a company as a quota needs."""

    kind = "company"

    def initial(self, entity):
        return Company()

    def decide(self, state, command, now):
        return ()

    def evolve(self, state, event):
        book.EVOLVE[type(event)](state.quota, event)

    def answer(self, state, command, events, now):
        return {}

    def snapshot(self, state, person, now):
        return {}


RULES = {
    rules.kind: rules
    for rules in (AgendaRules(), MeetingRules(), EventRules(), CompanyRules(), PersonRules())
}

hana = Person(id="hana", name="Hana", event="fair", role="employee", company="acme")
hugo = Person(id="hugo", name="Hugo", event="fair", role="employee", company="acme")
bea = Person(id="bea", name="Bea", event="fair", role="employee", company="bolt")
ana = Person(id="ana", name="Ana", event="fair")
ben = Person(id="ben", name="Ben", event="fair")
olga = Person(id="olga", name="Olga", event="fair", role="organizer")


class Fair:
    """Runs commands, and transactions over several entities, as the actors would."""

    def __init__(
        self, *, initiators="both", durations=(15, 30), hours=("09:00", "12:00"), **policy
    ):
        self.now = OPENING
        self.states = {}
        self.log = []
        one_to_one = {"initiators": initiators, "durations": list(durations), "hours": list(hours)}
        self.run(
            Create(
                by=SYSTEM,
                id="fair",
                name="Fair",
                time_zone="Europe/Berlin",
                days=DAYS,
                one_to_one=one_to_one | policy,
            )
        )

    def state(self, entity):
        if entity not in self.states:
            self.states[entity] = RULES[entity.partition("/")[0]].initial(entity)
        return self.states[entity]

    def run(self, command):
        """Carry out a command and everything it leads to elsewhere; return its result."""
        transaction = TRANSACTIONS.get(type(command))
        if transaction is None:
            return self._one(command.entity, command)
        states = {entity: self.state(entity) for entity in transaction.first(command)}
        states |= {entity: self.state(entity) for entity in transaction.more(command, states)}
        held = set(states)
        states |= {entity: self.state(entity) for entity in transaction.reads(command)}
        more = transaction.reads_more(command, states)
        states |= {entity: self.state(entity) for entity in more}
        before = records.plain(states)
        decision = transaction.decide(command, states, self.now)
        assert records.plain(states) == before, "deciding changes nothing"
        assert set(decision) <= held
        for entity, events in decision.items():
            self._evolve(entity, events)
        answer = transaction.answer(command, states, decision, self.now)
        for entity, events in decision.items():
            self._effects(entity, events)
        return answer

    def connection(self, person, id_, kind):
        """Tell a 1-1 chat that somebody's connection has gone, or that there is one again."""
        self._one(f"chat/{id_}", kind(by=person))

    def _one(self, entity, command):
        rules, state = RULES[entity.partition("/")[0]], self.state(entity)
        events = rules.decide(state, command, self.now)
        self._evolve(entity, events)
        answer = rules.answer(state, command, events, self.now)
        self._effects(entity, events)
        return answer

    def _evolve(self, entity, events):
        rules, state = RULES[entity.partition("/")[0]], self.state(entity)
        for event in events:
            if event.durable:
                restored = records.restore(event.type, records.record(event))
                assert restored == event
            rules.evolve(state, event)
            self.log.append((entity, event))

    def _effects(self, entity, events):
        rules = RULES[entity.partition("/")[0]]
        queue = deque(send for event in events for send in rules.effects(entity, event))
        while queue:
            send = queue.popleft()
            assert send.to == send.command.entity
            self._one(send.to, send.command)

    def wait(self, until):
        """Move the clock, letting each deadline on the way have its tick in time."""
        while True:
            dues = [
                (due, entity)
                for entity, state in sorted(self.states.items())
                if (due := RULES[entity.partition("/")[0]].due(state)) is not None and due <= until
            ]
            if not dues:
                break
            due, entity = min(dues)
            self.now = max(self.now, due)
            self._one(entity, Tick(by=SYSTEM))
            after = RULES[entity.partition("/")[0]].due(self.state(entity))
            assert after is None or after > due, f"{entity} did not take its deadline {due}"
        self.now = until

    def late(self, until):
        """Move the clock as if nobody had been there to notice, then tick once."""
        self.now = until
        for entity in sorted(self.states):
            self._one(entity, Tick(by=SYSTEM))

    def crash(self):
        """Forget all states and bring them back from what was journalled."""
        kept = {name: records.plain(state) for name, state in self.states.items()}
        self.states = {}
        for entity, event in self.log:
            if event.durable:
                rules = RULES[entity.partition("/")[0]]
                rules.evolve(self.state(entity), records.restore(event.type, records.record(event)))
        for name, state in kept.items():
            assert records.plain(self.state(name)) == state, name

    def types(self, entity):
        """Return the types of the entity's events so far."""
        return [event.type for name, event in self.log if name == entity]

    def told(self, person):
        """Return the kinds of a person's notifications so far."""
        state = self.state(f"person/fair.{person.id}")
        return [each.kind for each in state.unread.values()]

    def meeting(self, id_):
        """Return a meeting's record."""
        return self.state(f"chat/{id_}").meeting

    # The way to a confirmed chat

    def offer(self, employee=hana, day=DAYS[0], duration=30, slots="all", about=None):
        """Draft and publish."""
        draft = agenda.Draft(by=employee, day=day, duration=duration, slots=slots, about=about)
        self.run(draft)
        return self.run(agenda.Publish(by=employee))

    def request(self, by=ana, to=hana, **more):
        """Ask; return the meeting's id."""
        return self.run(meeting.Request(by=by, to=to.id, **more))["meeting"]["id"]

    def approved(self, by=ana, to=hana):
        """Ask and approve; return the meeting's id."""
        id_ = self.request(by, to)
        self.run(meeting.Approve(by=to, id=id_))
        return id_

    def confirmed(self, participant=ana, employee=hana, slot="08:00"):
        """Ask, approve, pick; return the meeting's id."""
        id_ = self.approved(participant, employee)
        self.run(meeting.Pick(by=participant, id=id_, slot=at(slot)))
        return id_


def refused(reason):
    """Return a context in which exactly this refusal is expected."""
    return _Expected(reason)


class _Expected:
    def __init__(self, reason):
        self.reason = reason
        self.data = {}

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        assert kind is not None, f"nothing was refused; expected {self.reason}"
        if not isinstance(error, Refused):
            return False
        assert error.reason == self.reason, f"{error.reason}: {error.message}"
        self.data = error.data
        return True


def minutes(count):
    return timedelta(minutes=count)
