"""Real Chromium at both ends of a real worker; beside stock aiortc it is in the soak."""

import os
import signal

import pytest
import trio

from actors.ports import Rights
from tests.transport.media.harness import (
    EVERYTHING,
    ROOM,
    Chromium,
    allowed,
    in_page,
    measured,
    stage,
    within,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def chromium():
    browser = Chromium()
    yield browser
    browser.close()


@pytest.mark.parametrize("codec", ["H264", "VP9", "AV1"])
async def test_other_codecs_pass_through(chromium, codec):
    async with stage() as here:
        for person in ("ana", "bob"):
            await here.plane.allow(ROOM, person, EVERYTHING)
        async with in_page(here, chromium, "ana") as ana, in_page(here, chromium, "bob") as bob:
            await ana.publish(codec=codec)
            await bob.frames("ana", 15)
            (counts,) = await here.plane.statistics()
            (layer,) = next(t for t in counts["tracks"] if t["source"] == "video")["layers"]
            assert layer["codec"] == codec


ENCODINGS = [
    {"rid": "q", "scaleResolutionDownBy": 4, "maxBitrate": 80_000},
    {"rid": "h", "scaleResolutionDownBy": 2, "maxBitrate": 200_000},
    {"rid": "f", "maxBitrate": 500_000},
]


@measured
async def test_simulcast_gives_each_viewer_the_layer_of_its_size(chromium):
    async with stage() as here:
        for person in ("ana", "bob"):
            await here.plane.allow(ROOM, person, EVERYTHING)
        async with in_page(here, chromium, "ana") as ana, in_page(here, chromium, "bob") as bob:
            size = {"width": 960, "height": 540, "frameRate": 15}
            await ana.publish(video=size, encodings=ENCODINGS)
            await bob.frames("ana", 10)

            async def shows(height):
                while (await bob.inbound("ana"))["height"] != height:
                    await trio.sleep(0.05)

            with trio.fail_after(allowed(25)):
                await shows(540)
            mid = bob.mid("ana")
            for height in (135, 540, 270):
                await here.plane.view(ROOM, bob.connection, {mid: height})
                with trio.fail_after(allowed(10)):
                    await shows(height)
            await bob.frames("ana", 10)
            within((await bob.inbound("ana"))["frozen"], 0.5, "freezing")


async def test_a_block_cuts_the_picture_whatever_the_client_sends(chromium):
    async with stage() as here:
        for person in ("ana", "bob"):
            await here.plane.allow(ROOM, person, EVERYTHING)
        async with in_page(here, chromium, "ana") as ana, in_page(here, chromium, "bob") as bob:
            await ana.publish()
            await bob.frames("ana", 10)
            mid = bob.mid("ana")
            await here.plane.allow(ROOM, "ana", Rights(frozenset({"audio"})))
            await trio.sleep(allowed(0.2))
            before = (await bob.js("inbound"))[mid]["packets"]
            sent = (await ana.js("outbound"))[0]["frames"]
            heard = (await bob.inbound("ana", "audio"))["packets"]
            # The client sends on, and the sound still comes: only the picture is cut.
            with trio.fail_after(20):
                while (await ana.js("outbound"))[0]["frames"] < sent + 10:
                    await trio.sleep(0.05)
                while (await bob.inbound("ana", "audio"))["packets"] < heard + 20:
                    await trio.sleep(0.05)
            assert (await bob.js("inbound"))[mid]["packets"] == before


@pytest.mark.parametrize("blow", [signal.SIGSEGV, signal.SIGSTOP])
@measured
async def test_the_picture_is_back_within_two_seconds_of_a_worker_that_dies_or_hangs(
    chromium, blow
):
    async with stage() as here:
        for person in ("ana", "bob"):
            await here.plane.allow(ROOM, person, EVERYTHING)
        async with in_page(here, chromium, "ana") as ana, in_page(here, chromium, "bob") as bob:
            await ana.publish()
            await bob.frames("ana", 10)
            await trio.sleep(2)
            pages = {ana.connection: ana, bob.connection: bob}
            before = len(here.facts)
            started = trio.current_time()
            os.kill(here.plane.pids[0], blow)
            done = set()
            deadline = started + 20
            while done != {ana.connection, bob.connection}:
                assert trio.current_time() < deadline
                for fact in here.facts[before:]:
                    if fact.kind == "rtc.restarted" and fact.connection not in done:
                        assert fact.data["epoch"] == 2
                        done.add(fact.connection)
                        if pages[fact.connection] is ana:
                            await ana.js("again")
                            await ana.publish()
                await trio.sleep(0.01)
            await bob.frames("ana", 1)
            within(trio.current_time() - started, 2.0, "the way back to a picture")
