"""What may be asked of a session about its breakout rooms."""

from typing import Any

import attrs

from actors.rules.base import Command, command
from actors.rules.breakout.state import COUNTDOWN, MAX_ROOMS
from actors.rules.text import ID_LIMIT, NAME_LIMIT, an_id, between, invalid, one_of, up_to

TEXT_LIMIT = 1000
"""Characters of a broadcast."""

MAX_MINUTES = 240
"""Minutes a host may give or add: no session is longer (rule 1)."""

MAX_COUNTDOWN = 3600
"""Seconds of the longest countdown."""

MAX_LISTED = 10_000
"""People a prepared list may hold."""

ASSIGN = ("random", "manual", "list", "self", "again")
LATE = ("main", "smallest")


@attrs.frozen(kw_only=True)
class _OnSession(Command):
    session: str = an_id()

    @property
    def entity(self) -> str:
        return f"session/{self.session}"


def _check_names(_: Any, __: Any, names: list[str] | None) -> None:
    if names is None:
        return
    if len(names) > MAX_ROOMS:
        raise invalid("names", f"There are at most {MAX_ROOMS} rooms.")
    for name in names:
        if not name.strip() or len(name) > NAME_LIMIT:
            raise invalid("names", f"A room's name has 1 to {NAME_LIMIT} characters.")


def _check_groups(_: Any, __: Any, groups: list[list[str]] | None) -> None:
    if groups is None:
        return
    if len(groups) > MAX_ROOMS:
        raise invalid("groups", f"There are at most {MAX_ROOMS} rooms.")
    listed = [person for group in groups for person in group]
    if len(listed) > MAX_LISTED:
        raise invalid("groups", f"A list holds at most {MAX_LISTED} people.")
    if any(not 0 < len(person) <= ID_LIMIT for person in listed):
        raise invalid("groups", "groups holds lists of people's ids.")
    if len(set(listed)) < len(listed):
        raise invalid("groups", "Somebody is in the list twice.")


@command("breakout.open")
@attrs.frozen(kw_only=True)
class Open(_OnSession):
    """Open breakout rooms (hosts).

    :param rooms: how many, 1 to 50; may be absent where ``names`` or ``groups`` say it.
    :param assign: ``random`` into even sizes; ``manual``: the host moves people; ``list``:
        as ``groups`` say; ``self``: everybody chooses; ``again``: the last groups again.
    :param groups: people's ids, a list for each room; with ``list`` or ``manual``.
    :param names: the rooms' names; absent: *Room 1* and so on.
    :param minutes: how long; absent: until the session's end.
    :param late: where people who come later go: ``main`` or the ``smallest`` room.
    """

    rooms: int | None = attrs.field(default=None, validator=between(1, MAX_ROOMS))
    assign: str = attrs.field(default="random", validator=one_of(ASSIGN))
    groups: list[list[str]] | None = attrs.field(default=None, validator=_check_groups)
    names: list[str] | None = attrs.field(default=None, validator=_check_names)
    minutes: int | None = attrs.field(default=None, validator=between(1, MAX_MINUTES))
    late: str = attrs.field(default="main", validator=one_of(LATE))


@command("breakout.get")
@attrs.frozen(kw_only=True)
class Get(_OnSession):
    """Return the rooms."""


@command("breakout.enter")
@attrs.frozen(kw_only=True)
class Enter(_OnSession):
    """Go into a room: one's own, or as a host any."""

    room: str = an_id()


@command("breakout.main")
@attrs.frozen(kw_only=True)
class Main(_OnSession):
    """Go back to the main call; the room stays one's own."""


@command("breakout.move")
@attrs.frozen(kw_only=True)
class Move(_OnSession):
    """Move somebody into a room, which becomes theirs, or with null to the main call (hosts)."""

    person: str = an_id()
    room: str | None = attrs.field(validator=up_to(ID_LIMIT))


@command("breakout.rename")
@attrs.frozen(kw_only=True)
class Rename(_OnSession):
    """Give a room another name (hosts)."""

    room: str = an_id()
    name: str = attrs.field(validator=up_to(NAME_LIMIT))


@command("breakout.broadcast")
@attrs.frozen(kw_only=True)
class Broadcast(_OnSession):
    """Say something to all rooms at once (hosts)."""

    text: str = attrs.field(validator=up_to(TEXT_LIMIT))


@command("breakout.help")
@attrs.frozen(kw_only=True)
class CallHelp(_OnSession):
    """Call a host into one's room."""


@command("breakout.answer")
@attrs.frozen(kw_only=True)
class AnswerHelp(_OnSession):
    """Answer a room's call by going there (hosts)."""

    room: str = an_id()


@command("breakout.extend")
@attrs.frozen(kw_only=True)
class Extend(_OnSession):
    """Give all rooms more time, as far as the session has it (hosts)."""

    minutes: int = attrs.field(validator=between(1, MAX_MINUTES))


@command("breakout.close")
@attrs.frozen(kw_only=True)
class Close(_OnSession):
    """End the rooms after a countdown in seconds; 0 ends them at once (hosts)."""

    countdown: int = attrs.field(
        default=int(COUNTDOWN.total_seconds()), validator=between(0, MAX_COUNTDOWN)
    )
