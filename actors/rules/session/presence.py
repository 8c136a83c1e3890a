"""Entering, leaving, dropping and coming back (rules 4 to 7, 18, 34, 35).

Presence counts people, not sockets: whoever owns the connections says when a person's last one
has gone, so a late end of an old socket never reaches these rules.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

import attrs

from actors.errors import Refused
from actors.rules.base import (
    Command,
    Dropped,
    Event,
    Look,
    Person,
    Recovered,
    Returned,
    command,
)
from actors.rules.breakout.moving import arrival
from actors.rules.parts import earliest
from actors.rules.session.events import (
    BackstageOpened,
    Joined,
    Left,
    PresenceDropped,
    PresenceReset,
    PresenceReturned,
    Resumed,
)
from actors.rules.session.guards import OfSession, known
from actors.rules.session.registration import released
from actors.rules.session.stage_events import Cancelled, StageLeft, Uninvited, Withdrawn
from actors.rules.session.state import CLOSED, OPEN, Member, Pulse, SessionState
from actors.rules.session.told import facts, tell_occupied

SEAT_HELD = timedelta(seconds=15)
"""How long a drop keeps a seat on the stage (rule 18)."""

PUT_OUT = frozenset({"kicked", "banned"})
"""Why somebody may have left who does not follow the session once it is over."""


@command("session.join")
@attrs.frozen(kw_only=True)
class Join(OfSession):
    """Enter, and follow the session's topic."""

    subscribes: ClassVar[bool] = True


@command("session.leave")
@attrs.frozen(kw_only=True)
class Leave(OfSession):
    """Leave; a registration stays."""


# Entering


def may_join(state: SessionState, by: Person, now: datetime) -> None:
    """Check that a person may enter now (rules 2, 4, 24).

    :raises Refused: ``banned``; ``wrong_state``, it is over or the doors are shut (with
        ``opens_at``); ``forbidden``, it needs a registration; ``session_full``.
    """
    if by.id in state.bans:
        raise Refused("banned", "You cannot take part in this session.")
    if state.status in CLOSED:
        raise Refused("wrong_state", f"The session is {state.status}.", state=state.status)
    staff = state.moderates(by)
    opens = state.backstage_at if staff else state.doors_at
    if now < opens:
        shown = opens.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        raise Refused("wrong_state", "The doors are not open yet.", opens_at=shown)
    if staff or state.plan.capacity is None:
        return
    if released(state, now):
        if state.crowded():
            raise Refused("session_full", "Every seat is taken.", waiting=0)
    elif by.id not in state.registered:
        if state.full():
            raise Refused("session_full", "Every seat is taken.", waiting=len(state.waiting))
        raise Refused("forbidden", "This session needs a registration.", register=True)


def _join(state: SessionState, command: Join | Look, now: datetime) -> Sequence[Event]:
    by = command.by
    known(state, by)
    if state.member(by.id) is not None and by.id not in state.bans:
        return _return(state, by, now)
    may_join(state, by, now)
    host = state.is_host(by)
    seated = not state.moderates(by)
    events: list[Event] = []
    if state.status == "scheduled":
        events.append(BackstageOpened(at=now, facts=facts(state, "backstage")))
    events.append(
        Joined(
            at=now,
            person=by.id,
            name=by.name,
            role=state.role_of(by),
            company=by.company,
            host=host,
            seated=seated,
            event_id=state.event,
            event_role=by.role,
            occupied=_occupied(state, seated),
        )
    )
    events += arrival(state, by, now, host=host)
    if host and state.status == "hostless":
        events.append(Resumed(at=now, by=by.id, facts=facts(state, "live")))
    return events


def _occupied(state: SessionState, change: int) -> int | None:
    return None if state.plan.capacity is None or not change else state.guests + change


def _return(state: SessionState, by: Person, now: datetime) -> Sequence[Event]:
    return [PresenceReturned(at=now, person=by.id)] if by.id in state.dropped else ()


def _returned(state: SessionState, command: Returned, now: datetime) -> Sequence[Event]:
    return _return(state, command.by, now)


def _look(state: SessionState, command: Look, now: datetime) -> Sequence[Event]:
    """Follow the topic again; whoever was only dropped is let in again.

    Once it is over, all who took part may (rule 8), but for those who were put out (rule 24).
    """
    by = command.by
    known(state, by)
    member = state.members.get(by.id)
    if by.is_system:
        return ()
    if member is not None and state.status in CLOSED:
        if by.id in state.bans:
            raise Refused("banned", "You cannot take part in this session.")
        if member.left in PUT_OUT:
            raise Refused("forbidden", "You were put out of this session.")
        return ()
    if member is None or not (member.present or member.left == "dropped"):
        raise Refused("wrong_state", "Enter the session first.", state=state.status)
    return _join(state, command, now)


# Leaving


