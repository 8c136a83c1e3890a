"""The one port: looks at a request's head and hands the stream to the one it is for.

``GET /v1/ws`` with an upgrade becomes a connection with an outbox; everything else goes to the
HTTP application, with the head put back in front, and comes back here if an upgrade follows.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import attrs
import structlog
import trio

from transport.codec import negotiate
from transport.connection import converse
from transport.context import Context, Visit
from transport.outbox import Outbox
from transport.websocket import READ_BYTES, HandshakeFailed, Proposal, WebSocket

log = structlog.get_logger("greenroom.transport")

WEBSOCKET_PATH = "/v1/ws"
END = b"\r\n\r\n"
_LINE = re.compile(rb"([A-Z]{1,16}) (\S{1,8192}) HTTP/1\.[01]\r\n")

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


async def read_head(stream: AnyStream, limit: int) -> Head | None:
    """Read a request's head; None if the peer leaves before it is whole.

    :raises Rejected: it is too long, or no HTTP/1.
    """
    raw = bytearray()
    while END not in raw:
        if len(raw) > limit:
            raise Rejected("431 Request Header Fields Too Large", "head")
        received = await stream.receive_some(READ_BYTES)
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


class Listener:
    """Takes every stream the port accepts.

    :param http: takes those that are not for the WebSocket.
    """

    def __init__(self, context: Context, http: HttpHandler) -> None:
        self._context = context
        self._http = http

    async def handle(self, stream: AnyStream) -> None:
        """Serve one stream until it ends; nothing that goes wrong on it goes further."""
        try:
            await self._admit(stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError, OSError):
            pass
        except Exception as error:
            if not _only(error, (trio.BrokenResourceError, trio.ClosedResourceError, OSError)):
                log.exception("connection failed")
        finally:
            await trio.aclose_forcefully(stream)

    async def _admit(self, stream: AnyStream) -> None:
        plain: Any = stream.transport_stream if isinstance(stream, trio.SSLStream) else stream
        address = str(plain.socket.getpeername()[0])
        visit = self._context.registry.enter(address)
        if isinstance(visit, str):
            self._context.metrics.rejected.labels(visit).inc()
            status = "429 Too Many Requests" if visit == "address" else "503 Service Unavailable"
            await self._turn_away(stream, Rejected(status, visit))
            return
        try:
            head = await self._first_head(stream)
            while head is not None:
                head = await self._route(stream, head, visit, address)
        except Rejected as rejected:
            self._context.metrics.rejected.labels(rejected.label).inc()
            await self._turn_away(stream, rejected)
        finally:
            visit.leave()

    async def _turn_away(self, stream: AnyStream, rejected: Rejected) -> None:
        with trio.move_on_after(1):
            await stream.send_all(rejected.response())
            if isinstance(stream, trio.SocketStream):
                await stream.send_eof()

    async def _first_head(self, stream: AnyStream) -> Head | None:
        limits = self._context.limits
        with trio.move_on_after(limits.head_seconds) as patience:
            if isinstance(stream, trio.SSLStream):
                await stream.do_handshake()
            head = await read_head(stream, limits.head_bytes)
        if patience.cancelled_caught:
            raise Rejected("408 Request Timeout", "slow")
        return head

    async def _route(
        self, stream: AnyStream, head: Head, visit: Visit, address: str
    ) -> Head | None:
        """Hand the stream to whom the request is for; return the head of what follows."""
        if address in self._context.limits.trusted_proxies and not self._forwarded(head, visit):
            raise Rejected("429 Too Many Requests", "address")
        kind = "websocket" if head.is_websocket else "http"
        self._context.metrics.accepted.labels(kind).inc()
        if not head.is_websocket:
            visit.settle()
            return await self._http(stream, head)
        if not visit.unsettle():
            raise Rejected("503 Service Unavailable", "handshakes")
        await self._websocket(stream, head, visit)
        return None

    @staticmethod
    def _forwarded(head: Head, visit: Visit) -> bool:
        chain = ",".join(head.values("x-forwarded-for")).split(",")
        client = chain[-1].strip()  # the nearest proxy's own word; the rest anybody may write
        return visit.move(client) if client else True

    async def _websocket(self, stream: AnyStream, head: Head, visit: Visit) -> None:
        limits = self._context.limits
        if not allowed_origin(head, limits.origins):
            raise Rejected("403 Forbidden", "origin")
        try:
            proposal = Proposal.read(head.line, head.fields)
        except HandshakeFailed as failed:
            raise Rejected(failed.status, "handshake", failed.headers) from None
        codec = negotiate(proposal.subprotocols)
        if codec is None:
            raise Rejected("400 Bad Request", "subprotocol")
        async with trio.open_nursery() as nursery:
            readiness = self._context.readiness
            outbox = Outbox(stream, nursery, limits.outbox_bytes, _never, readiness)
            try:
                async with self._context.gate:
                    outbox.write(proposal.answer(codec.name if proposal.subprotocols else None))
                websocket = WebSocket(outbox, limits.message_bytes, head.rest)
                await converse(self._context, nursery, outbox, codec, websocket, visit)
            finally:
                outbox.shut()
            nursery.cancel_scope.cancel()


def _never() -> None:
    """Stand in until the connection takes over: a handshake's answer never fills an outbox."""


def _only(error: BaseException, kinds: tuple[type[BaseException], ...]) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_only(inner, kinds) for inner in error.exceptions)
    return isinstance(error, kinds)
