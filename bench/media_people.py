"""People with cameras for the media benches, in pages of Chromium."""

import contextlib
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import trio
from playwright.sync_api import Browser, Page, Playwright, sync_playwright
from playwright.sync_api import Error as PageError

from bench.load.wire import LoadFailed
from bench.media_stock import Seen

SCRIPT = Path(__file__).with_name("media_page.js")
FLAGS = (
    "--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
    "--allow-loopback-in-peer-connection", "--disable-gpu", "--disable-quic",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
)  # fmt: skip


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
