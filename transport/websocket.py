"""The WebSocket of one connection: the handshake's answer, then frames, over an outbox.

``websockets`` reads the frames (in a third of wsproto's time); there is no task beside the
connection's own, no channel between two, and no second reading of the head, which the listener
has read already. Those cost more than half of what it takes to let somebody in, which is what
counts when everybody comes back at once.
"""

import binascii
import logging
import re
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Mapping, Sequence
from hashlib import sha1
from typing import cast

import attrs
import trio
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State

from transport.closing import Close
from transport.outbox import Outbox

READ_BYTES = 4096
"""Bytes asked of a socket at once: most messages are far shorter."""

AHEAD = 32
"""Messages read while another is being worked on, at most."""

LINGER_BYTES = 64 << 20
"""What a peer may still send after our close frame, before its connection is cut."""

_ACCEPT = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_KEY_BYTES = 16
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2


_OF_MESSAGES = {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}

_DONE = trio.Event()
_DONE.set()

_log = logging.getLogger("greenroom.websocket")
_log.setLevel(logging.WARNING)  # each frame, and each end, would be a line


class HandshakeFailed(Exception):  # noqa: N818  said of the client's part
    """A request that cannot become a WebSocket.

    :param status: the answer's status line, without the version.
    :param headers: further header lines.
    """

    def __init__(self, status: str, headers: str = "") -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers


class Closed(Exception):  # noqa: N818  an end is no error
    """Nothing more will come from the peer."""


def _listed(values: Sequence[bytes]) -> list[bytes]:
    parts = (part.strip() for value in values for part in value.split(b","))
    return [part for part in parts if part]


@attrs.frozen
class Proposal:
    """A client's part of the opening handshake, found good (RFC 6455, 4.2.1).

    :param subprotocols: those it offers, in its order.
    """

    key: bytes
    subprotocols: tuple[str, ...]

    @classmethod
    def read(cls, line: bytes, fields: Mapping[bytes, Sequence[bytes]]) -> "Proposal":
        """Check a request.

        :param line: the request line.
        :param fields: the values of each header field, by its name in lower case.
        :raises HandshakeFailed: something is missing or malformed.
        """
        if not (line.startswith(b"GET ") and line.endswith(b" HTTP/1.1")):
            raise HandshakeFailed("400 Bad Request")
        for name in fields:
            if not _TOKEN.fullmatch(name):
                raise HandshakeFailed("400 Bad Request")
        tokens = [token.lower() for token in _listed(fields.get(b"connection", ()))]
        keys = fields.get(b"sec-websocket-key", ())
        bodiless = b"transfer-encoding" not in fields and b"content-length" not in fields
        whole = b"upgrade" in tokens and len(fields.get(b"host", ())) == 1 and len(keys) == 1
        if not (whole and bodiless and _is_key(keys[0])):
            raise HandshakeFailed("400 Bad Request")
        if list(fields.get(b"sec-websocket-version", ())) != [b"13"]:
            raise HandshakeFailed("426 Upgrade Required", "sec-websocket-version: 13\r\n")
        offered = _listed(fields.get(b"sec-websocket-protocol", ()))
        return cls(keys[0], tuple(name.decode("latin-1") for name in offered))

    def answer(self, subprotocol: str | None) -> bytes:
        """Return the server's part of the handshake."""
        digest = sha1(self.key + _ACCEPT, usedforsecurity=False).digest()
        chosen = "" if subprotocol is None else f"Sec-WebSocket-Protocol: {subprotocol}\r\n"
        return (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {b64encode(digest).decode()}\r\n{chosen}\r\n"
        ).encode()


def _is_key(value: bytes) -> bool:
    try:
        return len(b64decode(value, validate=True)) == _KEY_BYTES
    except binascii.Error:
        return False


