"""Bots that make a sample event live: they chat, ask, vote, and come on screen.

They speak the wire as anybody's client does; the engine does not know them from people.
"""

import random
from collections.abc import Sequence
from typing import Any

import attrs
import trio

from actors.errors import Refused
from transport.client import Client, Event

NAMES = ("Noor", "Lena", "Mateo", "Yuki", "Amara", "Jonas", "Priya", "Elif", "Tom", "Zoë")

CHAT = (
    "Hello from Lisbon!",
    "Good to be here.",
    "Will there be a recording?",
    "That prototype looks great.",
    "We tried paper prototypes at our university, it worked well.",
    "Could you show the previous slide once more?",
    "How long did the user study take?",
    "Thanks, that answers it.",
)

QUESTIONS = (
    "How do you test with people who have never used a robot?",
    "Which tools do you prototype with?",
    "Do interns take part in user studies?",
    "What did you throw away and why?",
    "How large are the teams?",
)


@attrs.frozen
class BotPlan:
    """How lively the bots are.

    :param pause: mean seconds between two things one bot does.
    :param seed: makes a run repeatable.
    """

    session: str
    pause: float = 6.0
    seed: int = 1


class AudienceBot:
    """Somebody in the audience with something to say."""

    def __init__(self, client: Client, plan: BotPlan, index: int) -> None:
        self._client = client
        self._session = plan.session
        self._pause = plan.pause
        self._random = random.Random(plan.seed * 1000 + index)  # noqa: S311  no secret
        self._topic = f"session/{plan.session}"
        self._index = index

    async def run(self) -> None:
        """Join, then act now and then until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._follow)
            await self._client.call("session.register", session=self._session)
            await self._client.call("session.join", session=self._session)
            while True:
                await trio.sleep(self._random.expovariate(1 / self._pause))
                await self._act()

    async def _act(self) -> None:
        actions = (self._chat, self._chat, self._ask, self._vote, self._vote, self._request)
        try:
            await self._random.choice(actions)()
        except Refused:
            # A bot meets the same limits as a person: it tries something else next time.
            return

    async def _chat(self) -> None:
        text = self._random.choice(CHAT)
        await self._client.call("chat.send", topic=self._topic, text=text)

    async def _ask(self) -> None:
        asked = (await self._client.call("qa.list", session=self._session))["questions"]
        new = [text for text in QUESTIONS if text not in {one["text"] for one in asked}]
        if new:
            await self._client.call("qa.ask", session=self._session, text=new[0])

    async def _vote(self) -> None:
        asked = (await self._client.call("qa.list", session=self._session))["questions"]
        if asked:
            question = self._random.choice(asked)["id"]
            await self._client.call("qa.upvote", session=self._session, id=question)

    async def _request(self) -> None:
        if self._index % 3 == 0:
            await self._client.call("stage.request", session=self._session, mic=True, camera=True)

    async def _follow(self) -> None:
        """Do what a client does by itself: confirm the countdown, and leave the stage again."""
        me = self._client.person["id"]
        async for event in self._client.events():
            if event.data.get("person") != me:
                continue
            try:
                await self._answer(event)
            except Refused:
                continue

    async def _answer(self, event: Event) -> None:
        if event.type == "stage.accepted":
            await self._client.call("stage.ready", session=self._session)
        elif event.type == "stage.entered":
            await trio.sleep(self._random.uniform(8, 20))
            await self._client.call("stage.leave", session=self._session)


class HostBot:
    """A second host, who starts the session and brings the other bots on screen.

    :param bots: ids of those it accepts; people's own requests are left to the person who hosts.
    """

    def __init__(self, client: Client, plan: BotPlan, bots: Sequence[str]) -> None:
        self._client = client
        self._session = plan.session
        self._bots = frozenset(bots)

    async def run(self) -> None:
        """Start the session and accept bots' requests until cancelled."""
        await self._client.call("session.join", session=self._session)
        state: dict[str, Any] = await self._client.call("session.get", session=self._session)
        if state["session"]["state"] != "live":
            await self._client.call("session.start", session=self._session)
        text = "Welcome! Ask anything, or request to join with mic and camera."
        await self._client.call("chat.send", topic=f"session/{self._session}", text=text)
        async for event in self._client.events():
            if event.type == "stage.requested" and event.data.get("person") in self._bots:
                await self._accept(event.data["person"])

    async def _accept(self, person: str) -> None:
        await trio.sleep(2)
        try:
            await self._client.call("stage.accept", session=self._session, person=person)
        except Refused:
            return
