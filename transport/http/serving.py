"""Handing a connection to Hypercorn, request by request, until one asks for the WebSocket."""

import logging
from typing import Any

import h11
import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.events import Event, Updated
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from starlette.types import ASGIApp

from transport.limits import Limits
from transport.listener import END, Head, Rejected, parse_head
from transport.websocket import READ_BYTES


class KeptAlive(trio.abc.Stream):
    """A connection's stream as Hypercorn sees it: requests, one after the other.

    Proxies send an upgrade over a connection that has carried other requests (RFC 9110, 7.8). So
    each request's head is looked at before Hypercorn gets it. One that asks for the WebSocket
    ends the stream for Hypercorn, once it has answered what came before, and stands in ``upgrade``.

    :param head: the first request's head, read already; None if nothing was read.
    :param limit: longest head in bytes. Hypercorn refuses longer ones.
    :param patience: seconds a peer may take to read a piece of an answer.
    """

    def __init__(self, stream: Any, head: Head | None, limit: int, patience: float) -> None:
        self.upgrade: Head | None = None
        self._stream = stream
        self._limit = limit
        self._patience = patience
        self._ahead = b"" if head is None else head.raw
        self._request: h11.Connection | None = None
        self._plain = False  # what came is no HTTP: Hypercorn has the last word on it
        self._closed = False
        self._idle = trio.Event()
        self._idle.set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def answering(self, busy: bool) -> None:
        """Note whether Hypercorn has a request to answer."""
        if busy:
            self._idle = trio.Event()
        else:
            self._idle.set()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return more of a request; nothing when the peer has ended, or wants the WebSocket."""
        if self._request is None and not self._plain and not await self._begin():
            return b""
        if self._ahead:
            data, self._ahead = self._ahead, b""
            await trio.lowlevel.checkpoint()
        else:
            data = bytes(await self._stream.receive_some(max_bytes))
        return data if self._request is None else self._within(self._request, data)

    async def _begin(self) -> bool:
        """Read the next request's head; False if there is none for Hypercorn."""
        while END not in self._ahead and len(self._ahead) <= self._limit:
            received = await self._stream.receive_some(READ_BYTES)
            if not received:
                return False
            self._ahead += received
        try:
            head = parse_head(self._ahead)
        except Rejected:
            self._plain = True
            return True
        if head.is_websocket:
            await self._idle.wait()
            if self._closed:
                raise trio.ClosedResourceError
            self.upgrade = head
            return False
        self._ahead = _without_upgrade(head)
        self._request = h11.Connection(h11.SERVER, max_incomplete_event_size=self._limit)
        return True

    def _within(self, request: h11.Connection, data: bytes) -> bytes:
        """Return what of ``data`` belongs to the request under way, and keep the rest."""
        try:
            request.receive_data(data)
            while (event := request.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                if isinstance(event, h11.EndOfMessage):
                    self._ahead = bytes(request.trailing_data[0])
                    self._request = None
                    return data[: len(data) - len(self._ahead)]
                if isinstance(event, h11.ConnectionClosed):
                    break
        except h11.RemoteProtocolError:
            self._plain, self._request = True, None
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send on the stream.

        :raises trio.BrokenResourceError: the connection is gone, or the peer reads nothing.
        """
        # Hypercorn shields what it sends from cancelling: whoever reads nothing would hold the
        # connection, and a stop of the whole daemon, for ever.
        with trio.move_on_after(self._patience) as scope:
            await self._stream.send_all(data)
        if scope.cancelled_caught:
            raise trio.BrokenResourceError("nobody reads the answer")

    async def wait_send_all_might_not_block(self) -> None:
        """Wait as the stream does."""
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """Send no more, unless the connection goes on as a WebSocket."""
        if self.upgrade is None:
            await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close the stream, unless the connection goes on as a WebSocket."""
        self._closed = True
        self._idle.set()
        if self.upgrade is None:
            await self._stream.aclose()


def _without_upgrade(head: Head) -> bytes:
    """Return a request with no wish for another protocol, which a server may ignore (7.8).

    Hypercorn would speak HTTP/2 with whoever asks, past the bounds that are set here.
    """
    if b"upgrade" not in head.fields:
        return head.raw
    lines = head.raw[: head.raw.index(END)].split(b"\r\n")
    kept = [line for line in lines if line.partition(b":")[0].lower() != b"upgrade"]
    return b"\r\n".join(kept) + END + head.rest


class _Connection(TCPServer):
    """Hypercorn's part of one connection."""

    stream: Any  # a KeptAlive

    async def protocol_send(self, event: Event) -> None:
        """Send; and note whether a request is being answered."""
        if isinstance(event, Updated):
            self.stream.answering(not event.idle)
        await super().protocol_send(event)

    async def _read_data(self) -> None:
        await super()._read_data()
        await self.idle_task.stop()  # or it would hold the connection until it is over


class HttpServer:
    """Serves streams with an ASGI application.

    :param limits: the bounds of heads, idle times and requests.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        config = Config()
        config.errorlog = logging.getLogger("greenroom.http")
        config.include_server_header = False
        config.h11_max_incomplete_size = limits.head_bytes
        config.keep_alive_timeout = limits.idle_seconds
        config.read_timeout = max(1, int(limits.idle_seconds))
        self._config = config
        self._limit, self._patience = limits.head_bytes, limits.idle_seconds
        self._app = ASGIWrapper(app)  # type: ignore[arg-type]  # two spellings of one protocol
        self._worker = WorkerContext(None)

    async def serve(self, stream: Any, head: Head | None) -> Head | None:
        """Answer the requests of one connection.

        :param head: the first one's head, read already.
        :returns: the head of a request for the WebSocket, with which the connection goes on;
            None when it has ended.
        """
        kept = KeptAlive(stream, head, self._limit, self._patience)
        connection = _Connection(self._app, self._config, self._worker, {}, kept)  # type: ignore[arg-type]  # KeptAlive has all it uses
        try:
            await connection
        finally:
            # It and its protocol hold each other, and all their buffers, until the collector comes.
            vars(connection).clear()
        return kept.upgrade
