"""Opening a scripted event: real engines in this process, and a connection for everybody."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs
import trio
from rich.console import Console
from trio.testing import MockClock

from actors.clock import TrioClock
from actors.ports import Clock
from actors.rules.base import Person
from engine.config import Config, MediaOptions
from engine.engine import Engine
from engine.loading import load_steps, steps, within
from engine.scripts.transcript import Transcript
from engine.scripts.venue import AT_A_TIME, Venue
from engine.stopping import run_stoppable
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
    :param headline: what the transcript begins with.
    """

    opening: datetime
    zone: str
    description: Callable[[], Mapping[str, Any]]
    people: Sequence[Person]
    headline: str


Happening = Callable[[Venue], Awaitable[None]]

Act = tuple[str, Happening]
"""A chapter of a script: its title, and what happens in it."""


House = Callable[[Config, Clock], AbstractAsyncContextManager[Sequence[Engine]]]
"""Opens the engines that are one to everybody, for the length of a block."""


@asynccontextmanager
async def one_engine(config: Config, clock: Clock) -> AsyncIterator[Sequence[Engine]]:
    """Open a single engine."""
    async with Engine.open(config, clock=clock) as engine:
        yield [engine]


def play(
    cast: Cast,
    acts: Sequence[Act],
    console: Console | None,
    house: House,
    between: Happening | None = None,
) -> Transcript:
    """Play a script from beginning to end and return its transcript.

    :param console: where it is printed as it happens; None to keep it only.
    :param house: opens the engines, one or several nodes.
    :param between: happens after each act.
    :raises ScriptFailed: something did not happen as described.
    """
    clock = MockClock(rate=1.0)

    async def run() -> Transcript:
        with TemporaryDirectory(prefix="greenroom-script-") as folder:
            async with opened(cast, Path(folder), console, clock, house) as venue:
                venue.transcript.tell("", cast.headline)
                for title, act in acts:
                    venue.transcript.chapter(title)
                    await act(venue)
                    if between is not None:
                        await between(venue)
                return venue.transcript

    return run_stoppable(run, clock=clock)


@asynccontextmanager
async def opened(
    cast: Cast, folder: Path, console: Console | None, clock: MockClock, house: House
) -> AsyncIterator[Venue]:
    """Open the event and connect everybody, each to the next of the engines."""
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
    async with house(config, event_clock) as engines, AsyncExitStack() as stack:
        await load_steps(within(engines[0]), steps(cast.description()))
        nursery = await stack.enter_async_context(trio.open_nursery())
        stack.callback(nursery.cancel_scope.cancel)
        ports = [await nursery.start(engine.serve) for engine in engines]
        venue = Venue(engines, clock, Transcript(console, event_clock.now, cast.zone))
        urls = [f"ws://127.0.0.1:{port}/v1/ws" for port in ports]
        await _connect(venue, cast.people, urls, key, stack)
        yield venue


async def _connect(
    venue: Venue, people: Sequence[Person], urls: Sequence[str], key: Key, stack: AsyncExitStack
) -> None:
    nursery = await stack.enter_async_context(trio.open_nursery())
    stack.callback(nursery.cancel_scope.cancel)
    limiter = trio.CapacityLimiter(AT_A_TIME)
    connected = trio.Event()

    async def connect(person: Person, url: str) -> None:
        token = mint(key, person, now=venue.now, ttl=LIFETIME)
        await limiter.acquire_on_behalf_of(person)
        async with open_client(url, token) as client:
            limiter.release_on_behalf_of(person)
            venue.clients[person.id] = client
            if len(venue.clients) == len(people):
                connected.set()
            await trio.sleep_forever()

    for number, person in enumerate(people):
        nursery.start_soon(connect, person, urls[number % len(urls)])
    await connected.wait()