class WebSocket:
    """The server's end of an open WebSocket. One task reads it; anybody writes to the outbox.

    :param limit: longest message taken, in bytes.
    :param trailing: bytes that came right behind the handshake.
    """

    __slots__ = (
        "_ahead",
        "_frames",
        "_limit",
        "_looked",
        "_looking",
        "_outbox",
        "_parts",
        "_wire",
    )

    def __init__(self, outbox: Outbox, limit: int, trailing: bytes = b"") -> None:
        self._outbox = outbox
        self._limit = limit
        self._wire = Protocol(Side.SERVER, max_size=limit, logger=_log)
        self._frames: deque[Frame] = deque()
        self._parts: list[Frame] = []
        self._ahead: deque[str | bytes] | None = None
        self._looking: trio.CancelScope | None = None
        self._looked = _DONE
        if trailing:
            self._receive(trailing)

    @property
    def over(self) -> bool:
        """Whether nothing more can be said: both sides have closed, or the peer has gone."""
        return self._wire.close_rcvd is not None or self._wire.state is State.CLOSED

    async def get_message(self) -> str | bytes:
        """Return the peer's next message: text as str, binary as bytes.

        Pings are answered on the way; so is the peer's close.

        :raises Closed: the peer has closed, has gone, or has sent what must not be.
        """
        await self._stop_looking()
        if self._ahead:
            return self._ahead.popleft()
        return await self._next()

    async def look_ahead(self) -> None:
        """Read while a message is being worked on, so that pings are answered and an end is seen.

        What comes is kept for :meth:`get_message`, which ends this. It also ends when so much is
        kept that the rest had better wait in the socket.

        :raises Closed: the peer has closed, has gone, or has sent what must not be.
        """
        kept = self._ahead = self._ahead or deque()
        self._looked = trio.Event()
        try:
            with trio.CancelScope() as self._looking:
                size = sum(map(len, kept))
                while len(kept) < AHEAD and size <= self._limit:
                    kept.append(await self._next())
                    size += len(kept[-1])
        finally:
            self._looking = None
            self._looked.set()

    async def _stop_looking(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await self._looked.wait()

    @property
    def looking_ahead(self) -> bool:
        """Whether :meth:`look_ahead` is reading."""
        return self._looking is not None

    async def _next(self) -> str | bytes:
        while True:
            while self._frames:
                message = self._take(self._frames.popleft())
                if message is not None:
                    return message
            if self._wire.eof_sent:  # both have closed, or what came was no WebSocket
                raise Closed
            await self._feed()

    def _take(self, frame: Frame) -> str | bytes | None:
        """Return the message that a frame completes; None if it completes none."""
        if frame.opcode not in _OF_MESSAGES:
            return None
        first = frame
        if self._parts or not frame.fin:
            if frame.data or not self._parts:  # of the rest nothing is to be kept
                self._parts.append(frame)
            if not frame.fin:
                return None
            parts, self._parts = self._parts, []
            first = parts[0]
            data = b"".join(part.data for part in parts)
        else:
            data = bytes(frame.data)
        return data if first.opcode is Opcode.BINARY else self._text(data)

    def _text(self, data: bytes) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError:
            self._send_close(Close.BAD_TEXT, "not UTF-8")
            raise Closed from None

    def _receive(self, data: bytes) -> None:
        """Have frames read; pings and the peer's close are answered."""
        self._wire.receive_data(data)
        events = self._wire.events_received()
        self._frames.extend(cast("list[Frame]", events))  # the others belong to handshakes
        self._send()

    async def _feed(self) -> int:
        data = await self._outbox.receive_some(READ_BYTES)
        if not data:
            self._wire.receive_eof()
            raise Closed
        self._receive(data)
        return len(data)

    def _send(self) -> None:
        for data in self._wire.data_to_send():
            if data:  # the end is not said here: it would have nothing sent after it
                self._outbox.write(data)

    def _send_close(self, code: int, reason: str) -> None:
        if self._wire.state is State.OPEN:
            self._wire.send_close(code, reason)
            self._send()

    def let_go(self) -> None:
        """Keep no hold of itself: the protocol's parser and its last error lead back to it."""
        self._wire.parser.close()
        self._wire.parser_exc = None

    async def aclose(self, code: int, reason: str) -> None:
        """Send a close frame, unless one was sent, and wait until the peer has taken it.

        What the peer is still sending is read and dropped: closing a socket that holds unread
        bytes resets the connection (RFC 1122, 4.2.2.13), and the reset can overtake the close
        frame, so that the client never learns why.
        """
        self._send_close(code, reason)
        self._parts.clear()
        await self._stop_looking()
        await self._outbox.wait_below(0)
        if self._wire.eof_sent:
            self._outbox.say_no_more()
        received = 0
        try:
            while not self.over and received < LINGER_BYTES:
                received += await self._feed()
                self._frames.clear()
        except (Closed, trio.BrokenResourceError, trio.ClosedResourceError):
            return
