"""Two Chromiums see and hear each other through a media worker for a while: does it ever freeze."""

import os
import shutil
import time
from typing import Any

import attrs
from playwright.sync_api import Page, sync_playwright

from bench.load.wire import LoadFailed
from bench.media_load import ROOM, Unit

WARM_UP = 5.0
"""Seconds in which encoders and the estimate of the line find their level."""

SETUP_WITHIN = 30.0
LOOK_EVERY = 0.1
ENOUGH = 20
"""Frames that show that a picture is there."""

FLAGS = (
    "--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
    "--allow-loopback-in-peer-connection", "--disable-gpu",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
)  # fmt: skip

PAGE = """<!doctype html><title>soak</title><body><script>
let up, down;
async function offer() {
  up = new RTCPeerConnection({iceServers: []});
  const media = await navigator.mediaDevices.getUserMedia(
    {audio: true, video: {width: 320, height: 180, frameRate: 15}});
  for (const track of media.getTracks())
    up.addTransceiver(track, {direction: 'sendonly', streams: [media]});
  await up.setLocalDescription();
  return up.localDescription.sdp;
}
async function answered(sdp) { await up.setRemoteDescription({type: 'answer', sdp}); }
async function subscribe(sdp) {
  if (!down) {
    down = new RTCPeerConnection({iceServers: []});
    down.ontrack = ({track}) => {
      const element = document.createElement(track.kind);
      element.autoplay = true; element.muted = track.kind === 'video';
      element.srcObject = new MediaStream([track]); document.body.append(element);
    };
  }
  await down.setRemoteDescription({type: 'offer', sdp});
  await down.setLocalDescription();
  return down.localDescription.sdp;
}
async function counted() {
  const sum = {frames: 0, freezes: 0, frozen_seconds: 0, lost: 0, concealed: 0, samples: 0};
  if (down) (await down.getStats()).forEach(s => {
    if (s.type !== 'inbound-rtp') return;
    sum.frames += s.framesDecoded || 0; sum.freezes += s.freezeCount || 0;
    sum.frozen_seconds += s.totalFreezesDuration || 0; sum.lost += s.packetsLost || 0;
    sum.concealed += s.concealedSamples || 0; sum.samples += s.totalSamplesReceived || 0;
  });
  return sum;
}
</script>"""


@attrs.define
class _Soak:
    """A worker and those who are in a page each."""

    unit: Unit
    pages: dict[str, Page]
    taken: int = 0

    def enter(self, person: str) -> None:
        page = self.pages[person]
        rights = {"room": ROOM, "person": person, "publish": ["audio", "video"], "view": True}
        self.unit.order("allow", rights)
        here = {"room": ROOM, "connection": person, "person": person}
        sdp = page.evaluate("offer()")
        answer = self.unit.order("offer", {**here, "sdp": sdp, "tracks": {}})
        page.evaluate("sdp => answered(sdp)", answer)
        self.unit.order("join", here)

    def turn(self) -> None:
        """Answer what the worker has offered since."""
        self.unit.order("ping", {})
        while self.taken < len(self.unit.facts):
            kind, data = self.unit.facts[self.taken]
            self.taken += 1
            if kind == "rtc.offer":
                person = data["connection"]
                sdp = self.pages[person].evaluate("sdp => subscribe(sdp)", data["sdp"])
                self.unit.order("answer", {"connection": person, "sdp": sdp})

    def counted(self) -> dict[str, dict[str, float]]:
        return {person: page.evaluate("counted()") for person, page in self.pages.items()}

    def last(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.turn()
            time.sleep(LOOK_EVERY)

    def seen(self) -> None:
        """Wait until everybody has a picture."""
        until = time.monotonic() + SETUP_WITHIN
        while min(each["frames"] for each in self.counted().values()) < ENOUGH:
            if time.monotonic() > until:
                raise LoadFailed(f"there was no picture within {SETUP_WITHIN:.0f} seconds")
            self.turn()
            time.sleep(LOOK_EVERY)


def soak(seconds: float = 60.0) -> dict[str, Any]:
    """Let two people see and hear each other; return what each decoded and missed.

    :raises LoadFailed: there is no Chromium, or no picture came.
    """
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise LoadFailed("the soak needs Chromium")
    unit = Unit.start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
            pages = {}
            for person in ("ana", "bob"):
                page = pages[person] = browser.new_context().new_page()
                page.route("**/*", lambda route: route.fulfill(body=PAGE, content_type="text/html"))
                page.goto("http://localhost:9/")
            here = _Soak(unit, pages)
            for person in pages:
                here.enter(person)
            here.seen()
            here.last(WARM_UP)
            before, cpu = here.counted(), unit.cpu()
            here.last(seconds)
            after, spent = here.counted(), unit.cpu() - cpu
            browser.close()
    finally:
        unit.stop()
    people = {
        person: {name: value - before[person][name] for name, value in counts.items()}
        for person, counts in after.items()
    }
    return {
        "seconds": seconds,
        "people": people,
        "freezes": sum(counts["freezes"] for counts in people.values()),
        "cpu_percent": 100 * spent / seconds,
        "load": os.getloadavg()[0],
    }
