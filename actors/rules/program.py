"""An event's program: its sessions as Lobby, Program and companies' pages list them (rule 3).

Sessions tell the event what changes about them. The event keeps one card a session and who holds
a seat, so that any of the four ways in can say what a person may do there.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

import attrs

from actors.rules import zones
from actors.rules.base import Command, Event, command, event
from actors.rules.program_model import (
    OVER,
    Card,
    Description,
    HasProgram,
    Listed,
    Seats,
    card,
    in_order,
    personal,
)
from actors.rules.text import ID_LIMIT, between, one_of, up_to

SEATS_EVERY = timedelta(milliseconds=500)
"""Seats of the whole program are told at most this often."""

PAGE_LIMIT = 500
"""Sessions in one page of the program."""

STATES = ("scheduled", "backstage", "live", "ended", "cancelled")
STANDINGS = ("registered", "waiting", "none")

# Commands


@attrs.frozen(kw_only=True)
class SessionChanged(Command):
    """A session's own word about itself; what is None has not changed.

    A session sends its whole ``about`` when it is created or changed, ``state`` when that
    changes, and ``person`` with ``standing`` for each registration that comes or goes.

    :param standing: ``registered``, ``waiting`` or ``none``, of ``person``.
    :param occupied: people other than hosts inside, where seats are limited.
    :param inside: which of them came (true) or went.
    """

    event: str
    session: str
    about: Description | None = None
    state: str | None = attrs.field(default=None, validator=one_of(STATES))
    person: str | None = None
    standing: str | None = attrs.field(default=None, validator=one_of(STANDINGS))
    occupied: int | None = None
    inside: dict[str, bool] | None = None

    @property
    def entity(self) -> str:
        """The event the session belongs to."""
        return f"event/{self.event}"


@command("event.program")
@attrs.frozen(kw_only=True)
class Program(Command):
    """List the sessions of the event, of one day, or of one company, by start."""

    day: str | None = attrs.field(default=None, validator=up_to(ID_LIMIT))
    company: str | None = attrs.field(default=None, validator=up_to(ID_LIMIT))
    after: str | None = attrs.field(default=None, validator=up_to(ID_LIMIT))
    limit: int = attrs.field(default=PAGE_LIMIT, validator=between(1, PAGE_LIMIT))

    @property
    def entity(self) -> str:
        """The asker's event."""
        return f"event/{self.by.event}"


# Events


@event("program.changed")
@attrs.frozen(kw_only=True)
class ProgramChanged(Event):
    """A session is new in the program, or is now as its card says."""

    session: Card


@event("program.standing")
@attrs.frozen(kw_only=True)
class StandingChanged(Event):
    """A seat was taken or given back; the lobby hears of it with the next ``program.seats``."""

    published: ClassVar[bool] = False

    session: str
    person: str | None
    standing: str | None
    occupied: int | None
    inside: dict[str, bool] | None = None


@event("program.seats")
@attrs.frozen(kw_only=True)
class SeatsTold(Event):
    """How the seats of these sessions stand."""

    sessions: dict[str, Seats]


# Decide


def _session_changed(state: HasProgram, command: SessionChanged, now: datetime) -> Sequence[Event]:
    listed = state.program.get(command.session)
    events: list[Event] = []
    if command.about is not None or command.state is not None:
        before, listed = listed, _changed(listed, command)
        if listed is not None and listed != before:
            events.append(ProgramChanged(at=now, session=card(listed)))
    if listed is not None and _moves_seats(listed, command):
        events.append(
            StandingChanged(
                at=now,
                session=command.session,
                person=command.person,
                standing=command.standing,
                occupied=command.occupied,
                inside=command.inside,
            )
        )
    return events


def _changed(before: Listed | None, command: SessionChanged) -> Listed | None:
    """Return how a session is to be listed; None for one of which nothing else is known."""
    about = command.about or (before.about if before else None)
    if about is None:
        return None
    after = Listed(id=command.session, about=about) if before is None else attrs.evolve(before)
    after.about, after.state = about, command.state or after.state
    return after


def _moves_seats(listed: Listed, command: SessionChanged) -> bool:
    if command.occupied is not None and command.occupied != listed.occupied:
        return True
    if any((person in listed.inside) != came for person, came in (command.inside or {}).items()):
        return True
    if command.person is None or command.standing is None:
        return False
    return command.standing != _standing(listed, command.person)


def _standing(listed: Listed, person: str) -> str:
    if person in listed.registered:
        return "registered"
    return "waiting" if person in listed.waiting else "none"


def _program(state: HasProgram, command: Program, now: datetime) -> Sequence[Event]:  # noqa: ARG001  the shape of a decide function
    if command.day is not None:
        zones.to_day(command.day)
    return ()


# Evolve


def _on_program_changed(state: HasProgram, event: ProgramChanged) -> None:
    told = event.session
    about = Description.of(told)
    listed = state.program.setdefault(told.id, Listed(id=told.id, about=about))
    listed.about, listed.state = about, told.state
    if listed.state in OVER or about.capacity is None:
        listed.inside.clear()
    listed.has_changed()
    state.in_order = None


def _on_standing_changed(state: HasProgram, event: StandingChanged) -> None:
    listed = state.program[event.session]
    if event.occupied is not None:
        listed.occupied = event.occupied
    for person, came in (event.inside or {}).items():
        (listed.inside.add if came else listed.inside.discard)(person)
    if event.person is not None and event.standing is not None:
        listed.registered.discard(event.person)
        listed.waiting.discard(event.person)
        if event.standing == "registered":
            listed.registered.add(event.person)
        elif event.standing == "waiting":
            listed.waiting.add(event.person)
    listed.has_changed()
    state.seats_changed.add(event.session)


def _on_seats_told(state: HasProgram, event: SeatsTold) -> None:
    state.seats_changed.clear()
    state.seats_told = event.at


# Time


def due(state: HasProgram) -> datetime | None:
    """Return when the seats that changed are to be told."""
    if not state.seats_changed:
        return None
    return state.seats_told + SEATS_EVERY


def tick(state: HasProgram, now: datetime) -> Sequence[Event]:
    """Tell the lobby of all seats that have changed lately."""
    at = due(state)
    if at is None or now < at:
        return ()
    changed = sorted(state.seats_changed)
    return [SeatsTold(at=now, sessions={id_: state.program[id_].seats() for id_ in changed})]


# Answer


def _answer_program(
    state: HasProgram, command: Program, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events
    found = [
        listed
        for listed in in_order(state)
        if command.company in (None, listed.about.company)
        and command.day in (None, zones.local_day(listed.about.start, state.time_zone))
    ]
    ids = [listed.id for listed in found]
    first = ids.index(command.after) + 1 if command.after in ids else 0
    page = found[first : first + command.limit]
    more = first + len(page) < len(found)
    return {
        "days": state.days,
        "sessions": [personal(listed, command.by, now) for listed in page],
        "next": page[-1].id if more else None,
    }


DECIDE = {SessionChanged: _session_changed, Program: _program}
EVOLVE = {
    ProgramChanged: _on_program_changed,
    StandingChanged: _on_standing_changed,
    SeatsTold: _on_seats_told,
}
ANSWER = {Program: _answer_program}
