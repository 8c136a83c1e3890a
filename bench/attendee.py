"""People of a whole fair, each over a connection of their own, with a script and think times."""

from collections import deque
from random import Random
from typing import Any

import trio

from actors.errors import Refused
from bench.diary import Diary
from bench.load.target import Target
from bench.load.wire import tls_context
from bench.media_load import publish_offer
from transport.client import FIRST_PAUSE, Client, Disconnected, RemoteError, open_client

SERIOUS = frozenset({"internal", "overloaded", "storage_unavailable"})
"""Refusals that are no answer to what was asked, but a failure."""

ANSWER_SECONDS = 45.0
"""How long an answer is waited for: longer than the server may take to refuse one."""

OUT_SECONDS = (0.5, 4.0)
"""How long somebody who went home is away."""

DROP_SECONDS = 2 * FIRST_PAUSE
"""The longest a client waits after a drop before it connects again."""

OPEN_QUESTIONS = 20
"""Questions a host leaves standing; older ones are deleted, or a long fair would pile them up."""

ROOMS_PART = 0.1
"""Of what a host does: opening rooms."""


class Attendee:
    """Somebody at the fair, who does one thing after the other at times fixed beforehand.

    :param think: mean seconds between the times of two things this person does.
    """

    def __init__(
        self, target: Target, name: str, session: str, diary: Diary, *, think: float, seed: int
    ) -> None:
        self.name = name
        self.session = session
        self._target = target
        self._diary = diary
        self._think = think
        self._random = Random(seed)
        self._topic = f"session/{session}"
        self._number = 0
        self._due = 0.0
        self._client: Client | None = None
        self._home = False
        self._unread: list[str] = []

    def _token(self) -> str:
        return self._target.token(self.name)

    async def run(self, until: float) -> None:
        """Come and go until an instant, then stay until cancelled."""
        self._due = trio.current_time()
        while True:
            self._home = False
            try:
                await self._visit(until)
            except* (Refused, Disconnected) as group:
                self._diary.failed[f"connect: {group.exceptions[0]!r}"] += 1
            await self._pause(self._random.uniform(*OUT_SECONDS))

    async def _visit(self, until: float) -> None:
        async with open_client(self._target.url, self._token, ssl_context=tls_context()) as client:
            self._client = client
            self._unread = [one["id"] for one in client.welcome.get("notifications", ())]
            self._diary.visits += 1
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._follow, client)
                    await self._enter()
                    await self._live(until)
                    if not self._home:
                        await trio.sleep_forever()
                    nursery.cancel_scope.cancel()
            finally:
                self._client = None
                statistics = client.statistics()
                self._diary.reconnects += statistics.connects - 1
                self._diary.reloaded += statistics.reloaded

    async def _enter(self) -> None:
        await self._join(trio.current_time())

    async def _join(self, due: float) -> None:
        self._diary.unsure.add(self.name)
        if await self.ask("session.join", due, session=self.session) is not None:
            self._diary.inside.setdefault(self.session, set()).add(self.name)
            self._diary.unsure.discard(self.name)

    async def _leave(self, due: float) -> None:
        self._diary.unsure.add(self.name)
        if await self.ask("session.leave", due, session=self.session) is not None:
            self._diary.inside.setdefault(self.session, set()).discard(self.name)
            self._diary.unsure.discard(self.name)

    async def _live(self, until: float) -> None:
        while not self._home:
            self._due += self._random.expovariate(1 / self._think)
            if self._due >= until:
                return
            await trio.sleep_until(self._due)
            # What piled up behind a late answer is charged to the end, and must not outlast it.
            if (now := trio.current_time()) < until:
                await self._act(self._due)
            else:
                self._diary.waited("never begun", self._due, now)

    async def _pause(self, seconds: float) -> None:
        """Do nothing for so long of one's own accord: whatever is due later is put off by it."""
        self._due += seconds
        await trio.sleep(seconds)

    async def ask(self, method: str, intended: float, **params: Any) -> dict[str, Any] | None:
        """Carry out a command; None if it was refused or failed."""
        diary = self._diary
        diary.waiting += 1
        diary.asked = trio.current_time()
        try:
            return await self._ask(method, intended, params)
        finally:
            diary.waiting -= 1
            diary.told = trio.current_time()

    async def _ask(
        self, method: str, intended: float, params: dict[str, Any]
    ) -> dict[str, Any] | None:
        diary, client = self._diary, self._client
        if client is None:
            return None
        try:
            with trio.fail_after(ANSWER_SECONDS):
                result = await client.call(method, **params)
        except Refused as refused:
            # A media worker may be gone for a second; everything else must stand.
            serious = refused.reason in SERIOUS and not method.startswith("rtc.")
            if serious:
                diary.fail(method, refused.reason, intended, trio.current_time())
            else:
                diary.refused[f"{method}: {refused.reason}"] += 1
            return None
        except (RemoteError, Disconnected, trio.TooSlowError) as error:
            diary.fail(method, type(error).__name__, intended, trio.current_time())
            return None
        diary.note(method, intended, trio.current_time())
        return result

    async def _act(self, due: float) -> None:
        acts = (self._say, self._say, self._say, self._question, self._vote, self._people,
                self._stage, self._microphone, self._read, self._drop, self._out_and_in,
                self._go)  # fmt: skip
        weights = (3, 3, 3, 1, 3, 1, 1, 2, 0.5, 0.3, 0.5, 0.3)
        await self._random.choices(acts, weights)[0](due)

    async def _say(self, due: float) -> None:
        self._number += 1
        text = f"{self.name} says {self._number}"
        if await self.ask("chat.send", due, topic=self._topic, text=text) is not None:
            self._diary.said[text] = self.session

    async def _question(self, due: float) -> None:
        await self.ask("qa.ask", due, session=self.session, text=f"{self.name} asks: why?")

    async def _vote(self, due: float) -> None:
        found = await self.ask("qa.list", due, session=self.session, limit=20)
        if found and found["questions"]:
            ident = self._random.choice(found["questions"])["id"]
            now, key = trio.current_time(), (self.session, ident)
            told = await self.ask("qa.upvote", now, session=self.session, id=ident)
            if told is not None:
                self._diary.votes.setdefault(key, set()).add(self.name)
            else:
                self._diary.unsure.add(key)  # refused, or carried out without a word

    async def _people(self, due: float) -> None:
        await self.ask("people.list", due, session=self.session, limit=50)

    async def _stage(self, due: float) -> None:
        await self.ask("stage.request", due, session=self.session, mic=True, camera=True)

    async def _microphone(self, due: float) -> None:
        on = self._random.random() < 0.5  # noqa: PLR2004  on or off
        await self.ask("media.set", due, session=self.session, mic=on)

    async def _read(self, due: float) -> None:
        """Look at the notifications, if there are any."""
        unread, self._unread = self._unread, []
        if unread:
            await self.ask("notifications.read", due, ids=unread)

    async def _drop(self, _due: float) -> None:
        if self._client is not None:
            self._client.interrupt()
            await self._pause(DROP_SECONDS)

    async def _out_and_in(self, due: float) -> None:
        await self._leave(due)
        await self._pause(self._random.uniform(0.2, 1.0))
        await self._join(trio.current_time())

    async def _go(self, due: float) -> None:
        await self._leave(due)
        self._home = True

    async def _follow(self, client: Client) -> None:
        async for event in client.events():
            self._diary.events += 1
            await self._answer(event.type, event.data)

    async def _answer(self, type_name: str, data: Any) -> None:
        if type_name == "notification.added":
            self._unread.append(data["id"])
        elif type_name == "stage.accepted" and data.get("person") == self.name:
            await self.ask("stage.ready", trio.current_time(), session=self.session)
        elif type_name == "stage.entered" and data.get("person") == self.name:
            await self._send()
            await self.ask("stage.leave", trio.current_time(), session=self.session)

    async def _send(self) -> None:
        """Offer sound and picture, where there is somebody to take them."""
        if self._target.media:
            sdp, now = publish_offer(self._random.randrange(1, 1 << 31)), trio.current_time()
            await self.ask("rtc.offer", now, room=self._topic, sdp=sdp)
            await self.ask("rtc.close", trio.current_time(), room=self._topic)


class Host(Attendee):
    """Starts the session, lets people on screen, opens rooms and closes them, tidies questions."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._questions: deque[str] = deque()

    def _token(self) -> str:
        return self._target.token(self.name, sessions=frozenset({self.session}))

    async def _enter(self) -> None:
        await super()._enter()
        await self.ask("session.start", trio.current_time(), session=self.session)

    async def _act(self, due: float) -> None:
        if self._random.random() < ROOMS_PART:
            await self.ask("breakout.open", due, session=self.session, rooms=4, assign="random")
            await self._pause(self._think)
            due = trio.current_time()
            await self.ask("breakout.close", due, session=self.session, countdown=0)
        else:
            await self._say(due)

    async def _answer(self, type_name: str, data: Any) -> None:
        if type_name == "stage.requested":
            now = trio.current_time()
            await self.ask("stage.accept", now, session=self.session, person=data["person"])
        elif type_name == "qa.asked":
            self._questions.append(data["id"])
            while len(self._questions) > OPEN_QUESTIONS:
                now, ident = trio.current_time(), self._questions.popleft()
                await self.ask("qa.delete", now, session=self.session, id=ident)
