"""The stage: asking, inviting, the five seconds, and going back (rules 9 to 18).

A person is in one of these places: nowhere, pending, invited, or in a seat that is accepted, in
its countdown, or on screen. Every seat but one on screen has a deadline, so none is kept for
nobody.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import attrs

from actors.errors import Refused
from actors.rules.base import Command, Event, Person, command
from actors.rules.records import iso
from actors.rules.session.guards import OfSession, present
from actors.rules.session.presence import overdue
from actors.rules.session.stage_events import (
    Accepted,
    Answered,
    Cancelled,
    Countdown,
    Declined,
    Entered,
    Invited,
    Missed,
    Requested,
    StageLeft,
    Uninvited,
    Withdrawn,
)
from actors.rules.session.state import RUNNING, Member, SessionState
from actors.rules.text import MESSAGE_LIMIT, an_id, up_to

READY_WITHIN = timedelta(seconds=10)
"""How long an accepted person's client may take to show the countdown (rule 12)."""

COUNTDOWN = timedelta(seconds=5)
"""The time to prepare oneself (rule 12)."""

RETURN_WITHIN = timedelta(minutes=2)
"""How long whoever left by choice comes back without asking (rule 16)."""

REQUESTS_LIMIT = 1000
"""Requests that may be pending."""


@command("stage.request")
@attrs.frozen(kw_only=True)
class Request(OfSession):
    """Ask to come on screen; asking again changes mic and camera, not the place in the queue."""

    mic: bool
    camera: bool


@command("stage.withdraw")
@attrs.frozen(kw_only=True)
class Withdraw(OfSession):
    """Take a pending request back."""


@command("stage.accept")
@attrs.frozen(kw_only=True)
class Accept(OfSession):
    """Let somebody on screen who asks (hosts)."""

    person: str = an_id()


@command("stage.decline")
@attrs.frozen(kw_only=True)
class Decline(OfSession):
    """Decline a request (hosts)."""

    person: str = an_id()
    message: str = attrs.field(default="", validator=up_to(MESSAGE_LIMIT, empty=True))


@command("stage.invite")
@attrs.frozen(kw_only=True)
class Invite(OfSession):
    """Ask somebody on screen (hosts); of whoever asks themselves, this is the acceptance."""

    person: str = an_id()


@command("stage.answer")
@attrs.frozen(kw_only=True)
class Answer(OfSession):
    """Accept or decline an invitation, with mic and camera on or off."""

    accept: bool
    mic: bool = False
    camera: bool = False


@command("stage.ready")
@attrs.frozen(kw_only=True)
class Ready(OfSession):
    """Say that the countdown is shown: it begins now."""


@command("stage.cancel")
@attrs.frozen(kw_only=True)
class Cancel(OfSession):
    """Give the seat up before its countdown ends."""


@command("stage.leave")
@attrs.frozen(kw_only=True)
class Leave(OfSession):
    """Go back to the audience."""


@command("stage.remove")
@attrs.frozen(kw_only=True)
class Remove(OfSession):
    """Send somebody back to the audience, or take an invitation back (hosts)."""

    person: str = an_id()


# Checks


def _member(state: SessionState, by: Person) -> Member:
    member = present(state, by)
    if state.status not in RUNNING:
        raise Refused("wrong_state", "The stage opens when the session starts.")
    return member


def _host(state: SessionState, by: Person) -> Member:
    member = _member(state, by)
    if not member.host:
        raise Refused("forbidden", "Only hosts decide who is on screen.")
    return member


def _audience(state: SessionState, by: Person) -> Member:
    member = _member(state, by)
    if member.host:
        raise Refused("wrong_state", "Hosts are on screen already.")
    if member.room is not None:
        raise Refused("wrong_state", "Everybody may speak in a breakout room.")
    return member


def _has_space(state: SessionState) -> bool:
    return len(state.stage.seats) < state.plan.stage_cap


def _decided(state: SessionState, person: str) -> Refused:
    """Return the refusal of whoever comes second (rules 10, 11)."""
    decision = state.stage.decided.get(person)
    if decision is None:
        return Refused("wrong_state", "There is no request.")
    return Refused(
        "already_decided",
        f"The request was {decision.what} by {decision.by_name}.",
        decision=decision.what,
        by=decision.by,
        by_name=decision.by_name,
        at=iso(decision.at),
    )


# Decide


def _request(state: SessionState, command: Request, now: datetime) -> Sequence[Event]:
    member, stage, by = _audience(state, command.by), state.stage, command.by
    if by.id in stage.seats:
        raise Refused("wrong_state", "You have a seat on the stage already.")
    if by.id not in stage.requests:
        if stage.returning.get(by.id, now) > now and _has_space(state):
            return [_accepted(state, member, by, "return", command, now)]
        if len(stage.requests) >= REQUESTS_LIMIT:
            raise Refused("overloaded", "Too many people are asking. Please try again later.")
    event = Requested(
        at=now,
        person=by.id,
        name=by.name,
        mic=command.mic,
        camera=command.camera,
        position=stage.position(by.id) or len(stage.requests) + 1,
    )
    return () if _asks_the_same(state, event) else [event]


def _asks_the_same(state: SessionState, event: Requested) -> bool:
    asked = state.stage.requests.get(event.person)
    return asked is not None and (asked.mic, asked.camera) == (event.mic, event.camera)


def _accepted(
    state: SessionState, member: Member, by: Person, how: str, wish: Any, now: datetime
) -> Accepted:
    return Accepted(
        at=now,
        person=member.id,
        name=member.name,
        by=by.id,
        by_name=by.name,
        how=how,
        mic=wish.mic,
        camera=wish.camera,
        deadline=now + READY_WITHIN,
        event_id=state.event,
    )


