"""Bad lines, other addresses, TURN: real sockets, stock aiortc and Chromium."""

import asyncio
import contextlib
import os
import signal
from types import SimpleNamespace

import pytest
import trio
from aiortc import RTCConfiguration, RTCIceServer, RTCIceTransportPolicy
from prometheus_client import CollectorRegistry, generate_latest

from actors.errors import Refused
from tests.coturn import coturn
from tests.transport.media.harness import (
    EVERYTHING,
    ROOM,
    Chromium,
    eventually,
    in_page,
    measured,
    stage,
    within,
)
from transport.media.client import MovingPicture, ThreadedClient, Tone
from transport.media.ice import IceServers
from transport.media.impairment import Relay
from transport.media.metrics import MediaCollector
from transport.media.plane import MediaSettings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class BadLine:
    """A plane behind a relay whose weather the test makes."""

    def __init__(self, clients):
        self.clients = clients
        self.relay = None

    async def open(self):
        def make():
            async def listen():
                self.relay = Relay()
                return await self.relay.listen()

            return self.clients.run(listen())

        return await trio.to_thread.run_sync(make)

    async def close(self):
        async def hang_up():
            self.relay.close()
            # A datagram transport lets go of its socket in the next turns of the loop.
            await asyncio.sleep(0.1)

        await trio.to_thread.run_sync(lambda: self.clients.run(hang_up()))


@pytest.fixture(scope="module")
def chromium():
    browser = Chromium()
    yield browser
    browser.close()


@pytest.fixture
def clients():
    threaded = ThreadedClient()
    yield threaded
    threaded.close()


@contextlib.asynccontextmanager
async def behind(clients):
    """A stage that everybody reaches by a line whose weather the test makes."""
    line = BadLine(clients)
    port = await line.open()
    try:
        async with stage(MediaSettings(public=(("127.0.0.1", port),))) as here:
            line.relay.target = ("127.0.0.1", here.plane.ports[0])
            yield line, here
    finally:
        with trio.CancelScope(shield=True):
            await line.close()


ENCODINGS = [
    {"rid": "q", "scaleResolutionDownBy": 4, "maxBitrate": 120_000},
    {"rid": "h", "scaleResolutionDownBy": 2, "maxBitrate": 350_000},
    {"rid": "f", "maxBitrate": 1_200_000},
]


@pytest.mark.browser
@measured
async def test_five_percent_loss_and_jitter_both_ways_freeze_nothing(chromium, clients):
    async with behind(clients) as (line, here):
        for person in ("ana", "bob"):
            await here.plane.allow(ROOM, person, EVERYTHING)
        async with in_page(here, chromium, "ana") as ana, in_page(here, chromium, "bob") as bob:
            await ana.publish()
            await bob.frames("ana", 10)
            for each in (line.relay.up, line.relay.down):
                each.loss, each.jitter = 0.05, 0.05
            before = await bob.inbound("ana")
            await trio.sleep(8)
            after = await bob.inbound("ana")
            assert line.relay.up.lost > 5
            assert line.relay.down.lost > 5
            shown = after["frames"] - before["frames"]
            within(8 / max(1, shown), 8 / 60, "a frame")
            freezes = after["freezes"] - before["freezes"]
            # Chromium tells the sum; no single one may reach half a second.
            within((after["frozen"] - before["frozen"]) / max(1, freezes), 0.5, "a freeze")
            (counts,) = await here.plane.statistics()
            video = next(each for each in counts["tracks"] if each["source"] == "video")
            assert video["layers"][0]["nacks"] > 0
            assert counts["counters"]["nacked"] > 0


NARROW = 300_000
"""Bit/s of the narrow line."""


async def filled(tab, person, bitrate, seconds=30):
    """Wait until a person's picture comes at a rate, in bit/s."""
    with trio.fail_after(seconds):
        before = (await tab.inbound(person))["bytes"]
        while True:
            await trio.sleep(1)
            after = (await tab.inbound(person))["bytes"]
            if 8 * (after - before) > bitrate:
                return
            before = after


