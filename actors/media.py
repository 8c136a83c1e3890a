"""Sound and picture of one room: what its rules say becomes orders to the media plane.

An entity with media tells its room's actor who may send and see what after every batch of events.
The actor orders what differs from before, so a block or a move reaches the forwarding unit with the
event that made it. It decides nothing itself.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

import attrs
import structlog

from actors.errors import Refused
from actors.kernel import Actor
from actors.ports import MediaFact, MediaPlane, Publisher, Rights
from actors.rules import rtc
from actors.rules.base import Event
from actors.rules.media import MediaState, Place
from actors.services import Services

SENT_AS = {"mic": "audio", "camera": "video", "screen": "screen"}
"""The plane's name of each source that people turn on and off."""

UNRELATED = ("chat.", "qa.", "people.")
"""Events that change nobody's right to send or see."""

_log = structlog.get_logger("greenroom.media")


class HasMedia(Protocol):
    """What is asked of an entity's state."""

    media: MediaState

    def media_place(self, person: str) -> Place | None:
        """Say whether a person may be seen and heard here, only watches, or is not here."""


@attrs.frozen
class Standing:
    """What people may do in a room now.

    :param rights: None for who is not in it.
    :param connections: by which each of them follows the room.
    :param everybody: whether who is not named is not in the room.
    """

    rights: Mapping[str, Rights | None]
    connections: Mapping[str, frozenset[str]]
    everybody: bool


@attrs.frozen
class Hung:
    """A connection has ended."""

    connection: str


def rights(state: HasMedia, person: str) -> Rights | None:
    """Return what a room's rules let a person send and see."""
    place = state.media_place(person)
    if place is None:
        return None
    sending = state.media.sending(person) if place == "publish" else frozenset()
    return Rights(frozenset(SENT_AS[source] for source in sending), view=place != "wait")


def follow(
    services: Services, entity: str, state: Any, events: Iterable[Event], newcomers: Iterable[str]
) -> None:
    """Tell a room's actor what has changed, if the entity has media at all.

    :param events: what happened.
    :param newcomers: people who have a new connection to the room.
    """
    if services.media is None or not hasattr(state, "media_place"):
        return
    people, everybody = set(newcomers), False
    for event in events:
        person = getattr(event, "person", None)
        if isinstance(person, str):
            people.add(person)
        elif not event.type.startswith(UNRELATED):
            everybody = True
    presence = services.presence
    if everybody:
        people |= {person.id for person in presence.people(entity)}
    if people or everybody:
        standing = Standing(
            {person: rights(state, person) for person in people},
            {person: presence.connections(entity, person) for person in people},
            everybody,
        )
        services.address(f"media/{entity}").tell(standing)


def hang_up(services: Services, entity: str, connection: str) -> None:
    """Tell a room's actor that a connection has ended."""
    if services.media is not None and entity.partition("/")[0] in rtc.ROOMS:
        services.address(f"media/{entity}").tell(Hung(connection))


def part(services: Services, entity: str, connection: str) -> None:
    """Tell a room's actor that somebody has left, who may stay connected for long.

    Who leaves a breakout room is in its session still, and keeps the peer connections.
    """
    if not entity.startswith("room/"):
        hang_up(services, entity, connection)


def deliver(publisher: Publisher, now: Callable[[], datetime]) -> Callable[[MediaFact], None]:
    """Return what passes the plane's facts on to those they are about."""

    def take(fact: MediaFact) -> None:
        if fact.connection is not None:
            publisher.send(fact.connection, fact.room, fact.kind, now(), fact.data)
        elif fact.room:
            publisher.publish(fact.room, fact.kind, now(), fact.data, None)
        else:
            _log.warning("media plane", kind=fact.kind, **fact.data)

    return take


class MediaActor(Actor):
    """One room's orders to the media plane.

    :param room: the room's topic.
    """

    passivate_after = 300.0
    handler_deadline = 10.0
    mailbox_limit = 10_000

    def __init__(self, room: str, services: Services) -> None:
        super().__init__()
        self.room = room
        self._services = services
        self._rights: dict[str, Rights] = {}
        self._joined: dict[str, str] = {}

    @property
    def _plane(self) -> MediaPlane:
        if self._services.media is None:
            raise Refused("wrong_state", "This server forwards no sound or picture.")
        return self._services.media

    def may_passivate(self) -> bool:
        """Whether nobody is in the room."""
        return not self._rights and not self._joined

    async def on_receive(self, message: Any) -> Any:
        """Take what the room's rules say, and what its people ask."""
        match message:
            case Standing():
                await self._stand(message)
            case Hung(connection):
                self._joined.pop(connection, None)
                await self._plane.leave(connection, self.room)
            case rtc.OfRoom():
                return await self._asked(message)
        return None

    # What the rules say

    async def _stand(self, standing: Standing) -> None:
        told = dict(standing.rights)
        if standing.everybody:
            told |= {person: None for person in self._rights if person not in told}
        if not self._rights:
            await self._plane.open(self.room)
        for person, now in told.items():
            if self._rights.get(person) != now:
                await self._order(person, now)
            if now is not None:
                await self._join(person, standing.connections.get(person, frozenset()))
        if not self._rights:
            await self._plane.close(self.room)

    async def _order(self, person: str, now: Rights | None) -> None:
        if now is None:
            self._rights.pop(person, None)
            self._joined = {
                connection: owner for connection, owner in self._joined.items() if owner != person
            }
        else:
            self._rights[person] = now
        await self._plane.allow(self.room, person, now)

    async def _join(self, person: str, connections: frozenset[str]) -> None:
        for connection in connections - self._joined.keys():
            self._joined[connection] = person
            await self._plane.join(self.room, connection, person)

    # What people ask

    async def _asked(self, command: rtc.OfRoom) -> Mapping[str, Any]:
        person, connection, plane = command.by.id, command.connection, self._plane
        if isinstance(command, rtc.Close):
            self._joined.pop(connection, None)
            await plane.leave(connection, self.room)
            return {}
        if person not in self._rights:
            raise Refused("forbidden", "You are not in this room.")
        match command:
            case rtc.Offer():
                return await plane.offer(self.room, connection, person, command.sdp, command.tracks)
            case rtc.Answer():
                await plane.answer(self.room, connection, person, command.sdp)
            case rtc.Candidate():
                await plane.candidate(self.room, connection, person, command.candidate or {})
            case rtc.Restart():
                await plane.restart(self.room, connection, person)
            case rtc.View():
                await plane.view(self.room, connection, command.views)
        return {}
