"""People with cameras for the media benches: pages of Chromium, and stock aiortc."""

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import attrs
import trio
from playwright.sync_api import Browser, Page, Playwright, sync_playwright
from playwright.sync_api import Error as PageError

from bench.load.wire import LoadFailed
from transport.client import Client, open_client
from transport.media.client import (
    SILENCE_AFTER,
    MediaClient,
    MovingPicture,
    ThreadedClient,
    Tone,
)

SCRIPT = Path(__file__).with_name("media_page.js")
FLAGS = (
    "--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
    "--allow-loopback-in-peer-connection", "--disable-gpu", "--disable-quic",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
)  # fmt: skip

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


def played_out(play: Callable[..., Awaitable[dict[str, Any]]], *args: Any) -> dict[str, Any]:
    """Run an asynchronous play to its end.

    :raises LoadFailed: it failed, in whatever task of it.
    """
    try:
        return trio.run(play, *args)
    except BaseExceptionGroup as group:
        failed: BaseException = group.subgroup(LoadFailed) or group
        while isinstance(failed, BaseExceptionGroup):
            failed = failed.exceptions[0]
        if isinstance(failed, PageError):
            # The page says what went wrong, and then where in its script.
            raise LoadFailed(failed.message.partition("\n")[0]) from group
        raise failed from group


class Chromium:
    """A browser, driven from a thread of its own as its library wants it."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    async def do(self, work: Any) -> Any:
        """Run something on the browser's thread."""
        done = self._thread.submit(work)
        return await trio.to_thread.run_sync(done.result)

    async def open(self) -> None:
        """Start it.

        :raises LoadFailed: there is none.
        """
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        if path is None:
            raise LoadFailed("this needs Chromium")

        def start() -> None:
            self._playwright = sync_playwright().start()
            self._browser = self._playwright.chromium.launch(executable_path=path, args=list(FLAGS))

        await self.do(start)

    async def page(self, address: str) -> Page:
        """Open a page, in a profile of its own, with the script of a client."""

        def make() -> Page:
            assert self._browser is not None  # noqa: S101  open() made it
            # A browser lets a page speak to this machine only if it has come from there.
            page = self._browser.new_context(bypass_csp=True).new_page()
            page.goto(address)
            page.add_script_tag(path=SCRIPT)
            return page

        found: Page = await self.do(make)
        return found

    async def close(self) -> None:
        """End it."""

        def end() -> None:
            if self._browser is not None:
                self._browser.close()
            if self._playwright is not None:
                self._playwright.stop()

        await self.do(end)
        self._thread.shutdown()


class InPage:
    """Somebody in a page of Chromium."""

    kind = "Chromium"

    def __init__(self, name: str, browser: Chromium, page: Page) -> None:
        self.name = name
        self._browser = browser
        self._page = page

    async def js(self, function: str, argument: Any = None) -> Any:
        """Call one of the page's functions."""
        work = partial(self._page.evaluate, f"argument => {function}(argument)", argument)
        return await self._browser.do(work)

    async def begin(self, function: str) -> None:
        """Call one of the page's functions, without waiting for it."""
        await self._browser.do(partial(self._page.evaluate, f"() => {{ {function}(); }}"))

    async def call(self, method: str, **params: Any) -> Mapping[str, Any]:  # noqa: D102  the protocol's
        found: Mapping[str, Any] = await self.js("call", [method, params])
        return found

    async def publish(self, room: str) -> None:  # noqa: D102
        await self.js("publish", room)

    async def here(self, room: str) -> None:  # noqa: D102
        await self._browser.do(partial(self._page.evaluate, "room => { me.room = room; }", room))

    async def leave(self) -> None:  # noqa: D102
        await self.js("leave")

    async def frames(self, person: str) -> int:  # noqa: D102
        return int(await self.js("frames", person))

    async def look(self) -> None:  # noqa: D102
        await self.begin("look")

    async def looked(self) -> Seen:  # noqa: D102
        found: Seen = await self.js("looked")
        return found

    async def move(
        self, method: str, topic: str, person: str, params: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Move to a room and wait for somebody's picture there; ``seconds``, and ``kept``."""
        found: Mapping[str, Any] = await self.js("move", [method, params, topic, person])
        return found

    async def told(self, kind: str, person: str | None = None) -> bool:
        """Whether an event has come."""
        return bool(await self.js("happenedYet", [kind, person]))


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

    async def _run(self, work: Any) -> Any:
        return await trio.to_thread.run_sync(self.threaded.run, work)

    async def publish(self, room: str) -> None:  # noqa: D102
        self.media.room = room
        await self._run(self.media.publish(MovingPicture(320, 180, 15), Tone()))

    async def here(self, room: str) -> None:  # noqa: D102
        self.media.room = room

    async def leave(self) -> None:  # noqa: D102
        await self._run(self.media.close())

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
                await self._run(self.media.event(event.type, data))


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
    url: str, name: str, token: str, threaded: ThreadedClient, line: int = 0
) -> AsyncIterator[Stock]:
    """Let somebody in with stock aiortc.

    :param line: the port of a line to go by; 0 for none.
    """
    here = trio.lowlevel.current_trio_token()
    async with open_client(url, token) as client, trio.open_nursery() as nursery:

        async def call(method: str, params: dict[str, Any]) -> Mapping[str, Any]:
            calling = partial(client.call, method, **params)
            ask = partial(trio.from_thread.run, calling, trio_token=here)
            answer: dict[str, Any] = await asyncio.get_running_loop().run_in_executor(None, ask)
            if "sdp" in answer:
                answer["sdp"] = by_line(answer["sdp"], line)
            return answer

        person = Stock(name, client, threaded, MediaClient("", call), line)
        nursery.start_soon(person.live)
        try:
            yield person
        finally:
            with trio.CancelScope(shield=True):
                await person.leave()
            nursery.cancel_scope.cancel()


@contextlib.asynccontextmanager
async def browser() -> AsyncIterator[Chromium]:
    """Start Chromium, and end it."""
    made = Chromium()
    await made.open()
    try:
        yield made
    finally:
        with trio.CancelScope(shield=True):
            await made.close()


async def in_page(made: Chromium, url: str, name: str, token: str, line: int = 0) -> InPage:
    """Let somebody in with a page."""
    address = url.replace("ws://", "http://").removesuffix("v1/ws") + "healthz"
    person = InPage(name, made, await made.page(address))
    await person.js("connect", [url, token, line or None])
    return person


__all__ = ["Chromium", "InPage", "Person", "Stock", "browser", "in_page", "stock"]
