"""What people in the audience of a session do."""

from datetime import timedelta
from typing import Any

import trio

from bench.simulate.audit.seen import Seen
from bench.simulate.fair import Show
from bench.simulate.people import UNKNOWN, Tab, Told, Visitor, ok

DOORS = 6 * 60.0
"""Seconds after which somebody who came too early tries again."""

ANSWERED = 45.0
"""Seconds somebody waits for the hosts' answer to a request."""

COUNTDOWN = 6.0
SHOWN = 20.0
"""Seconds on screen, about."""


class Seat:
    """One person's visit to one session."""

    def __init__(self, visitor: Visitor, show: Show) -> None:
        self.visitor = visitor
        self.show = show
        self.tab = Tab(visitor)
        self.topic = f"session/{show.id}"
        self._entered = 0
        self._outs = 0

    @property
    def me(self) -> str:
        """The person's id."""
        return self.visitor.id

    async def attend(self, acts: int, pause: float) -> None:
        """Come, do some things, and go in one of the ways there are.

        :param acts: how many things.
        :param pause: mean seconds between two.
        """
        if await self.tab.connect() and await self._enter():
            for _ in range(acts):
                await self.visitor.pause(pause)
                if not await self._still_here():
                    break
                await self._attend_to()
                await self._act()
            await self._go()
        self.tab.drop()

    async def _enter(self) -> bool:
        show, tab = self.show.id, self.tab
        told = await self._go_in()
        if told == "forbidden":
            await tab.ask("session.register", session=show, wait=True)
            told = await self._go_in()
        if not ok(told) and self.visitor.world.now < self.show.start + timedelta(minutes=11):
            await self.visitor.world.sleep(DOORS)
            told = await self._go_in()
        return ok(told)

    @property
    def _seen(self) -> Seen:
        return self.visitor.world.history.sessions.seen[self.topic]

    async def _go_in(self) -> Told:
        """Enter, and note when: a host may put us out before we have the answer."""
        outs = self._seen.outs[self.me]
        told = await self.tab.enter(self.show.id)
        self._entered, self._outs = self.tab.connects, outs
        return told

    async def _still_here(self) -> bool:
        """Come in again after a lost connection, as clients do; say whether that worked."""
        if self.tab.connected and self.tab.connects == self._entered:
            return True
        if not self.tab.connected:
            self.visitor.memory.inside[self.show.id] = None
            if not await self.tab.connect():
                return False
        return ok(await self._go_in())

    async def _go(self) -> None:
        world, memory = self.visitor.world, self.visitor.memory
        way = self.visitor.random.choice(("leave", "leave", "drop", "stay"))
        if way == "stay":
            await world.until(self.show.end)
        if self.tab.connected and self.tab.connects == self._entered:
            self._was_kept()
        if way == "leave":
            await self.tab.leave(self.show.id)
        else:
            memory.inside[self.show.id] = None

    def _was_kept(self) -> None:
        """See that nobody disappears who is connected, and was not put out (rule 35).

        Whoever was put out and came back by another tab goes with that tab.
        """
        seen = self._seen
        gone = self.me not in seen.here and seen.status in ("backstage", "live", "hostless")
        inside = self.visitor.memory.inside.get(self.show.id)
        put_out = self.me in seen.put_out or seen.outs[self.me] != self._outs
        if gone and inside and not put_out:
            self.visitor.world.history.breach(f"{self.topic}: {self.me} disappeared (rule 35)")

    async def _attend_to(self) -> None:
        """Answer what the hosts want of us."""
        for event in self.tab.inbox.take():
            if event["type"] == "stage.invited" and event["data"]["person"] == self.me:
                yes = self.visitor.chance(0.7)
                told = await self.ask("stage.answer", accept=yes, mic=True)
                if yes and ok(told):
                    await self._on_stage()

    async def ask(self, method: str, **params: Any) -> Told:
        """Carry out a command about this session."""
        return await self.tab.ask(method, session=self.show.id, **params)

    # On stage

    async def _on_stage(self) -> None:
        if self.visitor.chance(0.25):
            return  # whose client never shows the countdown
        if not ok(await self.tab.ask("stage.ready", session=self.show.id)):
            return
        if self.visitor.chance(0.15):
            await self.ask("stage.cancel")
            return
        await self.visitor.world.sleep(COUNTDOWN)
        for _ in range(2):
            await self._media()
            await self.visitor.pause(SHOWN)
        if self.visitor.chance(0.7):
            await self.ask("stage.leave")

    async def _stage(self) -> None:
        told = await self.tab.ask(
            "stage.request", session=self.show.id, mic=self.visitor.chance(0.5), camera=True
        )
        if not ok(told):
            return
        if self.visitor.chance(0.15):
            await self.ask("stage.withdraw")
        deadline = trio.current_time() + ANSWERED
        while trio.current_time() < deadline and self.tab.connected:
            for event in self.tab.inbox.take():
                if event["data"].get("person") != self.me:
                    continue
                if event["type"] == "stage.accepted":
                    await self._on_stage()
                    return
                if event["type"] in ("stage.declined", "stage.withdrawn"):
                    return
            await self.tab.inbox.wait(deadline - trio.current_time())

    # Acts

    async def _say(self) -> None:
        reply = {"reply_to": "1"} if self.visitor.chance(0.2) else {}
        told = await self.visitor.say(
            self.tab, "chat.send", self.visitor.text("says"), topic=self.topic, **reply
        )
        if ok(told) and self.visitor.chance(0.1):
            await self.tab.ask("chat.delete", topic=self.topic, id=told["message"]["id"])

    async def _react(self) -> None:
        await self.tab.ask("chat.react", topic=self.topic, id="1", emoji="+1",
                           on=self.visitor.chance(0.7))  # fmt: skip

    async def _question(self) -> None:
        await self.visitor.say(
            self.tab, "qa.ask", self.visitor.text("asks"), session=self.show.id,
            anonymous=self.visitor.chance(0.3),
        )  # fmt: skip

    async def _vote(self) -> None:
        found = await self.tab.ask("qa.list", session=self.show.id, limit=10)
        if not ok(found) or not found["questions"]:
            return
        question = self.visitor.random.choice(found["questions"])["id"]
        on = self.visitor.chance(0.7)
        told = await self.ask("qa.upvote" if on else "qa.unvote", id=question)
        place = (self.topic, question)
        if not isinstance(told, str):
            self.visitor.memory.votes[place] = on
        elif told == UNKNOWN:
            self.visitor.memory.votes[place] = None

    async def _media(self) -> None:
        choice = {
            "mic": self.visitor.chance(0.5),
            "screen": self.visitor.chance(0.3),
            "background": self.visitor.random.choice(("none", "blur", "image")),
        }
        await self.ask("media.set", **choice)

    async def _away(self) -> None:
        """Lose the connection; back soon, or later than the grace."""
        self.tab.drop()
        self.visitor.memory.inside[self.show.id] = None
        await self.visitor.world.sleep(self.visitor.random.choice((0.5, 3.0, 12.0, 25.0)))

    async def _out_and_in(self) -> None:
        await self.tab.leave(self.show.id)
        await self.visitor.pause(3.0)
        await self._go_in()

    async def _second_tab(self) -> None:
        """Have another tab open for a while; its end must not take us out (rule 34)."""
        other = Tab(self.visitor)
        if await other.connect() and ok(await other.enter(self.show.id)):
            await self.visitor.pause(20.0)
        other.drop()

    async def _again(self) -> None:
        """Repeat a command under its key: it is carried out once (rule 36)."""
        key, text = f"again{self.visitor.number()}", self.visitor.text("repeats")
        answers: list[Told] = []
        for _ in range(3):
            told = await self.visitor.say(self.tab, "chat.send", text, topic=self.topic, key=key)
            if not ok(told):
                break  # a refusal is not kept: the same may be carried out a moment later
            answers.append(told)
        if any(one != answers[0] for one in answers):
            self.visitor.world.history.breach(f"{self.me}: {text!r} was answered {answers}")

    async def _room(self) -> None:
        """Go between the main call and a room; say something there, call for help."""
        found = await self.tab.ask("breakout.get", session=self.show.id)
        if not ok(found) or not found["breakout"]:
            return
        room = self.visitor.random.choice(list(found["breakout"]["rooms"]))["id"]
        told = await self.tab.ask("breakout.enter", session=self.show.id, room=room)
        if ok(told) and told["topic"]:
            text = self.visitor.text("whispers")
            await self.visitor.say(self.tab, "chat.send", text, topic=told["topic"])
            await self.ask(self.visitor.random.choice(("breakout.help", "breakout.main")))

    async def _life_ring(self) -> None:
        await self.visitor.say(
            self.tab, "support.ask", self.visitor.text("needs help"), where=self.topic
        )

    async def _company(self) -> None:
        await self.tab.ask("company.get", company=self.show.company)

    async def _act(self) -> None:
        acts = (
            self._say, self._react, self._question, self._vote, self._stage, self._media,
            self._away, self._out_and_in, self._second_tab, self._again, self._room,
            self._life_ring, self._company,
        )  # fmt: skip
        await self.visitor.random.choices(acts, WEIGHTS)[0]()


WEIGHTS = (8, 2, 3, 5, 6, 1, 3, 1, 1, 1, 3, 1, 1)
"""How often each act is done, against the others."""
