"""A WebSocket client that costs next to nothing: it sends frames and searches what comes back."""

import base64
import os
import re
import select
import socket
import ssl
import struct
import time
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import attrs

from actors.errors import GreenroomError
from bench.load.dialects import GREENROOM, Dialect

READ = 1 << 17
DIAL_SECONDS = 30.0
TAIL = 64
"""Bytes kept of what came before, so that nothing is missed between two reads."""

PING, PONG = b"\x89\x00", b"\x8a\x80\0\0\0\0"
"""A server's ping, and a client's answer (RFC 6455, 5.5.2 and 5.5.3). No text holds the one; the
length of a long frame may, and an answer that nobody asked for is allowed."""

REASON = re.compile(rb'"reason":"(\w+)"')
RETRY_AFTER = re.compile(rb'"retry_after":([\d.]+)')
ROUNDED = 0.005
"""Seconds by which a server may have rounded down what it asks to wait."""

_SHORT, _LONG = 126, 1 << 16

AT_ONCE = 32
"""Wires read before the time is looked at again: what is to be sent may be due."""


class LoadFailed(GreenroomError):  # noqa: N818  said of the load
    """The load could not be brought to bear; the message says why."""


class LoadMisused(LoadFailed):
    """What was asked for makes no sense; the message says what does."""


