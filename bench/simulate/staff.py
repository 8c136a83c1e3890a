"""Those who run the fair: the organizer, and the people behind the life ring."""

from datetime import datetime, timedelta

from bench.simulate.fair import Fair, Show
from bench.simulate.people import Tab, Visitor, ok


class Organizer:
    """Changes plans and quotas, moves 1-1 chats, bans people from the whole fair."""

    def __init__(self, visitor: Visitor, fair: Fair) -> None:
        self.visitor = visitor
        self.fair = fair
        self.banned: set[str] = set()

    async def work(self) -> None:
        """Do each of the things there are to do, once."""
        tab = Tab(self.visitor)
        await self._quota(tab)
        await self._bookings(tab)
        await self._program(tab)
        if self.visitor.chance(0.5):
            await self._ban(tab)
        tab.drop()

    async def cancel(self, show: Show) -> None:
        """Call a session off, a while before it begins."""
        await self.visitor.world.until(show.start - timedelta(minutes=40))
        tab = Tab(self.visitor)
        await tab.ask("session.cancel", session=show.id, message="sorry")
        tab.drop()

    async def _quota(self, tab: Tab) -> None:
        company = self.visitor.random.choice(sorted(self.fair.quotas))
        slots = self.fair.quotas[company] + self.visitor.random.randint(-5, 10)
        await tab.ask("company.change", company=company, slots=max(0, slots))

    async def _bookings(self, tab: Tab) -> None:
        found = await tab.ask("meeting.bookings", tab="confirmed", limit=20)
        if not ok(found):
            return
        for meeting in found["meetings"]:
            if self.visitor.chance(0.15):
                later = timedelta(minutes=self.visitor.random.choice((-30, 5, 45)))
                start = datetime.fromisoformat(meeting["start"]) + later
                await tab.ask("meeting.move", id=meeting["id"], start=start.isoformat())
            elif self.visitor.chance(0.15):
                company = meeting["employee"]["company"]
                colleagues = [each.id for each in self.fair.employees if each.company == company]
                to = self.visitor.random.choice(colleagues)
                await tab.ask("meeting.reassign", id=meeting["id"], to=to)

    async def _program(self, tab: Tab) -> None:
        """Give a session to come another time, or more or fewer seats."""
        now = self.visitor.world.now
        coming = [show for show in self.fair.shows if show.start > now + timedelta(hours=2)]
        if not coming:
            return
        show = self.visitor.random.choice(coming)
        if show.capacity is not None and self.visitor.chance(0.7):
            more = self.visitor.random.choice((-1, 1, 5, -show.capacity))
            await tab.ask("session.change", session=show.id, capacity=max(0, show.capacity + more))
        else:
            hosts = [*show.hosts, self.visitor.random.choice(self.fair.employees).id]
            await tab.ask("session.change", session=show.id, hosts=hosts)

    async def _ban(self, tab: Tab) -> None:
        """Put somebody out of the fair, and let them in again or not (rule 24)."""
        person = self.visitor.random.choice(self.fair.visitors).id
        if ok(await tab.ask("event.ban", person=person, message="enough")):
            self.banned.add(person)
        if self.visitor.chance(0.6):
            await self.visitor.pause(600.0)
            if ok(await tab.ask("event.unban", person=person)):
                self.banned.discard(person)


async def support(visitor: Visitor) -> None:
    """Go through the queue of tickets: answer, resolve (rule 23)."""
    tab = Tab(visitor)
    found = await tab.ask("support.queue")
    if ok(found):
        for ticket in _open(tab)[:20]:
            text = visitor.text("helps")
            await visitor.say(tab, "support.reply", text, id=ticket)
            if visitor.chance(0.6):
                await tab.ask("support.resolve", id=ticket)
    tab.drop()


def _open(tab: Tab) -> list[str]:
    """Return the ids of open tickets, as the queue's snapshot named them."""
    for event in tab.inbox.take():
        if event["type"] == "snapshot" and event["topic"] == "support":
            tickets = event["data"]["tickets"]
            return [each["id"] for each in tickets if each["state"] != "resolved"]
    return []
