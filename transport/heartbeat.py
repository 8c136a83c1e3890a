"""Keeping watch over connections: pings, pongs that do not come, tokens that run out.

One task for all of them. Every connection waits the same time, so the deadlines stand in the
order in which they were set and no heap is needed.
"""

from collections import deque
from collections.abc import Iterator
from time import perf_counter
from typing import TYPE_CHECKING, Any

import trio

from transport.closing import Close
from transport.codec import PING_FRAME
from transport.context import Context

if TYPE_CHECKING:
    from transport.connection import Connection

TICK = 0.5
"""Seconds between two rounds; how late a ping may be, and how long a request may take before what
comes behind it is looked at."""

SWEEP_EVERY = 60.0
"""Seconds between two rounds over token buckets and topics without listeners."""


class Heartbeat:
    """Pings connections and ends those that are gone, never speak, or whose token has expired."""

    def __init__(self) -> None:
        self._pings: deque[tuple[float, Connection]] = deque()
        self._pongs: deque[tuple[float, Connection, float]] = deque()
        self._fresh: list[tuple[float, Connection]] = []
        self._swept = 0.0

    def watch(self, connection: "Connection") -> None:
        """Look after a connection from now on; its first ping comes at a random moment."""
        limits, random = connection.context.limits, connection.context.random
        due = trio.current_time() + limits.ping_seconds * random.uniform(0.2, 1)
        self._fresh.append((due, connection))

    async def run(self, context: Context, *, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        """Watch, for ever."""
        task_status.started()
        while True:
            await trio.sleep(TICK)
            began = perf_counter()
            for _ in self._round(context):
                if perf_counter() - began > context.limits.slice_seconds:
                    await trio.lowlevel.checkpoint()
                    began = perf_counter()

    def _round(self, context: Context) -> Iterator[None]:
        now = trio.current_time()
        waiting = [entry for entry in self._fresh if entry[0] > now]
        due = [connection for at, connection in self._fresh if at <= now]
        self._fresh = waiting
        while self._pings and self._pings[0][0] <= now:
            due.append(self._pings.popleft()[1])
        for connection in due:
            self._ping(context, connection, now)
            yield
        while self._pongs and self._pongs[0][0] <= now:
            _, connection, pinged = self._pongs.popleft()
            self._judge(connection, pinged)
            yield
        for connection in [*context.busy]:
            if connection.busy_since is not None and now - connection.busy_since >= TICK:
                connection.look_ahead()
                yield
        for pipeline in [*context.pipelined]:
            pipeline.give_up(now)
            yield
        for patience in (context.heads, context.connects):
            for late in patience.over(now):
                late.late()
                yield
        if now - self._swept > SWEEP_EVERY:
            self._swept = now
            context.buckets.sweep()
            context.hub.sweep()

    def _ping(self, context: Context, connection: "Connection", now: float) -> None:
        if connection.person is None:
            return
        if connection.expires is not None and connection.expires <= context.clock.now():
            connection.end(Close.TOKEN_EXPIRED)
            return
        connection.outbox.write(PING_FRAME)
        self._pings.append((now + context.limits.ping_seconds, connection))
        self._pongs.append((now + context.limits.pong_seconds, connection, now))

    @staticmethod
    def _judge(connection: "Connection", pinged: float) -> None:
        # Of a connection that is not being read, the pong may lie in the socket.
        silent = connection.outbox.last_received < pinged
        if connection.person is not None and silent and connection.reading:
            connection.end(Close.NO_PONG)
