"""No sequence of commands, drops, returns, crashes and clock steps breaks a session."""

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from actors.errors import Refused
from actors.rules.chat import Post
from actors.rules.media import Block, Set, Unblock
from actors.rules.session.moderation import BanPerson, Kick, UnbanPerson
from actors.rules.session.planning import Change
from actors.rules.session.presence import SEAT_HELD, Join
from actors.rules.session.presence import Leave as LeaveSession
from actors.rules.session.qa import Ask, Upvote
from actors.rules.session.registration import Register, Unregister
from actors.rules.session.running import Start
from actors.rules.session.stage import (
    Accept,
    Answer,
    Cancel,
    Decline,
    Invite,
    Leave,
    Ready,
    Remove,
    Request,
    Withdraw,
)
from actors.rules.session.state import OPEN
from tests.actors.rules.hall import HANA, HUGO, START, Hall, copied, lasting, person

GUESTS = [person(f"g{number}") for number in range(5)]
HOSTS = [HANA, HUGO]
EVERYBODY = [*GUESTS, *HOSTS]

guests = st.sampled_from(GUESTS)
hosts = st.sampled_from(HOSTS)
anybody = st.sampled_from(EVERYBODY)
GIVEN_UP = {"stage.left", "stage.cancelled", "stage.missed"}
ASKED = st.sampled_from([Withdraw, Ready, Cancel, Leave, LeaveSession, Join])
DECIDED = st.sampled_from([Accept, Decline, Invite, Remove, Kick, BanPerson, UnbanPerson])


