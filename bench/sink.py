"""A bank of WebSocket clients that only read: the far end of the fan-out bench.

Runs as a process of its own, so that its work is on another core than the server's. Says, on
standard output, when every client has all of a message.
"""

import argparse
import base64
import os
import select
import socket
import struct
import sys
import time

import attrs

READ = 1 << 16
QUIET, QUIET_EACH = 1.0, 1 / 3_000
"""Seconds without a byte after which nothing more is expected, and for each client at least: some
servers pause for long while a crowd comes in."""

PATIENCE = 60.0
"""Seconds after which a message that has not reached everybody counts as lost."""

WAVE = 64
"""Handshakes begun before their answers are read."""


@attrs.frozen
class Dialect:
    """How a kind of server is spoken to.

    :param opening: what to send once the WebSocket is open; ``{token}`` is filled in.
    """

    path: str = "/"
    subprotocol: str = ""
    opening: tuple[str, ...] = ()


DIALECTS = {
    "greenroom": Dialect(
        "/v1/ws",
        "greenroom.v1.json",
        ('{{"jsonrpc":"2.0","id":1,"method":"connect","params":{{"token":"{token}"}}}}',),
    ),
    "socketio": Dialect("/socket.io/?EIO=4&transport=websocket", "", ("40",)),
    "plain": Dialect(),
}


def masked(text: str) -> bytes:
    """Return a client's text frame."""
    payload, key = text.encode(), os.urandom(4)
    size = len(payload)
    head = bytes((0x81, 0x80 | size)) if size < 126 else struct.pack(">BBH", 0x81, 0xFE, size)  # noqa: PLR2004  RFC 6455, 5.2
    stream = (key * (size // len(key) + 1))[:size]
    masked = int.from_bytes(payload) ^ int.from_bytes(stream)
    return head + key + masked.to_bytes(size)


def request(dialect: Dialect, port: int) -> bytes:
    """Return the handshake's request."""
    key = base64.b64encode(os.urandom(16)).decode()
    fields = [
        f"GET {dialect.path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
    ]
    if dialect.subprotocol:
        fields.append(f"Sec-WebSocket-Protocol: {dialect.subprotocol}")
    return ("\r\n".join(fields) + "\r\n\r\n").encode()


def connect(count: int, port: int, dialect: Dialect, token: str) -> list[socket.socket]:
    """Open the clients, in waves."""
    clients: list[socket.socket] = []
    opening = b"".join(masked(text.format(token=token)) for text in dialect.opening)
    while len(clients) < count:
        wave = [
            socket.create_connection(("127.0.0.1", port), 30)
            for _ in range(min(WAVE, count - len(clients)))
        ]
        for client in wave:
            client.sendall(request(dialect, port))
        for client in wave:
            head = client.recv(READ)
            if b" 101 " not in head[:16]:
                raise SystemExit(f"handshake refused: {head[:200]!r}")
            client.sendall(opening)
        clients += wave
    return clients


class Bank:
    """The clients, and the bytes they have received."""

    def __init__(self, clients: list[socket.socket]) -> None:
        self._epoll = select.epoll()
        self._clients = {client.fileno(): client for client in clients}
        self.total = 0
        self._buffer = bytearray(READ)
        for client in clients:
            client.setblocking(False)
            self._epoll.register(client, select.EPOLLIN)

    def read(self, timeout: float) -> bool:
        """Read what has come; False if nothing came in time."""
        ready = self._epoll.poll(timeout)
        for descriptor, _ in ready:
            got = self._clients[descriptor].recv_into(self._buffer)
            if not got:
                raise SystemExit("the server hung up")
            self.total += got
        return bool(ready)

    def drain(self) -> int:
        """Read until nothing more comes; return how many bytes that were."""
        before = self.total
        while self.read(max(QUIET, len(self._clients) * QUIET_EACH)):
            pass
        return self.total - before

    def await_bytes(self, target: int) -> float:
        """Read until ``target`` bytes have come in all; return when the last one did."""
        end = time.monotonic() + PATIENCE
        while self.total < target:
            if not self.read(1.0) and time.monotonic() > end:
                raise SystemExit(f"{target - self.total} bytes never came")
        return time.monotonic()


def main() -> None:
    """Connect, tell when ready, then one line for each message."""
    parser = argparse.ArgumentParser()
    parser.add_argument("dialect", choices=DIALECTS)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--token", default="")
    given = parser.parse_args()
    clients = connect(given.count, given.port, DIALECTS[given.dialect], given.token)
    bank = Bank(clients)
    bank.drain()
    print("ready", flush=True)
    sys.stdin.readline()  # the first message has been published: it tells the frame's size
    size, rest = divmod(bank.drain(), given.count)
    if rest or not size:
        raise SystemExit("the clients did not all receive the same")
    print(size, flush=True)
    target = bank.total
    while sys.stdin.readline().strip() == "next":
        target += size * given.count
        print(bank.await_bytes(target), flush=True)


if __name__ == "__main__":
    main()
