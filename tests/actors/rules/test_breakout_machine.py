"""Whatever people, hosts, connections and the clock do: nobody is in two rooms or in none."""

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors.rules import media
from actors.rules.base import SYSTEM, Recovered
from actors.rules.breakout import commands as ask
from actors.rules.breakout.state import REST
from actors.rules.session import moderation, planning, presence, running, stage
from actors.rules.session.state import OPEN
from tests.actors.rules.workshop import (
    RULES,
    Workshop,
    ana,
    ben,
    cem,
    dora,
    durable,
    hana,
    hugo,
    olga,
    tried,
)

PEOPLE = (ana, ben, cem, dora, hugo, hana)
HOSTS = (hana, hugo)
people = st.sampled_from(PEOPLE)
askers = st.sampled_from((*PEOPLE, olga))
directors = st.sampled_from((hana, hugo, olga, ana))
rooms = st.sampled_from(("1", "2", "3", "4", "9"))


def while_open(machine):
    return machine.workshop.rooms.is_open


def while_closed(machine):
    return not machine.workshop.rooms.is_open


class Breakout(RuleBasedStateMachine):
    @initialize(
        assign=st.sampled_from((None, "random", "self", "list")),
        late=st.sampled_from(ask.LATE),
        shown=st.lists(st.sampled_from((ana, ben)), unique=True),
    )
    def begin(self, assign, late, shown):
        # Most runs begin with people in rooms: whatever is interesting comes after that.
        self.workshop = Workshop(minutes=120, people=[hugo, ana, ben, cem])
        for person in shown:
            self.show(person)
            self.workshop.wait(5)
        if assign is not None:
            groups = [["ana", "ben"], ["cem", "dora"]] if assign == "list" else None
            self.workshop.open(rooms=3, assign=assign, late=late, groups=groups)

    def attempt(self, command):
        return tried(self.workshop, command)

    # Rooms

    @precondition(while_open)
    @rule(by=directors)
    def open_twice(self, by):
        assert not tried(self.workshop, ask.Open(by=by, session="ux", rooms=2))

    @precondition(while_closed)
    @rule(
        by=directors,
        count=st.integers(1, 4),
        assign=st.sampled_from(ask.ASSIGN),
        late=st.sampled_from(ask.LATE),
        minutes=st.none() | st.integers(1, 90),
        split=st.lists(people, unique=True, max_size=4),
    )
    def open(self, by, count, assign, late, minutes, split):
        groups = None
        if assign in ("list", "manual"):
            groups = [[person.id for person in split], []][: max(1, count - 1)]
        self.attempt(
            ask.Open(
                by=by,
                session="ux",
                rooms=count,
                assign=assign,
                late=late,
                minutes=minutes,
                groups=groups,
            )
        )

    @precondition(while_open)
    @rule(by=askers, room=rooms)
    def enter(self, by, room):
        self.attempt(ask.Enter(by=by, session="ux", room=room))

    @precondition(while_open)
    @rule(by=askers)
    def main(self, by):
        self.attempt(ask.Main(by=by, session="ux"))

    @precondition(while_open)
    @rule(by=directors, person=people, room=st.none() | rooms)
    def move(self, by, person, room):
        self.attempt(ask.Move(by=by, session="ux", person=person.id, room=room))

    @precondition(while_open)
    @rule(by=people)
    def call_help(self, by):
        self.attempt(ask.CallHelp(by=by, session="ux"))

    @precondition(while_open)
    @rule(by=people, room=rooms)
    def answer_help(self, by, room):
        self.attempt(ask.AnswerHelp(by=by, session="ux", room=room))

    @precondition(while_open)
    @rule(by=directors, minutes=st.integers(1, 60))
    def extend(self, by, minutes):
        self.attempt(ask.Extend(by=by, session="ux", minutes=minutes))

    @precondition(while_open)
    @rule(by=directors, countdown=st.sampled_from((0, 0, 1, 30, 600)))
    def close(self, by, countdown):
        self.attempt(ask.Close(by=by, session="ux", countdown=countdown))

    # People

    @rule(person=askers)
    def join(self, person):
        self.workshop.now = max(self.workshop.now, self.workshop.session.backstage_at)
        tried(self.workshop, _join(person))

    @rule(person=people)
    def leave(self, person):
        tried(self.workshop, _leave(person))

    @rule(dropped=st.sets(people, min_size=1))
    def drop(self, dropped):
        for person in sorted(dropped, key=PEOPLE.index):
            self.workshop.drop(person)

    @rule(person=people)
    def come_back(self, person):
        self.workshop.come_back(person)

    @rule(by=askers, person=people)
    def kick(self, by, person):
        self.attempt(moderation.Kick(by=by, session="ux", person=person.id))

    # Stage and media, which rooms take over from and give back to

    @rule(person=people)
    def show(self, person):
        self.attempt(stage.Request(by=person, session="ux", mic=True, camera=True))
        self.attempt(stage.Accept(by=hana, session="ux", person=person.id))
        self.attempt(stage.Ready(by=person, session="ux"))

    @rule(person=people)
    def unshow(self, person):
        self.attempt(stage.Remove(by=hana, session="ux", person=person.id))

    @rule(person=people, mic=st.booleans(), camera=st.booleans(), room=st.none() | rooms)
    def turn(self, person, mic, camera, room):
        self.attempt(media.Set(by=person, session="ux", room=room, mic=mic, camera=camera))

    @rule(person=people, room=st.none() | rooms)
    def block(self, person, room):
        self.attempt(media.Block(by=hana, session="ux", room=room, person=person.id, mic=True))

    # Time, plans and crashes

    @rule(seconds=st.sampled_from((0.5, 5, 5, 16, 16, 31, 301)))
    def wait(self, seconds):
        self.workshop.wait(seconds)

    @rule(seconds=st.sampled_from((20, 20, 20, 400, 3600)))
    def sleep(self, seconds):
        self.workshop.jump(seconds)

    @rule(minutes=st.integers(15, 240))
    def replan(self, minutes):
        self.attempt(planning.Change(by=olga, session="ux", minutes=minutes))
        self.workshop.wait(0)

    @rule()
    def end(self):
        # Seldom worth it early: only once the session has gone on for a while.
        if self.workshop.now > self.workshop.session.end - timedelta(minutes=20):
            self.attempt(running.End(by=hana, session="ux"))

    @rule()
    def crash(self):
        """Lose what is not in the journal, as a crash does, with everybody still connected."""
        workshop = self.workshop
        for entity in list(workshop.states):
            if entity.startswith(("session/", "room/")):
                workshop.states[entity] = workshop.replayed(entity)
        workshop.run(Recovered(by=SYSTEM), "session/ux")
        for person in PEOPLE:
            workshop.come_back(person)

    # What always holds

    @invariant()
    def everybody_is_in_one_place(self):
        session, state = self.workshop.session, self.workshop.rooms
        for member in session.members.values():
            where = [
                id_
                for id_ in range(1, state.last_room + 1)
                if member.id in self.workshop.room(str(id_)).here
            ]
            if member.room is None:
                assert where == []
            else:
                assert member.present
                assert state.is_open
                assert where == [int(member.room)]
                assert member.room in state.rooms
        for id_ in range(1, state.last_room + 1):
            here = self.workshop.room(str(id_)).here
            assert len(here) == len(set(here))
            assert set(here) <= set(session.members)

    @invariant()
    def participants_are_in_their_own_room_only(self):
        for member in self.workshop.session.members.values():
            if member.room is not None and not member.host and member.role != "organizer":
                assert self.workshop.rooms.assigned[member.id] == member.room

    @invariant()
    def hosts_stay_hosts(self):
        for host in HOSTS:
            member = self.workshop.session.members.get(host.id)
            assert member is None or member.host
            assert self.workshop.session.moderates(host)

    @invariant()
    def rooms_and_session_agree(self):
        session, state = self.workshop.session, self.workshop.rooms
        for id_ in range(1, state.last_room + 1):
            room = self.workshop.room(str(id_))
            current = room.id in state.rooms
            assert room.is_open == (current and state.is_open)
            if current:
                assert room.status == state.status
                assert room.name == state.rooms[room.id].name
                assert room.ends_at == state.ends_at
        if session.status not in OPEN:
            assert not state.is_open

    @invariant()
    def open_rooms_have_an_end_within_the_session(self):
        workshop, state = self.workshop, self.workshop.rooms
        if state.is_open:
            assert workshop.now < state.ends_at <= workshop.session.end - REST
            due = RULES["session"].due(workshop.session)
            assert due is not None
            assert due <= state.ends_at

    @invariant()
    def nobody_is_heard_where_they_are_not(self):
        session = self.workshop.session
        for member in session.members.values():
            if session.media_place(member.id) != "publish":
                assert session.media.sending(member.id) == frozenset()
            for id_ in range(1, self.workshop.rooms.last_room + 1):
                if str(id_) != member.room:
                    room = self.workshop.room(str(id_))
                    assert room.media.sending(member.id) == frozenset()

    @invariant()
    def what_was_on_is_only_remembered_for_who_is_in_a_room(self):
        inside = {m.id for m in self.workshop.session.members.values() if m.room is not None}
        assert set(self.workshop.rooms.main_media) == inside

    def teardown(self):
        if not hasattr(self, "workshop"):
            return
        workshop = self.workshop
        for entity in workshop.states:
            assert durable(workshop.replayed(entity)) == durable(workshop.state(entity)), entity
            assert workshop.kept(entity) == workshop.state(entity)
        # Left alone, every countdown ends and every room closes.
        workshop.wait(6 * 3600)
        assert not workshop.rooms.is_open
        assert all(member.room is None for member in workshop.session.members.values())


def _join(person):
    return presence.Join(by=person, session="ux")


def _leave(person):
    return presence.Leave(by=person, session="ux")


TestBreakout = Breakout.TestCase
TestBreakout.settings = settings(max_examples=80, stateful_step_count=50, deadline=None)
