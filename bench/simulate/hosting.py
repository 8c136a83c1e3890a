"""What a session's hosts do: open it, lead it, and mostly end it."""

from datetime import timedelta
from typing import Any

from bench.simulate.fair import Show
from bench.simulate.people import Tab, Told, Visitor, ok

ATTENTIVE = 8.0
"""Seconds a host waits for something to come up."""


class Hosting:
    """One host's work in one session."""

    def __init__(self, visitor: Visitor, show: Show, rounds: int) -> None:
        self.visitor = visitor
        self.show = show
        self.tab = Tab(visitor)
        self.topic = f"session/{show.id}"
        self._rounds = rounds
        self._people: list[str] = []

    async def host(self) -> None:
        """Host the session, as its fate will have it."""
        show, world = self.show, self.visitor.world
        if show.fate == "left":
            return
        await world.until(show.start - timedelta(minutes=4 if show.fate != "late" else -6))
        if not await self.tab.connect():
            return
        if not ok(await self.tab.enter(show.id)):
            self.tab.drop()
            return
        await world.until(show.start)
        await self.ask("session.start")
        await self._lead()
        if show.fate in ("hostless", "back"):
            self.tab.drop()
            if show.fate == "hostless" or self.visitor.id != show.hosts[0]:
                return
            await self.visitor.world.sleep(self.visitor.random.choice((60.0, 280.0)))
            await self.tab.enter(show.id)
        await world.until(show.end - timedelta(minutes=2))
        if self.visitor.chance(0.5):
            await self.ask("breakout.close", countdown=30)
            await self.visitor.world.sleep(40.0)
        if self.visitor.chance(0.8):
            await self.ask("session.end")
        self.tab.drop()

    async def _lead(self) -> None:
        latest = self.show.end - timedelta(minutes=3)
        for _ in range(self._rounds):
            await self.tab.inbox.wait(ATTENTIVE)
            if self.visitor.world.now > latest or self.visitor.banned:
                return
            if not self.tab.connected:
                if not await self.tab.connect():
                    return
                await self.tab.enter(self.show.id)
            await self._see()
            if self.visitor.chance(0.3):
                await self._do()

    async def ask(self, method: str, **params: Any) -> Told:
        """Carry out a command about this session."""
        return await self.tab.ask(method, session=self.show.id, **params)

    async def _see(self) -> None:
        """Decide about what has come up since the last look."""
        random = self.visitor.random
        for event in self.tab.inbox.take():
            data = event["data"]
            match event["type"]:
                case "stage.requested":
                    way = random.choice(("stage.accept", "stage.accept", "stage.decline"))
                    await self.ask(way, person=data["person"])
                case "qa.asked" if self.visitor.chance(0.5):
                    way = random.choice(("qa.live", "qa.dismiss", "qa.reopen", "qa.delete"))
                    await self.ask(way, id=data["id"])
                    if self.visitor.chance(0.5):
                        text = self.visitor.text("answers")
                        await self.ask("qa.answer", id=data["id"], text=text)
                case "breakout.help_asked":
                    await self.ask("breakout.answer", room=data["room"])
                case "people.changed":
                    self._people += [each["id"] for each in data["joined"]]
        del self._people[:-50]

    def _somebody(self) -> str:
        found = [each for each in self._people if each not in self.show.hosts]
        return self.visitor.random.choice(found) if found else self.visitor.id

    async def _do(self) -> None:
        random = self.visitor.random
        acts = (self._media, self._chat, self._rooms, self._rooms, self._out, self._invite)
        await random.choices(acts, (2, 2, 3, 2, 1, 3))[0]()

    async def _invite(self) -> None:
        await self.ask("stage.invite", person=self._somebody())

    async def _media(self) -> None:
        person, random = self._somebody(), self.visitor.random
        way = random.choice(("media.block", "media.block", "media.unblock", "stage.remove"))
        what = {} if way == "stage.remove" else {"mic": True, "screen": self.visitor.chance(0.5)}
        await self.ask(way, person=person, **what)
        if self.visitor.chance(0.3):
            await self.ask("media.set", mic=True, screen=self.visitor.chance(0.5))

    async def _chat(self) -> None:
        random = self.visitor.random
        match random.choice(("mute", "closed", "slow", "say", "cap")):
            case "mute":
                await self.ask("chat.mute", person=self._somebody(), muted=self.visitor.chance(0.6))
            case "closed":
                await self.ask("chat.mute", muted=self.visitor.chance(0.4))
            case "slow":
                await self.ask("chat.slow", seconds=random.choice((0, 5, 30)))
            case "say":
                text = self.visitor.text("welcomes")
                await self.visitor.say(self.tab, "chat.send", text, topic=self.topic)
            case "cap":
                await self.ask("session.change", stage_cap=random.choice((1, 2, 10)))

    async def _out(self) -> None:
        """Put somebody out, for now or for good (rule 24)."""
        person = self._somebody()
        if self.visitor.chance(0.6):
            await self.ask("people.kick", person=person, message="please")
            return
        await self.ask("people.ban", person=person)
        if self.visitor.chance(0.5):
            await self.visitor.pause(10.0)
            await self.ask("people.unban", person=person)

    # Rooms

    async def _rooms(self) -> None:
        random = self.visitor.random
        found = await self.tab.ask("breakout.get", session=self.show.id)
        if not ok(found):
            return
        breakout = found["breakout"] or {"state": "none", "rooms": ()}
        rooms = [each["id"] for each in breakout["rooms"]]
        if breakout["state"] not in ("open", "closing") or not rooms:
            await self._open()
            return
        room = random.choice(rooms)
        match random.choice(("move", "out", "name", "tell", "extend", "close", "close", "visit")):
            case "move":
                await self.ask("breakout.move", person=self._somebody(), room=room)
            case "out":
                await self.ask("breakout.move", person=self._somebody(), room=None)
            case "name":
                await self.ask("breakout.rename", room=room, name=self.visitor.text("room"))
            case "tell":
                text = self.visitor.text("tells all")
                await self.visitor.say(self.tab, "breakout.broadcast", text, session=self.show.id)
            case "extend":
                await self.ask("breakout.extend", minutes=2)
            case "close":
                await self.ask("breakout.close", countdown=random.choice((0, 5, 30)))
            case "visit":
                await self.ask("breakout.enter", room=room)

    async def _open(self) -> None:
        random = self.visitor.random
        way = random.choice(("random", "manual", "list", "self", "again"))
        groups = {}
        if way == "list":
            people = sorted(set(self._people) - set(self.show.hosts))
            groups = {"groups": [people[::2], people[1::2]]}
        await self.ask(
            "breakout.open", assign=way, rooms=None if way == "again" else 2,
            minutes=random.choice((None, 1, 5)), late=random.choice(("main", "smallest")), **groups,
        )  # fmt: skip