def leaving(state: SessionState, person: str, reason: str, now: datetime) -> list[Event]:
    """Return what happens when somebody present goes, for whatever reason (rule 6)."""
    member = state.member(person)
    if member is None:
        return []
    events = _off_stage(state, person, "dropped" if reason == "dropped" else "gone", now)
    left = Left(
        at=now,
        person=person,
        reason=reason,
        room=member.room,
        event_id=state.event,
        occupied=_occupied(state, -member.seated),
    )
    return [*events, left]


def _off_stage(state: SessionState, person: str, reason: str, now: datetime) -> list[Event]:
    stage = state.stage
    events: list[Event] = []
    if person in stage.requests:
        events.append(Withdrawn(at=now, person=person))
    if person in stage.invites:
        events.append(Uninvited(at=now, person=person, by=person))
    if stage.on_screen(person):
        events.append(StageLeft(at=now, person=person, reason=reason))
    elif person in stage.seats:
        events.append(Cancelled(at=now, person=person, reason="cancelled"))
    return events


def _leave(state: SessionState, command: Leave, now: datetime) -> Sequence[Event]:
    known(state, command.by)
    return leaving(state, command.by.id, "left", now)


def _dropped(state: SessionState, command: Dropped, now: datetime) -> Sequence[Event]:
    person = command.by.id
    if state.member(person) is None or person in state.dropped:
        return ()
    return [PresenceDropped(at=now, person=person)]


def _recovered(state: SessionState, command: Recovered, now: datetime) -> Sequence[Event]:
    del command
    return [PresenceReset(at=now)] if state.status in OPEN else ()


# Evolve


def _on_joined(state: SessionState, event: Joined) -> None:
    before = state.members.get(event.person)
    state.enter(
        Member(
            id=event.person,
            name=event.name,
            role=event.role,
            company=event.company,
            host=event.host,
            seated=event.seated,
            event_role=event.event_role,
            joined_at=before.joined_at if before else event.at,
        ),
        event.at,
    )


def _on_left(state: SessionState, event: Left) -> None:
    state.leave(event.person, event.at, event.reason)


def _on_presence_dropped(state: SessionState, event: PresenceDropped) -> None:
    state.dropped[event.person] = event.at


def _on_presence_returned(state: SessionState, event: PresenceReturned) -> None:
    state.dropped.pop(event.person, None)


def _on_presence_reset(state: SessionState, event: PresenceReset) -> None:
    state.dropped = dict.fromkeys(state.here, event.at)
    # Whoever follows the topic has missed some tellings: a revision begun anew says so.
    state.pulse = Pulse(since=event.at)


# Time


def _grace(state: SessionState) -> timedelta:
    return timedelta(seconds=state.plan.grace)


def expired(state: SessionState, person: str, now: datetime) -> bool:
    """Return whether a drop has lasted too long to be kept."""
    at = state.dropped.get(person)
    return at is not None and at + _grace(state) <= now


def _held_until(state: SessionState, person: str) -> datetime | None:
    at = state.dropped.get(person)
    return None if at is None else at + min(SEAT_HELD, _grace(state))


def overdue(state: SessionState, person: str, now: datetime) -> bool:
    """Return whether a drop has lasted too long to keep a seat on the stage."""
    until = _held_until(state, person)
    return until is not None and until <= now


def due(state: SessionState) -> datetime | None:
    """Return when the next drop has lasted long enough."""
    first = next(iter(state.dropped.values()), None)
    if first is None:
        return None
    seats = (_held_until(state, person) for person in state.stage.seats)
    return earliest((first + _grace(state), *seats))


def tick(state: SessionState, now: datetime) -> Sequence[Event]:
    """Let go whoever has not come back, and the seats of whoever is overdue on stage."""
    events: list[Event] = []
    occupied = 0
    for person in state.dropped:
        if not expired(state, person, now):
            break
        events += _gone(state, person, occupied, now)
        occupied += state.members[person].seated
    for person in state.stage.seats:
        if overdue(state, person, now) and not expired(state, person, now):
            events += _off_stage(state, person, "dropped", now)
    return events


def _gone(state: SessionState, person: str, others: int, now: datetime) -> list[Event]:
    """Return a leave among ``others`` that are decided at the same time."""
    *before, left = leaving(state, person, "dropped", now)
    if others and isinstance(left, Left) and left.occupied is not None:
        left = attrs.evolve(left, occupied=left.occupied - others)
    return [*before, left]


DECIDE: dict[type[Command], Any] = {
    Join: _join,
    Leave: _leave,
    Look: _look,
    Dropped: _dropped,
    Returned: _returned,
    Recovered: _recovered,
}
EVOLVE: dict[type[Event], Any] = {
    Joined: _on_joined,
    Left: _on_left,
    PresenceDropped: _on_presence_dropped,
    PresenceReturned: _on_presence_returned,
    PresenceReset: _on_presence_reset,
}
EFFECTS: dict[type[Event], Any] = {Joined: tell_occupied, Left: tell_occupied}