@pytest.mark.browser
@measured
async def test_a_narrow_line_gets_the_low_layer_and_a_wide_one_the_high_one_back(chromium, clients):
    async with behind(clients) as (line, here):
        for person in ("ana", "bob"):
            await here.plane.allow(ROOM, person, EVERYTHING)
        async with in_page(here, chromium, "ana") as ana, in_page(here, chromium, "bob") as bob:
            size = {"width": 960, "height": 540, "frameRate": 15}
            await ana.publish(video=size, audio=False, encodings=ENCODINGS)
            await bob.frames("ana", 5)

            async def until(check, seconds):
                started = trio.current_time()
                with trio.fail_after(seconds):
                    while not check((await bob.inbound("ana"))["height"]):
                        await trio.sleep(0.2)
                return trio.current_time() - started

            await until(lambda height: height == 540, 30)
            # A browser begins with little: the line must be narrower than what comes by then.
            await filled(bob, "ana", 1.4 * NARROW)
            line.relay.down.bandwidth = NARROW
            down = await until(lambda height: 0 < height < 540, 15)
            await trio.sleep(3)
            line.relay.down.bandwidth = None
            up = await until(lambda height: height == 540, 30)
            within(down, 2.0, "the way to the low layer")
            within(up, 10.0, "the way back to the high layer")


@pytest.mark.browser
@measured
async def test_ice_restarts_on_both_sides_keep_the_picture(chromium):
    async with stage() as here:
        for person in ("ana", "bob"):
            await here.plane.allow(ROOM, person, EVERYTHING)
        async with in_page(here, chromium, "ana") as ana, in_page(here, chromium, "bob") as bob:
            await ana.publish()
            await bob.frames("ana", 5)
            await ana.publish(restart=True, again=True)
            await bob.frames("ana", 20)
            await here.plane.restart(ROOM, bob.connection, "bob")
            await bob.frames("ana", 20)
            within((await bob.inbound("ana"))["frozen"], 0.25, "freezing")


async def test_ipv6(clients):
    async with stage(MediaSettings(hosts=("::1", "127.0.0.1"))) as here:
        for person in ("ana", "bob"):
            await here.plane.allow(ROOM, person, EVERYTHING)
        publisher = await here.aiortc("c1", "ana")
        viewer = await here.aiortc("c2", "bob")
        await eventually(lambda: [f for f in here.facts if f.kind == "rtc.offer"])
        offers = [fact.data["sdp"] for fact in here.facts if fact.kind == "rtc.offer"]
        assert " ::1 " in offers[0]
        await here.run(publisher.publish(MovingPicture()))
        await eventually(lambda: viewer.of("ana", "video").frames > 5)
        for client in (publisher, viewer):
            await here.run(client.close())


@pytest.fixture
def turn_server(tmp_path):
    with coturn(tmp_path, "north") as port:
        yield port


async def test_a_viewer_behind_turn_is_reached_with_the_credentials_it_was_given(turn_server):
    servers = IceServers(turn=(f"turn:127.0.0.1:{turn_server}?transport=udp",), secret="north")
    async with stage(MediaSettings(servers=servers)) as here:
        for person in ("ana", "bob"):
            await here.plane.allow(ROOM, person, EVERYTHING)
        publisher = await here.aiortc("c1", "ana")
        await here.run(publisher.publish(MovingPicture(), Tone()))
        viewer = await here.aiortc("c2", "bob")
        (given,) = servers.for_person("bob")
        viewer._configuration = RTCConfiguration(
            iceServers=[RTCIceServer(**given)], iceTransportPolicy=RTCIceTransportPolicy.RELAY
        )
        await eventually(lambda: viewer.of("ana", "video").frames > 5, 15)
        transport = viewer.subscriber.getTransceivers()[0].receiver.transport.transport
        pair = transport._connection._nominated[1]
        assert pair.local_candidate.type == "relay"
        for client in (publisher, viewer):
            await here.run(client.close())


async def test_a_worker_that_crashes_again_and_again_is_restarted_ever_later(monkeypatch):
    async with stage() as here:
        monkeypatch.setattr("transport.media.plane.CRASHES_ALLOWED", 1)
        for _ in range(3):
            await eventually(lambda: here.plane.ports[0] != 0)
            pid = here.plane.pids[0]
            os.kill(pid, signal.SIGKILL)
            await eventually(lambda pid=pid: here.plane.pids[0] not in (pid, 0), 15)
        told = [fact for fact in here.facts if fact.kind == "rtc.unavailable"]
        assert [fact.data["deaths"] for fact in told] == [2, 3]
        assert told[1].data["retry_after"] > told[0].data["retry_after"]


