"""The way in: deadlines without timers, a line of its own for those who enter, no sockets left."""

import errno
import socket

import trio
import trio.testing

from transport.limits import Limits
from transport.patience import Patience


class Guest:
    def __init__(self):
        self.times = 0

    def late(self):
        self.times += 1


async def test_deadlines_pass_in_their_order_and_once(autojump_clock):
    patience, first, second = Patience(10), Guest(), Guest()
    patience.begin(first)
    await trio.sleep(3)
    patience.begin(second)
    assert list(patience.over(trio.current_time() + 6.9)) == []
    assert list(patience.over(trio.current_time() + 7)) == [first]
    assert list(patience.over(trio.current_time() + 20)) == [second]
    assert list(patience.over(trio.current_time() + 99)) == []


async def test_who_has_come_in_stands_in_no_line_with_those_who_enter(house, speaking):
    context = house.server.context
    async with speaking(house, connect=False) as ana:
        assert len(context.entrance._registered) == 1
        await ana.ask("connect", token=house.token())
        assert not context.entrance._registered
        assert len(context.readiness._registered) == 1
    with trio.fail_after(5):
        while context.readiness._registered:
            await trio.sleep(0.01)


async def test_a_head_that_trickles_in_does_not_put_the_deadline_off(running):
    async with running(Limits(head_seconds=0.3)) as house:
        stream = await trio.open_tcp_stream("127.0.0.1", house.port)
        async with stream, trio.open_nursery() as nursery:

            async def trickle():
                while True:
                    await stream.send_all(b"G")
                    await trio.sleep(0.05)

            nursery.start_soon(trickle)
            with trio.fail_after(5):
                assert (await stream.receive_some()).startswith(b"HTTP/1.1 408")
            nursery.cancel_scope.cancel()
        assert house.server.statistics().connections == 0


async def test_a_slow_answer_to_connect_is_not_the_clients_delay(running, speaking):
    async with running(Limits(connect_seconds=0.1)) as house:
        answer = house.door.connect

        async def slowly(*asked):
            await trio.sleep(1.2)  # longer than the heartbeat takes to look at deadlines
            return await answer(*asked)

        house.door.connect = slowly
        async with speaking(house) as ana:
            assert ana.welcome["event"] == "fair"


async def test_no_socket_left_is_waited_out(house, speaking, monkeypatch):
    failing = iter([errno.EMFILE, errno.ECONNABORTED])
    accept = socket.socket.accept

    def run_out(self):
        code = next(failing, None)
        if code is not None:
            raise OSError(code, "none")
        return accept(self)

    monkeypatch.setattr(socket.socket, "accept", run_out)
    async with speaking(house) as ana:
        assert "result" in await ana.ask("ping")
    assert next(failing, None) is None


async def test_the_line_for_media_ends_with_its_connection(house, speaking):
    async with speaking(house) as ana:
        await ana.say({"jsonrpc": "2.0", "id": 1, "method": "rtc.nothing"})
        assert (await ana.hear())["error"]["code"] == -32601
        (connection,) = house.server.context.registry.by_id.values()
        assert len(connection._aside) == 1
    with trio.fail_after(5):
        while connection._aside:
            await trio.sleep(0.01)
