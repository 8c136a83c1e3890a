"""What strangers can make a daemon hold is bounded by its limits."""

import os
import socket
from contextlib import suppress
from pathlib import Path
from select import select

import pytest

from tests.engine.daemon import running
from transport.limits import Limits

UPGRADE = (
    b"GET /v1/ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
)
LIMITS = Limits()
OVERHEAD = 64 << 10
"""What a connection takes besides what was sent: measured at 10 kB idle."""

CROWD, MORE = 150, 20
"""Connections that the limits let be on their way in, and how many more come."""


def resident(daemon):
    pages = int(Path(f"/proc/{daemon.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def daemon(tmp_path):
    # On a busy machine the first of a crowd must not be sent away before the last has come.
    limits = f"[limits]\nhandshakes = {CROWD}\nhead_seconds = 60\nconnect_seconds = 60\n"
    with running(tmp_path, config=limits) as daemon:
        yield daemon


def opened(daemon):
    return socket.create_connection(("127.0.0.1", daemon.port), timeout=10)


def await_refused(streams, many):
    # Whichever they are: a daemon that is kept waiting may let in the last before others.
    left = set(streams)
    while many > 0:
        ready, _, _ = select(left, (), (), 10)
        assert ready, f"{many} more are to be turned away"
        for stream in ready:
            left.discard(stream)
            with suppress(ConnectionResetError):
                assert stream.recv(100).startswith(b"HTTP/1.1 503 ")
            many -= 1


def half_a_head(stream):
    stream.sendall(b"GET / HTTP/1.1\r\nx: " + b"y" * (LIMITS.head_bytes - 100))


def most_of_a_message(stream):
    stream.sendall(UPGRADE)
    assert b" 101 " in stream.recv(4096)
    size = LIMITS.message_bytes
    stream.sendall(b"\x82\xff" + size.to_bytes(8, "big") + bytes(4) + bytes(size - 1))


def a_deep_message(stream):
    stream.sendall(UPGRADE)
    assert b" 101 " in stream.recv(4096)
    text = b"[" * (LIMITS.message_bytes - 1000)
    stream.sendall(b"\x81\xff" + len(text).to_bytes(8, "big") + bytes(4) + text)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("attack", "each", "stays"),
    [
        (half_a_head, LIMITS.head_bytes, True),
        (most_of_a_message, 2 * LIMITS.message_bytes, True),
        (a_deep_message, 2 * LIMITS.message_bytes, False),  # it is no connect: it is sent away
    ],
)
def test_as_many_of_the_hostile_as_are_let_in_take_no_more_memory_than_the_limits_say(
    daemon, attack, each, stays
):
    crowd = []
    with daemon.client("ana") as ana:
        before = resident(daemon)
        try:
            for _ in range(CROWD):
                stream = opened(daemon)
                crowd.append(stream)
                attack(stream)
            if stays:
                crowd += [opened(daemon) for _ in range(MORE)]
                await_refused(crowd, MORE)
            ana.call("event.get")  # what was sent before has been read, and she is served
            grown = resident(daemon) - before
        finally:
            for stream in crowd:
                stream.close()
    assert grown < CROWD * (each + OVERHEAD), grown
