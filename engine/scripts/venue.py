"""What the acts of the scripted fair have at hand: everybody's connection, and the clock."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

import attrs
import trio
from trio.testing import MockClock

from actors.errors import GreenroomError, Refused
from actors.rules.base import Person
from actors.rules.records import instant
from engine.engine import Engine
from engine.scripts.fair_cast import EVERYBODY, ORGANIZER
from engine.scripts.transcript import Transcript
from transport.client import Client, Event

PATIENCE = 60.0
"""Seconds something may take to become true before the script gives up."""

QUIET_CHECKS, QUIET_PAUSE = 4, 0.05
"""How often, and seconds apart, nothing may move before the clock does."""

AT_A_TIME = 40
"""People who act at the same time when a whole crowd does."""


class ScriptFailed(GreenroomError):  # noqa: N818  said of the script
    """Something did not happen as the script has it; the message says what."""


@attrs.define
class Venue:
    """The fair while it runs.

    :param engines: that are one to everybody.
    :param clock: trio's clock, which the script moves on.
    :param clients: person's id -> connection.
    """

    engines: Sequence[Engine]
    clock: MockClock
    transcript: Transcript
    clients: dict[str, Client] = attrs.field(factory=dict)

    @property
    def now(self) -> datetime:
        """The present instant of the fair."""
        return self.engines[0].services.clock.now()

    async def ask(self, person: Person, method: str, /, **params: Any) -> dict[str, Any]:
        """Have somebody ask for something, and return the result."""
        with trio.fail_after(PATIENCE):
            return await self.clients[person.id].call(method, **params)

    async def refused(
        self, person: Person, reason: str, method: str, /, **params: Any
    ) -> dict[str, Any]:
        """Have somebody ask for what is refused, and return the refusal's data.

        :raises ScriptFailed: it was not refused, or for another reason.
        """
        try:
            await self.ask(person, method, **params)
        except Refused as refusal:
            if refusal.reason != reason:
                raise ScriptFailed(f"{method}: {refusal.reason} instead of {reason}") from refusal
            return {"message": refusal.message, **refusal.data}
        raise ScriptFailed(f"{method} by {person.id} was not refused with {reason}")

    async def heard(
        self, person: Person, type_name: str, facts: Mapping[str, Any] = MappingProxyType({})
    ) -> Event:
        """Wait until somebody's client was told of an event with these data.

        :raises ScriptFailed: it was not, in time.
        """
        with trio.move_on_after(PATIENCE):
            async for event in self.clients[person.id].events():
                if event.type == type_name and facts.items() <= dict(event.data).items():
                    return event
        raise ScriptFailed(f"{person.id} was never told of {type_name} {dict(facts)}")

    async def notified(self, person: Person, kind: str) -> dict[str, Any]:
        """Wait until somebody's client got a notification, and return its data."""
        event = await self.heard(person, "notification.added", {"kind": kind})
        data: dict[str, Any] = event.data["data"]
        return data

    async def until(self, at: datetime) -> None:
        """Let time pass, once everything under way has been done."""
        await self._quiet()
        seconds = (at - self.now).total_seconds()
        if seconds > 0:
            self.clock.jump(seconds)

    async def _quiet(self) -> None:
        last: object = None
        unchanged = 0
        with trio.fail_after(PATIENCE):
            while unchanged < QUIET_CHECKS:
                seen = [attrs.astuple(engine.services.counters) for engine in self.engines]
                unchanged = unchanged + 1 if seen == last else 0
                last = seen
                await trio.sleep(QUIET_PAUSE)

    async def bookings(self, **which: Any) -> list[dict[str, Any]]:
        """Return the chats an organizer sees."""
        found: list[dict[str, Any]] = []
        while True:
            page = await self.ask(ORGANIZER, "meeting.bookings", **which)
            found += page["meetings"]
            if page["next"] is None:
                return found
            which["after"] = page["next"]

    async def counts(self) -> dict[str, int]:
        """Return how many chats stand in each tab."""
        counts: dict[str, int] = (await self.ask(ORGANIZER, "meeting.bookings"))["counts"]
        return counts

    async def settled(self, **counts: int) -> None:
        """Wait until so many chats stand in each of these tabs.

        :raises ScriptFailed: they do not, in time.
        """
        seen: dict[str, int] = {}
        with trio.move_on_after(PATIENCE):
            while not counts.items() <= (seen := await self.counts()).items():  # noqa: ASYNC110  it is asked for over the wire
                await trio.sleep(QUIET_PAUSE)
            return
        raise ScriptFailed(f"expected {counts}, found {seen}")


def who(id_: str) -> Person:
    """Return somebody of the fair by id."""
    return next(person for person in EVERYBODY if person.id == id_)


def instant_of(slot: dict[str, Any]) -> datetime:
    """Return when a slot or a chat begins."""
    return instant(slot["start"])


def clock_of(slot: dict[str, Any]) -> str:
    """Return when a slot begins, as the event's wall clock has it."""
    return str(slot["local"])[5:16].replace("T", " at ")


async def crowd(works: Sequence[Callable[[], Awaitable[None]]]) -> None:
    """Have many people act at the same time, a limited number of them at once."""
    limiter = trio.CapacityLimiter(AT_A_TIME)

    async def one(work: Callable[[], Awaitable[None]]) -> None:
        async with limiter:
            await work()

    async with trio.open_nursery() as nursery:
        for work in works:
            nursery.start_soon(one, work)
