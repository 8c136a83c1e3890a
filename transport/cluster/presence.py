"""Presence on a node among others: connections of any node follow the entities owned here."""

from collections import OrderedDict

from actors.presence import Presence
from actors.rules.base import Person
from transport.cluster.hub import ClusterHub, node_of

ENDED_KEPT = 10_000
"""Ended connections of other nodes that are remembered, lest something late brings them back."""


class ClusterPresence(Presence):
    """The book of connections that follow what this node owns.

    :param me: this node's id.
    """

    def __init__(self, me: str, hub: ClusterHub) -> None:
        super().__init__()
        self._me = me
        self._hub = hub
        self._who: dict[str, Person] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()

    def enter(self, entity: str, person: Person, connection: str) -> bool:
        """Let a connection follow an entity; return False if it is known to have ended.

        Of another node's connection only that node knows. It is told that the connection follows
        the entity, and says so if the connection has ended.
        """
        here = node_of(connection) == self._me
        if not self._hub.is_here(connection) if here else connection in self._ended:
            return False
        self.begin(connection)
        self._who[connection] = person
        return super().enter(entity, person, connection)

    def end(self, connection: str) -> frozenset[str]:
        """Note that a connection has ended; return what it still followed, to be left."""
        self._ended[connection] = None
        if len(self._ended) > ENDED_KEPT:
            self._ended.popitem(last=False)
        self._who.pop(connection, None)
        return super().end(connection)

    def who(self, connection: str) -> Person | None:
        """Return whose connection it is, if it follows something here."""
        return self._who.get(connection)

    def here(self) -> frozenset[str]:
        """Return the connections that follow something here."""
        return frozenset(self._who)

    def followed(self) -> list[str]:
        """Return the entities that are followed here."""
        return list(self._entities)

    def forget(self, entity: str) -> None:
        """Forget who follows an entity: another node keeps that book now."""
        for person in list(self.people(entity)):
            for connection in self.connections(entity, person.id):
                self.leave(entity, person.id, connection)
                if not self.entities(connection):
                    self._who.pop(connection, None)
