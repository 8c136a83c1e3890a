"""The one port: looks at a request's head and hands the stream to the one it is for.

``GET /v1/ws`` with an upgrade becomes a connection with an outbox; everything else goes to the
HTTP application, with the head put back in front, and comes back here if an upgrade follows.
"""

import errno
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

import attrs
import structlog
import trio

from transport.codec import negotiate
from transport.connection import Connection
from transport.context import Context, Visit
from transport.outbox import Outbox, nobody
from transport.websocket import READ_BYTES, HandshakeFailed, Proposal, WebSocket

log = structlog.get_logger("greenroom.transport")

WEBSOCKET_PATH = "/v1/ws"
END = b"\r\n\r\n"
_LINE = re.compile(rb"([A-Z]{1,16}) (\S{1,8192}) HTTP/1\.[01]\r\n")

ACCEPTED_AT_ONCE = 8
"""Connections taken in one of the loop's rounds."""

EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
"""Why the kernel has no socket left to give; it may have one again in a moment."""

PAUSE = 0.1
"""Seconds until it is asked again."""

TURNING_AWAY = 1.0
"""Seconds in which whoever is turned away must take the answer."""

Line = socket.socket | trio.SSLStream[trio.SocketStream]
AnyStream = trio.SocketStream | trio.SSLStream[trio.SocketStream]


@attrs.frozen
class Head:
    """The head of a request, as far as the way in needs it.

    :param raw: all bytes read so far; a body may have begun in them.
    :param line: the request line.
    :param fields: each header field's values in their order, by its name in lower case.
    """

    raw: bytes
    line: bytes
    target: str
    fields: Mapping[bytes, Sequence[bytes]]

    @property
    def is_websocket(self) -> bool:
        """Whether it asks for the WebSocket."""
        path = self.target.partition("?")[0]
        asked = b",".join(self.fields.get(b"upgrade", ())).lower()
        return path == WEBSOCKET_PATH and b"websocket" in asked

    @property
    def rest(self) -> bytes:
        """What came behind the head."""
        return self.raw[self.raw.index(END) + len(END) :]

    def values(self, name: str) -> list[str]:
        """Return a header field's values, in their order."""
        return [value.decode("latin-1") for value in self.fields.get(name.encode(), ())]


HttpHandler = Callable[[AnyStream, Head], Awaitable[Head | None]]
"""Answers requests, from the one whose head is given on; returns the head of an upgrade."""


class Rejected(Exception):  # noqa: N818  the request is
    """A request the listener turns away by itself."""

    def __init__(self, status: str, label: str, headers: str = "") -> None:
        super().__init__(status)
        self.status = status
        self.label = label
        self.headers = headers

    def response(self) -> bytes:
        """Return the whole answer."""
        retry = "retry-after: 5\r\n" if self.status.startswith(("503", "429")) else ""
        return (
            f"HTTP/1.1 {self.status}\r\n{retry}{self.headers}"
            "content-length: 0\r\nconnection: close\r\n\r\n"
        ).encode()


class Source(Protocol):
    """Something to read bytes from."""

    async def receive_some(self, max_bytes: int) -> bytes:
        """Return bytes; none at the end."""


async def read_head(source: Source, limit: int) -> Head | None:
    """Read a request's head; None if the peer leaves before it is whole.

    :raises Rejected: it is too long, or no HTTP/1.
    """
    raw = bytearray()
    while END not in raw:
        if len(raw) > limit:
            raise Rejected("431 Request Header Fields Too Large", "head")
        received = await source.receive_some(READ_BYTES)
        if not received:
            return None
        raw += received
    return parse_head(bytes(raw))


def parse_head(raw: bytes) -> Head:
    """Return the head of a request, and what came behind it.

    :raises Rejected: it is no HTTP/1, or has no end.
    """
    line = _LINE.match(raw)
    if line is None or END not in raw:
        raise Rejected("400 Bad Request", "head")
    text, *rest = raw[: raw.index(END)].split(b"\r\n")
    fields: dict[bytes, list[bytes]] = {}
    for one in rest:
        name, _, value = one.partition(b":")
        fields.setdefault(name.lower(), []).append(value.strip(b" \t"))
    return Head(raw, text, line[2].decode("latin-1"), fields)


def allowed_origin(head: Head, origins: frozenset[str]) -> bool:
    """Return whether a browser's page may open the WebSocket; programs send no origin."""
    values = head.values("origin")
    if not values or "*" in origins:
        return True
    hosts = head.values("host")
    origin = values[0]
    return origin in origins or hosts[:1] == [origin.partition("://")[2]]


@attrs.define(eq=False)
class Arrival:
    """One connection, from its first byte on.

    :param line: its socket, or its TLS.
    :param scope: around all that is done for it, but for its close.
    :param known: whether its request's head has been read.
    """

    taken: socket.socket
    line: Line
    outbox: Outbox
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    known: bool = False
    connection: Connection | None = None

    def late(self) -> None:
        """Give up on it, unless its head has come."""
        if not self.known:
            self.scope.cancel()

    def stream(self) -> AnyStream:
        """Return it as a stream; the outbox lets go of it."""
        self.outbox.shut()
        return self.line if isinstance(self.line, trio.SSLStream) else _stream(self.line)

    async def close(self) -> None:
        """Close it, without a word."""
        self.outbox.shut()
        if self.connection is not None:
            self.connection.let_go()
        if isinstance(self.line, trio.SSLStream):
            await trio.aclose_forcefully(self.line)
        self.taken.close()


