"""People on stock aiortc for the media benches, and what every such person can do."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any, Protocol

import attrs
import trio

from bench.load.wire import LoadFailed, tls_context
from transport.client import Client, open_client
from transport.media.client import (
    SILENCE_AFTER,
    MediaClient,
    MovingPicture,
    ThreadedClient,
    Tone,
)

WAIT = 30.0
LOOK = 0.05

Seen = Mapping[str, Mapping[str, Any]]
"""What somebody saw of each other: ``frames``, ``freezes`` (seconds of each), ``longest``."""


class Person(Protocol):
    """Somebody with a connection, a camera and open eyes."""

    name: str
    kind: str

    async def call(self, method: str, **params: Any) -> Mapping[str, Any]:
        """Call a method of the wire."""

    async def publish(self, room: str) -> None:
        """Send picture and sound into a room."""

    async def here(self, room: str) -> None:
        """Be in another room of the same place."""

    async def leave(self) -> None:
        """Hang up, to be in another place next."""

    async def frames(self, person: str) -> int:
        """Return how many frames of somebody have been decoded."""

    async def look(self) -> None:
        """Begin to look."""

    async def looked(self) -> Seen:
        """Return what was seen since."""


async def until(check: Any, what: str, seconds: float = WAIT) -> None:
    """Wait until an asynchronous check holds.

    :raises LoadFailed: it does not.
    """
    with trio.move_on_after(seconds):
        while not await check():  # noqa: ASYNC110  nobody here could set an event
            await trio.sleep(LOOK)
        return
    raise LoadFailed(f"{what}: not within {seconds:.0f} seconds")


@attrs.define(eq=False)
class Stock:
    """Somebody on stock aiortc, on a loop shared by all of them."""

    name: str
    client: Client
    threaded: ThreadedClient
    media: MediaClient
    line: int
    kind: str = "aiortc"

    async def call(self, method: str, **params: Any) -> Mapping[str, Any]:  # noqa: D102
        return await self.client.call(method, **params)

    async def on_loop(self, work: Any) -> Any:
        """Run a coroutine on the media clients' loop."""
        return await trio.to_thread.run_sync(self.threaded.run, work)

    async def publish(self, room: str) -> None:  # noqa: D102
        self.media.room = room
        await self.on_loop(self.media.publish(MovingPicture(320, 180, 15), Tone()))

    async def here(self, room: str) -> None:  # noqa: D102
        self.media.room = room

    async def leave(self) -> None:  # noqa: D102
        await self.on_loop(self.media.close())

    async def frames(self, person: str) -> int:  # noqa: D102
        return self.media.of(person, "video").frames

    async def look(self) -> None:  # noqa: D102
        for watched in self.media.watched.values():
            watched.look()

    async def looked(self) -> Seen:  # noqa: D102
        people = {track["person"] for track in self.media.tracks}
        return {person: self._saw(person) for person in people}

    def _saw(self, person: str) -> Mapping[str, Any]:
        watched, sound = self.media.of(person, "video"), self.media.of(person, "audio")
        waiting = time.monotonic() - watched.last_at if watched.last_at else 0.0
        gaps = [*watched.gaps, waiting] if waiting > SILENCE_AFTER else watched.gaps
        return {
            "frames": watched.frames,
            "freezes": list(gaps),
            "longest": max(watched.longest_gap, waiting),
            "sounds": sound.frames,
            "loudest": sound.loudest,
        }

    async def live(self) -> None:
        """Take events; for a nursery."""
        async for event in self.client.events():
            if event.type.startswith("rtc."):
                data = dict(event.data)
                if "sdp" in data:
                    data["sdp"] = by_line(data["sdp"], self.line)
                await self.on_loop(self.media.event(event.type, data))


def by_line(sdp: str, port: int) -> str:
    """Return a description with the line's port in its candidates."""
    lines = []
    for each in sdp.splitlines():
        parts = each.split(" ")
        if each.startswith("a=candidate:") and port:
            parts[5] = str(port)
        lines.append(" ".join(parts))
    return "\r\n".join(lines) + "\r\n"


@contextlib.asynccontextmanager
async def stock(
    url: str,
    name: str,
    token: str,
    threaded: ThreadedClient,
    line: int = 0,
    *,
    watches: bool = True,
) -> AsyncIterator[Stock]:
    """Let somebody in with stock aiortc.

    :param line: the port of a line to go by; 0 for none.
    :param watches: whether others' pictures are taken.
    """
    here = trio.lowlevel.current_trio_token()
    context = tls_context()
    async with (
        open_client(url, token, ssl_context=context) as client,
        trio.open_nursery() as nursery,
    ):

        async def call(method: str, params: dict[str, Any]) -> Mapping[str, Any]:
            calling = partial(client.call, method, **params)
            ask = partial(trio.from_thread.run, calling, trio_token=here)
            answer: dict[str, Any] = await asyncio.get_running_loop().run_in_executor(None, ask)
            if "sdp" in answer:
                answer["sdp"] = by_line(answer["sdp"], line)
            return answer

        person = Stock(name, client, threaded, MediaClient("", call, watches=watches), line)
        nursery.start_soon(person.live)
        try:
            yield person
        finally:
            with trio.CancelScope(shield=True):
                await person.leave()
            nursery.cancel_scope.cancel()
