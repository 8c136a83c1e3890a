"""A session's actor: the entity's, and people's connections led to the room they are in."""

from collections.abc import Collection, Iterable

from actors.entity import EntityActor
from actors.rules.base import Event, Look, Person
from actors.rules.breakout import events as breakout
from actors.rules.breakout.state import room_entity


class SessionActor(EntityActor):
    """Runs a session; whoever is in a breakout room hears that room's topic (rules 26, 32).

    A room takes its people and those who listen in one line from here, so nobody listens who is
    not in. Whoever goes out, the room itself stops telling.
    """

    def after_event(self, event: Event) -> None:
        """Lead connections along when people move between the main call and rooms."""
        match event:
            case breakout.Opened():
                self._lead((person, event.assigned[person]) for person in event.moved)
            case breakout.Moved(person=person, room=str(room)):
                self._lead([(person, room)])
        super().after_event(event)

    def follow(self, by: Person, connection: str, along: Collection[str] = ()) -> None:
        """Let a connection follow the session, and the room its person is in (rule 32)."""
        super().follow(by, connection, along)
        member = self.state.member(by.id)
        if member is None or member.room is None:
            return
        if room_entity(self.state.id, member.room) not in along:
            self._enter(by, connection, member.room)

    def _lead(self, moves: Iterable[tuple[str, str]]) -> None:
        presence = self.services.presence
        for person, room in moves:
            by = presence.person(self.entity, person)
            if by is not None:
                for connection in presence.connections(self.entity, person):
                    self._enter(by, connection, room)

    def _enter(self, by: Person, connection: str, room: str) -> None:
        entity = room_entity(self.state.id, room)
        if entity not in self.services.presence.entities(connection):
            self.courier.send(entity, Look(by=by, connection=connection))