def _stream(taken: socket.socket) -> trio.SocketStream:
    return trio.SocketStream(trio.socket.from_stdlib_socket(taken))


class Listener:
    """Takes every connection the port accepts.

    A connection is one task and one cancel scope, and has no timer of its own: what those cost
    is most of what a thousand who come at once would have to wait for.

    :param http: takes those that are not for the WebSocket.
    :param nursery: where the connections live.
    :param tls: makes the port speak TLS.
    """

    def __init__(
        self,
        context: Context,
        http: HttpHandler,
        nursery: trio.Nursery,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._context = context
        self._http = http
        self._nursery = nursery
        self._tls = tls

    async def accept(self, listening: socket.socket) -> None:
        """Take what comes, for ever, a few in one of the loop's rounds."""
        while True:
            await trio.lowlevel.wait_readable(listening)
            try:
                for _ in range(ACCEPTED_AT_ONCE):
                    taken, address = listening.accept()
                    taken.setblocking(False)
                    self._nursery.start_soon(self.handle, taken, str(address[0]))
            except BlockingIOError:
                pass
            except OSError as error:
                if error.errno in EXHAUSTED:
                    log.warning("no connection can be taken", error=error.strerror)
                    await trio.sleep(PAUSE)

    async def handle(self, taken: socket.socket, address: str) -> None:
        """Serve one connection until it ends; nothing that goes wrong on it goes further."""
        arrival = self._arrive(taken)
        try:
            await self._admit(arrival, address)
        except _ENDS:
            pass
        except Exception as error:
            if not _only(error, _ENDS):
                log.exception("connection failed")
        finally:
            await arrival.close()

    def _arrive(self, taken: socket.socket) -> Arrival:
        line: Line = taken
        if self._tls is not None:
            line = trio.SSLStream(
                _stream(taken), self._tls, server_side=True, https_compatible=True
            )
        return Arrival(taken, line, self._outbox(line))

    def _outbox(self, line: Line) -> Outbox:
        limit, entrance = self._context.limits.outbox_bytes, self._context.entrance
        return Outbox(line, self._nursery, limit, nobody, entrance)

    async def _admit(self, arrival: Arrival, address: str) -> None:
        visit = self._context.registry.enter(address)
        if isinstance(visit, str):
            status = "429 Too Many Requests" if visit == "address" else "503 Service Unavailable"
            await self._turn_away(arrival, Rejected(status, visit))
            return
        try:
            with arrival.scope:
                await self._route(arrival, visit, address)
            if arrival.connection is not None:
                await arrival.connection.close()
            elif not arrival.known:
                await self._turn_away(arrival, Rejected("408 Request Timeout", "slow"))
        except Rejected as rejected:
            await self._turn_away(arrival, rejected)
        finally:
            visit.leave()

    async def _turn_away(self, arrival: Arrival, rejected: Rejected) -> None:
        self._context.metrics.rejected.labels(rejected.label).inc()
        arrival.outbox.write(rejected.response())
        with trio.move_on_after(TURNING_AWAY):
            await arrival.outbox.wait_below(0)
        if arrival.line is arrival.taken:
            with suppress(OSError):
                arrival.taken.shutdown(socket.SHUT_WR)

    async def _route(self, arrival: Arrival, visit: Visit, address: str) -> None:
        context, limits = self._context, self._context.limits
        context.heads.begin(arrival)
        if isinstance(arrival.line, trio.SSLStream):
            await arrival.line.do_handshake()
        head = await read_head(arrival.outbox, limits.head_bytes)
        arrival.known = True
        while head is not None:
            if address in limits.trusted_proxies and not self._forwarded(head, visit):
                raise Rejected("429 Too Many Requests", "address")
            context.metrics.count_accepted("websocket" if head.is_websocket else "http")
            if head.is_websocket:
                if not visit.unsettle():
                    raise Rejected("503 Service Unavailable", "handshakes")
                connection, head = self._open(arrival, head, visit), None
                await connection.run()
            else:
                visit.settle()
                head = await self._http(arrival.stream(), head)
                arrival.outbox = self._outbox(arrival.line)

    @staticmethod
    def _forwarded(head: Head, visit: Visit) -> bool:
        chain = ",".join(head.values("x-forwarded-for")).split(",")
        client = chain[-1].strip()  # the nearest proxy's own word; the rest anybody may write
        return visit.move(client) if client else True

    def _open(self, arrival: Arrival, head: Head, visit: Visit) -> Connection:
        context, outbox = self._context, arrival.outbox
        if not allowed_origin(head, context.limits.origins):
            raise Rejected("403 Forbidden", "origin")
        try:
            proposal = Proposal.read(head.line, head.fields)
        except HandshakeFailed as failed:
            raise Rejected(failed.status, "handshake", failed.headers) from None
        codec = negotiate(proposal.subprotocols)
        if codec is None:
            raise Rejected("400 Bad Request", "subprotocol")
        outbox.write(proposal.answer(codec.name if proposal.subprotocols else None))
        websocket = WebSocket(outbox, context.limits.message_bytes, head.rest)
        arrival.connection = connection = Connection(
            context, self._nursery, arrival.scope, outbox, codec, websocket, visit
        )
        outbox.on_overflow = connection.overflow
        return connection


_ENDS = (trio.BrokenResourceError, trio.ClosedResourceError, OSError)
"""How a connection may end that nobody need be told of."""


def _only(error: BaseException, kinds: tuple[type[BaseException], ...]) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_only(inner, kinds) for inner in error.exceptions)
    return isinstance(error, kinds)
