"""The outbox: the only way out of a connection.

Replies, pings, close frames and broadcasts all pass it, and leave in one order. While nothing
waits, a write goes to the socket at once, without a task switch; what the kernel does not take
is queued for one writer task, which lives only while there is a queue. (A writer task per
connection cost five times as much per recipient, and its memory.)
"""

import os
import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import attrs
import structlog
import trio

from transport.readiness import Readiness

log = structlog.get_logger("greenroom.transport")

WRITE_BYTES = 64 << 10
"""How much the writer task hands over at once."""

SEND_PIECES = 64
"""How many queued pieces the writer joins into one call."""


@attrs.frozen
class OutboxStatistics:
    """What an outbox holds, in bytes, and whether it is still open."""

    waiting: int
    closed: bool


def nobody() -> None:
    """Be told in place of a connection: before there is one, and once it is over."""


class Outbox:
    """A bounded outgoing queue in front of a socket, or of a stream.

    :param line: a socket that does not block, or a TLS stream, which has no direct write.
    :param nursery: where the writer task runs. It may outlive the outbox.
    :param limit: bytes that may wait.
    :param on_overflow: called once, when more would wait than ``limit``. It must lead to a close.
    :param readiness: waits for the socket's input; without one, trio does.

    ``direct`` is the socket's descriptor for as long as it may be written to at once, else -1. The
    fan-out writes to it by itself, and tells :meth:`written` what was not taken.
    """

    __slots__ = (
        "_descriptor",
        "_ended",
        "_held",
        "_idle",
        "_limit",
        "_line",
        "_nursery",
        "_overflowed",
        "_queue",
        "_readiness",
        "_waiting",
        "_writing",
        "direct",
        "last_received",
        "on_overflow",
    )

    def __init__(
        self,
        line: socket.socket | trio.abc.Stream,
        nursery: trio.Nursery,
        limit: int,
        on_overflow: Callable[[], None],
        readiness: Readiness | None = None,
    ) -> None:
        self.on_overflow = on_overflow
        self.last_received = trio.current_time()
        self._line = line
        self._descriptor = line.fileno() if isinstance(line, socket.socket) else -1
        self._nursery = nursery
        self._limit = limit
        self._readiness = readiness
        self._queue: deque[bytes | memoryview] = deque()
        self._waiting = 0
        self._held: list[bytes] | None = None
        self._writing = False
        self._ended = False
        self._overflowed = False
        self.direct = self._descriptor
        self._idle: trio.Event | None = None

    def statistics(self) -> OutboxStatistics:
        """Return how full the outbox is."""
        return OutboxStatistics(self._waiting, self._ended)

    @property
    def waiting(self) -> int:
        """Bytes that wait to be written."""
        return self._waiting

    @property
    def holding(self) -> bool:
        """Whether writes are kept back."""
        return self._held is not None

    @property
    def overflowed(self) -> bool:
        """Whether more came than it may hold."""
        return self._overflowed

    def write(self, data: bytes) -> None:
        """Send ``data`` after everything written before; never waits, never raises.

        On a connection that has ended or overflowed it is dropped.
        """
        if self.direct < 0:
            self._enqueue(data)
            return
        try:
            sent = os.write(self.direct, data)
        except OSError as error:
            self.refused(data, error)
            return
        if sent != len(data):
            self.written(data, sent)

    def written(self, data: bytes, sent: int) -> None:
        """Take note that of ``data`` only ``sent`` bytes were taken; the rest will follow."""
        self.direct = -1
        self._enqueue(memoryview(data)[sent:] if sent else data)

    def refused(self, data: bytes, error: OSError) -> None:
        """Take note of why ``data`` could not be written: there was no room, or it is broken."""
        if isinstance(error, BlockingIOError):
            self.written(data, 0)
        else:
            self._break()

    def _enqueue(self, data: bytes | memoryview) -> None:
        if self._ended or self._overflowed:
            return
        self._waiting += len(data)
        if self._held is not None:
            self._held.append(bytes(data))
        else:
            self._queue.append(data)
            self._start_writer()
        if self._waiting > self._limit:
            self._overflowed = True
            self.on_overflow()

    def _start_writer(self) -> None:
        if not self._writing:
            self._writing = True
            self._nursery.start_soon(self._write_queued)

    def _settle(self) -> None:
        waits = self._writing or self._held is not None
        self.direct = -1 if self._ended or self._overflowed or waits else self._descriptor

    def _break(self) -> None:
        self._ended = True
        self.direct = -1
        self._queue.clear()
        self._waiting = 0

    def hold(self) -> None:
        """Keep back what is written from now on, until :meth:`release`."""
        self._held = []
        self.direct = -1

    def release(self, first: bytes = b"") -> None:
        """Send ``first``, then what was kept back."""
        kept, self._held = self._held or [], None
        self._waiting -= sum(map(len, kept))
        self._settle()
        data = b"".join((first, *kept))
        if data:
            self.write(data)

    def cut(self) -> None:
        """Drop what waits, but for the rest of a frame that is half out, and take writes again.

        What is written next, a close frame, then stands at a frame's border.
        """
        rest = [piece for piece in list(self._queue)[:1] if isinstance(piece, memoryview)]
        self._queue = deque(rest)
        self._waiting = sum(map(len, rest))
        self._held = None
        self._overflowed = False
        self._settle()

    async def _write_queued(self) -> None:
        try:
            while self._queue and not self._ended:
                if self._descriptor < 0:
                    await self._write_through_stream()
                else:
                    await self._write_to_socket()
        except (trio.BrokenResourceError, trio.ClosedResourceError, OSError):
            self._break()
        except Exception:  # the nursery is everybody's
            log.exception("connection cannot be written to")
            self._break()
        finally:
            self._writing = False
            self._settle()
            if self._idle is not None:
                self._idle.set()
                self._idle = None

    async def _write_to_socket(self) -> None:
        await trio.lowlevel.wait_writable(self._descriptor)
        queue = self._queue
        while queue and not self._ended:
            pieces = [queue[n] for n in range(min(SEND_PIECES, len(queue)))]
            try:
                sent = os.writev(self._descriptor, pieces)
            except BlockingIOError:
                return
            self._waiting -= sent
            while queue and sent >= len(queue[0]):
                sent -= len(queue.popleft())
            if sent:
                queue[0] = memoryview(queue[0])[sent:]
                return

    async def _write_through_stream(self) -> None:
        size, pieces = 0, []
        while self._queue and size < WRITE_BYTES:
            pieces.append(self._queue.popleft())
            size += len(pieces[-1])
        # The pieces stay counted until they are out, and an empty queue with _writing set
        # still sends later writes here: TLS has no direct write.
        await self._stream().send_all(b"".join(pieces))
        self._waiting = max(0, self._waiting - size)

    def _stream(self) -> trio.abc.Stream:
        if isinstance(self._line, socket.socket):
            raise trio.ClosedResourceError  # it has been shut meanwhile
        return self._line

    async def wait_below(self, size: int) -> None:
        """Wait until no more than ``size`` bytes wait, or the connection has ended."""
        while self._waiting > size and self._writing and not self._ended:
            if self._idle is None:
                self._idle = trio.Event()
            await self._idle.wait()

    async def receive_some(self, max_bytes: int) -> bytes:
        """Return bytes from the peer; none at the end.

        :raises trio.BrokenResourceError: the connection is broken.
        """
        if self._readiness is None or self._descriptor < 0:
            received = bytes(await self._stream().receive_some(max_bytes))
        else:
            try:
                received = await self._readiness.read(self._descriptor, max_bytes)
            except OSError as error:
                raise trio.BrokenResourceError(str(error)) from error
        self.last_received = trio.current_time()
        return received

    def listen_with(self, readiness: Readiness) -> None:
        """Have the socket's input waited for by another one from now on."""
        if self._readiness is not None and self._descriptor >= 0:
            self._readiness.forget(self._descriptor)
        self._readiness = readiness

    def say_no_more(self) -> None:
        """Tell the peer that nothing more will come, where there is a way to: it may end then.

        A TLS stream has none but its own end.
        """
        if isinstance(self._line, socket.socket):
            with suppress(OSError):  # it has gone already
                self._line.shutdown(socket.SHUT_WR)

    def shut(self) -> None:
        """Take no more; what still waits is dropped. The stream may be closed then."""
        self._break()
        if self._descriptor >= 0:
            if self._readiness is not None:
                self._readiness.forget(self._descriptor)
            if self._writing:
                trio.lowlevel.notify_closing(self._descriptor)
        self._descriptor = -1
        self.on_overflow = nobody  # whoever was told holds this: a circle otherwise
