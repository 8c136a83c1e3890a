"""What a session leaves in memory once it is over: its name, and nothing of its people or rooms."""

import gc
import logging
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, ClassVar

import trio

from actors.clock import TrioClock
from actors.durable import DurableActor
from actors.entity import EntityActor
from actors.errors import Refused
from actors.event import EventActor
from actors.participant import ParticipantActor
from actors.rules.base import COMMANDS, Person
from engine.config import Config, MediaOptions
from engine.engine import Engine
from engine.tree import SessionSupervisor
from storage.memory import MemoryJournal
from tests.actors.world import NoArchive
from transport.codec import CODECS
from transport.params import structure

BEGIN = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
ADMIN = Person(id="root", name="Root", event="fair", role="organizer", grants=frozenset({"admin"}))
OURS = ("actors.", "engine.", "transport.", "trio.lowlevel.")
WARM, MORE = 3, 4
"""Sessions before the first count, and between the two."""

GONE = 1_000.0
"""Seconds after which nothing is waited for any more, and every deadline has been swept."""


class Sink:
    """An outbox nobody reads."""

    direct: ClassVar[int] = -1
    holding: ClassVar[bool] = False

    def write(self, data: bytes) -> None:
        """Take it, and forget it."""


class CrashError(Exception):
    """A fault that the test puts in."""


class Fair:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.connections: dict[str, str] = {}
        self._numbers = 0

    async def call(self, by: Person, method: str, **params: Any) -> Any:
        self._numbers += 1
        params = {"key": f"k{self._numbers}", **params}
        connection = self.connections.get(by.id, "")
        return await self.engine.door.call(structure(COMMANDS[method], params, by, connection))

    async def come(self, by: Person) -> None:
        self._numbers += 1
        connection = self.connections[by.id] = f"c{self._numbers}"
        self.engine.server.context.hub.attach(connection, Sink(), CODECS[0], None)
        await self.engine.door.connect(by, connection, self.engine.door.epoch, {})

    def go(self, by: Person) -> None:
        connection = self.connections.pop(by.id)
        self.engine.server.context.hub.detach(connection)
        self.engine.door.gone(by, connection)

    async def plan(self) -> None:
        hours = {"durations": [30], "hours": ["09:00", "12:00"]}
        days = ["2026-12-01", "2026-12-20"]
        await self.call(
            ADMIN, "event.create", id="fair", name="Fair", time_zone="UTC", days=days,
            one_to_one=hours,
        )  # fmt: skip
        await self.call(ADMIN, "company.create", id="acme", event="fair", name="Acme")

    async def hold(self, number: int) -> None:
        """Hold a session with everything there is, by people who never come again."""
        session, topic = f"s{number}", f"session/s{number}"
        host = someone(f"host{number}", role="employee", company="acme")
        guests = [someone(f"guest{number}-{each}") for each in range(4)]
        start = self.engine.services.clock.now().isoformat()
        await self.call(
            ADMIN, "session.create", session=session, event="fair", title="T", kind="workshop",
            company="acme", start=start, minutes=60, hosts=[host.id],
        )  # fmt: skip
        for one in (host, *guests):
            await self.come(one)
            await self.call(one, "session.join", session=session)
        await self.call(host, "session.start", session=session)
        for guest in guests:
            await self.call(guest, "chat.send", topic=topic, text="Hello")
            asked = await self.call(guest, "qa.ask", session=session, text="Why?")
            await self.call(host, "qa.upvote", session=session, id=asked["question"]["id"])
        await self.call(guests[0], "stage.request", session=session, mic=True, camera=True)
        await self.call(host, "stage.accept", session=session, person=guests[0].id)
        await self.call(guests[0], "stage.ready", session=session)
        await self.call(host, "breakout.open", session=session, rooms=3, assign="random")
        await trio.sleep(5)
        await self.call(host, "breakout.close", session=session, countdown=0)
        self.go(guests[1])
        await self.come(guests[1])
        await self.call(guests[1], "session.join", session=session)
        await self.crash(guests[1], topic)
        await self.meet(guests[2], host)
        await self.call(host, "session.end", session=session)
        for one in (host, *guests):
            self.go(one)
        await trio.sleep(60)

    async def crash(self, by: Person, topic: str) -> None:
        """Let the session's actor die with a message in hand."""
        carry_out = EntityActor.on_receive_batch

        async def fail(actor: EntityActor, batch: Any) -> None:
            if actor.entity != topic:
                await carry_out(actor, batch)
                return
            EntityActor.on_receive_batch = carry_out  # type: ignore[method-assign]
            raise CrashError(actor.entity)

        EntityActor.on_receive_batch = fail  # type: ignore[method-assign]
        with suppress(Refused):
            await self.call(by, "chat.send", topic=topic, text="Oh")

    async def meet(self, guest: Person, employee: Person) -> None:
        """Agree on a 1-1 chat, and call it off."""
        await self.call(employee, "agenda.draft", day="2026-12-20", duration=30, slots="all")
        await self.call(employee, "agenda.publish")
        found = await self.call(guest, "meeting.request", to=employee.id)
        ident = found["meeting"]["id"]
        await self.call(employee, "meeting.approve", id=ident)
        free = await self.call(guest, "meeting.slots", id=ident)
        await self.call(guest, "meeting.pick", id=ident, slot=free["slots"][0]["start"])
        await self.call(guest, "meeting.cancel", id=ident)

    async def quiet(self) -> None:
        """Let everything end that waits, as the heartbeat would."""
        context = self.engine.server.context
        for _ in range(4):
            await trio.sleep(GONE / 4)
            context.hub.sweep()
            context.buckets.sweep()


def someone(ident: str, **claims: Any) -> Person:
    return Person(id=ident, name=ident.title(), event="fair", **claims)


def living() -> Counter[str]:
    """Count the objects of our classes, and tasks."""
    gc.collect()
    kinds = Counter(f"{type(one).__module__}.{type(one).__qualname__}" for one in gc.get_objects())
    return Counter({name: count for name, count in kinds.items() if name.startswith(OURS)})


async def test_of_a_session_that_is_over_only_the_names_of_those_that_send_are_held(
    autojump_clock, monkeypatch, caplog
):
    caplog.set_level(logging.CRITICAL)  # a record of a crash would hold what it crashed on
    for kind in (DurableActor, ParticipantActor, EventActor, SessionSupervisor):
        monkeypatch.setattr(kind, "passivate_after", 3.0)
    config = Config(key=("k:" + "s" * 32,), media=MediaOptions(workers=0))
    async with Engine.assemble(
        config, journal=MemoryJournal(), archive=NoArchive(), epoch="e", clock=TrioClock(BEGIN)
    ) as engine:
        fair = Fair(engine)
        await fair.plan()
        for number in range(WARM):
            await fair.hold(number)
        await fair.quiet()
        before, noted = living(), len(engine.services.settled)
        for number in range(WARM, WARM + MORE):
            await fair.hold(number)
        await fair.quiet()
        grown = living() - before
        # Those cancelled lie in a heap until they are due or are many (PRUNE_ABOVE).
        del grown["actors.kernel.timers.Timer"]
        assert engine.services.counters.retried >= WARM + MORE  # they did crash
        assert not grown, grown
        assert len(engine.services.settled) - noted == 4 * MORE, engine.services.settled
        kinds = {name.partition("/")[0] for name in engine.services.settled}
        assert kinds == {"event", "company", "session", "agenda", "chat"}
        assert not engine.services.told
        assert not len(engine.services.presence)
        assert engine.server.context.hub.statistics().topics == 0
