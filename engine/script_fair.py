"""``greenroom demo --script fair``: a fair's 1-1 chats from the first draft to the last note.

A real engine and a connection for each of 222 people, over loopback. The fair's time is the
script's own: it jumps to whatever comes next, so that two days pass in seconds.
"""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import trio
from rich.console import Console
from trio.testing import MockClock

from actors.clock import TrioClock
from actors.rules.base import Person
from engine.config import Config, MediaOptions
from engine.engine import Engine
from engine.loading import load_steps, steps, within
from engine.script_fair_before import (
    availability,
    changes,
    organizer_sets_the_frame,
    requests,
    review,
    scheduling,
)
from engine.script_fair_cast import DAYS, EVERYBODY, OPENING, ZONE, description
from engine.script_fair_live import all_chats, completed, one_chat, reminders
from engine.script_fair_venue import AT_A_TIME, Venue
from engine.tokens import Key, mint
from engine.transcript import Transcript
from transport.client import open_client
from transport.limits import Limits

LIFETIME = timedelta(days=7)
"""How long the script's tokens are good for, in the fair's time."""

NEVER = timedelta(days=365).total_seconds()
"""Pings would not survive jumps of the clock, so there are none."""

ACTS: tuple[tuple[str, Callable[[Venue], Awaitable[None]]], ...] = (
    ("The organizer sets the frame", organizer_sets_the_frame),
    ("Configuring the availability", availability),
    ("Requested", requests),
    ("Reviewing incoming requests", review),
    ("In scheduling", scheduling),
    ("Confirmed: rescheduling and cancelling", changes),
    ("The first day: reminders", reminders),
    ("Accessing a confirmed 1-1 chat", one_chat),
    ("All chats, slot after slot", all_chats),
    ("Completed", completed),
)


def run_fair(console: Console | None) -> Transcript:
    """Run the script from beginning to end and return its transcript.

    :param console: where it is printed as it happens; None to keep it only.
    :raises ScriptFailed: something did not happen as described.
    """
    clock = MockClock(rate=1.0)
    return trio.run(_run, console, clock, clock=clock)


async def _run(console: Console | None, clock: MockClock) -> Transcript:
    with TemporaryDirectory(prefix="greenroom-fair-") as folder:
        async with opened(Path(folder), console, clock) as venue:
            venue.transcript.tell("", f"Spring Fair, {DAYS[0]} and {DAYS[1]}, times in {ZONE}.")
            for title, act in ACTS:
                venue.transcript.chapter(title)
                await act(venue)
            return venue.transcript


@asynccontextmanager
async def opened(folder: Path, console: Console | None, clock: MockClock) -> AsyncIterator[Venue]:
    """Open the fair and connect everybody."""
    key = Key("script", secrets.token_hex(32))
    config = Config(
        port=0,
        data=folder,
        key=(f"{key.id}:{key.secret}",),
        drain_seconds=0.1,
        media=MediaOptions(workers=0),
        limits=Limits(ping_seconds=NEVER, idle_seconds=NEVER),
    )
    fair_clock = TrioClock(OPENING)
    async with Engine.open(config, clock=fair_clock) as engine, AsyncExitStack() as stack:
        await load_steps(within(engine), steps(description()))
        nursery = await stack.enter_async_context(trio.open_nursery())
        stack.callback(nursery.cancel_scope.cancel)
        port = await nursery.start(engine.serve)
        venue = Venue(engine, clock, Transcript(console, fair_clock.now, ZONE))
        await _connect(venue, f"ws://127.0.0.1:{port}/v1/ws", key, stack)
        yield venue


async def _connect(venue: Venue, url: str, key: Key, stack: AsyncExitStack) -> None:
    nursery = await stack.enter_async_context(trio.open_nursery())
    stack.callback(nursery.cancel_scope.cancel)
    limiter = trio.CapacityLimiter(AT_A_TIME)
    connected = trio.Event()

    async def connect(person: Person) -> None:
        token = mint(key, person, now=venue.now, ttl=LIFETIME)
        await limiter.acquire_on_behalf_of(person)
        async with open_client(url, token) as client:
            limiter.release_on_behalf_of(person)
            venue.clients[person.id] = client
            if len(venue.clients) == len(EVERYBODY):
                connected.set()
            await trio.sleep_forever()

    for person in EVERYBODY:
        nursery.start_soon(connect, person)
    await connected.wait()
