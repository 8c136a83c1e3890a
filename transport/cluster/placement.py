"""Which node an entity belongs to.

What takes part in one transaction must have one owner, for a transaction is decided over states in
one memory and held locks never cross a wire: so an event, its companies, agendas, 1-1 chats,
people and support all stand where the event's id puts them. A session and its breakout rooms stand
where the session's id puts them, for sessions are what is heavy.

Ids are hashed onto a fixed number of shards, and rendezvous hashing (Thaler and Ravishankar, 1998)
names a node for each shard: when a node comes or goes, only its own share moves.
"""

from collections.abc import Collection, Mapping
from functools import lru_cache
from hashlib import blake2b

SHARDS = 128
"""Shards of a cluster; a cluster can have no more nodes that own something."""

OF_EVENT = frozenset({"event", "chat", "agenda", "person", "support"})
"""Kinds whose ids begin with their event's; ids of events hold no dot."""


def place_of(entity: str, companies: Mapping[str, str]) -> str:
    """Return the id that places an entity.

    :param companies: id of a company -> id of its event; a company that is not in it has no
        state yet, and stands by itself.
    """
    kind, _, ident = entity.partition("/")
    if kind == "media":
        return place_of(ident, companies)
    if kind in OF_EVENT:
        return f"event {ident.partition('.')[0]}"
    if kind == "company":
        event = companies.get(ident)
        return f"event {event}" if event is not None else f"company {ident}"
    if kind == "room":
        return f"session {ident.rpartition('.')[0]}"
    return f"{kind} {ident}"


@lru_cache(65_536)
def shard_of(place: str) -> int:
    """Return the shard that a place is in."""
    return int.from_bytes(blake2b(place.encode(), digest_size=8).digest()) % SHARDS


def preferred(shard: int, nodes: Collection[str]) -> str | None:
    """Return the node a shard should be on, of those there are; None if there is none."""
    return max(nodes, key=lambda node: _weight(shard, node), default=None)


@lru_cache(65_536)
def _weight(shard: int, node: str) -> bytes:
    return blake2b(f"{shard} {node}".encode(), digest_size=8).digest()
