"""The door of a node among others.

What it is asked goes to the owner, and is asked again if the owner changes meanwhile.
"""

from collections import OrderedDict
from collections.abc import Collection, Mapping
from random import Random
from typing import Any

import structlog
import trio

from actors.booking import Bookings
from actors.door import FrontDoor
from actors.entity import Resume
from actors.errors import Refused
from actors.participant import REMOVED, Call, Connect
from actors.rules.base import Command, Person, Returned
from actors.rules.company import Create
from actors.rules.event_model import Admit
from actors.services import Services
from transport.closing import Close, retry_reason
from transport.cluster.bridge import Bridge
from transport.cluster.messages import Book

PATIENCE = 9.0
"""Seconds for which a command is asked again while its entity moves; less than a request has."""

PAUSE = 0.1
"""Seconds between two of these."""

SPREAD = 2.0
"""Seconds over which clients come back that could not be led along."""

MOVING_AT_ONCE = 64
"""Connections that are led to a topic's new owner at once."""

_log = structlog.get_logger("greenroom.cluster")


class ClusterDoor(FrontDoor):
    """Takes people in at this node, whoever owns what they ask for."""

    def __init__(self, services: Services, epoch: str, bridge: Bridge) -> None:
        super().__init__(services, epoch)
        self._bridge = bridge
        self._people: dict[str, Person] = {}
        self._removed: OrderedDict[str, None] = OrderedDict()
        self._random = Random()  # noqa: S311  it spreads load, it keeps no secret
        self._limit = trio.CapacityLimiter(MOVING_AT_ONCE)
        bridge.removed = self._note_removed  # type: ignore[method-assign]  # a slot for it

    async def connect(
        self, person: Person, connection: str, epoch: str | None, topics: Mapping[str, int]
    ) -> Mapping[str, Any]:
        """Take in a connection; return its unread notifications and what could be resumed."""
        self._people[connection] = person
        try:
            return await super().connect(person, connection, epoch, topics)
        except BaseException:
            self._people.pop(connection, None)
            self._bridge.ended(connection)
            raise

    def _admits(self, person: Person) -> bool:
        del person
        return False  # the event may have another owner by now, who knows better

    def begin(self, command: Command) -> None:
        """Leave everything to :meth:`call`: what moves to another node is to be asked again."""

    async def call(self, command: Command) -> Mapping[str, Any]:
        """Carry out a command and return its result."""
        if isinstance(command, Create) and command.by.is_system:
            await self._bridge.membership.learn_company(command.id, command.event)
        if Bookings.takes(command):
            return await self._ask(command.entity, Book(command))
        return await super().call(command)

    def gone(self, person: Person, connection: str) -> None:
        """Say that a connection has ended."""
        self._people.pop(connection, None)
        removed = connection in self._removed
        self._removed.pop(connection, None)
        super().gone(person, connection)
        self._bridge.ended(connection, removed=removed)
        if not self._bridge.owned(self._participant(person)):
            # Its own actor is elsewhere and does not see who else here the connection followed.
            self._bridge.sweep(connection, removed=removed)

    def _note_removed(self, connection: str, code: int) -> None:
        if code == REMOVED:
            self._removed[connection] = None

    async def _ask(self, entity: str, message: object) -> Mapping[str, Any]:
        with trio.move_on_after(PATIENCE):
            while True:
                try:
                    return await self._ask_once(entity, message)
                except Refused as refused:
                    if refused.reason != "moved" or not _repeatable(refused, message):
                        raise
                await trio.sleep(PAUSE)
        raise Refused("moved", "This is moving to another server. Please try again.")

    async def _ask_once(self, entity: str, message: object) -> Mapping[str, Any]:
        if isinstance(message, Book) and self._bridge.owned(entity):
            return await self._bookings.call(message.command)
        return await super()._ask(entity, message)

    # When topics move

    async def move(self, shards: Collection[int]) -> None:
        """Lead this node's connections to the new owners of the topics they follow."""
        moving, hub = frozenset(shards), self._bridge.hub
        shard, owner = self._bridge.membership.shard, self._bridge.membership.owner
        followed = {topic for connection in self._people for topic in hub.topics(connection)}
        for topic in followed:
            if shard(topic) in moving:
                hub.strand(topic, owner(topic))
        async with trio.open_nursery() as nursery:
            for connection, person in list(self._people.items()):
                stranded = hub.stranded(connection).items()
                topics = {topic: seq for topic, seq in stranded if shard(topic) in moving}
                if topics:
                    nursery.start_soon(self._move_one, person, connection, topics)

    async def _move_one(self, person: Person, connection: str, topics: dict[str, int]) -> None:
        whole = False
        try:
            async with self._limit:
                with trio.move_on_after(PATIENCE):
                    whole = await self._resume(person, connection, topics)
        except Refused as refused:
            _log.info("not moved along", connection=connection, reason=refused.reason)
        if not whole and connection in self._people:
            # The client resumes by itself, and gets what cannot be given it from here.
            self._services.publisher.close(
                connection, Close.SHUTTING_DOWN, retry_reason(SPREAD, self._random)
            )

    async def _resume(self, person: Person, connection: str, topics: dict[str, int]) -> bool:
        own = self._participant(person)
        if own in topics:
            named = {("me" if topic == own else topic): seq for topic, seq in topics.items()}
            answer = await self._ask(own, Connect(person, connection, named))
            return all(answer["recovered"].values())
        for topic, seq in topics.items():
            self._services.address(topic).tell(Returned(by=person))
            await self._ask(topic, Resume(person, connection, seq, tuple(topics)))
        return True


def _repeatable(refused: Refused, message: object) -> bool:
    """Whether a message may be sent again: it was not handled, or its key makes that safe."""
    if not refused.data.get("uncertain"):
        return True
    match message:
        case Call(command) | Book(command):
            return command.key is not None
        case Admit():
            return True  # it changes nothing
        case Command():
            return message.key is not None
        case _:
            return True  # connecting and resuming may be repeated
