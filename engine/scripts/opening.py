"""Opening a scripted event: a real engine in this process, and a connection for everybody."""

import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import trio
from rich.console import Console
from trio.testing import MockClock

from actors.clock import TrioClock
from actors.rules.base import Person
from engine.config import Config, MediaOptions
from engine.engine import Engine
from engine.loading import load_steps, steps, within
from engine.scripts.transcript import Transcript
from engine.scripts.venue import AT_A_TIME, Venue
from engine.tokens import Key, mint
from transport.client import open_client
from transport.limits import Limits

LIFETIME = timedelta(days=7)
"""How long the script's tokens are good for, in the script's time."""

NEVER = timedelta(days=365).total_seconds()
"""Pings would not survive jumps of the clock, so there are none."""


@attrs.frozen
class Cast:
    """Who plays, when and where.

    :param opening: the instant at which the script begins.
    :param zone: IANA name of the event's zone.
    :param description: returns the event, as the file that ``greenroom load`` reads.
    :param people: who is connected from the beginning.
    """

    opening: datetime
    zone: str
    description: Callable[[], Mapping[str, Any]]
    people: Sequence[Person]


@asynccontextmanager
async def opened(
    cast: Cast, folder: Path, console: Console | None, clock: MockClock
) -> AsyncIterator[Venue]:
    """Open the event and connect everybody."""
    key = Key("script", secrets.token_hex(32))
    config = Config(
        port=0,
        data=folder,
        key=(f"{key.id}:{key.secret}",),
        drain_seconds=0.1,
        media=MediaOptions(workers=0),
        limits=Limits(ping_seconds=NEVER, idle_seconds=NEVER),
    )
    event_clock = TrioClock(cast.opening)
    async with Engine.open(config, clock=event_clock) as engine, AsyncExitStack() as stack:
        await load_steps(within(engine), steps(cast.description()))
        nursery = await stack.enter_async_context(trio.open_nursery())
        stack.callback(nursery.cancel_scope.cancel)
        port = await nursery.start(engine.serve)
        venue = Venue(engine, clock, Transcript(console, event_clock.now, cast.zone))
        await _connect(venue, cast.people, f"ws://127.0.0.1:{port}/v1/ws", key, stack)
        yield venue


async def _connect(
    venue: Venue, people: Sequence[Person], url: str, key: Key, stack: AsyncExitStack
) -> None:
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
            if len(venue.clients) == len(people):
                connected.set()
            await trio.sleep_forever()

    for person in people:
        nursery.start_soon(connect, person)
    await connected.wait()
