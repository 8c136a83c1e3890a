"""Handing a stream to Hypercorn, one connection at a time."""

import logging
from typing import Any

import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from starlette.types import ASGIApp

from transport.limits import Limits


class PutBack(trio.abc.Stream):
    """A stream with some bytes put back in front. Everything else is the stream's own."""

    def __init__(self, stream: Any, head: bytes) -> None:
        self._stream = stream
        self._head = head

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return what was put back, then what comes."""
        if self._head:
            data, self._head = self._head, b""
            await trio.lowlevel.checkpoint()
            return data
        received: bytes = await self._stream.receive_some(max_bytes)
        return received

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send on the stream."""
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait as the stream does."""
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.aclose()


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
        self._app = ASGIWrapper(app)  # type: ignore[arg-type]  # two spellings of one protocol
        self._worker = WorkerContext(None)

    async def serve(self, stream: Any, head: bytes) -> None:
        """Answer the requests of one connection."""
        await TCPServer(self._app, self._config, self._worker, {}, PutBack(stream, head))  # type: ignore[arg-type]  # PutBack has all it uses
