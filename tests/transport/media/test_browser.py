"""Real Chromium at both ends of a real worker, and beside stock aiortc."""

import os
import signal

import pytest
import trio

from actors.ports import Rights
from tests.transport.media.harness import (
    EVERYTHING,
    ROOM,
    Chromium,
    eventually,
    in_page,
    stage,
)
from transport.media.client import MovingPicture, Tone

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def chromium():
    browser = Chromium()
    yield browser
    browser.close()


async def test_chromium_and_stock_aiortc_see_and_hear_each_other(chromium):
    async with stage() as here:
        for person in ("ana", "bob", "cleo"):
            await here.plane.allow(ROOM, person, EVERYTHING)
        client = await here.aiortc("stock", "cleo")
        async with in_page(here, chromium, "ana") as ana, in_page(here, chromium, "bob") as bob:
            await ana.publish()
            await here.run(client.publish(MovingPicture(), Tone()))
            await bob.frames("ana", 30)
            await bob.frames("cleo", 10)
            await ana.frames("cleo", 10)
            await eventually(lambda: client.of("ana", "video").frames > 20)
            await eventually(lambda: client.of("ana", "audio").frames > 50)
            sound = await bob.inbound("cleo", "audio")
            assert sound["energy"] > 0
            picture = await bob.inbound("ana")
            assert picture["lost"] == 0
            assert picture["freezes"] == 0
        await here.run(client.close())


async def test_moving_room_keeps_the_peer_connections_and_shows_a_picture_again_at_once(chromium):
    async with stage() as here:
        plane, room = here.plane, "room/ux.1"
        for person in ("ana", "bob"):
            await plane.allow(ROOM, person, EVERYTHING)
        async with in_page(here, chromium, "ana") as ana, in_page(here, chromium, "bob") as bob:
            await ana.publish()
            await bob.frames("ana", 10)
            offers = sum(fact.kind == "rtc.offer" for fact in here.facts)
            await plane.allow(ROOM, "ana", None)
            await eventually(lambda: bob.mid("ana") is None)
            await plane.allow(ROOM, "bob", None)
            await plane.allow(room, "ana", EVERYTHING)
            await plane.allow(room, "bob", EVERYTHING)
            await eventually(lambda: bob.mid("ana") is not None)
            assert await bob.frames("ana", 2) < 0.5
            await plane.allow(room, "ana", None)
            await plane.allow(room, "bob", None)
            await plane.allow(ROOM, "bob", EVERYTHING)
            await plane.allow(ROOM, "ana", EVERYTHING)
            await eventually(lambda: bob.mid("ana") is not None)
            assert await bob.frames("ana", 2) < 0.5
            assert sum(fact.kind == "rtc.offer" for fact in here.facts) == offers


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


async def test_simulcast_gives_each_viewer_the_layer_of_its_size(chromium):
    async with stage() as here:
        for person in ("ana", "bob"):
            await here.plane.allow(ROOM, person, EVERYTHING)
        async with in_page(here, chromium, "ana") as ana, in_page(here, chromium, "bob") as bob:
            size = {"width": 960, "height": 540, "frameRate": 15}
            await ana.publish(video=size, encodings=ENCODINGS)
            await bob.frames("ana", 10)

            async def shows(height):
                while (await bob.inbound("ana"))["height"] != height:  # noqa: ASYNC110  others' figures can only be polled
                    await trio.sleep(0.05)

            with trio.fail_after(25):
                await shows(540)
            mid = bob.mid("ana")
            for height in (135, 540, 270):
                await here.plane.view(ROOM, bob.connection, {mid: height})
                with trio.fail_after(10):
                    await shows(height)
            await bob.frames("ana", 10)
            assert (await bob.inbound("ana"))["frozen"] < 0.5


async def test_a_block_cuts_the_picture_whatever_the_client_sends(chromium):
    async with stage() as here:
        for person in ("ana", "bob"):
            await here.plane.allow(ROOM, person, EVERYTHING)
        async with in_page(here, chromium, "ana") as ana, in_page(here, chromium, "bob") as bob:
            await ana.publish()
            await bob.frames("ana", 10)
            mid = bob.mid("ana")
            await here.plane.allow(ROOM, "ana", Rights(frozenset({"audio"})))
            await trio.sleep(0.2)
            before = (await bob.js("inbound"))[mid]["packets"]
            await trio.sleep(1.0)
            assert (await bob.js("inbound"))[mid]["packets"] == before
            sound = await bob.inbound("ana", "audio")
            await trio.sleep(0.3)
            assert (await bob.inbound("ana", "audio"))["packets"] > sound["packets"]
            sent = await ana.js("outbound")
            assert sent[0]["frames"] > 0


@pytest.mark.parametrize("blow", [signal.SIGSEGV, signal.SIGSTOP])
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
            while done != {ana.connection, bob.connection}:
                for fact in here.facts[before:]:
                    if fact.kind == "rtc.restarted" and fact.connection not in done:
                        assert fact.data["epoch"] == 2
                        done.add(fact.connection)
                        if pages[fact.connection] is ana:
                            await ana.js("again")
                            await ana.publish()
                await trio.sleep(0.01)
            await bob.frames("ana", 1)
            assert trio.current_time() - started < 2.0
