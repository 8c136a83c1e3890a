"""Requests one after the other on one connection, and the WebSocket behind them, as proxies ask."""

import re

import orjson
import pytest
import trio

from tests.transport.test_wire import request
from transport.http.serving import KeptAlive
from transport.limits import Limits

UPGRADE = (
    b"GET /v1/ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
)
HEALTH = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
ENDS = re.compile(rb"ok\n|\}\}\}")
BODY = b"PUT /v1/api/events/fair HTTP/1.1\r\nhost: x\r\n"


async def read_until(stream, end):
    received = b""
    with trio.fail_after(5):
        while not received.endswith(end):
            chunk = await stream.receive_some()
            assert chunk, received
            received += chunk
    return received


def masked(value):
    payload = orjson.dumps(value)
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return b"\x81" + length + b"\0\0\0\0" + payload


async def connects(house, stream, behind=b""):
    """Connect over a WebSocket that the stream has become, or is becoming."""
    await stream.send_all(behind + masked(request("connect", token=house.token())))
    await read_until(stream, b"}")


@pytest.mark.parametrize(
    ("before", "answers"),
    [
        ([HEALTH], 1),
        ([HEALTH, HEALTH, HEALTH], 3),
        ([BODY + b"content-length: 5\r\n\r\nhello"], 1),
        ([BODY + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"], 1),
        ([BODY + b"content-length: 9\r\n\r\n\r\n\r\nGET /"], 1),
    ],
)
async def test_an_upgrade_behind_other_requests_is_a_websocket(house, before, answers):
    stream = await trio.open_tcp_stream("127.0.0.1", house.port)
    async with stream:
        received = b""
        for piece in before:
            await stream.send_all(piece)
            await trio.sleep(0.01)
        with trio.fail_after(5):
            while len(ENDS.findall(received)) < answers:
                received += await stream.receive_some()
        await stream.send_all(UPGRADE)
        assert (await read_until(stream, b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        await connects(house, stream)
        assert house.server.statistics().clients == 1


async def test_an_upgrade_sent_without_waiting_comes_after_the_answer_before_it(house):
    stream = await trio.open_tcp_stream("127.0.0.1", house.port)
    async with stream:
        await connects(house, stream, HEALTH + UPGRADE)
        assert house.server.statistics().clients == 1


async def test_a_body_is_no_head_whatever_it_looks_like(house):
    stream = await trio.open_tcp_stream("127.0.0.1", house.port)
    async with stream:
        size = str(len(UPGRADE)).encode()
        await stream.send_all(BODY + b"content-length: " + size + b"\r\n\r\n" + UPGRADE)
        assert (await read_until(stream, b"}")).startswith(b"HTTP/1.1 401")
        await stream.send_all(HEALTH)
        assert (await read_until(stream, b"ok\n")).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("behind", "status"),
    [
        (b"garbage\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * 20_000, b"431"),
        (UPGRADE.replace(b"host", b"origin: https://evil.example\r\nhost"), b"403"),
        (UPGRADE.replace(b"version: 13", b"version: 12"), b"426"),
    ],
)
async def test_a_bad_head_behind_a_good_one_gets_its_status(house, behind, status):
    stream = await trio.open_tcp_stream("127.0.0.1", house.port)
    async with stream:
        await stream.send_all(HEALTH)
        await read_until(stream, b"ok\n")
        await stream.send_all(behind)
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 " + status)
        with trio.fail_after(5):
            assert not b"".join([chunk async for chunk in stream])


async def test_nobody_is_given_http_2(house):
    stream = await trio.open_tcp_stream("127.0.0.1", house.port)
    async with stream:
        ask = b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n"
        await stream.send_all(HEALTH[:-2] + ask + b"\r\n")
        assert (await read_until(stream, b"ok\n")).startswith(b"HTTP/1.1 200")


async def test_a_slow_second_head_is_sent_away_and_a_gone_peer_is_forgotten(running):
    async with running(Limits(idle_seconds=1)) as house:
        slow = await trio.open_tcp_stream("127.0.0.1", house.port)
        gone = await trio.open_tcp_stream("127.0.0.1", house.port)
        async with slow:
            for stream in (slow, gone):
                await stream.send_all(HEALTH)
                await read_until(stream, b"ok\n")
            await gone.aclose()
            with trio.fail_after(0.5):
                while house.server.statistics().connections > 1:
                    await trio.sleep(0.01)
            with trio.fail_after(5):
                for byte in HEALTH[:20]:
                    try:
                        await slow.send_all(bytes([byte]))
                    except trio.BrokenResourceError:
                        break
                    await trio.sleep(0.1)
                while house.server.statistics().connections:
                    await trio.sleep(0.01)


async def test_a_proxys_connection_counts_for_whom_the_upgrade_is(running):
    async with running(Limits(trusted_proxies=frozenset({"127.0.0.1"}))) as house:
        stream = await trio.open_tcp_stream("127.0.0.1", house.port)
        async with stream:
            await stream.send_all(HEALTH[:-2] + b"x-forwarded-for: 10.0.0.1\r\n\r\n")
            await read_until(stream, b"ok\n")
            assert dict(house.server.context.registry.by_address) == {"10.0.0.1": 1}
            await stream.send_all(UPGRADE[:-2] + b"x-forwarded-for: 10.0.0.2\r\n\r\n")
            await read_until(stream, b"\r\n\r\n")
            assert dict(house.server.context.registry.by_address) == {"10.0.0.2": 1}
            assert house.server.statistics().handshakes == 1


async def test_whoever_reads_no_answer_is_not_waited_for_though_that_is_shielded(autojump_clock):
    class Full:
        async def send_all(self, data):
            await trio.sleep_forever()

    kept = KeptAlive(Full(), None, 1_000, patience=15)
    stop, broken = trio.CancelScope(shield=True), pytest.raises(trio.BrokenResourceError)
    with trio.fail_after(16), stop, broken:
        await kept.send_all(b"answer")
