"""A room: who is in it, who may send what, who may see, who is heard."""

import attrs

from transport.media.levels import Levels

LOUDEST = 5
"""Voices of a room that are forwarded at once."""


@attrs.define(eq=False)
class Room:
    """One stage, breakout room or 1-1 chat.

    :param people: everybody in it.
    :param publish: the rights of those who may send anything.
    :param viewers: who may see.
    """

    name: str
    people: set[str] = attrs.field(factory=set)
    publish: dict[str, frozenset[str]] = attrs.field(factory=dict)
    viewers: set[str] = attrs.field(factory=set)
    levels: Levels[str] = attrs.field(factory=lambda: Levels(LOUDEST))
    loudest: set[str] = attrs.field(factory=set)
    told: list[tuple[str, int]] = attrs.field(factory=list)
    checked_at: float = 0.0
