"""A session's actor: the entity's, and people's connections led to the room they are in."""

from typing import Any

from actors.entity import EntityActor
from actors.rules.base import Event, Look, Person
from actors.rules.breakout import events as breakout


def room_entity(session: str, room: str) -> str:
    """Return the entity, and topic, of a session's breakout room."""
    return f"room/{session}.{room}"


class SessionActor(EntityActor):
    """Runs a session; whoever is moved to a breakout room hears that room's topic (rule 26)."""

    def after_event(self, event: Event) -> None:
        """Lead connections along when people move between the main call and rooms."""
        match event:
            case breakout.Opened():
                for person in event.moved:
                    self._lead(person, None, event.assigned[person])
            case breakout.Moved():
                self._lead(event.person, event.previous, event.room)
            case breakout.Closed():
                for person in event.moved:
                    self._lead_out(person)
        for person in event.departs():
            self._lead_out(person)
        super().after_event(event)

    def subscribe(
        self, by: Person, connection: str, seq: int, snapshot: dict[str, Any] | None
    ) -> None:
        """Let a connection follow the session, and the room its person is in (rule 32)."""
        super().subscribe(by, connection, seq, snapshot)
        member = self.state.member(by.id)
        if member is not None and member.room is not None:
            self._enter(by, connection, member.room)

    def _lead(self, person: str, previous: str | None, room: str | None) -> None:
        presence = self.services.presence
        by = presence.person(self.entity, person)
        if by is None:
            return
        for connection in presence.connections(self.entity, person):
            if previous is not None:
                self._exit(person, connection, previous)
            if room is not None:
                self._enter(by, connection, room)

    def _lead_out(self, person: str) -> None:
        presence = self.services.presence
        rooms = room_entity(self.entity.partition("/")[2], "")
        for connection in presence.connections(self.entity, person):
            for entity in presence.entities(connection):
                if entity.startswith(rooms):
                    self._exit(person, connection, entity.removeprefix(rooms))

    def _enter(self, by: Person, connection: str, room: str) -> None:
        entity = room_entity(self.state.id, room)
        self.services.address(entity).tell(Look(by=by, connection=connection))

    def _exit(self, person: str, connection: str, room: str) -> None:
        entity = room_entity(self.state.id, room)
        self.services.presence.leave(entity, person, connection)
        self.services.publisher.unsubscribe(connection, entity)
