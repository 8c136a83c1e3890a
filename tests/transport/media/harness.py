"""A media plane with people on it: stock aiortc clients and real Chromium pages."""

import contextlib
import functools
import os
import queue
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import trio
from playwright.sync_api import Page, sync_playwright

from actors.ports import MediaFact, Rights
from transport.media.client import MediaClient, ThreadedClient
from transport.media.plane import MediaSettings, WorkerPlane

EVERYTHING = Rights(frozenset({"audio", "video", "screen"}))
ROOM = "session/ux"


class Stage:
    """Stands in for the wire: methods go to the plane, its facts to the clients."""

    def __init__(self, settings: MediaSettings) -> None:
        self.plane = WorkerPlane(settings, self._fact)
        self.facts: list[MediaFact] = []
        self.takers: dict[str, Callable[[str, Mapping[str, Any]], None]] = {}
        self.clients = ThreadedClient()
        self._token = trio.lowlevel.current_trio_token()

    def _fact(self, fact: MediaFact) -> None:
        self.facts.append(fact)
        taker = self.takers.get(fact.connection or "")
        if taker is not None:
            taker(fact.kind, fact.data)

    async def call(
        self, connection: str, person: str, method: str, params: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        room = params["room"]
        if method == "rtc.offer":
            tracks = params.get("tracks")
            return await self.plane.offer(room, connection, person, params["sdp"], tracks)
        if method == "rtc.answer":
            await self.plane.answer(room, connection, person, params["sdp"])
        elif method == "rtc.restart":
            await self.plane.restart(room, connection, person)
        return {}

    async def aiortc(self, connection: str, person: str, room: str = ROOM) -> MediaClient:
        """Let somebody in with a stock aiortc client."""
        loop = self.clients.loop

        async def call(method: str, params: dict[str, Any]) -> Mapping[str, Any]:
            def over() -> Mapping[str, Any]:
                return trio.from_thread.run(
                    self.call, connection, person, method, params, trio_token=self._token
                )

            return await loop.run_in_executor(None, over)

        client = MediaClient(room, call)

        def take(kind: str, data: Mapping[str, Any]) -> None:
            loop.call_soon_threadsafe(lambda: _spawn(loop, client.event(kind, data)))

        self.takers[connection] = take
        await self.plane.join(room, connection, person)
        return client

    async def run(self, work: Awaitable[Any]) -> Any:
        """Run a client's coroutine on its own loop."""
        return await trio.to_thread.run_sync(self.clients.run, work)

    def close(self) -> None:
        self.clients.close()


MEASUREMENTS = 3
"""How often a time is measured before it counts as too long."""

SLACK = 3.0
"""By how much a bound may grow on a machine that has other things to do."""


class TooLongError(AssertionError):
    """A time over its bound; measured once more, as the machine may have been busy."""


def allowed(bound: float) -> float:
    """Return the bound of an idle machine, in seconds, as it is on this one now.

    Where more programs want to run than there are processors, it grows with them. Up to two for
    each are the test's own.
    """
    return bound * min(SLACK, max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1) / 2))


def within(took: float, bound: float, of: str) -> None:
    """Hold a measured time against the bound of an idle machine, in seconds."""
    if took >= allowed(bound):
        raise TooLongError(f"{of} took {took:.3f} s, and {allowed(bound):.3f} were allowed")


def measured(test: Any) -> Any:
    """Run a test again, as a whole, if nothing but a time was wrong with it."""

    @functools.wraps(test)
    async def again(*args: Any, **options: Any) -> None:
        for left in reversed(range(MEASUREMENTS)):
            try:
                return await test(*args, **options)
            except (TooLongError, BaseExceptionGroup) as error:
                others = (
                    error.split(TooLongError)[1] if isinstance(error, BaseExceptionGroup) else None
                )
                if others is not None or not left:
                    raise
                await trio.sleep(1)
        return None

    return again


_spawned: set[Any] = set()


def _spawn(loop: Any, work: Any) -> None:
    task = loop.create_task(work)
    _spawned.add(task)
    task.add_done_callback(_spawned.discard)


