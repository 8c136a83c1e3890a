"""An event's program: its sessions as Lobby, Program and companies' pages list them (rule 3).

Sessions tell the event what changes about them. The event keeps one card a session and who holds
a seat, so that any of the four ways in can say what a person may do there.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal, Protocol

import attrs

from actors.rules import zones
from actors.rules.base import Command, Event, Person, command, event
from actors.rules.bookings import SeatChanged, SessionChanged, SessionFacts
from actors.rules.records import iso, plain
from actors.rules.text import ID_LIMIT, between, up_to

HOSTS_EARLY = timedelta(minutes=15)
"""How long before the start hosts may enter backstage (rule 4)."""

PEOPLE_EARLY = timedelta(minutes=5)
"""How long before the start everybody else may enter (rule 4)."""

SEATS_HELD = timedelta(minutes=10)
"""How long after the start registered seats are held (rule 2)."""

SEATS_EVERY = timedelta(milliseconds=500)
"""Seats of the whole program are told at most this often."""

LOBBY_LIMIT = 200
"""Sessions in a lobby's snapshot."""

PAGE_LIMIT = 500
"""Sessions in one page of the program."""

OVER = frozenset({"ended", "cancelled"})
LIVE = frozenset({"live", "hostless"})

Join = Literal["now", "soon", "register", "waiting_list", "over"]


@attrs.frozen(kw_only=True)
class Seats:
    """How a session's seats stand; ``seats_left`` is None where there is no limit."""

    registered: int
    waiting: int
    seats_left: int | None


@attrs.frozen(kw_only=True)
class Card(SessionFacts):
    """A session as everybody sees it in the program."""

    live: bool
    seats_left: int | None


@attrs.define(kw_only=True)
class Listed:
    """One session in the program.

    :param facts: what the session told last.
    :param standing: person -> ``registered`` or ``waiting``.
    """

    facts: SessionFacts
    standing: dict[str, str] = attrs.field(factory=dict)

    def seats(self) -> Seats:
        """Return how the seats stand."""
        facts = self.facts
        left = None if facts.capacity is None else max(0, facts.capacity - facts.registered)
        return Seats(registered=facts.registered, waiting=facts.waiting, seats_left=left)


class HasProgram(Protocol):
    """A state with a program."""

    time_zone: str
    days: list[str]
    program: dict[str, Listed]
    seats_changed: set[str]
    seats_told: datetime


# Commands


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


@event("program.counted")
@attrs.frozen(kw_only=True)
class SeatsCounted(Event):
    """Only a session's seats have changed; the lobby hears of it with ``program.seats``."""

    published: ClassVar[bool] = False

    session: str
    registered: int
    waiting: int


@event("program.standing")
@attrs.frozen(kw_only=True)
class StandingChanged(Event):
    """Somebody has a seat, waits for one, or neither (``standing`` None)."""

    published: ClassVar[bool] = False

    session: str
    person: str
    standing: str | None


@event("program.seats")
@attrs.frozen(kw_only=True)
class SeatsTold(Event):
    """How the seats of these sessions stand."""

    sessions: dict[str, Seats]


# Views


def card(listed: Listed) -> Card:
    """Return a session as everybody sees it."""
    facts = listed.facts
    return Card(
        **attrs.asdict(facts, recurse=False),
        live=facts.status in LIVE,
        seats_left=listed.seats().seats_left,
    )


def personal(listed: Listed, person: Person, now: datetime) -> dict[str, Any]:
    """Return a session's card with what one person may do there."""
    mine = _mine(listed, person)
    opens = listed.facts.start - (HOSTS_EARLY if mine == "host" else PEOPLE_EARLY)
    return {
        **plain(card(listed)),
        "mine": mine,
        "join": join_right(listed, mine, opens, now),
        "opens_at": iso(opens),
    }


