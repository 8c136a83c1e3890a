"""What a program is made of, and how its sessions look to everybody and to one person (rule 3)."""

from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, Literal, Protocol

import attrs

from actors.rules.base import Person
from actors.rules.records import iso, plain

HOSTS_EARLY = timedelta(minutes=15)
"""How long before the start hosts may enter backstage (rule 4)."""

PEOPLE_EARLY = timedelta(minutes=5)
"""How long before the start everybody else may enter (rule 4)."""

SEATS_HELD = timedelta(minutes=10)
"""How long after the start registered seats are held (rule 2)."""

LOBBY_LIMIT = 200
"""Sessions in a lobby's snapshot."""

OVER = frozenset({"ended", "cancelled"})

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

    @classmethod
    def of(cls, told: "Description") -> "Description":
        """Return the part of something larger that describes the session."""
        return Description(**{name: getattr(told, name) for name in attrs.fields_dict(Description)})


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
    :param inside: who they are.
    """

    id: str
    about: Description
    state: str = "scheduled"
    registered: set[str] = attrs.field(factory=set)
    waiting: set[str] = attrs.field(factory=set)
    occupied: int = 0
    inside: set[str] = attrs.field(factory=set)
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
    staff = mine == "host" or person.is_organizer
    opens, opens_at = spelt.to_hosts if staff else spelt.to_all
    if listed.state in OVER:
        join: Join = "over"
    elif staff or listed.about.capacity is None:
        join = _by_time(listed, opens, now)
    else:
        join = _by_seat(listed, mine, person.id, opens, now)
    return {**spelt.words, "mine": mine, "join": join, "opens_at": opens_at}


def _by_time(listed: Listed, opens: datetime, now: datetime) -> Join:
    return "now" if now >= opens or listed.state == "live" else "soon"


def _by_seat(listed: Listed, mine: str | None, person: str, opens: datetime, now: datetime) -> Join:
    """Say whether somebody may enter now where seats are limited (rules 2, 4)."""
    capacity = listed.about.capacity or 0
    if now >= listed.about.start + SEATS_HELD:
        # From now on seats go to whoever is inside, not to whoever has registered.
        return "now" if listed.occupied < capacity or person in listed.inside else "full"
    if mine == "registered":
        return _by_time(listed, opens, now)
    return "register" if listed.seats_left and mine is None else "waiting_list"


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
