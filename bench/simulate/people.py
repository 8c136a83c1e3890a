"""People and their devices: they remember what they were told, and try again as clients do."""

from collections.abc import Mapping
from datetime import datetime
from random import Random
from typing import Any, TypeGuard, cast

import attrs

from actors.errors import TEMPORARY, Refused
from actors.rules.base import COMMANDS, Person
from bench.simulate.fair import EVENT
from bench.simulate.frames import Inbox
from bench.simulate.world import Span, World
from transport.codec import JSON
from transport.outbox import Outbox
from transport.params import structure

TRIES = 8
"""How often somebody tries again what failed for the moment, with the same key."""

PAUSE = 1.5
UNKNOWN = "unknown"

Told = Mapping[str, Any] | str
"""A result, or the reason of a refusal."""


@attrs.define
class Memory:
    """What one person was told: what must be true at the end.

    :param said: text -> whether it was acknowledged; None if nobody knows.
    :param refused: methods and keys of commands that were refused for good, and their entities.
    :param votes: session and question -> whether it is voted for; None if unknown.
    :param inside: session -> whether the person is in; None if unknown.
    :param stays: 1-1 chat -> when this person was certainly there.
    :param tried: 1-1 chats this person may have entered at any time.
    :param expected: 1-1 chat -> the start this person goes by.
    """

    said: dict[str, bool | None] = attrs.field(factory=dict)
    refused: list[tuple[str, str]] = attrs.field(factory=list)
    votes: dict[tuple[str, str], bool | None] = attrs.field(factory=dict)
    inside: dict[str, bool | None] = attrs.field(factory=dict)
    stays: dict[str, list[Span]] = attrs.field(factory=dict)
    tried: set[str] = attrs.field(factory=set)
    expected: dict[str, datetime] = attrs.field(factory=dict)


def _entity(topic: str) -> str:
    """Return what a topic's name on the wire stands for, as the transport does."""
    return f"support/{EVENT}" if topic == "support" else topic


def ok(told: Told) -> TypeGuard[Mapping[str, Any]]:
    """Whether a command was carried out."""
    return not isinstance(told, str)


class Visitor:
    """Somebody at the fair, whoever they are."""

    def __init__(self, world: World, person: Person) -> None:
        self.world = world
        self.person = person
        self.memory = Memory()
        self.random = Random(f"{person.id} {world.plan.seed}")
        self.banned = False
        self.tabs: dict[str, Tab] = {}
        self.left_at = world.now
        self.asked = 0
        self.received = 0
        self._number = 0

    def away(self) -> float:
        """Return for how many seconds the engine has had no connection of this person's."""
        if any(tab.connected for tab in self.tabs.values()):
            return 0.0
        since = self.left_at if not self.tabs else max(self.left_at, self.world.crashed_at)
        return (self.world.now - since).total_seconds()

    @property
    def id(self) -> str:
        """The person's id."""
        return self.person.id

    def number(self) -> int:
        """Return a number this person has not used yet."""
        self._number += 1
        return self._number

    def chance(self, share: float) -> bool:
        """Return whether something happens that happens so often."""
        return self.random.random() < share

    def text(self, what: str) -> str:
        """Return a text that nobody has written before."""
        return f"{self.id} {what} {self.number()}"

    async def pause(self, seconds: float) -> None:
        """Wait a while, about so long, in whole tenths, or seconds, so that people meet."""
        digits = 0 if self.world.plan.is_large else 1
        await self.world.sleep(round(self.random.expovariate(1 / seconds), digits))

    async def say(
        self, tab: "Tab", method: str, text: str, field: str = "text", **also: Any
    ) -> Told:
        """Write something, and remember whether it was taken."""
        told = await tab.ask(method, **{field: text}, **also)
        if ok(told):
            self.memory.said[text] = True
        elif told == UNKNOWN:
            self.memory.said[text] = None
        else:
            self.memory.said.setdefault(text, False)
        return told


