"""1-1 chats from both sides: offering, asking, deciding, picking, changing, being there."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import trio

from bench.simulate.people import Tab, Told, Visitor, ok
from bench.simulate.world import Span

DURATIONS = (15, 20)

COMES = (-4 * 60.0, -60.0, -60.0, 0.0, 30.0, 3 * 60.0, 11 * 60.0)
"""Seconds after the start at which somebody comes."""

NEVER = 0.15
"""The share of chats to which one side does not come."""

SETTLES = timedelta(seconds=1)


class Side:
    """One person's 1-1 chats, whichever side they are on.

    :param nursery: where people wait for their chats to begin.
    """

    def __init__(self, visitor: Visitor, nursery: trio.Nursery) -> None:
        self.visitor = visitor
        self._nursery = nursery

    @property
    def employs(self) -> bool:
        """Whether this is an employee."""
        return self.visitor.person.role == "employee"

    # Offering

    async def offer(self, days: Sequence[str]) -> None:
        """Draft slots for some days and confirm the availability (rule 39)."""
        tab, random = Tab(self.visitor), self.visitor.random
        for day in days:
            about = {"question": "Why?"} if self.visitor.chance(0.3) else None
            told = await tab.ask(
                "agenda.draft", day=day, duration=random.choice(DURATIONS), slots="all", about=about
            )
            if told == "quota_exceeded":
                await self._few(tab, day)
            if self.visitor.chance(0.3):
                await tab.ask("agenda.publish")
        await tab.ask("agenda.publish")
        tab.drop()

    async def _few(self, tab: Tab, day: str) -> None:
        own = await tab.ask("agenda.get", employee=self.visitor.id)
        if not ok(own):
            return
        (slots,) = [each["slots"]["20"] for each in own["bookable"] if each["day"] == day]
        starts = [slot["start"] for slot in slots]
        count = min(len(starts), self.visitor.random.randint(1, 4))
        chosen = self.visitor.random.sample(starts, count)
        await tab.ask("agenda.draft", day=day, duration=20, slots=chosen)

    # Asking

    async def seek(self, others: Sequence[str], how_many: int) -> None:
        """Ask some of the others for a chat."""
        tab = Tab(self.visitor)
        for other in self.visitor.random.sample(others, min(len(others), how_many)):
            text = self.visitor.text("would like to meet")
            told = await self.visitor.say(
                tab, "meeting.request", text, "message", to=other, answer="Because."
            )
            if ok(told) and self.visitor.chance(0.1):
                await tab.ask("meeting.withdraw", id=told["meeting"]["id"])
        tab.drop()

    # Looking after them

    async def look(self) -> None:
        """Go through the tabs, and do what there is to do."""
        tab = Tab(self.visitor)
        for name, act in (
            ("requested", self._requested),
            ("in_scheduling", self._scheduling),
            ("confirmed", self._confirmed),
        ):
            found = await tab.ask("meeting.list", tab=name, limit=50)
            if ok(found):
                for meeting in found["meetings"]:
                    await act(tab, meeting)
        await tab.ask("schedule.mine")
        await tab.read()
        tab.drop()

    async def _requested(self, tab: Tab, meeting: Mapping[str, Any]) -> None:
        me = self.visitor.id
        if meeting["offer"] is not None and meeting["offer"]["id"] == me:
            await tab.ask(self._way("meeting.agree", "meeting.disagree"), id=meeting["id"])
            return
        asked = "participant" if meeting["initiator"] == "employee" else "employee"
        if meeting[asked]["id"] != me:
            return
        if self.visitor.chance(0.8):
            await tab.ask("meeting.approve", id=meeting["id"])
        else:
            await tab.ask("meeting.decline", id=meeting["id"], message="no time")

    def _way(self, usual: str, other: str) -> str:
        return usual if self.visitor.chance(0.7) else other

    async def _scheduling(self, tab: Tab, meeting: Mapping[str, Any]) -> None:
        if self.employs:
            return
        for _ in range(3):
            found = await tab.ask("meeting.slots", id=meeting["id"])
            if not ok(found) or not found["slots"]:
                return
            slot = found["slots"][0] if self.visitor.chance(0.7) else self._any(found["slots"])
            told = await tab.ask("meeting.pick", id=meeting["id"], slot=slot["start"])
            if ok(told):
                self._expect(told["meeting"])
            if told not in ("slot_taken", "conflict"):
                return

    def _any(self, slots: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        return self.visitor.random.choice(slots)

    async def _confirmed(self, tab: Tab, meeting: Mapping[str, Any]) -> None:
        told: Told = ""
        proposal = meeting["proposal"]
        if proposal is not None and proposal["by"] != self.visitor.id:
            told = await tab.ask(self._way("meeting.agree", "meeting.disagree"), id=meeting["id"])
        elif self.visitor.chance(0.08):
            await tab.ask("meeting.cancel", id=meeting["id"], message="ill")
            return
        elif self.visitor.chance(0.1):
            found = await tab.ask("meeting.slots", id=meeting["id"])
            if ok(found) and found["slots"]:
                slot = self._any(found["slots"])["start"]
                await tab.ask("meeting.reschedule", id=meeting["id"], slot=slot)
        if self.visitor.chance(0.2):
            await self.visitor.say(
                tab, "meeting.note", self.visitor.text("notes"), id=meeting["id"]
            )
        self._expect(told["meeting"] if ok(told) else meeting)

    # Being there

    def _expect(self, meeting: Mapping[str, Any]) -> None:
        if meeting["start"] is None:
            return
        start = datetime.fromisoformat(meeting["start"])
        expected = self.visitor.memory.expected
        if expected.get(meeting["id"]) == start or start < self.visitor.world.now:
            return
        expected[meeting["id"]] = start
        if not self.visitor.chance(NEVER):
            end = datetime.fromisoformat(meeting["end"])
            self._nursery.start_soon(self._attend, meeting["id"], start, end)

    async def _attend(self, id_: str, start: datetime, end: datetime) -> None:
        visitor, world, tab = self.visitor, self.visitor.world, Tab(self.visitor)
        later = timedelta(seconds=visitor.random.choice(COMES))
        await world.until(start + later)
        if visitor.memory.expected[id_] != start:
            return  # it has another time by now, for which another task waits
        visitor.memory.tried.add(id_)
        if ok(await tab.ask("meeting.join", id=id_)):
            since, life, connects = world.now, world.life, tab.connects
            await self._chat(tab, f"chat/{id_}")
            if visitor.chance(0.3):
                await world.sleep(visitor.random.uniform(5.0, 400.0))
            else:
                await world.until(end - timedelta(seconds=30))
            kept = tab.connected and tab.connects == connects and world.life == life
            if kept and world.now - since > SETTLES:
                visitor.memory.stays.setdefault(id_, []).append(Span(since, world.now))
            if visitor.chance(0.4):
                await tab.ask("meeting.leave", id=id_)
        tab.drop()

    async def _chat(self, tab: Tab, topic: str) -> None:
        await tab.ask("media.set", topic=topic, mic=True, camera=self.visitor.chance(0.8))
        await self.visitor.say(tab, "chat.send", self.visitor.text("says hello"), topic=topic)
        if self.visitor.chance(0.15):
            tab.drop()
            await self.visitor.world.sleep(self.visitor.random.choice((1.0, 20.0)))
            await tab.ask("meeting.join", id=topic.partition("/")[2])