class SessionMachine(RuleBasedStateMachine):
    """A session with a small stage and few seats, under everything at once."""

    def try_(self, by, kind, /, **params):
        try:
            self.hall.do(by, kind, **params)
        except Refused:
            return
        self.hall.settle()

    @initialize(
        capacity=st.sampled_from([None, 2, 3]),
        cap=st.integers(1, 3),
        registered=st.lists(guests, unique=True, min_size=3),
        early=st.booleans(),
        grace=st.sampled_from([3, 15, 60]),
    )
    def begin(self, capacity, cap, registered, early, grace):
        self.hall = Hall(capacity=capacity, stage_cap=cap, grace=grace)
        self.resized = False
        for by in registered:
            self.try_(by, Register, wait=True)
        if not early:
            self.go_live()

    @rule()
    def go_live(self):
        if self.hall.now < START:
            self.hall.wait(at=START)
        for by in EVERYBODY:
            self.try_(by, Join)
        self.try_(HANA, Start)

    @rule(by=guests, kind=ASKED)
    def ask(self, by, kind):
        self.try_(by, kind)

    @rule(by=guests, mic=st.booleans(), camera=st.booleans())
    def request(self, by, mic, camera):
        self.try_(by, Request, mic=mic, camera=camera)

    @rule(by=guests, mic=st.booleans())
    def to_the_screen(self, by, mic):
        """The usual way, which blind steps would seldom find."""
        self.try_(by, Request, mic=mic, camera=True)
        for host in HOSTS:
            self.try_(host, Accept, person=by.id)
        self.try_(by, Ready)

    @rule(by=hosts, kind=st.sampled_from([LeaveSession, Join]))
    def hosts_come_and_go(self, by, kind):
        self.try_(by, kind)

    @rule(by=hosts, whom=anybody, kind=DECIDED)
    def decide(self, by, whom, kind):
        self.try_(by, kind, person=whom.id)

    @rule(by=guests, accept=st.booleans())
    def answer(self, by, accept):
        self.try_(by, Answer, accept=accept, mic=True)

    @rule(by=anybody, wait=st.booleans(), kind=st.sampled_from([Register, Unregister]))
    def book(self, by, wait, kind):
        self.try_(by, kind, **({"wait": wait} if kind is Register else {}))

    @rule(by=anybody, mic=st.none() | st.booleans(), screen=st.none() | st.booleans())
    def set_media(self, by, mic, screen):
        self.try_(by, Set, mic=mic, screen=screen)

    @rule(by=hosts, whom=anybody, kind=st.sampled_from([Block, Unblock]))
    def block(self, by, whom, kind):
        before = self.hall.state.media.sending(whom.id)
        self.try_(by, kind, person=whom.id, mic=True, screen=True)
        if by.id != whom.id:
            assert self.hall.state.media.sending(whom.id) <= before

    @rule(by=anybody)
    def speak(self, by):
        self.try_(by, Post, topic="session/ux", text="Hello")
        self.try_(by, Ask, text="Why?")
        self.try_(by, Upvote, id="1")

    @rule(seats=st.integers(0, 4))
    def change_capacity(self, seats):
        self.resized = True
        self.try_(person("olga", role="organizer"), Change, capacity=seats)

    @rule(by=anybody)
    def drop(self, by):
        self.hall.drop(by)
        self.hall.settle()

    @rule(by=anybody)
    def come_back(self, by):
        try:
            self.hall.back(by)
        except Refused:
            return
        self.hall.settle()

    @rule(seconds=st.sampled_from([0.4, 3, 5, 10, 15, 120]))
    def wait(self, seconds):
        self.hall.wait(seconds)

    @rule(seconds=st.sampled_from([1, 20, 200, 700]))
    def sleep_and_wake(self, seconds):
        self.hall.sleep(seconds)
        self.hall.settle()

    @rule()
    def crash(self):
        before = lasting(self.hall.state)
        self.hall.recover()
        assert lasting(self.hall.state) == before
        self.hall.settle()

    @precondition(lambda self: len(self.hall.journal) < 200)
    @rule()
    def snapshot_round_trip(self):
        copy = copied(self.hall.state)
        assert copy == self.hall.state
        for by in EVERYBODY:
            assert self.hall.rules.snapshot(copy, by, self.hall.now) == self.hall.view(by)
        self.hall.state = copy

    # What always holds

    @invariant()
    def one_place_each(self):
        state = self.hall.state
        stage = state.stage
        asking, invited, seated = set(stage.requests), set(stage.invites), set(stage.seats)
        assert not asking & seated
        assert not asking & invited
        assert not seated & invited
        for id_ in asking | invited | seated:
            member = state.member(id_)
            assert member is not None, "a place for somebody who is not here"
            assert not member.host

    @invariant()
    def never_over_the_cap(self):
        assert len(self.hall.state.stage.seats) <= self.hall.state.plan.stage_cap

    @invariant()
    def seats_never_outlast_their_deadline(self):
        for seat in self.hall.state.stage.seats.values():
            assert (seat.deadline is None) == (seat.state == "on_screen")
            assert seat.deadline is None or seat.deadline > self.hall.now

    @invariant()
    def counts_are_true(self):
        state = self.hall.state
        here = [member for member in state.members.values() if member.present]
        assert state.present == len(here)
        assert state.present_hosts == sum(member.host for member in here)
        assert state.guests == sum(member.seated for member in here)
        assert sorted(state.here) == sorted(member.id for member in here)
        assert list(state.here.after(None)) == sorted(map(state.order_key, here))
        assert set(state.dropped) <= {member.id for member in here}
        assert not here or state.status in OPEN

    @invariant()
    def no_seat_is_held_too_long_for_who_dropped(self):
        state = self.hall.state
        for id_ in state.stage.seats:
            dropped = state.dropped.get(id_)
            assert dropped is None or self.hall.now - dropped < SEAT_HELD

    @invariant()
    def every_seat_given_up_was_told(self):
        """Who follows the events alone sees the same stage."""
        shown = set()
        for kind, data in self.hall.published:
            if kind == "stage.accepted":
                assert data["person"] not in shown
                shown.add(data["person"])
            elif kind in GIVEN_UP:
                shown.discard(data["person"])
            elif kind == "session.ended":
                shown.clear()
        assert shown == set(self.hall.state.stage.seats)

    @invariant()
    def never_more_guests_than_seats(self):
        state = self.hall.state
        if state.plan.capacity is not None and not self.resized:
            assert state.guests <= state.plan.capacity
            assert len(state.registered) <= state.plan.capacity

    @invariant()
    def nobody_waits_beside_a_free_seat(self):
        state = self.hall.state
        assert not set(state.registered) & set(state.waiting)
        assert not state.waiting or state.full() or state.released
        assert not (set(state.registered) | set(state.waiting)) & set(state.bans)
        assert not any(state.member(id_) for id_ in state.bans)

    @invariant()
    def only_who_is_on_screen_or_hosts_is_seen(self):
        state = self.hall.state
        for id_, flags in state.media.people.items():
            sending = state.media.sending(id_)
            assert not sending & flags.blocked
            if sending:
                assert state.media_place(id_) == "publish"
        assert len(state.media.sharers()) <= state.media.shares

    @invariant()
    def never_stuck(self):
        state = self.hall.state
        due = self.hall.rules.due(state)
        assert due is None or due > self.hall.now
        if state.status == "live":
            assert state.present_hosts
        if state.status == "hostless":
            assert due is not None


SessionMachine.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestSession = SessionMachine.TestCase
