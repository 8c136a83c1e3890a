"""What a crash leaves of an entity: nothing, and without the garbage collector."""

import gc
import weakref
from contextlib import suppress

import pytest
import trio

from actors.durable import DurableActor
from actors.entity import EntityActor
from actors.errors import Refused
from tests.actors.house import GUESTS, HANA, CrashError, House, everybody_in, open_house

ROUNDS = 12


@pytest.fixture
def living(monkeypatch):
    """The entities' actors that are in memory."""
    found: weakref.WeakSet[DurableActor] = weakref.WeakSet()
    build = DurableActor.__init__

    def init(self, *args):
        build(self, *args)
        found.add(self)

    monkeypatch.setattr(DurableActor, "__init__", init)
    return found


async def test_a_refusal_that_somebody_keeps_keeps_no_entity(autojump_clock, living, monkeypatch):
    carry_out = EntityActor.on_receive_batch
    doomed = ["session/ux"]

    async def on_receive_batch(self, batch):
        await carry_out(self, batch)
        if self.entity in doomed:
            doomed.remove(self.entity)
            raise CrashError(self.entity)

    async with open_house() as house:
        await everybody_in(house)
        gc.collect()
        gc.disable()
        try:
            before = len(living)
            command = House.command(
                GUESTS[0], "media.set", "ana", session="ux", mic=True, key="loud"
            )
            with monkeypatch.context() as faulty:
                faulty.setattr(EntityActor, "on_receive_batch", on_receive_batch)
                with pytest.raises(Refused, match="on screen") as kept:
                    await house.door.call(command)
            await house.call(HANA, "people.list", session="ux")
            assert house.system.statistics().restarts == 1
            assert len(living) == before
            assert kept.value.reason == "forbidden"
        finally:
            gc.enable()


async def test_a_crashed_entity_leaves_memory_at_once(autojump_clock, living, monkeypatch):
    carry_out = EntityActor.on_receive_batch
    late = False

    async def on_receive_batch(self, batch):
        if late:
            await carry_out(self, batch)
        raise CrashError(self.entity)

    async with open_house() as house:
        await everybody_in(house)
        ana = GUESTS[0]
        gc.collect()
        gc.disable()
        try:
            before = len(living)
            for number in range(ROUNDS):
                late = number % 2 == 0
                chat = House.command(
                    ana, "chat.send", "ana", topic="session/ux", text="Hi", key=f"c{number}"
                )
                read = House.command(ana, "notifications.read", "ana", ids=["1"], key=f"r{number}")
                with monkeypatch.context() as faulty:
                    faulty.setattr(EntityActor, "on_receive_batch", on_receive_batch)
                    for command in (chat, read):
                        with suppress(Refused):  # or answered, when it failed after that
                            await house.door.call(command)
                await trio.sleep(61)
                await house.door.call(chat)
                await house.call(HANA, "people.list", session="ux")
            assert house.system.statistics().restarts >= ROUNDS
            assert len(living) <= before
        finally:
            gc.enable()