async def eventually(check: Callable[[], Any], seconds: float = 20.0) -> float:
    """Wait until a check holds; return how long that took."""
    started = trio.current_time()
    with trio.fail_after(allowed(seconds)):
        while not check():
            await trio.sleep(0.01)
    return trio.current_time() - started


@contextlib.asynccontextmanager
async def stage(settings: MediaSettings | None = None) -> Any:
    """A running plane with an open room and nobody in it."""
    here = Stage(settings or MediaSettings())
    async with trio.open_nursery() as nursery:
        await nursery.start(here.plane.run)
        await here.plane.open(ROOM)
        try:
            yield here
        finally:
            here.close()
            nursery.cancel_scope.cancel()


FLAGS = [
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--disable-quic",
    "--disable-gpu",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
]

PAGE = """<!doctype html><title>stage</title><body><script>
const pcs = {}; const videos = {}; let order = Promise.resolve();
async function offer(options) {
  const pc = pcs.publish || (pcs.publish = new RTCPeerConnection({iceServers: []}));
  if (!options.again) {
    const media = await navigator.mediaDevices.getUserMedia({audio: options.audio ?? true,
      video: options.video ?? {width: 320, height: 180, frameRate: 15}});
    for (const track of media.getTracks()) {
      const init = {direction: 'sendonly', streams: [media]};
      if (track.kind === 'video' && options.encodings) init.sendEncodings = options.encodings;
      const t = pc.addTransceiver(track, init);
      if (track.kind === 'video' && options.encodings) {
        // A busy machine may cost frames here, never layers.
        const parameters = t.sender.getParameters();
        parameters.degradationPreference = 'maintain-resolution';
        await t.sender.setParameters(parameters);
      }
      if (track.kind === 'video' && options.codec) {
        const all = RTCRtpSender.getCapabilities('video').codecs;
        t.setCodecPreferences([...all.filter(c => c.mimeType === 'video/' + options.codec),
          ...all.filter(c => c.mimeType === 'video/rtx')]);
      }
    }
  }
  await pc.setLocalDescription(await pc.createOffer({iceRestart: !!options.restart}));
  return pc.localDescription.sdp;
}
async function answered(sdp) { await pcs.publish.setRemoteDescription({type: 'answer', sdp}); }
async function subscribe([sdp, epoch]) {
  if (pcs.epoch !== epoch) { pcs.subscribe?.close(); delete pcs.subscribe; pcs.epoch = epoch; }
  const fresh = !pcs.subscribe;
  const pc = pcs.subscribe || (pcs.subscribe = new RTCPeerConnection({iceServers: []}));
  if (fresh) pc.ontrack = event => {
    const mid = event.transceiver.mid;
    const element = document.createElement(event.track.kind);
    element.autoplay = true; element.muted = event.track.kind === 'video';
    element.srcObject = new MediaStream([event.track]);
    document.body.append(element); videos[mid] = element; element.play().catch(() => {});
  };
  await pc.setRemoteDescription({type: 'offer', sdp});
  await pc.setLocalDescription(await pc.createAnswer());
  return pc.localDescription.sdp;
}
function again() { for (const k of ['publish', 'subscribe']) { pcs[k]?.close(); delete pcs[k]; } }
async function inbound() {
  const found = {};
  if (pcs.subscribe) (await pcs.subscribe.getStats()).forEach(s => {
    if (s.type === 'inbound-rtp') found[s.mid] = {frames: s.framesDecoded || 0, kind: s.kind,
      height: s.frameHeight || 0, freezes: s.freezeCount || 0, frozen: s.totalFreezesDuration || 0,
      lost: s.packetsLost, packets: s.packetsReceived, nacks: s.nackCount || 0,
      concealed: s.concealedSamples, samples: s.totalSamplesReceived, bytes: s.bytesReceived,
      codec: s.codecId, energy: s.totalAudioEnergy};
  });
  return found;
}
async function outbound() {
  const found = [];
  (await pcs.publish.getStats()).forEach(s => { if (s.type === 'outbound-rtp' && s.kind === 'video')
    found.push({rid: s.rid, height: s.frameHeight, frames: s.framesSent, target: s.targetBitrate,
    nacks: s.nackCount, again: s.retransmittedPacketsSent, plis: s.pliCount}); });
  return found;
}
</script>"""


