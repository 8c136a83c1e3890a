"""What happens to breakout rooms, as a session's journal and its topic tell it."""

from datetime import datetime
from typing import Any, ClassVar

import attrs

from actors.rules.base import Event, event
from actors.rules.breakout.state import Intent


def _secret(**options: Any) -> Any:
    """Return a field that is only for the room entities and people the session tells."""
    return attrs.field(metadata={"secret": True}, **options)


@attrs.frozen(kw_only=True)
class Occupant:
    """Somebody as a room needs to know them."""

    id: str
    name: str
    role: str
    company: str | None = None
    host: bool = False


@attrs.frozen(kw_only=True)
class RoomName:
    """A room as it is announced."""

    id: str
    name: str


@event("breakout.opened")
@attrs.frozen(kw_only=True)
class Opened(Event):
    """All rooms of a round are open; everybody in ``moved`` is in their assigned room now.

    :param event: the event's id.
    :param people: those in ``moved``, and hosts by id only in ``hosts``.
    :param away: people in ``moved`` without a connection.
    """

    round: int
    assign: str
    late: str
    ends_at: datetime
    rooms: list[RoomName]
    assigned: dict[str, str]
    moved: list[str]
    by: str
    event: str = _secret()
    people: list[Occupant] = _secret()
    hosts: list[str] = _secret()
    away: list[str] = _secret()


@event("breakout.moved")
@attrs.frozen(kw_only=True)
class Moved(Event):
    """Somebody went or was moved.

    :param previous: the room they come from; None: the main call.
    :param room: the room they are in now; None: the main call.
    :param assigned: the room that is theirs from now on.
    :param by: whoever moved them; None: themselves, or the engine for somebody who came late.
    :param media: what is on again in the main call.
    :param chosen: whether they went by themselves.
    :param intent: what is to be on in the room; None: what was before, or everything.
    """

    person: str
    previous: str | None
    room: str | None
    assigned: str | None
    by: str | None
    media: Intent | None
    chosen: bool = _secret()
    intent: Intent | None = _secret(default=None)
    event: str = _secret()
    occupant: Occupant = _secret()


@event("breakout.settled")
@attrs.frozen(kw_only=True)
class Settled(Event):
    """The session's hosts or bans have changed while it has rooms: they are told.

    :param hosts: ids of the hosts from now on.
    :param people: who of the session's people became a host, or is one no longer.
    :param banned: who must stay out, or (false) no longer.
    """

    published: ClassVar[bool] = False

    rooms: list[str]
    hosts: list[str]
    people: list[Occupant]
    banned: dict[str, bool]


@event("breakout.renamed")
@attrs.frozen(kw_only=True)
class Renamed(Event):
    """A room has another name."""

    room: str
    name: str


@event("breakout.broadcast")
@attrs.frozen(kw_only=True)
class Broadcasted(Event):
    """A host said something to all rooms."""

    text: str
    by: str
    by_name: str


@event("breakout.help_asked")
@attrs.frozen(kw_only=True)
class HelpAsked(Event):
    """A room calls for a host."""

    room: str
    by: str
    by_name: str


@event("breakout.help_answered")
@attrs.frozen(kw_only=True)
class HelpAnswered(Event):
    """A host is coming."""

    room: str
    by: str


@event("breakout.timed")
@attrs.frozen(kw_only=True)
class Timed(Event):
    """The rooms end at another time than told before; a countdown that ran is off.

    :param by: None: the session's own end has moved.
    """

    ends_at: datetime
    by: str | None
    rooms: list[str] = _secret()


@event("breakout.closing")
@attrs.frozen(kw_only=True)
class Closing(Event):
    """The countdown has begun.

    :param seconds: its length.
    :param by: None: the time is up.
    """

    ends_at: datetime
    seconds: int
    by: str | None
    rooms: list[str] = _secret()


@event("breakout.closed")
@attrs.frozen(kw_only=True)
class Closed(Event):
    """The rooms are closed; everybody in ``moved`` is back in the main call.

    :param media: person -> what is on again there.
    """

    round: int
    moved: list[str]
    media: dict[str, Intent]
    by: str | None
    event: str = _secret()
    rooms: list[str] = _secret()
    away: list[str] = _secret()
