"""A room: who is in it, who may send what, who may see, who is heard."""

import attrs

from transport.media.levels import Levels

LOUDEST = 5
"""Voices of a room that are forwarded at once."""


def placement(room: str) -> str:
    """Return what a room belongs to: a session with its breakout rooms, or a chat.

    What belongs together shares a worker and a connection's peer connections. Nothing passes from
    one to another, though somebody may be in both: what is said in a chat stays there.
    """
    kind, _, name = room.partition("/")
    if kind == "room":
        return f"session/{name.rpartition('.')[0]}"
    return room


@attrs.define(eq=False)
class Room:
    """One stage, breakout room or 1-1 chat.

    :param place: what it belongs to.
    :param people: everybody in it.
    :param publish: the rights of those who may send anything.
    :param viewers: who may see.
    """

    name: str
    place: str = attrs.field(init=False)
    people: set[str] = attrs.field(factory=set)
    publish: dict[str, frozenset[str]] = attrs.field(factory=dict)
    viewers: set[str] = attrs.field(factory=set)
    levels: Levels[str] = attrs.field(factory=lambda: Levels(LOUDEST))
    loudest: set[str] = attrs.field(factory=set)
    told: list[tuple[str, int]] = attrs.field(factory=list)
    checked_at: float = 0.0

    def __attrs_post_init__(self) -> None:
        self.place = placement(self.name)