class Chromium:
    """A Chromium in a thread of its own; several pages, each a person."""

    def __init__(self) -> None:
        self._work: queue.Queue[Any] = queue.Queue()
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def _live(self) -> None:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=FLAGS, headless=True
            )
            while (item := self._work.get()) is not None:
                work, args, box, done = item
                try:
                    box.append((True, work(browser, *args)))
                except Exception as error:  # noqa: BLE001  handed to the asker
                    box.append((False, error))
                done.set()
            browser.close()

    def _do(self, work: Any, *args: Any) -> Any:
        box: list[tuple[bool, Any]] = []
        done = threading.Event()
        self._work.put((work, args, box, done))
        if not done.wait(30):
            raise TimeoutError("the browser does not answer")
        good, value = box[0]
        if not good:
            raise value
        return value

    async def do(self, work: Any, *args: Any) -> Any:
        return await trio.to_thread.run_sync(self._do, work, *args)

    async def page(self) -> Page:
        def make(browser: Any) -> Page:
            page = browser.new_context().new_page()
            page.route("**/*", lambda route: route.fulfill(body=PAGE, content_type="text/html"))
            page.goto("http://localhost:9/")
            return page

        return await self.do(make)

    def close(self) -> None:
        self._work.put(None)
        self._thread.join(20)


class Tab:
    """One person in a page."""

    def __init__(self, here: Stage, browser: Chromium, page: Page, connection: str, person: str):
        self.here, self.browser, self.page = here, browser, page
        self.connection, self.person = connection, person
        self.tracks: list[Mapping[str, Any]] = []
        self.send, self.receive = trio.open_memory_channel[tuple[str, Any]](1000)
        here.takers[connection] = lambda kind, data: self.send.send_nowait((kind, data))

    async def js(self, name: str, arg: Any = None) -> Any:
        return await self.browser.do(lambda _: self.page.evaluate(f"arg => {name}(arg)", arg))

    async def publish(self, room: str = ROOM, **options: Any) -> None:
        sdp = await self.js("offer", options)
        answer = await self.here.plane.offer(room, self.connection, self.person, sdp)
        await self.js("answered", answer["sdp"])

    async def live(self, room: str = ROOM) -> None:
        """Answer offers, follow restarts; for a nursery."""
        async for kind, data in self.receive:
            if kind == "rtc.offer":
                answer = await self.js("subscribe", [data["sdp"], data["epoch"]])
                self.tracks = data["tracks"]
                await self.here.plane.answer(room, self.connection, self.person, answer)
            elif kind == "rtc.tracks":
                self.tracks = data["tracks"]

    def mid(self, person: str, source: str = "video") -> str | None:
        for track in self.tracks:
            if (track["person"], track["source"]) == (person, source):
                return str(track["mid"])
        return None

    async def inbound(self, person: str, source: str = "video") -> dict[str, Any]:
        found = await self.js("inbound")
        return dict(found.get(self.mid(person, source) or "", {"frames": 0, "samples": 0}))

    async def frames(self, person: str, more: int, seconds: float = 25.0) -> float:
        """Wait for more decoded frames; return the seconds that took."""
        started = trio.current_time()
        before = (await self.inbound(person))["frames"]
        with trio.fail_after(allowed(seconds)):
            while (await self.inbound(person))["frames"] < before + more:
                await trio.sleep(0.05)
        return trio.current_time() - started


@contextlib.asynccontextmanager
async def in_page(here: Stage, browser: Chromium, person: str, room: str = ROOM) -> Any:
    """A page that takes part as somebody."""
    tab = Tab(here, browser, await browser.page(), f"tab-{person}", person)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(tab.live, room)
        await here.plane.join(room, tab.connection, person)
        try:
            yield tab
        finally:
            nursery.cancel_scope.cancel()
            with trio.CancelScope(shield=True):
                # A page that is left open goes on encoding beside the next test.
                await browser.do(lambda _: tab.page.context.close())
