"""Seats before a session: registering, the waiting list, and when seats are let go (rule 2)."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import attrs

from actors.errors import Refused
from actors.rules.base import Command, Event, Send, command
from actors.rules.records import iso
from actors.rules.session.events import (
    Booking,
    Promoted,
    Queued,
    Registered,
    Released,
    Unregistered,
)
from actors.rules.session.guards import OfSession, known
from actors.rules.session.state import CLOSED, Plan, SessionState
from actors.rules.session.told import into_agendas, notify, out_of_agendas, seat

WAITING_LIMIT = 10_000
"""People on one waiting list."""


@command("session.register")
@attrs.frozen(kw_only=True)
class Register(OfSession):
    """Take a seat; when there is none and ``wait`` is true, a place on the waiting list."""

    wait: bool = False


@command("session.unregister")
@attrs.frozen(kw_only=True)
class Unregister(OfSession):
    """Give one's seat back, or one's place on the waiting list."""


def released(state: SessionState, now: datetime) -> bool:
    """Return whether seats go to whoever comes first."""
    return state.plan.capacity is not None and (state.released or now >= state.released_at)


def booking(
    kind: type[Booking], state: SessionState, person: str, name: str, now: datetime
) -> Event:
    """Return an event about one person's registration."""
    return kind(
        at=now,
        person=person,
        name=name,
        event_id=state.event,
        title=state.plan.title,
        kind=state.plan.kind,
        start=state.plan.start,
        end=state.end,
    )


def promote(
    state: SessionState, plan: Plan, now: datetime, gone: Collection[str] = ()
) -> list[Event]:
    """Return the promotions that a plan allows.

    :param gone: whose bookings end at the same time.
    """
    if not state.waiting or (plan.capacity is not None and released(state, now)):
        return []
    waiting = [(person, name) for person, name in state.waiting.items() if person not in gone]
    seats = len(waiting)
    if plan.capacity is not None:
        freed = sum(person in state.registered for person in gone)
        seats = max(0, plan.capacity - len(state.registered) + freed)
    return [booking(Promoted, state, person, name, now) for person, name in waiting[:seats]]


def give_back(state: SessionState, people: Iterable[str], now: datetime) -> list[Event]:
    """Return the ends of people's bookings, of whoever has one."""
    return [
        booking(Unregistered, state, person, name, now)
        for person in people
        if (name := state.registered.get(person, state.waiting.get(person))) is not None
    ]


def withdraw(state: SessionState, person: str, now: datetime) -> list[Event]:
    """Return what follows when a person's booking ends, whichever it was."""
    gone = give_back(state, [person], now)
    if person in state.registered:
        gone += promote(state, state.plan, now, [person])
    return gone


def _register(state: SessionState, command: Register, now: datetime) -> Sequence[Event]:
    by = command.by
    known(state, by)
    if by.id in state.bans:
        raise Refused("banned", "You cannot take part in this session.")
    if state.status in CLOSED:
        raise Refused("wrong_state", f"The session is {state.status}.", state=state.status)
    if by.id in state.registered or by.id in state.waiting:
        return ()
    if state.is_host(by):
        raise Refused("wrong_state", "You host this session; hosts need no seat.")
    if released(state, now):
        raise Refused("wrong_state", "Seats are no longer held. Enter, if there is room.")
    if not state.full():
        return [booking(Registered, state, by.id, by.name, now)]
    waiting = len(state.waiting)
    if not command.wait or waiting >= WAITING_LIMIT:
        raise Refused("session_full", "Every seat is taken.", waiting=waiting)
    return [booking(Queued, state, by.id, by.name, now)]


def _unregister(state: SessionState, command: Unregister, now: datetime) -> Sequence[Event]:
    known(state, command.by)
    person = command.by.id
    limited = state.plan.capacity is not None and not released(state, now)
    if limited and person in state.registered and state.member(person) is not None:
        raise Refused("wrong_state", "You are sitting on your seat: leave first.")
    return withdraw(state, person, now)


# Evolve


def _on_registered(state: SessionState, event: Registered | Promoted) -> None:
    state.waiting.pop(event.person, None)
    state.registered[event.person] = event.name


def _on_queued(state: SessionState, event: Queued) -> None:
    state.waiting[event.person] = event.name


def _on_unregistered(state: SessionState, event: Unregistered) -> None:
    state.waiting.pop(event.person, None)
    state.registered.pop(event.person, None)


def _on_released(state: SessionState, event: Released) -> None:
    del event
    state.released = True
    state.waiting.clear()


# Time


def due(state: SessionState) -> datetime | None:
    """Return when held seats are let go."""
    if state.plan.capacity is None or state.released or state.status in {"none", *CLOSED}:
        return None
    return state.released_at


def tick(state: SessionState, now: datetime) -> Sequence[Event]:
    """Let held seats go when it is time, and tell who waited."""
    at = due(state)
    if at is None or now < at:
        return ()
    waiting = list(state.waiting)
    return [
        Released(at=now, event_id=state.event, title=state.plan.title, waiting=waiting),
    ]


# Effects

_STANDING = {Registered: "registered", Promoted: "registered", Queued: "waiting"}


def _booking_effects(entity: str, event: Booking) -> Sequence[Send]:
    session, fair, person = entity.partition("/")[2], event.event_id, event.person
    standing = _STANDING.get(type(event))
    if standing is None:
        agenda = out_of_agendas(fair, session, [person])
    else:
        what = (event.title, event.kind, event.start, event.end)
        agenda = into_agendas(fair, session, [(person, standing)], what)
    sends = [seat(fair, session, person, standing), *agenda]
    if isinstance(event, Promoted):
        data = {"session": session, "title": event.title, "start": iso(event.start)}
        sends += notify(fair, [person], "session.promoted", data)
    return sends


def _released_effects(entity: str, event: Released) -> Sequence[Send]:
    session, fair = entity.partition("/")[2], event.event_id
    data = {"session": session, "title": event.title}
    return [
        *(seat(fair, session, person, None) for person in event.waiting),
        *out_of_agendas(fair, session, event.waiting),
        *notify(fair, event.waiting, "session.released", data),
    ]


DECIDE: dict[type[Command], Any] = {Register: _register, Unregister: _unregister}
EVOLVE: dict[type[Event], Any] = {
    Registered: _on_registered,
    Promoted: _on_registered,
    Queued: _on_queued,
    Unregistered: _on_unregistered,
    Released: _on_released,
}
EFFECTS: dict[type[Event], Any] = {
    Registered: _booking_effects,
    Promoted: _booking_effects,
    Queued: _booking_effects,
    Unregistered: _booking_effects,
    Released: _released_effects,
}