def _withdraw(state: SessionState, command: Withdraw, now: datetime) -> Sequence[Event]:
    _member(state, command.by)
    if command.by.id not in state.stage.requests:
        raise _decided(state, command.by.id)
    return [Withdrawn(at=now, person=command.by.id)]


def _accept(state: SessionState, command: Accept, now: datetime) -> Sequence[Event]:
    _host(state, command.by)
    return [_let_on(state, command.by, command.person, now)]


def _let_on(state: SessionState, by: Person, person: str, now: datetime) -> Accepted:
    request, member = state.stage.requests.get(person), state.member(person)
    if request is None or member is None:
        raise _decided(state, person)
    if member.room is not None:
        raise Refused("wrong_state", "They are in a breakout room.")
    if not _has_space(state):
        raise Refused("stage_full", f"The stage has {state.plan.stage_cap} seats.")
    return _accepted(state, member, by, "request", request, now)


def _decline(state: SessionState, command: Decline, now: datetime) -> Sequence[Event]:
    _host(state, command.by)
    if command.person not in state.stage.requests:
        raise _decided(state, command.person)
    return [
        Declined(
            at=now,
            person=command.person,
            by=command.by.id,
            by_name=command.by.name,
            message=command.message,
            event_id=state.event,
        )
    ]


def _invite(state: SessionState, command: Invite, now: datetime) -> Sequence[Event]:
    _host(state, command.by)
    person, stage = command.person, state.stage
    member = state.member(person)
    if member is None:
        raise Refused("not_found", "They are not in the session.")
    if person in stage.requests:
        return [_let_on(state, command.by, person, now)]
    if member.host or person in stage.seats:
        raise Refused("wrong_state", "They are on screen already.")
    if member.room is not None:
        raise Refused("wrong_state", "They are in a breakout room.")
    if person in stage.invites:
        return ()
    return [
        Invited(
            at=now,
            person=person,
            name=member.name,
            by=command.by.id,
            by_name=command.by.name,
            event_id=state.event,
        )
    ]


def _answer_invite(state: SessionState, command: Answer, now: datetime) -> Sequence[Event]:
    person = command.by.id
    _member(state, command.by)
    invite = state.stage.invites.get(person)
    if invite is None:
        raise Refused("wrong_state", "Nobody has invited you.")
    if not command.accept:
        return [Answered(at=now, person=person, accept=False)]
    member = _audience(state, command.by)
    if not _has_space(state):
        raise Refused("stage_full", f"The stage has {state.plan.stage_cap} seats.")
    host = attrs.evolve(command.by, id=invite.by, name=invite.by_name)
    return [_accepted(state, member, host, "invite", command, now)]


def _ready(state: SessionState, command: Ready, now: datetime) -> Sequence[Event]:
    member = _audience(state, command.by)
    seat = state.stage.seats.get(member.id)
    if seat is None:
        raise Refused("wrong_state", "No seat on the stage is kept for you.")
    if seat.state != "accepted":
        return ()
    if seat.deadline is not None and now > seat.deadline:
        raise Refused("wrong_state", "The seat was kept for ten seconds.")
    return [Countdown(at=now, person=member.id, ends_at=now + COUNTDOWN)]


def _cancel(state: SessionState, command: Cancel, now: datetime) -> Sequence[Event]:
    member = _member(state, command.by)
    seat = state.stage.seats.get(member.id)
    if seat is None or seat.state == "on_screen":
        raise Refused("wrong_state", "There is no countdown to cancel.")
    return [Cancelled(at=now, person=member.id, reason="cancelled")]


def _leave(state: SessionState, command: Leave, now: datetime) -> Sequence[Event]:
    member = _member(state, command.by)
    if not state.stage.on_screen(member.id):
        if member.id in state.stage.seats:
            return [Cancelled(at=now, person=member.id, reason="cancelled")]
        raise Refused("wrong_state", "You are not on screen.")
    until = now + RETURN_WITHIN
    return [StageLeft(at=now, person=member.id, reason="left", may_return_until=until)]


def _remove(state: SessionState, command: Remove, now: datetime) -> Sequence[Event]:
    _host(state, command.by)
    person, by = command.person, command.by.id
    if person in state.stage.seats:
        return [StageLeft(at=now, person=person, reason="removed", by=by)]
    if person in state.stage.invites:
        return [Uninvited(at=now, person=person, by=by)]
    raise Refused("wrong_state", "They are not on screen.")


# Time


def due(state: SessionState) -> datetime | None:
    """Return the next deadline of a seat."""
    deadlines = [seat.deadline for seat in state.stage.seats.values() if seat.deadline is not None]
    return min(deadlines, default=None)


def tick(state: SessionState, now: datetime) -> Sequence[Event]:
    """Let countdowns end and unused seats go."""
    events: list[Event] = []
    for seat in state.stage.seats.values():
        if seat.deadline is None or now < seat.deadline or overdue(state, seat.person, now):
            continue
        member = state.member(seat.person)
        if member is not None and member.room is not None:
            events.append(Cancelled(at=now, person=seat.person, reason="room"))
        elif seat.state == "accepted":
            events.append(Missed(at=now, person=seat.person))
        else:
            events.append(
                Entered(
                    at=now, person=seat.person, name=seat.name, mic=seat.mic, camera=seat.camera
                )
            )
    return events


DECIDE: dict[type[Command], Any] = {
    Request: _request,
    Withdraw: _withdraw,
    Accept: _accept,
    Decline: _decline,
    Invite: _invite,
    Answer: _answer_invite,
    Ready: _ready,
    Cancel: _cancel,
    Leave: _leave,
    Remove: _remove,
}