async def test_while_a_worker_is_down_offers_are_refused_and_may_be_tried_again():
    async with stage() as here:
        here.plane._slots[0].process.alive = False
        with pytest.raises(Refused) as refused:
            await here.plane.offer(ROOM, "c", "ana", "v=0")
        assert refused.value.wire()["data"]["temporary"]


async def test_what_workers_count_is_there_for_prometheus():
    async with stage() as here:
        await here.plane.allow(ROOM, "ana", EVERYTHING)
        await here.plane.allow(ROOM, "bob", EVERYTHING)
        publisher, viewer = await here.aiortc("c1", "ana"), await here.aiortc("c2", "bob")
        await here.run(publisher.publish(MovingPicture(), Tone()))
        await eventually(lambda: viewer.of("ana", "video").frames > 5)
        here.plane.latest = await here.plane.statistics()
        registry = CollectorRegistry()
        registry.register(MediaCollector(here.plane))
        assert registry.get_sample_value("greenroom_media_up", {"worker": "0"}) == 1
        room = {"room": ROOM, "part": "publishers"}
        assert registry.get_sample_value("greenroom_media_room_people", room) == 2
        sent = {"worker": "0", "direction": "out"}
        assert registry.get_sample_value("greenroom_media_packets_total", sent) > 5
        video = {"room": ROOM, "source": "video", "layer": ""}
        assert registry.get_sample_value("greenroom_media_track_packets", video) > 5
        assert registry.get_sample_value("greenroom_media_track_viewers", video) == 1
        assert registry.get_sample_value("greenroom_media_track_bitrate", video) >= 0
        for count in ("nacked", "resent", "paced", "duplicates", "handshake_failed", "faults"):
            name = f"greenroom_media_{count}_total"
            assert registry.get_sample_value(name, {"worker": "0"}) >= 0, count
        connected = registry.get_sample_value("greenroom_media_connected_total", {"worker": "0"})
        assert connected >= 2
        for figure in ("round_trip_seconds", "viewer_loss"):
            assert registry.get_sample_value(f"greenroom_media_{figure}", {"room": ROOM}) >= 0
        assert "ana" not in generate_latest(registry).decode()
        for client in (publisher, viewer):
            await here.run(client.close())


def test_one_to_one_chats_count_as_one_room_for_prometheus():
    chats = {f"chat/fair.ana.{number}": {"publishers": 2, "viewers": 2} for number in range(3)}
    layer = {"rid": "", "packets": 5, "lost": 0, "nacks": 0, "plis": 1, "bitrate": 9, "viewers": 1}
    track = {"rooms": ["chat/fair.ana.1"], "source": "video", "layers": [layer]}
    viewer = {"rooms": ["chat/fair.ana.2"], "rtt": 0.25, "loss": None}
    worker = {"worker": 0, "epoch": 1, "rooms": chats}
    registry = CollectorRegistry()
    latest = [{**worker, "tracks": [track, track], "viewers": [viewer]}]
    registry.register(MediaCollector(SimpleNamespace(latest=latest)))
    value = registry.get_sample_value
    assert value("greenroom_media_room_people", {"room": "chat", "part": "viewers"}) == 6
    video = {"room": "chat", "source": "video", "layer": ""}
    assert value("greenroom_media_track_packets", video) == 10
    assert value("greenroom_media_round_trip_seconds", {"room": "chat"}) == 0.25
    assert "ana" not in generate_latest(registry).decode()


async def test_rooms_are_placed_over_workers_and_a_sessions_rooms_together():
    async with stage(MediaSettings(workers=2)) as here:
        plane = here.plane
        assert len(set(plane.ports)) == 2
        used = {plane._slot(f"session/{number}").number for number in range(20)}
        assert used == {0, 1}
        assert plane._slot("room/7.3") is plane._slot("session/7")