class Tab:
    """One device of somebody's, or one tab of its browser."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.world = visitor.world
        history = self.world.history
        self.inbox = Inbox(self.world.frames.read, history.breach, visitor.id)
        self.connection = ""
        self.notifications: list[Mapping[str, Any]] = []
        self.closed = False
        self.connects = 0
        self._life = 0

    @property
    def connected(self) -> bool:
        """Whether the engine that lives knows this connection."""
        return bool(self.connection) and self._life == self.world.life and not self.closed

    async def connect(self) -> bool:
        """Connect, resuming what was followed before; return whether the engine let us in."""
        person = self.visitor.person
        for _ in range(TRIES):
            await self.world.up()
            self.connection = f"{person.id}-{self.visitor.number()}"
            self._life, self.closed = self.world.life, False
            door, hub = self.world.engine.door, self.world.hub
            hub.attach(self.connection, cast("Outbox", self.inbox), JSON, self._close)
            self.visitor.tabs[self.connection] = self
            topics = {_entity(topic): seq for topic, seq in self.inbox.topics.items()}
            try:
                answer = await door.connect(
                    person, self.connection, hub.epoch if topics else None, topics
                )
            except Refused as refused:
                self.drop()
                if refused.reason == "banned":
                    self.visitor.banned = True
                    return False
                await self.world.sleep(PAUSE)
            else:
                self._connected(answer)
                return self.connected
        return False

    def _connected(self, answer: Mapping[str, Any]) -> None:
        self.connects += 1
        self.notifications = answer["notifications"]

    def _close(self, code: int, reason: str) -> None:
        """Hear that the engine ends the connection."""
        del code, reason
        if not self.closed:
            self.closed = True
            life = self._life
            self.world.engine.system.timers.call_after(0.0, lambda: self._ended(life))

    def _ended(self, life: int) -> None:
        if self.closed and life == self.world.life:
            self.drop()

    def drop(self) -> None:
        """Lose the connection without a word."""
        if not self.connection:
            return
        connection, self.connection = self.connection, ""
        self.visitor.received += self.inbox.received
        self.inbox.received = 0
        self.visitor.tabs.pop(connection, None)
        self.visitor.left_at = self.world.now
        if self._life == self.world.life and self.world.alive:
            self.world.hub.detach(connection)
            self.world.engine.door.gone(self.visitor.person, connection)

    async def ask(self, method: str, *, key: str | None = None, **params: Any) -> Told:
        """Carry out a command, again if need be; return the result or the reason of a refusal.

        :return: ``unknown`` when nobody can say whether it was carried out.
        """
        visitor, world = self.visitor, self.world
        key = key or f"k{visitor.number()}"
        visitor.asked += 1
        kind, given = COMMANDS[method], {**params, "key": key}
        for attempt in range(TRIES):
            if not self.connected and not await self.connect():
                return "banned" if visitor.banned else UNKNOWN
            command = structure(kind, given, visitor.person, self.connection)
            try:
                return cast("Mapping[str, Any]", await world.call(command))
            except Refused as refused:
                reason = refused.reason
                world.refused(reason)
                if reason not in TEMPORARY and reason != "internal":
                    # Whoever was let in and put out meanwhile is refused to listen again.
                    if not attempt or not kind.subscribes:
                        visitor.memory.refused.append((f"{method}\0{key}", command.entity))
                    return reason
                pause = refused.data.get("retry_after", PAUSE)
            await world.sleep(pause)
        return UNKNOWN

    # What is the same for everybody

    async def enter(self, session: str) -> Told:
        """Enter a session, and remember whether that worked."""
        told = await self.ask("session.join", session=session)
        if ok(told):
            self.visitor.memory.inside[session] = True
        elif told == UNKNOWN:
            self.visitor.memory.inside[session] = None
        return told

    async def leave(self, session: str) -> Told:
        """Leave a session."""
        told = await self.ask("session.leave", session=session)
        if ok(told):
            for topic in [name for name in self.inbox.topics if self._of(name, session)]:
                del self.inbox.topics[topic]
                self.inbox.leaving.add(topic)
        self.visitor.memory.inside[session] = False if ok(told) else None
        return told

    @staticmethod
    def _of(topic: str, session: str) -> bool:
        return topic == f"session/{session}" or topic.startswith(f"room/{session}.")

    async def read(self) -> None:
        """Read what there is to be read (rule 49)."""
        ids = [each["id"] for each in self.notifications]
        if ids:
            await self.ask("notifications.read", ids=ids)
            self.notifications = []

    @property
    def entity(self) -> str:
        """The person's own entity."""
        return f"person/{EVENT}.{self.visitor.id}"
