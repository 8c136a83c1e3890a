"""The people of a simulation: they do what people do, and remember what they were told."""

from collections.abc import Mapping
from random import Random
from typing import Any, cast

import attrs
import trio

from actors.errors import TEMPORARY, Refused
from actors.rules.base import COMMANDS, Person
from bench.simulate_world import Inbox
from engine.engine import Engine
from transport.codec import JSON
from transport.hub import Hub
from transport.outbox import Outbox
from transport.params import structure

THINK = 4.0
"""Mean seconds between two things somebody does."""

TRIES = 6
"""How often somebody tries again what failed for the moment, with the same key."""

PAUSE = 0.7
UNKNOWN = "unknown"


@attrs.define
class Memory:
    """What one person was told: what must be true at the end.

    :param said: text -> whether it was acknowledged, or its fate is unknown.
    :param votes: question -> whether it is voted for; None if unknown.
    :param inside: whether the person is in the session; None if unknown.
    """

    said: dict[str, bool] = attrs.field(factory=dict)
    votes: dict[str, bool | None] = attrs.field(factory=dict)
    inside: bool | None = False
    refusals: dict[str, int] = attrs.field(factory=dict)


def hub_of(engine: Engine) -> Hub:
    """Return an engine's fan-out."""
    return cast("Hub", engine.services.publisher)


class Visitor:
    """Somebody with one device.

    :param seed: decides everything this person does.
    """

    def __init__(self, engine: Engine, person: Person, session: str, seed: int) -> None:
        self.engine = engine
        self.person = person
        self.session = session
        self.memory = Memory()
        self.inbox = Inbox()
        self.connection = ""
        self._random = Random(seed)
        self._number = 0

    # The device

    async def connect(self) -> None:
        """Connect, resuming what was followed before."""
        self._number += 1
        self.connection = f"{self.person.id}-{self._number}"
        hub, door = hub_of(self.engine), self.engine.door
        hub.attach(self.connection, cast("Outbox", self.inbox), JSON, lambda *_: None)
        topics = dict(self.inbox.topics)
        epoch = hub.epoch if topics else None
        for _ in range(TRIES):
            try:
                await door.connect(self.person, self.connection, epoch, topics)
            except Refused:
                await trio.sleep(PAUSE)
            else:
                return

    def drop(self) -> None:
        """Lose the connection without a word."""
        hub_of(self.engine).detach(self.connection)
        self.engine.door.gone(self.person, self.connection)

    async def ask(self, method: str, **params: Any) -> Mapping[str, Any] | str:
        """Carry out a command, again if need be; return the result or the reason of a refusal.

        :return: ``unknown`` when nobody can say whether it was carried out.
        """
        self._number += 1
        key = f"{self.person.id}-k{self._number}"
        command = structure(COMMANDS[method], {**params, "key": key}, self.person, self.connection)
        for _ in range(TRIES):
            try:
                return await self.engine.door.call(command)
            except Refused as refused:
                reason = refused.reason
                if reason not in TEMPORARY and reason != "internal":
                    self.memory.refusals[reason] = self.memory.refusals.get(reason, 0) + 1
                    return reason
            await trio.sleep(PAUSE)
        return UNKNOWN

    # The person

    async def run(self, until: float) -> None:
        """Do things until an instant of trio's clock."""
        await self.connect()
        await self.join()
        while True:
            pause = self._random.expovariate(1 / THINK)
            if trio.current_time() + pause >= until:
                return
            await trio.sleep(pause)
            await self._act()

    async def join(self) -> None:
        """Enter the session."""
        told = await self.ask("session.join", session=self.session)
        if not isinstance(told, str):
            self.memory.inside = True
        elif told == UNKNOWN:
            self.memory.inside = None

    async def _act(self) -> None:
        acts = (self._say, self._say, self._say, self._ask, self._vote, self._vote, self._stage,
                self._away, self._out_and_in, self._media)  # fmt: skip
        await self._random.choice(acts)()

    async def _say(self) -> None:
        self._number += 1
        text = f"{self.person.id} says {self._number}"
        topic = f"session/{self.session}"
        told = await self.ask("chat.send", topic=topic, text=text)
        if not isinstance(told, str):
            self.memory.said[text] = True
        elif told == UNKNOWN:
            self.memory.said[text] = False

    async def _ask(self) -> None:
        await self.ask("qa.ask", session=self.session, text=f"{self.person.id}: why?")

    async def _vote(self) -> None:
        found = await self.ask("qa.list", session=self.session)
        if isinstance(found, str) or not found["questions"]:
            return
        question = self._random.choice(found["questions"])["id"]
        on = self._random.random() < 0.7  # noqa: PLR2004  votes are taken back, but not often
        method = "qa.upvote" if on else "qa.unvote"
        told = await self.ask(method, session=self.session, id=question)
        if not isinstance(told, str):
            self.memory.votes[question] = on
        elif told == UNKNOWN:
            self.memory.votes[question] = None

    async def _stage(self) -> None:
        for event in self.inbox.take():
            if event["type"] == "stage.accepted" and event["data"].get("person") == self.person.id:
                await self.ask("stage.ready", session=self.session)
                return
        method = self._random.choice(("request", "withdraw", "leave"))
        more = {"mic": True, "camera": False} if method == "request" else {}
        await self.ask(f"stage.{method}", session=self.session, **more)

    async def _media(self) -> None:
        await self.ask("media.set", session=self.session, mic=self._random.random() < 0.5)  # noqa: PLR2004  on or off

    async def _away(self) -> None:
        self.drop()
        await trio.sleep(self._random.choice((0.5, 3.0, 12.0, 25.0)))
        await self.connect()
        # Longer than the grace, and the seat is gone: enter again, as a client does.
        await self.join()

    async def _out_and_in(self) -> None:
        told = await self.ask("session.leave", session=self.session)
        self.inbox.topics.pop(f"session/{self.session}", None)
        self.memory.inside = None if told == UNKNOWN else False
        await trio.sleep(self._random.uniform(0.5, 5))
        await self.join()


class Hosting(Visitor):
    """The host: lets people on screen, opens rooms and closes them."""

    async def begin(self) -> None:
        """Enter and start the session."""
        await self.connect()
        await self.join()
        await self.ask("session.start", session=self.session)

    async def run(self, until: float) -> None:
        """Host until an instant of trio's clock."""
        opened = False
        while True:
            pause = self._random.expovariate(1 / THINK)
            if trio.current_time() + pause >= until:
                break
            await trio.sleep(pause)
            for event in self.inbox.take():
                if event["type"] == "stage.requested":
                    person = event["data"]["person"]
                    method = self._random.choice(("stage.accept", "stage.accept", "stage.decline"))
                    await self.ask(method, session=self.session, person=person)
            if self._random.random() < 0.1:  # noqa: PLR2004  rooms come and go now and then
                await self._rooms(opened=opened)
                opened = not opened
        await self.ask("breakout.close", session=self.session, countdown=0)

    async def _rooms(self, *, opened: bool) -> None:
        if opened:
            await self.ask("breakout.close", session=self.session, countdown=5)
        else:
            await self.ask("breakout.open", session=self.session, rooms=2, assign="random")
