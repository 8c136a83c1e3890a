"""A bank of WebSocket clients that only read: the far end of the fan-out bench.

Runs as a process of its own, so that its work is on another core than the server's. Says, on
standard output, when every client has all of a message. It reads the frames one by one until all
are connected and one message has told how long it is; then it only counts bytes.
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
PATIENCE = 60.0
"""Seconds after which a message that has not reached everybody counts as lost."""

WAVE = 64
"""Handshakes begun before their answers are read."""

TIMEOUT = 60.0
"""Seconds a client waits for a frame until it is in."""

_SHORT, _LONG = 126, 127


@attrs.frozen
class Dialect:
    """How a kind of server is spoken to.

    :param opening: what to send once the WebSocket is open; ``{token}`` is filled in.
    :param greetings: frames that come before a client is in.
    """

    path: str = "/"
    subprotocol: str = ""
    opening: str = ""
    greetings: int = 0


DIALECTS = {
    "greenroom": Dialect(
        "/v1/ws",
        "greenroom.v1.json",
        '{{"jsonrpc":"2.0","id":1,"method":"connect","params":{{"token":"{token}"}}}}',
        greetings=1,
    ),
    # Engine.IO says "0", and Socket.IO answers "40" with its own.
    "socketio": Dialect("/socket.io/?EIO=4&transport=websocket", "", "40", greetings=2),
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


class Client:
    """One client, until only bytes count."""

    def __init__(self, port: int) -> None:
        self.wire = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        self._read = b""

    def upgraded(self) -> None:
        """Wait for the handshake's answer."""
        while b"\r\n\r\n" not in self._read:
            self._read += self._more()
        head, _, self._read = self._read.partition(b"\r\n\r\n")
        if b" 101 " not in head[:16]:
            raise SystemExit(f"handshake refused: {head[:200]!r}")

    def frame(self) -> int:
        """Wait for a whole frame; return how many bytes it has."""
        while (size := _frame_bytes(self._read)) > len(self._read):
            self._read += self._more()
        self._read = self._read[size:]
        return size

    def _more(self) -> bytes:
        data = self.wire.recv(READ)
        if not data:
            raise SystemExit("the server hung up")
        return data


def _frame_bytes(data: bytes) -> int:
    """Return the bytes of the frame that begins here, or at least how many tell it."""
    if len(data) < 2:  # noqa: PLR2004  RFC 6455, 5.2
        return 2
    head = {_SHORT: 4, _LONG: 10}.get(data[1], 2)
    if head == 2 or len(data) < head:  # noqa: PLR2004
        return head + (data[1] if head == 2 else 0)  # noqa: PLR2004
    return head + int.from_bytes(data[2:head])


def connect(count: int, port: int, dialect: Dialect, token: str) -> list[Client]:
    """Open the clients, in waves."""
    clients: list[Client] = []
    opening = masked(dialect.opening.format(token=token)) if dialect.opening else b""
    while len(clients) < count:
        wave = [Client(port) for _ in range(min(WAVE, count - len(clients)))]
        for client in wave:
            client.wire.sendall(request(dialect, port))
        for client in wave:
            client.upgraded()
            client.wire.sendall(opening)
        for client in wave:
            for _ in range(dialect.greetings):
                client.frame()
        clients += wave
    return clients


class Bank:
    """The clients, and the bytes they have received."""

    def __init__(self, clients: list[Client]) -> None:
        self._epoll = select.epoll()
        self._clients = {client.wire.fileno(): client.wire for client in clients}
        self.total = 0
        self._buffer = bytearray(READ)
        for wire in self._clients.values():
            wire.setblocking(False)
            self._epoll.register(wire, select.EPOLLIN)

    def read(self, timeout: float) -> bool:
        """Read what has come; False if nothing came in time."""
        ready = self._epoll.poll(timeout)
        for descriptor, _ in ready:
            got = self._clients[descriptor].recv_into(self._buffer)
            if not got:
                raise SystemExit("the server hung up")
            self.total += got
        return bool(ready)

    def learn(self, clients: list[Client]) -> int:
        """Read one frame of each client; return how many bytes it has."""
        sizes = set()
        for client in clients:
            client.wire.settimeout(TIMEOUT)
            sizes.add(client.frame())
            client.wire.setblocking(False)
        if len(sizes) != 1:
            raise SystemExit(f"the clients received frames of {sorted(sizes)} bytes")
        return sizes.pop()

    def await_bytes(self, target: int) -> float:
        """Read until ``target`` bytes have come in all; return when the last one did."""
        end = time.monotonic() + PATIENCE
        while self.total < target:
            if not self.read(1.0) and time.monotonic() > end:
                raise SystemExit(f"{target - self.total} bytes never came")
        return time.monotonic()


def main() -> None:
    """Connect, tell when ready, then obey one line for each message."""
    parser = argparse.ArgumentParser()
    parser.add_argument("dialect", choices=DIALECTS)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--token", default="")
    given = parser.parse_args()
    clients = connect(given.count, given.port, DIALECTS[given.dialect], given.token)
    print("ready", flush=True)
    bank = Bank(clients)
    size = 0
    for line in sys.stdin:
        if line.strip() == "learn":
            size = bank.learn(clients)
            print(size, flush=True)
        else:
            print(bank.await_bytes(bank.total + size * given.count), flush=True)


if __name__ == "__main__":
    main()
