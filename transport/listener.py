"""The one port: looks at a request's head and hands the stream to the one it is for.

``GET /v1/ws`` with an upgrade goes to trio-websocket, over an outbox; everything else goes to
the HTTP application, with the head put back in front.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import structlog
import trio
from trio_websocket import WebSocketRequest, wrap_server_stream

from transport.codec import Codec, negotiate
from transport.connection import converse
from transport.context import Context, Visit
from transport.outbox import Outbox

log = structlog.get_logger("greenroom.transport")

WEBSOCKET_PATH = "/v1/ws"
READ_BYTES = 4096
"""Bytes asked of a socket at once: most messages are far shorter."""

HANDSHAKE_SECONDS = 2.0
"""Time a handshake may take whose head is there: nobody is waited for in it."""

_END = b"\r\n\r\n"
_UPGRADE = re.compile(rb"\r\nupgrade:[^\r]*\bwebsocket\b", re.IGNORECASE)
_LINE = re.compile(rb"([A-Z]{1,16}) (\S{1,8192}) HTTP/1\.[01]\r\n")

AnyStream = trio.SocketStream | trio.SSLStream
HttpHandler = Callable[[AnyStream, bytes], Awaitable[None]]


@attrs.frozen
class Head:
    """The head of a request, as far as the way in needs it.

    :param raw: all bytes read so far; a body may have begun in them.
    """

    raw: bytes
    target: str

    @property
    def is_websocket(self) -> bool:
        """Whether it asks for the WebSocket."""
        path = self.target.partition("?")[0]
        return path == WEBSOCKET_PATH and _UPGRADE.search(self._fields) is not None

    @property
    def _fields(self) -> bytes:
        return self.raw[: self.raw.index(_END) + 2]

    def values(self, name: str) -> list[str]:
        """Return a header field's values, in their order."""
        pattern = rb"\r\n" + re.escape(name.encode()) + rb":[ \t]*([^\r\n]*)"
        found = re.findall(pattern, self._fields, re.IGNORECASE)
        return [value.decode("latin-1").strip() for value in found]


class Rejected(Exception):  # noqa: N818  the request is
    """A request the listener turns away by itself."""

    def __init__(self, status: str, label: str) -> None:
        super().__init__(status)
        self.status = status
        self.label = label

    def response(self) -> bytes:
        """Return the whole answer."""
        retry = "retry-after: 5\r\n" if self.status.startswith(("503", "429")) else ""
        return (
            f"HTTP/1.1 {self.status}\r\n{retry}content-length: 0\r\nconnection: close\r\n\r\n"
        ).encode()


async def read_head(stream: AnyStream, limit: int) -> Head | None:
    """Read a request's head; None if the peer leaves before it is whole.

    :raises Rejected: it is too long, or no HTTP/1.
    """
    raw = bytearray()
    while _END not in raw:
        if len(raw) > limit:
            raise Rejected("431 Request Header Fields Too Large", "head")
        received = await stream.receive_some(READ_BYTES)
        if not received:
            return None
        raw += received
    line = _LINE.match(raw)
    if line is None:
        raise Rejected("400 Bad Request", "head")
    return Head(bytes(raw), line[2].decode("latin-1"))


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
            await self._route(stream, visit, address)
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

    async def _route(self, stream: AnyStream, visit: Visit, address: str) -> None:
        limits = self._context.limits
        with trio.move_on_after(limits.head_seconds) as patience:
            if isinstance(stream, trio.SSLStream):
                await stream.do_handshake()
            head = await read_head(stream, limits.head_bytes)
        if patience.cancelled_caught:
            raise Rejected("408 Request Timeout", "slow")
        if head is None:
            return
        if address in limits.trusted_proxies and not self._forwarded(head, visit):
            raise Rejected("429 Too Many Requests", "address")
        kind = "websocket" if head.is_websocket else "http"
        self._context.metrics.accepted.labels(kind).inc()
        if head.is_websocket:
            await self._websocket(stream, head, visit)
        else:
            visit.settle()
            await self._http(stream, head.raw)

    @staticmethod
    def _forwarded(head: Head, visit: Visit) -> bool:
        chain = ",".join(head.values("x-forwarded-for")).split(",")
        client = chain[-1].strip()  # the nearest proxy's own word; the rest anybody may write
        return visit.move(client) if client else True

    async def _websocket(self, stream: AnyStream, head: Head, visit: Visit) -> None:
        limits = self._context.limits
        if not allowed_origin(head, limits.origins):
            raise Rejected("403 Forbidden", "origin")
        async with trio.open_nursery() as nursery:
            outbox = Outbox(stream, nursery, limits.outbox_bytes, _never, head.raw)
            outbox.on_closed = nursery.cancel_scope.cancel  # a failed handshake ends here
            codec, request = None, None
            async with self._context.gate:
                with trio.move_on_after(HANDSHAKE_SECONDS):
                    codec, request = await self._shake_hands(nursery, outbox)
            if codec is not None and request is not None:
                outbox.on_closed = None
                await converse(self._context, nursery, outbox, codec, request, visit)
            nursery.cancel_scope.cancel()

    async def _shake_hands(
        self, nursery: trio.Nursery, outbox: Outbox
    ) -> tuple[Codec | None, WebSocketRequest]:
        request = await wrap_server_stream(
            nursery,
            outbox,
            max_message_size=self._context.limits.message_bytes,
            receive_buffer_size=READ_BYTES,
        )
        codec = negotiate(request.proposed_subprotocols)
        if codec is None:
            await request.reject(400, body=b"unknown subprotocol")
        return codec, request


def _never() -> None:
    """Stand in until the connection takes over: a handshake's answer never fills an outbox."""


def _only(error: BaseException, kinds: tuple[type[BaseException], ...]) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_only(inner, kinds) for inner in error.exceptions)
    return isinstance(error, kinds)
