"""What strangers can make a daemon hold is bounded by its limits."""

import os
import socket
from pathlib import Path

import pytest

from transport.limits import Limits

UPGRADE = (
    b"GET /v1/ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
)
LIMITS = Limits()
OVERHEAD = 64 << 10
"""What a connection takes besides what was sent: measured at 26 kB idle."""


def resident(daemon):
    pages = int(Path(f"/proc/{daemon.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def opened(daemon):
    return socket.create_connection(("127.0.0.1", daemon.port), timeout=10)


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
    ("attack", "each"),
    [
        (half_a_head, LIMITS.head_bytes),
        (most_of_a_message, 2 * LIMITS.message_bytes),
        (a_deep_message, 2 * LIMITS.message_bytes),
    ],
)
def test_a_crowd_of_the_hostile_takes_no_more_memory_than_the_limits_say(daemon, attack, each):
    before, crowd = resident(daemon), []
    try:
        for _ in range(150):
            stream = opened(daemon)
            crowd.append(stream)
            attack(stream)
        with daemon.client("ana") as ana:  # it has read what was sent before, and still serves
            ana.call("event.get")
        grown = resident(daemon) - before
    finally:
        for stream in crowd:
            stream.close()
    assert grown < len(crowd) * (each + OVERHEAD), grown
