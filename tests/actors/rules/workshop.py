"""A workshop in memory: a session, its rooms and its people, with effects delivered at once.

Every durable event is written down as the journal would keep it, so that what comes out of
replaying can be held against what is there.
"""

from collections import deque
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from actors.errors import Refused
from actors.rules import records
from actors.rules.base import SYSTEM, Command, Dropped, Person, Returned, Tick
from actors.rules.breakout import commands as breakout
from actors.rules.breakout.state import room_entity
from actors.rules.company import CompanyRules
from actors.rules.event import EventRules
from actors.rules.event_model import Create as CreateEvent
from actors.rules.person import PersonRules
from actors.rules.room import RoomRules
from actors.rules.session import planning, presence, running
from actors.rules.session.rules import SessionRules
from actors.rules.support import SupportRules
from actors.snapshot import pack_snapshot, unpack_snapshot

START = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
"""When the session ``ux`` begins."""

RULES = {
    rules.kind: rules
    for rules in (
        CompanyRules(),
        EventRules(),
        PersonRules(),
        RoomRules(),
        SessionRules(),
        SupportRules(),
    )
}

ADMIN = Person(id="", name="Greenroom", event="fair", role="organizer", grants=frozenset({"admin"}))
hana = Person(id="hana", name="Hana", event="fair", role="employee", company="acme")
hugo = Person(id="hugo", name="Hugo", event="fair", sessions=frozenset({"ux"}))
olga = Person(id="olga", name="Olga", event="fair", role="organizer")
ana = Person(id="ana", name="Ana", event="fair")
ben = Person(id="ben", name="Ben", event="fair")
cem = Person(id="cem", name="Cem", event="fair")
dora = Person(id="dora", name="Dora", event="fair")


def guests(number):
    return [Person(id=f"p{index}", name=f"P {index}", event="fair") for index in range(number)]


class Workshop:
    """Runs commands as the actors would, and the clock by hand."""

    def __init__(self, *, minutes=60, people=(), **plan):
        self.now = START - timedelta(minutes=10)
        self.states = {}
        self.journal = {}
        self.published = []
        event = CreateEvent(by=ADMIN, id="fair", name="Fair", time_zone="UTC", days=["2026-12-01"])
        self.run(event)
        self.run(
            planning.Create(
                by=ADMIN,
                session="ux",
                event="fair",
                title="UX workshop",
                kind="workshop",
                start=START,
                minutes=minutes,
                hosts=["hana"],
                **plan,
            )
        )
        self.join(hana)
        self.now = START
        self.run(running.Start(by=hana, session="ux"))
        for person in people:
            self.join(person)

    # Commands

    def state(self, entity):
        if entity not in self.states:
            self.states[entity] = RULES[entity.partition("/")[0]].initial(entity)
        return self.states[entity]

    @property
    def session(self):
        return self.state("session/ux")

    @property
    def rooms(self):
        return self.session.rooms

    def room(self, id_):
        return self.state(room_entity("ux", id_))

    def where(self, person):
        member = self.session.member(person.id)
        return None if member is None else member.room

    def run(self, command, entity=None):
        """Carry out a command and what it leads to elsewhere; return its result."""
        entity = entity or command.entity
        answer, effects = self._one(entity, command)
        queue = deque(effects)
        while queue:
            send = queue.popleft()
            assert send.to == send.command.entity
            if send.to.partition("/")[0] in RULES:
                queue.extend(self._one(send.to, send.command)[1])
        return answer

    def _one(self, entity, command):
        rules, state = RULES[entity.partition("/")[0]], self.state(entity)
        events = rules.decide(state, command, self.now)
        effects = []
        for event in events:
            if event.durable:
                data = records.record(event)
                assert records.restore(event.type, data) == event
                self.journal.setdefault(entity, []).append((event.type, data))
            rules.evolve(state, event)
            if event.published:
                self.published.append((entity, event.type, records.wire(event)))
            if event.durable:
                effects += rules.effects(entity, event)
        return rules.answer(state, command, events, self.now), effects

    def told(self, type_name, entity=None):
        """Return the data of everything published of one type."""
        return [
            data
            for topic, kind, data in self.published
            if kind == type_name and entity in (None, topic)
        ]

    def notifications(self, person):
        return list(self.state(f"person/fair.{person.id}").unread.values())

    def snapshot(self, person):
        return RULES["session"].snapshot(self.session, person, self.now)

    # People

    def join(self, person):
        return self.run(presence.Join(by=person, session="ux"))

    def leave(self, person):
        return self.run(presence.Leave(by=person, session="ux"))

    def drop(self, person):
        self.run(Dropped(by=person), "session/ux")

    def come_back(self, person):
        self.run(Returned(by=person), "session/ux")

    def open(self, by=hana, **params):
        return self.run(breakout.Open(by=by, session="ux", **params))

    def enter(self, person, room):
        return self.run(breakout.Enter(by=person, session="ux", room=room))

    def to_main(self, person):
        return self.run(breakout.Main(by=person, session="ux"))

    def move(self, person, room, by=hana):
        return self.run(breakout.Move(by=by, session="ux", person=person.id, room=room))

    def close(self, by=hana, **params):
        return self.run(breakout.Close(by=by, session="ux", **params))

    # Time

    def wait(self, seconds):
        """Let time pass, with every deadline kept to the moment."""
        until = self.now + timedelta(seconds=seconds)
        for _ in range(10_000):
            due = RULES["session"].due(self.session)
            if due is None or due > until:
                break
            self.now = max(self.now, due)
            self.run(Tick(by=SYSTEM), "session/ux")
        else:
            raise AssertionError("a deadline is never cleared")
        self.now = until

    def jump(self, seconds):
        """Let time pass while nobody looks, then catch up."""
        self.now += timedelta(seconds=seconds)
        self.wait(0)

    # Recovery

    def replayed(self, entity):
        """Return the state that the journal leads to."""
        rules = RULES[entity.partition("/")[0]]
        state = rules.initial(entity)
        for type_name, data in self.journal.get(entity, ()):
            rules.evolve(state, records.restore(type_name, data))
        return state

    def kept(self, entity):
        """Return the state that a snapshot leads to."""
        state = self.state(entity)
        return unpack_snapshot(pack_snapshot(state, {}), type(state))[0]


def durable(state):
    """Return a state without what is not journalled."""
    data = records.plain(state)
    for field in ("dropped", "pulse"):
        if isinstance(data.get(field), dict):
            data.pop(field)
    return data


def refused(reason, workshop, command, entity=None):
    """Run a command that must be refused; nothing may change. Return the refusal."""
    entity = entity or command.entity
    before = records.plain(workshop.state(entity))
    with pytest.raises(Refused) as caught:
        workshop.run(command, entity)
    assert caught.value.reason == reason
    assert records.plain(workshop.state(entity)) == before
    return caught.value


def tried(workshop, command: Command, entity=None) -> bool:
    """Run a command that may be refused; return whether it was accepted."""
    with suppress(Refused):
        workshop.run(command, entity)
        return True
    return False
