"""The supervision tree: a session and its rooms stand together, and come and go together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from actors.clock import TrioClock
from actors.entity import EntityActor
from actors.errors import Refused
from actors.rules.base import SYSTEM, Tick
from actors.rules.session.views import Get
from engine.config import Config, MediaOptions
from engine.engine import Engine
from engine.tree import SessionSupervisor
from storage.memory import MemoryJournal
from tests.actors.world import START, NoArchive


@asynccontextmanager
async def running_engine() -> AsyncIterator[Engine]:
    async with Engine.assemble(
        Config(key=("k:secret-of-more-than-32-characters-x",), media=MediaOptions(workers=0)),
        journal=MemoryJournal(),
        archive=NoArchive(),
        epoch="e",
        clock=TrioClock(START),
    ) as engine:
        yield engine


async def look_for(engine: Engine, session: str) -> None:
    with pytest.raises(Refused):
        await engine.services.address(f"session/{session}").ask(
            Get(by=SYSTEM, session=session), timeout=5
        )


async def test_a_session_and_its_rooms_stand_under_one_supervisor(autojump_clock):
    async with running_engine() as engine:
        address = engine.services.address
        await look_for(engine, "ux")
        paths = {address(name).path for name in ("session/ux", "room/ux.1", "room/ux.2")}
        assert {path.rpartition("session-tree/ux/")[0] for path in paths} == {"root/sessions/"}
        assert "session-tree/ux" not in address("session/other").path


async def test_the_supervisor_leaves_memory_with_the_last_of_them(autojump_clock):
    async with running_engine() as engine:
        before = engine.system.statistics().actors
        await look_for(engine, "ux")
        engine.services.address("room/ux.1").tell(Tick(by=SYSTEM))
        assert engine.system.statistics().actors == before + 3
        idle = EntityActor.passivate_after + SessionSupervisor.passivate_after
        await trio.sleep(2 * idle)
        assert engine.system.statistics().actors == before
        await look_for(engine, "ux")
        assert engine.system.statistics().actors == before + 2


async def test_asked_for_at_any_moment_of_its_leaving_a_session_answers(autojump_clock):
    async with running_engine() as engine:
        await look_for(engine, "ux")
        # The supervisor goes some time after its session; whoever comes just then is served.
        moment = EntityActor.passivate_after + SessionSupervisor.passivate_after
        for _ in range(20):
            await trio.sleep(moment)
            for _ in range(8):
                await look_for(engine, "ux")
                await trio.lowlevel.checkpoint()
            moment += 7.5


async def test_the_tree_s_own_supervisors_are_no_entities(autojump_clock):
    async with running_engine() as engine:
        with pytest.raises(Refused, match="no such thing"):
            engine.services.address("session-tree/ux")
