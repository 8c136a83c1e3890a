"""The supervision tree: one pool for each kind of entity, under one root.

A session and its breakout rooms stand together under a supervisor of their own, which comes and
goes with them.

Entities of a kind are strangers to each other: one that fails is restarted from its journal, alone,
and given up on, alone, if it keeps failing (the next message to it tries again, or a minute later
it is brought back for what it has due). No sibling is restarted for it, for all that siblings
share is the journal, which has what was acknowledged.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from actors.errors import Refused
from actors.kernel import (
    ActorRef,
    ActorSystem,
    Backoff,
    Intensity,
    Strategy,
    Supervisor,
    UnknownKindError,
)
from actors.media import MediaActor
from actors.services import Services
from engine.kinds import KINDS, Kind

ENTITY_NAME_LENGTH = 400
"""Longest name of an entity; longer ones are not looked for."""

MEDIA = "media"
"""The kind of the actors that order sound and picture for a room."""


SESSION_TREE = "session-tree"
"""The kind of the supervisors of a session and its rooms, by the session's id."""


class Pool(Supervisor):
    """Entities of one kind.

    A crash is often the end of something passing, so the first restart comes soon and the
    following ones later and later.
    """

    strategy = Strategy.POOL
    intensity: ClassVar[Intensity] = Intensity(restarts=5, seconds=60.0, per_child=True)
    backoff: ClassVar[Backoff] = Backoff(initial=0.05, maximum=5.0)


class SessionSupervisor(Pool):
    """One session and its breakout rooms; leaves memory when the last of them has.

    Each is restarted alone, from its own journal: a room that fails takes nothing from the
    session, nor from the other rooms.
    """

    passivate_after = 900.0
    """A session to come keeps this in memory for days, looked at so often."""

    def may_passivate(self) -> bool:
        """Whether neither the session nor a room is in memory."""
        return not self._children.children


def address_in(system: ActorSystem) -> Callable[[str], ActorRef[Any]]:
    """Return the function that finds, or wakes, an entity's actor.

    It raises :exc:`Refused` (``not_found``) for a name that no entity can have.
    """

    def address(entity: str) -> ActorRef[Any]:
        kind, _, key = entity.partition("/")
        if not key or len(entity) > ENTITY_NAME_LENGTH or kind == SESSION_TREE:
            raise Refused("not_found", "There is no such thing here.")
        try:
            return system.get(kind, key)
        except UnknownKindError:
            raise Refused("not_found", "There is no such thing here.") from None

    return address


def grow(system: ActorSystem, services: Services) -> None:
    """Plant a pool for every kind of entity, and say how its actors come to life."""
    sessions = system.spawn(Pool, name="sessions")
    system.register(SESSION_TREE, lambda _: SessionSupervisor(), under=sessions)
    places: dict[str, Callable[[str], ActorRef[Any]]] = {
        "session": lambda session: system.get(SESSION_TREE, session),
        "room": lambda room: system.get(SESSION_TREE, room.rpartition(".")[0] or room),
    }
    for name, kind in KINDS.items():
        plural = "companies" if name == "company" else f"{name}s"
        under = places.get(name) or system.spawn(Pool, name=plural)
        system.register(name, _factory(name, kind, services), under=under)
    if services.media is not None:
        pool = system.spawn(Pool, name=MEDIA)
        system.register(MEDIA, lambda room: (MediaActor, (room, services)), under=pool)


def _factory(name: str, kind: Kind, services: Services) -> Callable[[str], Any]:
    return lambda key: (kind.actor, (f"{name}/{key}", kind.rules, services))
