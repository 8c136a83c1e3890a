"""An event's program: its sessions as Lobby, Program and companies' pages list them (rule 3).

Sessions tell the event what changes about them. The event keeps one card a session and who holds
a seat, so that any of the four ways in can say what a person may do there.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, ClassVar, Literal, Protocol

import attrs

from actors.rules import zones
from actors.rules.base import Command, Event, Person, command, event
from actors.rules.records import iso, plain
from actors.rules.text import ID_LIMIT, between, one_of, up_to

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
STATES = ("scheduled", "backstage", "live", "ended", "cancelled")
STANDINGS = ("registered", "waiting", "none")

Join = Literal["now", "soon", "register", "waiting_list", "full", "over"]


@attrs.frozen(kw_only=True)
class Description:
    """What a session is, as its organizer planned it.

    :param capacity: seats for everybody but hosts; None for a session open to all.
    """

    title: str
    kind: str
    company: str | None
    hosts: list[str]
    start: datetime
    end: datetime
    capacity: int | None


@attrs.frozen(kw_only=True)
class Seats:
    """How a session's seats stand; ``seats_left`` is None where there is no limit."""

    registered: int
    waiting: int
    seats_left: int | None


@attrs.frozen(kw_only=True)
class Card(Description):
    """A session as everybody sees it in the program; the seats are those of :class:`Seats`."""

    id: str
    state: str
    live: bool
    registered: int
    waiting: int
    seats_left: int | None


@attrs.frozen
class Spelt:
    """What of a card is the same for everybody, as the wire spells it.

    A lobby has hundreds, for each of the thousands who look.

    :param to_hosts: when it opens to its hosts, as an instant and as text.
    :param to_all: and to everybody else.
    """

    words: dict[str, Any]
    to_hosts: tuple[datetime, str]
    to_all: tuple[datetime, str]


@attrs.define(kw_only=True)
class Listed:
    """One session in the program.

    :param occupied: people other than hosts who are inside, as far as the session has told.
    """

    id: str
    about: Description
    state: str = "scheduled"
    registered: set[str] = attrs.field(factory=set)
    waiting: set[str] = attrs.field(factory=set)
    occupied: int = 0
    _spelt: Spelt | None = attrs.field(default=None, init=False, eq=False, repr=False)

    def spelt(self) -> Spelt:
        """Return what is the same for everybody, made once for each change."""
        if self._spelt is None:
            start = self.about.start
            to_hosts, to_all = start - HOSTS_EARLY, start - PEOPLE_EARLY
            words = plain(card(self))
            self._spelt = Spelt(words, (to_hosts, iso(to_hosts)), (to_all, iso(to_all)))
        return self._spelt

    def has_changed(self) -> None:
        """Let it be spelt anew."""
        self._spelt = None

    @property
    def seats_left(self) -> int | None:
        """Seats nobody has taken; None where there is no limit."""
        capacity = self.about.capacity
        if capacity is None:
            return None
        return max(0, capacity - max(len(self.registered), self.occupied))

    def seats(self) -> Seats:
        """Return how the seats stand."""
        return Seats(
            registered=len(self.registered), waiting=len(self.waiting), seats_left=self.seats_left
        )


class HasProgram(Protocol):
    """A state with a program."""

    time_zone: str
    days: list[str]
    program: dict[str, Listed]
    in_order: list[Listed] | None
    seats_changed: set[str]
    seats_told: datetime


# Commands


@attrs.frozen(kw_only=True)
class SessionChanged(Command):
    """A session's own word about itself; what is None has not changed.

    A session sends its whole ``about`` when it is created or changed, ``state`` when that
    changes, and ``person`` with ``standing`` for each registration that comes or goes.

    :param standing: ``registered``, ``waiting`` or ``none``, of ``person``.
    :param occupied: people other than hosts inside, where seats are limited.
    """

    event: str
    session: str
    about: Description | None = None
    state: str | None = attrs.field(default=None, validator=one_of(STATES))
    person: str | None = None
    standing: str | None = attrs.field(default=None, validator=one_of(STANDINGS))
    occupied: int | None = None

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


