"""One client that never reads, beside many that do."""

import socket

import pytest
import trio

from transport.limits import Limits

READERS = 20
MESSAGES = 1_500


@pytest.mark.slow
async def test_who_never_reads_is_closed_and_nobody_else_notices(running, speaking):
    limits = Limits(outbox_bytes=300_000, closing_seconds=0.2)
    async with running(limits) as house, speaking(house, sub="mute") as mute:
        mute.websocket._stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await mute.ask("test.join", topic="session/ux")
        mute.websocket._stream.receive_some = _never  # its reader hears nothing from here on
        heard = []
        async with trio.open_nursery() as nursery:
            ready = trio.Semaphore(0)
            for number in range(READERS):
                nursery.start_soon(_read, house, speaking, f"reader{number}", heard, ready)
            for _ in range(READERS):
                await ready.acquire()
            for _ in range(MESSAGES):
                house.door.say("session/ux", "x" * 5_000)
                await trio.sleep(0.005)  # a real socket needs real time
        assert heard == [list(range(1, MESSAGES + 1))] * READERS
        counted = house.hub.metrics.registry.get_sample_value(
            "greenroom_client_num_server_disconnects_total", {"code": "3008"}
        )
        assert counted == 1


async def _never(_=None):
    await trio.sleep_forever()


async def _read(house, speaking, name, heard, ready):
    async with speaking(house, sub=name) as who:
        await who.ask("test.join", topic="session/ux")
        ready.release()
        seqs = []
        while len(seqs) < MESSAGES:
            event = (await who.hear())["params"]
            if event["type"] == "test.said":
                seqs.append(event["seq"])
        heard.append(seqs)
