"""Who is connected to what, by person and not by socket (rules 34, 35)."""

from collections.abc import Iterator

import attrs

from actors.rules.base import Person


@attrs.define
class _Seat:
    person: Person
    connections: set[str] = attrs.field(factory=set)


class Presence:
    """A book of live connections: entity -> person -> the connections that follow it.

    Kept in memory only: after a restart nobody is connected, and everybody who comes back is
    entered anew. A connection is entered only while it lasts: what its person asked for on it
    may be answered after its end, and must leave no ghost.
    """

    def __init__(self) -> None:
        self._lasting: set[str] = set()
        self._entities: dict[str, dict[str, _Seat]] = {}
        self._followed: dict[str, set[str]] = {}

    def begin(self, connection: str) -> None:
        """Note that a connection has come."""
        self._lasting.add(connection)

    def end(self, connection: str) -> frozenset[str]:
        """Note that a connection has ended; return what it still followed, to be left."""
        self._lasting.discard(connection)
        return self.entities(connection)

    def enter(self, entity: str, person: Person, connection: str) -> bool:
        """Let a connection follow an entity; return False if it has ended."""
        if connection not in self._lasting:
            return False
        people = self._entities.setdefault(entity, {})
        seat = people.setdefault(person.id, _Seat(person))
        seat.person = person
        seat.connections.add(connection)
        self._followed.setdefault(connection, set()).add(entity)
        return True

    def leave(self, entity: str, person: str, connection: str) -> bool:
        """Forget a connection; return whether it was the person's last in this entity.

        A connection that is not noted, because a newer one took its place, changes nothing.
        """
        people = self._entities.get(entity, {})
        seat = people.get(person)
        if seat is None or connection not in seat.connections:
            return False
        seat.connections.discard(connection)
        followed = self._followed[connection]
        followed.discard(entity)
        if not followed:
            del self._followed[connection]
        if seat.connections:
            return False
        del people[person]
        if not people:
            del self._entities[entity]
        return True

    def connections(self, entity: str, person: str) -> frozenset[str]:
        """Return the connections by which a person follows an entity."""
        seat = self._entities.get(entity, {}).get(person)
        return frozenset(seat.connections) if seat else frozenset()

    def entities(self, connection: str) -> frozenset[str]:
        """Return what a connection follows."""
        return frozenset(self._followed.get(connection, ()))

    def person(self, entity: str, person: str) -> Person | None:
        """Return somebody who follows an entity, as their newest connection said it."""
        seat = self._entities.get(entity, {}).get(person)
        return seat.person if seat else None

    def people(self, entity: str) -> Iterator[Person]:
        """Yield everybody who follows an entity."""
        return iter([seat.person for seat in self._entities.get(entity, {}).values()])

    def __len__(self) -> int:
        return sum(len(people) for people in self._entities.values())