@event("program.seats")
@attrs.frozen(kw_only=True)
class SeatsTold(Event):
    """How the seats of these sessions stand."""

    sessions: dict[str, Seats]


# Views


def card(listed: Listed) -> Card:
    """Return a session as everybody sees it."""
    return Card(
        id=listed.id,
        state=listed.state,
        live=listed.state == "live",
        **attrs.asdict(listed.about, recurse=False),
        **attrs.asdict(listed.seats(), recurse=False),
    )


def personal(listed: Listed, person: Person, now: datetime) -> dict[str, Any]:
    """Return a session's card with what one person may do there."""
    mine = _mine(listed, person)
    spelt = listed.spelt()
    opens, opens_at = spelt.to_hosts if mine == "host" else spelt.to_all
    return {
        **spelt.words,
        "mine": mine,
        "join": join_right(listed, mine, opens, now, spelt.words["seats_left"]),
        "opens_at": opens_at,
    }


def join_right(
    listed: Listed, mine: str | None, opens: datetime, now: datetime, left: int | None
) -> Join:
    """Say whether one may enter now, and what has to come first (rules 2, 4); ``left``: seats."""
    if listed.state in OVER:
        return "over"
    if left is not None and mine not in ("host", "registered"):
        held = now < listed.about.start + SEATS_HELD
        if held:
            return "register" if left and mine is None else "waiting_list"
        # From now on seats go to whoever is inside, not to whoever has registered.
        assert listed.about.capacity is not None  # noqa: S101  seats_left is None without it
        return "now" if listed.occupied < listed.about.capacity else "full"
    return "now" if now >= opens or listed.state == "live" else "soon"


def _mine(listed: Listed, person: Person) -> str | None:
    hosted = person.sessions
    if (hosted and (listed.id in hosted or "*" in hosted)) or person.id in listed.about.hosts:
        return "host"
    if person.id in listed.registered:
        return "registered"
    return "waiting" if person.id in listed.waiting else None


def in_order(state: HasProgram) -> list[Listed]:
    """Return the sessions by start, then by id."""
    if state.in_order is None:
        state.in_order = sorted(state.program.values(), key=attrgetter("about.start", "id"))
    return state.in_order


def lobby(state: HasProgram, person: Person, now: datetime) -> dict[str, Any]:
    """Return what is live or still to come, and how many did not fit."""
    coming = [listed for listed in in_order(state) if listed.state not in OVER]
    return {
        "sessions": [personal(listed, person, now) for listed in coming[:LOBBY_LIMIT]],
        "more": max(0, len(coming) - LOBBY_LIMIT),
    }


# Decide


def _session_changed(state: HasProgram, command: SessionChanged, now: datetime) -> Sequence[Event]:
    before = state.program.get(command.session)
    about = command.about or (before.about if before else None)
    if about is None:
        return ()
    events: list[Event] = []
    after = Listed(id=command.session, about=about) if before is None else attrs.evolve(before)
    after.about, after.state = about, command.state or after.state
    if after != before:
        events.append(ProgramChanged(at=now, session=card(after)))
    if _moves_seats(after, command):
        events.append(
            StandingChanged(
                at=now,
                session=command.session,
                person=command.person,
                standing=command.standing,
                occupied=command.occupied,
            )
        )
    return events


def _moves_seats(listed: Listed, command: SessionChanged) -> bool:
    if command.occupied is not None and command.occupied != listed.occupied:
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
    fields = attrs.fields_dict(Description)
    about = Description(**{field: getattr(told, field) for field in fields})
    listed = state.program.setdefault(told.id, Listed(id=told.id, about=about))
    listed.about, listed.state = about, told.state
    listed.has_changed()
    state.in_order = None


def _on_standing_changed(state: HasProgram, event: StandingChanged) -> None:
    listed = state.program[event.session]
    if event.occupied is not None:
        listed.occupied = event.occupied
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
