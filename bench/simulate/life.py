"""Who does what when: everybody's days at the fair."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import trio

from actors.rules.base import Person
from bench.simulate.audience import Seat
from bench.simulate.chats import Side
from bench.simulate.fair import ATTENDANCES, Show, at_fair
from bench.simulate.hosting import Hosting
from bench.simulate.people import Tab, Visitor
from bench.simulate.staff import Organizer, support
from bench.simulate.world import World

Deed = tuple[datetime, Callable[[], Awaitable[None]]]

MORNING, NOON = 7 * 60 + 30, 13 * 60
"""Minutes of the day at which people look after their 1-1 chats; of a large fair's, the first."""

SEEKERS = 0.03
"""The share of a large fair's visitors who ask for 1-1 chats."""


class Lives:
    """Everybody, and their plans."""

    def __init__(self, world: World) -> None:
        self.world = world
        fair = world.fair
        self.visitors = [Visitor(world, person) for person in fair.visitors]
        self.employees = [Visitor(world, person) for person in fair.employees]
        self.staff = [Visitor(world, person) for person in fair.staff]
        self.organizer = Organizer(self._visitor(fair.organizer), fair)
        self.everybody = [
            *self.visitors, *self.employees, *self.staff, self.organizer.visitor,
        ]  # fmt: skip
        world.visitors = {person.id: person for person in self.everybody}

    def _visitor(self, person: Person) -> Visitor:
        return Visitor(self.world, person)

    def begin(self, nursery: trio.Nursery) -> None:
        """Let everybody live through the fair."""
        hosts = {person.id: person for person in self.employees}
        rounds = 12 if self.world.plan.is_large else 14
        for show in self.world.fair.shows:
            if show.fate == "cancelled":
                nursery.start_soon(self.organizer.cancel, show)
                continue
            for host in show.hosts:
                nursery.start_soon(Hosting(hosts[host], show, rounds).host)
        for person in self.visitors:
            nursery.start_soon(_live, person, sorted(self._visit(person, nursery), key=_when))
        for person in self.employees:
            nursery.start_soon(_live, person, list(self._employ(person, nursery)))
        for person in self.staff:
            nursery.start_soon(_live, person, list(self._support(person)))
        nursery.start_soon(_live, self.organizer.visitor, list(self._organize()))

    # What people plan

    def _visit(self, person: Visitor, nursery: trio.Nursery) -> Iterator[Deed]:
        fair, plan, random = self.world.fair, self.world.plan, person.random
        shows = self._chosen(person)
        register = [show for show in shows if person.chance(0.6)]
        if register or not plan.is_large:
            at = fair.begin + timedelta(minutes=60 + random.randint(0, 30))
            yield at, partial(self._arrange, person, register)
        if not plan.is_large or person.chance(SEEKERS):
            side = Side(person, nursery)
            offers = [employee.id for employee in self.employees]
            at = fair.begin + timedelta(minutes=100 + random.randint(0, 3))
            yield at, partial(side.seek, offers, 2)
            yield from self._looks(side, 30)
        for show in shows:
            late = timedelta(seconds=random.choice((-360, -200, -60, 0, 0, 60, 300, 660)))
            pause = 100.0 if plan.is_large else 9.0
            acts = random.choice((0, 1, 1, 2, 3) if plan.is_large else (3, 6, 9))
            yield show.start + late, partial(self._attend, person, show, acts, pause)

    def _chosen(self, person: Visitor) -> list[Show]:
        shows, plan = self.world.fair.shows, self.world.plan
        if not plan.is_large:
            return [show for show in shows if person.chance(0.8)]
        count = person.random.randint(1, 2 * ATTENDANCES - 1)
        return sorted(person.random.sample(shows, min(count, len(shows))), key=lambda one: one.id)

    @staticmethod
    async def _attend(person: Visitor, show: Show, acts: int, pause: float) -> None:
        await Seat(person, show).attend(acts, pause)

    async def _arrange(self, person: Visitor, register: list[Show]) -> None:
        """Look around, and register for sessions."""
        tab = Tab(person)
        await tab.ask("event.lobby")
        for show in register:
            await tab.ask("session.register", session=show.id, wait=person.chance(0.7))
            if person.chance(0.15):
                await tab.ask("session.unregister", session=show.id)
        tab.drop()

    def _looks(self, side: Side, minute: int) -> Iterator[Deed]:
        fair = self.world.fair
        for hour in (2, 3):
            yield fair.begin + timedelta(hours=hour, minutes=minute), side.look
        for day in fair.days:
            for at in (MORNING,) if self.world.plan.is_large else (MORNING, NOON):
                yield at_fair(day, at + minute), side.look

    def _employ(self, person: Visitor, nursery: trio.Nursery) -> Iterator[Deed]:
        fair, side = self.world.fair, Side(person, nursery)
        yield (
            fair.begin + timedelta(minutes=person.random.choice((10, 10, 20))),
            partial(side.offer, fair.days),
        )
        others = [
            each.id for each in person.random.sample(self.visitors, min(20, len(fair.visitors)))
        ]
        yield fair.begin + timedelta(minutes=90), partial(side.seek, others, 1)
        looks = list(self._looks(side, 0))
        edit = fair.begin + timedelta(hours=5)
        yield from looks[:2]
        yield edit, partial(_edit, person)
        yield from looks[2:]

    def _support(self, person: Visitor) -> Iterator[Deed]:
        for day in self.world.fair.days:
            for hour in (12, 19):
                yield at_fair(day, hour * 60), partial(support, person)

    def _organize(self) -> Iterator[Deed]:
        yield self.world.fair.begin + timedelta(hours=3, minutes=45), self.organizer.work
        for day in self.world.fair.days:
            yield at_fair(day, 11 * 60), self.organizer.work


def _when(deed: Deed) -> datetime:
    return deed[0]


async def _live(person: Visitor, deeds: list[Deed]) -> None:
    for at, deed in deeds:
        await person.world.until(at)
        if not person.banned:
            await deed()


async def _edit(person: Visitor) -> None:
    """Change what the company says of itself (rule 22)."""
    tab = Tab(person)
    await tab.ask("company.get", company=person.person.company)
    changes: dict[str, Any] = {"company": person.person.company}
    await person.say(tab, "company.update", person.text("describes"), "info", **changes)
    tab.drop()