def join_right(listed: Listed, mine: str | None, opens: datetime, now: datetime) -> Join:
    """Say whether one may enter now, and what has to come first (rules 2, 4)."""
    facts, left = listed.facts, listed.seats().seats_left
    if facts.status in OVER:
        return "over"
    # Ten minutes after the start seats go to whoever comes first: then the door decides.
    held = now < facts.start + SEATS_HELD
    if left is not None and held and mine not in ("host", "registered"):
        return "register" if left and mine is None else "waiting_list"
    return "now" if now >= opens else "soon"


def _mine(listed: Listed, person: Person) -> str | None:
    if {listed.facts.id, "*"} & person.sessions or person.id in listed.facts.hosts:
        return "host"
    return listed.standing.get(person.id)


def in_order(program: Mapping[str, Listed]) -> list[Listed]:
    """Return the sessions by start, then by id."""
    return sorted(program.values(), key=lambda listed: (listed.facts.start, listed.facts.id))


def lobby(state: HasProgram, person: Person, now: datetime) -> dict[str, Any]:
    """Return what is live or still to come, and how many did not fit."""
    coming = [listed for listed in in_order(state.program) if listed.facts.status not in OVER]
    return {
        "sessions": [personal(listed, person, now) for listed in coming[:LOBBY_LIMIT]],
        "more": max(0, len(coming) - LOBBY_LIMIT),
    }


# Decide


def _session_changed(state: HasProgram, command: SessionChanged, now: datetime) -> Sequence[Event]:
    facts, before = command.facts, state.program.get(command.facts.id)
    if before is not None:
        if facts == before.facts:
            return ()
        if facts == attrs.evolve(before.facts, registered=facts.registered, waiting=facts.waiting):
            return [
                SeatsCounted(
                    at=now,
                    session=facts.id,
                    registered=facts.registered,
                    waiting=facts.waiting,
                )
            ]
    return [ProgramChanged(at=now, session=card(Listed(facts=facts)))]


def _seat_changed(state: HasProgram, command: SeatChanged, now: datetime) -> Sequence[Event]:
    listed = state.program.get(command.session)
    if listed is None or listed.standing.get(command.person) == command.standing:
        return ()
    return [
        StandingChanged(
            at=now, session=command.session, person=command.person, standing=command.standing
        )
    ]


def _program(state: HasProgram, command: Program, now: datetime) -> Sequence[Event]:  # noqa: ARG001  the shape of a decide function
    if command.day is not None:
        zones.to_day(command.day)
    return ()


# Evolve


def _on_program_changed(state: HasProgram, event: ProgramChanged) -> None:
    fields = attrs.fields_dict(SessionFacts)
    facts = SessionFacts(**{field: getattr(event.session, field) for field in fields})
    state.program.setdefault(facts.id, Listed(facts=facts)).facts = facts


def _on_seats_counted(state: HasProgram, event: SeatsCounted) -> None:
    listed = state.program[event.session]
    listed.facts = attrs.evolve(listed.facts, registered=event.registered, waiting=event.waiting)
    state.seats_changed.add(event.session)


def _on_standing_changed(state: HasProgram, event: StandingChanged) -> None:
    standing = state.program[event.session].standing
    if event.standing is None:
        standing.pop(event.person, None)
    else:
        standing[event.person] = event.standing


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
        for listed in in_order(state.program)
        if command.company in (None, listed.facts.company)
        and command.day in (None, zones.local_day(listed.facts.start, state.time_zone))
    ]
    ids = [listed.facts.id for listed in found]
    first = ids.index(command.after) + 1 if command.after in ids else 0
    page = found[first : first + command.limit]
    more = first + len(page) < len(found)
    return {
        "days": state.days,
        "sessions": [personal(listed, command.by, now) for listed in page],
        "next": page[-1].facts.id if more else None,
    }


DECIDE = {SessionChanged: _session_changed, SeatChanged: _seat_changed, Program: _program}
EVOLVE = {
    ProgramChanged: _on_program_changed,
    StandingChanged: _on_standing_changed,
    SeatsCounted: _on_seats_counted,
    SeatsTold: _on_seats_told,
}
ANSWER = {Program: _answer_program}