def masked(payload: bytes) -> bytes:
    """Return a client's text frame (RFC 6455, 5.3)."""
    size, key = len(payload), os.urandom(4)
    if size < _SHORT:
        head = bytes((0x81, 0x80 | size))
    elif size < _LONG:
        head = struct.pack(">BBH", 0x81, 0x80 | 126, size)
    else:
        head = struct.pack(">BBQ", 0x81, 0x80 | 127, size)
    mask = (key * (size // 4 + 1))[:size]
    mixed = int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")
    return head + key + mixed.to_bytes(size, "big")


@attrs.frozen
class Address:
    """Where a server listens."""

    host: str
    port: int
    secure: bool = False

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Return the address in ``ws://HOST:PORT/…`` or ``wss://…``.

        :raises LoadFailed: it is no such URL.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise LoadFailed(f"{url}: {error}") from error
        if parts.scheme not in {"ws", "wss"} or not parts.hostname:
            raise LoadFailed(f"{url}: expected ws://HOST:PORT/v1/ws or wss://…")
        secure = parts.scheme == "wss"
        return cls(parts.hostname, port or (443 if secure else 80), secure)


@attrs.frozen
class Place:
    """Where clients connect; the name is looked up once for all."""

    address: Address
    dialect: Dialect
    family: int
    where: Any

    @classmethod
    def at(cls, url: str) -> "Place":
        """Return the place at a WebSocket's URL.

        :raises LoadFailed: it is none, or nobody knows the name.
        """
        address = Address.parse(url)
        dialect = attrs.evolve(GREENROOM, path=urlsplit(url).path or "/")
        try:
            found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise LoadFailed(f"{address.host}: {error.strerror}") from error
        family, _, _, _, where = found[0]
        return cls(address, dialect, family, where)


@attrs.define(eq=False)
class Known:
    """The newest bytes without a reply in them, and what was found there.

    A broadcast comes to everybody in the same bytes; to compare is far less than to search.
    """

    dialect: Dialect | None = None
    before: bytes = b""
    data: bytes = b""
    events: int = 0

    def holds(self, dialect: Dialect, before: bytes, data: bytes) -> bool:
        """Whether these bytes, behind those before, are the ones that are known."""
        return data == self.data and before == self.before and dialect is self.dialect


@attrs.define(eq=False)
class Wire:
    """One connection.

    :param found: replies as ``(number, reason)``, reason None for a success, since last taken.
    :param found_at: when they came, in seconds of the monotonic clock.
    :param retry_after: seconds to wait, by the newest refusal.
    :param events: broadcasts counted.
    :param known: shared by those whose bytes are alike.
    """

    sock: socket.socket
    dialect: Dialect
    events: int = 0
    received: int = 0
    found: list[tuple[int, str | None]] = attrs.field(factory=list)
    found_at: float = 0.0
    retry_after: float = 0.0
    known: Known = attrs.field(factory=Known)
    _tail: bytes = b""
    _waiting: bytes = b""

    @classmethod
    def dial(cls, address: Address, dialect: Dialect) -> "Wire":
        """Connect and send the handshake's request; :meth:`upgraded` reads its answer.

        :raises LoadFailed: nobody listens there, or not with TLS where it is asked for.
        """
        where = f"{address.host}:{address.port}"
        try:
            sock = socket.create_connection((address.host, address.port), DIAL_SECONDS)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if address.secure:
                sock = tls_context().wrap_socket(sock, server_hostname=address.host)
            sock.sendall(request(address, dialect))
        except ssl.SSLCertVerificationError as error:
            why = f"{error.verify_message.rstrip('.')}; --ca-file names a CA of your own"
            raise LoadFailed(f"{where}: its certificate is not trusted: {why}") from error
        except ssl.SSLError as error:
            raise LoadFailed(f"{where} does not speak TLS: is it ws://, not wss://?") from error
        except OSError as error:
            raise LoadFailed(f"{where} cannot be reached: {error.strerror or error}") from error
        return cls(sock, dialect)

    def upgraded(self) -> None:
        """Read the handshake's answer.

        :raises LoadFailed: the server will not have us.
        """
        head = b""
        while b"\r\n\r\n" not in head:
            try:
                more = self.sock.recv(READ)
            except OSError as error:
                raise LoadFailed(f"the handshake was not answered: {error}") from error
            if not more:
                raise LoadFailed("the server hung up on the handshake; is it wss://, not ws://?")
            head += more
        if b" 101 " not in head[:16]:
            status = head.partition(b"\r\n")[0].decode("ascii", "replace").strip()
            raise LoadFailed(f"the handshake was refused: {status}; is that the path?")
        self._search(head.partition(b"\r\n\r\n")[2])
        self.sock.setblocking(False)
        for text in self.dialect.opening:
            self.send(text.encode())

    def send(self, payload: bytes) -> None:
        """Send a frame; what the socket does not take waits."""
        self._waiting += masked(payload)
        self.flush()

    def flush(self) -> None:
        """Send what waits, as far as the socket takes it."""
        try:
            while self._waiting:
                self._waiting = self._waiting[self.sock.send(self._waiting) :]
        except (BlockingIOError, ssl.SSLWantWriteError):
            return
        except OSError:
            self._waiting = b""  # the end of the connection shows when it is read

    @property
    def blocked(self) -> bool:
        """Whether bytes wait for the socket."""
        return bool(self._waiting)

    def read(self) -> bool:
        """Take in what has come; False when the server has hung up."""
        while True:
            try:
                data = self.sock.recv(READ)
            except (BlockingIOError, ssl.SSLWantReadError):
                return True
            except OSError:
                return False
            if not data:
                return False
            self._search(data)
            if len(data) < READ and not isinstance(self.sock, ssl.SSLSocket):
                return True

    def _search(self, data: bytes) -> None:
        self.received += len(data)
        before, known = self._tail, self.known
        if known.holds(self.dialect, before, data):
            self.events += known.events
            self._tail = data[-TAIL:]
            return
        joined = before + data
        pinged = joined.find(PING, max(0, len(before) - 1)) >= 0
        if pinged:
            self._waiting += PONG
            self.flush()
        event, replies = self.dialect.event, len(self.found)
        events = joined.count(event) - before.count(event)
        self.events += events
        for match in self.dialect.reply.finditer(joined):
            if match.end() > len(before):
                self.found.append((int(match[1]), self._reason(match, joined)))
        self._tail = joined[-TAIL:]
        if len(self.found) > replies:
            self.found_at = time.monotonic()
        elif len(data) >= TAIL and not pinged:
            known.dialect, known.before, known.data = self.dialect, before, data
            known.events = events

    def _reason(self, match: "re.Match[bytes]", joined: bytes) -> str | None:
        if match[2] != self.dialect.refused:
            return None
        wait = RETRY_AFTER.search(joined, match.end())
        self.retry_after = float(wait[1]) + ROUNDED if wait else 0.0
        reason = REASON.search(joined, match.end())
        return reason[1].decode() if reason else "unknown"

    def take(self) -> list[tuple[int, str | None]]:
        """Return the replies since last asked."""
        found, self.found = self.found, []
        return found


@cache
def tls_context() -> ssl.SSLContext:
    """Return the settings with which servers' certificates are checked."""
    return ssl.create_default_context()


def request(address: Address, dialect: Dialect) -> bytes:
    """Return the handshake's request (RFC 6455, 4.1)."""
    fields = [
        f"GET {dialect.path} HTTP/1.1",
        f"Host: {address.host}:{address.port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
    ]
    if dialect.subprotocol:
        fields.append(f"Sec-WebSocket-Protocol: {dialect.subprotocol}")
    return ("\r\n".join(fields) + "\r\n\r\n").encode()


class Bank:
    """Many wires on one epoll."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._known = Known()
        self.wires: dict[int, Wire] = {}
        self.hung_up = 0

    def add(self, wire: Wire) -> None:
        """Watch a wire."""
        wire.known = self._known
        self.wires[wire.sock.fileno()] = wire
        self._epoll.register(wire.sock, select.EPOLLIN)

    def poll(self, seconds: float, at_once: int = AT_ONCE) -> list[Wire]:
        """Read what comes within ``seconds``; return the wires that replies came on.

        :param at_once: wires that are read at most, the others by the next call; -1 for all.
        """
        touched = []
        for descriptor, _ in self._epoll.poll(max(0.0, seconds), at_once):
            wire = self.wires[descriptor]
            if not wire.read():
                self.drop(wire)
            if wire.found:
                touched.append(wire)
        return touched

    def drop(self, wire: Wire) -> None:
        """Forget a wire and close it."""
        self._epoll.unregister(wire.sock)
        del self.wires[wire.sock.fileno()]
        wire.sock.close()
        self.hung_up += 1

    def flush(self) -> None:
        """Send what waits on any wire."""
        for wire in self.wires.values():
            if wire.blocked:
                wire.flush()

    def close(self) -> None:
        """Close everything without a word."""
        for wire in self.wires.values():
            wire.sock.close()
        self._epoll.close()
