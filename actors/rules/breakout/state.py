"""What a session knows of its breakout rooms."""

from datetime import datetime, timedelta

import attrs

MAX_ROOMS = 50
"""Rooms open at a time (rule 25)."""

COUNTDOWN = timedelta(seconds=30)
"""How long before the end everybody is told, unless the host says otherwise (rule 30)."""

REST = timedelta(seconds=5)
"""How long before the session's planned end the rooms' time is up at the latest (rule 30)."""


@attrs.frozen(kw_only=True)
class Intent:
    """Which of microphone and camera somebody wants on."""

    mic: bool
    camera: bool


@attrs.frozen(kw_only=True)
class Help:
    """A room's call for a host."""

    by: str
    name: str
    at: datetime


@attrs.define(kw_only=True)
class Room:
    """One breakout room.

    :param id: a whole number as text, never used twice in a session but to open a room again.
    """

    id: str
    name: str
    help: Help | None = None


@attrs.define
class BreakoutState:
    """The rooms of the present round, or of the last one.

    Where somebody is stands in the session's members; here is where they belong.

    :param status: ``none`` before the first round, ``open``, ``closing``, ``closed``.
    :param round: counts the rounds; also what shuffles are made from.
    :param last_room: the highest id of a room so far.
    :param assigned: person -> room; kept after the close, to read and to open again (rule 33).
    :param in_main: assigned people who went back to the main call by themselves.
    :param main_media: what people in rooms had on in the main call (rule 26).
    :param ends_at: when everybody is moved back.
    :param countdown: while closing, seconds from its beginning to its end.
    """

    status: str = "none"
    round: int = 0
    last_room: int = 0
    assign: str = "manual"
    late: str = "main"
    opened_at: datetime | None = None
    ends_at: datetime | None = None
    countdown: int | None = None
    rooms: dict[str, Room] = attrs.field(factory=dict)
    assigned: dict[str, str] = attrs.field(factory=dict)
    in_main: set[str] = attrs.field(factory=set)
    main_media: dict[str, Intent] = attrs.field(factory=dict)

    @property
    def is_open(self) -> bool:
        """Whether people can be in rooms."""
        return self.status in ("open", "closing")


def room_entity(session: str, room: str) -> str:
    """Return the entity of a breakout room, which is also its topic."""
    return f"room/{session}.{room}"
