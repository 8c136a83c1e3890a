"""The commands about sound and picture themselves: descriptions, sizes, hanging up.

They are for no entity's rules: the room's media actor carries them out and nothing is journalled.
Who may send what is not asked here; it follows from the room's own rules.
"""

from collections.abc import Mapping
from typing import Any

import attrs

from actors.errors import Refused
from actors.rules.base import Command, command
from actors.rules.text import ID_LIMIT, invalid, up_to

SDP_LIMIT = 64_000
"""Characters of a session description."""

SECTIONS_LIMIT = 64
"""M-lines a client may speak of at once."""

HEIGHT_LIMIT = 10_000
"""Pixels."""

ROOMS = frozenset({"session", "room", "chat"})
"""Kinds of topics that have sound and picture."""


def _mapping_within(limit: int) -> Any:
    def check(_: Any, attribute: "attrs.Attribute[Any]", value: Mapping[str, Any]) -> None:
        if len(value) > limit or any(len(key) > ID_LIMIT for key in value):
            raise invalid(attribute.name, f"At most {limit} m-lines.")

    return check


def _heights(_: Any, attribute: "attrs.Attribute[Any]", value: Mapping[str, int]) -> None:
    if any(not 0 <= height <= HEIGHT_LIMIT for height in value.values()):
        raise invalid(attribute.name, f"A height is from 0 to {HEIGHT_LIMIT} pixels.")


@attrs.frozen(kw_only=True)
class OfRoom(Command):
    """Names the room by its topic."""

    room: str = attrs.field(validator=up_to(2 * ID_LIMIT))

    def __attrs_post_init__(self) -> None:
        kind, _, rest = self.room.partition("/")
        if kind not in ROOMS or not rest:
            raise invalid("room", "Sound and picture belong to a session/…, room/… or chat/….")

    @property
    def entity(self) -> str:  # noqa: D102  the base tells
        return f"media/{self.room}"


@attrs.frozen(kw_only=True)
class _Described(OfRoom):
    sdp: str

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if len(self.sdp) > SDP_LIMIT:
            raise Refused("too_large", "This session description is too long.", path="sdp")


@command("rtc.offer")
@attrs.frozen(kw_only=True)
class Offer(_Described):
    """Offer what one sends; the result has the answer."""

    tracks: dict[str, str] = attrs.field(factory=dict, validator=_mapping_within(SECTIONS_LIMIT))


@command("rtc.answer")
@attrs.frozen(kw_only=True)
class Answer(_Described):
    """Answer the server's offer."""


@command("rtc.candidate")
@attrs.frozen(kw_only=True)
class Candidate(OfRoom):
    """Tell an ICE candidate; the server needs none and takes any."""

    candidate: dict[str, Any] | None = None


@command("rtc.restart")
@attrs.frozen(kw_only=True)
class Restart(OfRoom):
    """Begin ICE anew on the receiving side."""


@command("rtc.view")
@attrs.frozen(kw_only=True)
class View(OfRoom):
    """Tell at which height each picture is shown; 0 for one that is not."""

    views: dict[str, int] = attrs.field(validator=[_mapping_within(SECTIONS_LIMIT), _heights])


@command("rtc.close")
@attrs.frozen(kw_only=True)
class Close(OfRoom):
    """Hang up; both peer connections are forgotten."""
