"""What a connection leaves in memory at its end: nothing, and without the garbage collector."""

import gc

import pytest
import trio
from hypercorn.trio.tcp_server import TCPServer
from websockets.protocol import Protocol

from tests.transport.test_kept_alive import HEALTH, UPGRADE, connects, masked, read_until
from tests.transport.test_wire import request
from transport.connection import Connection
from transport.http.serving import KeptAlive
from transport.limits import Limits
from transport.outbox import Outbox
from transport.pipeline import Pipeline
from transport.websocket import WebSocket

OF_HTTP = (KeptAlive, TCPServer)
OF_WEBSOCKET = (Connection, Outbox, WebSocket, Pipeline, Protocol)


def in_memory(*kinds):
    return sum(issubclass(type(one), kinds) for one in gc.get_objects())


@pytest.fixture
def _without_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_without_collector")
async def test_an_http_connection_leaves_memory_with_its_end_and_without_the_collector(house):
    before = in_memory(*OF_HTTP)
    for last in (HEALTH, UPGRADE):
        async with await trio.open_tcp_stream("127.0.0.1", house.port) as stream:
            await stream.send_all(HEALTH)
            await read_until(stream, b"ok\n")
            assert in_memory(*OF_HTTP) == before + len(OF_HTTP)
            await stream.send_all(last)
            await read_until(stream, b"ok\n" if last is HEALTH else b"\r\n\r\n")
        with trio.fail_after(5):
            while in_memory(*OF_HTTP) != before:
                await trio.sleep(0.01)


@pytest.mark.parametrize("how", ["dropped", "closed", "refused"])
@pytest.mark.usefixtures("_without_collector")
async def test_a_websocket_leaves_memory_once_no_deadline_holds_it(running, how):
    before = in_memory(*OF_WEBSOCKET)
    soon = Limits(ping_seconds=0.2, head_seconds=0.2, connect_seconds=0.2)
    async with running(limits=soon) as house:
        async with await trio.open_tcp_stream("127.0.0.1", house.port) as stream:
            await stream.send_all(UPGRADE)
            await read_until(stream, b"\r\n\r\n")
            if how == "refused":
                await stream.send_all(masked(request("connect", token="none")))
                await stream.receive_some()
            else:
                await connects(house, stream)
                assert in_memory(*OF_WEBSOCKET) == before + len(OF_WEBSOCKET)
            if how == "closed":
                await stream.send_all(b"\x88\x82\0\0\0\0\x03\xe8")
                await read_until(stream, b"\x88\x02\x03\xe8")
        with trio.fail_after(5):
            while in_memory(*OF_WEBSOCKET) != before:
                await trio.sleep(0.01)
