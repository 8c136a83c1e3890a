"""While a request takes its time, pings are answered, an end is seen, and nothing is lost."""

import pytest
import trio

from tests.transport.test_kept_alive import masked
from tests.transport.test_wire import mute, request
from transport import heartbeat
from transport import websocket as module
from transport.limits import Limits


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(heartbeat, "TICK", 0.05)


async def test_a_ping_is_answered_while_a_request_takes_its_time(house, speaking):
    async with speaking(house) as ana:
        await ana.say(request("test.wait", 1, seconds=1))
        with trio.fail_after(0.7):
            await ana.websocket.ping()
        assert (await ana.hear())["id"] == 1


async def test_what_comes_meanwhile_is_carried_out_in_order_and_nothing_is_lost(house, speaking):
    async with speaking(house) as ana:
        await ana.say(request("test.wait", 0, seconds=0.4))
        for number in range(1, 100):
            await ana.say(request("test.say", number, topic="t", text="x"))
            await trio.sleep(0.005)
        assert [(await ana.hear())["id"] for _ in range(100)] == list(range(100))


async def test_no_more_is_read_ahead_than_there_is_room_for(house, speaking, monkeypatch):
    monkeypatch.setattr(module, "AHEAD", 2)
    async with speaking(house) as ana:
        await ana.say(request("test.wait", 0, seconds=0.5))
        for number in range(1, 10):
            await ana.say(request("test.say", number, topic="t", text="x"))
        await trio.sleep(0.3)
        (connection,) = house.server.context.registry.by_id.values()
        assert len(connection._websocket._ahead) == 2
        assert not connection.reading
        assert [(await ana.hear())["id"] for _ in range(10)] == list(range(10))


@pytest.mark.parametrize("politely", [True, False])
async def test_who_leaves_while_a_request_takes_its_time_is_gone_at_once(house, speaking, politely):
    async with speaking(house) as ana:
        await ana.say(request("test.wait", 1, seconds=8))
        await trio.sleep(0.1)
        with trio.fail_after(4):
            if politely:
                await ana.websocket.aclose()
            else:
                ana.websocket._stream.socket.close()
            while house.server.statistics().connections:
                await trio.sleep(0.005)
        assert [connection for _, connection in house.door.left]
        assert not house.server.context.busy


async def test_who_sends_rubbish_meanwhile_is_ended_with_its_code(running, speaking):
    async with running(Limits(message_bytes=1000)) as house:  # noqa: SIM117  the house comes first
        async with speaking(house) as ana:
            await ana.say(request("test.wait", 1, seconds=8))
            await ana.websocket.send_message("x" * 1001)
            with trio.fail_after(4):
                assert (await ana.ended()).code == 1009


async def test_who_answers_no_ping_is_ended_although_a_request_is_under_way(running, speaking):
    async with running(Limits(ping_seconds=0.2, pong_seconds=0.3)) as house:
        stream = await mute(house)
        async with stream, speaking(house) as ana:
            await stream.send_all(masked(request("test.wait", 1, seconds=8)))
            await ana.say(request("test.wait", 1, seconds=1.5))
            with trio.fail_after(5):
                received = b""
                while b"no pong" not in received:
                    received += await stream.receive_some()
            assert (await ana.hear())["id"] == 1  # its library answers pings
