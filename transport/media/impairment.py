"""A bad line on purpose: a UDP relay that loses, delays and narrows.

Clients are told the relay's address instead of the worker's. For tests, benchmarks, and operators
who want to see what their users see.
"""

import asyncio
import heapq
import itertools
import random
from typing import Any

import attrs

QUEUE_LIMIT = 5000
"""Datagrams on their way at once in one direction."""

Address = tuple[Any, ...]


@attrs.define
class Line:
    """One direction's weather, for each client on a line of its own; may be changed at any time.

    :param loss: share of datagrams lost, 0 to 1.
    :param jitter: seconds; each datagram is late by a random time up to it. Order is not kept.
    :param bandwidth: bit/s; None for any.
    :param queue: seconds of datagrams a narrow line holds before it drops.
    """

    loss: float = 0.0
    jitter: float = 0.0
    bandwidth: float | None = None
    queue: float = 0.2
    passed: int = 0
    lost: int = 0
    _free_at: dict[Address, float] = attrs.field(factory=dict)

    def delay(
        self, size: int, now: float, chance: random.Random, client: Address = ()
    ) -> float | None:
        """Return by how many seconds a client's datagram is late; None when it is lost."""
        if chance.random() < self.loss:
            self.lost += 1
            return None
        wait = 0.0
        if self.bandwidth is not None:
            start = max(now, self._free_at.get(client, 0.0))
            if start - now > self.queue:
                self.lost += 1
                return None
            self._free_at[client] = free_at = start + 8 * size / self.bandwidth
            wait = free_at - now
        self.passed += 1
        return wait + chance.random() * self.jitter


class Relay(asyncio.DatagramProtocol):
    """Passes datagrams between clients and one worker.

    :param seed: of the randomness, so that a run can be repeated.
    """

    def __init__(self, seed: int = 1) -> None:
        self.up, self.down = Line(), Line()
        self.target: Address | None = None
        self.port = 0
        self._chance = random.Random(seed)  # noqa: S311  weather, not secrets
        self._transport: asyncio.DatagramTransport | None = None
        self._clients: dict[Address, asyncio.DatagramTransport] = {}
        self._queue: list[tuple[float, int, asyncio.DatagramTransport, bytes, Address | None]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._connecting: set[Address] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self, host: str = "127.0.0.1") -> int:
        """Bind a port and return it; set ``target`` before anybody sends."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(host, 0))
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]
        return self.port

    def close(self) -> None:
        """Stop passing anything."""
        self._closed = True
        for transport in (self._transport, *self._clients.values()):
            if transport is not None:
                transport.close()
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Take a client's datagram."""
        transport = self._clients.get(addr)
        if transport is not None:
            self._pass(self.up, transport, data, addr)
            return
        if addr in self._connecting:
            # A line may lose a datagram; one client on two sockets is no line.
            return
        self._connecting.add(addr)
        task = asyncio.get_running_loop().create_task(self._connect(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, data: bytes, addr: Address) -> None:
        if self.target is None:
            self._connecting.discard(addr)
            return
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Back(self, addr), remote_addr=(self.target[0], self.target[1])
        )
        if self._closed:
            transport.close()
            return
        self._connecting.discard(addr)
        self._clients[addr] = transport
        self._pass(self.up, transport, data, addr)

    def back(self, data: bytes, addr: Address) -> None:
        """Take a datagram of the worker for a client."""
        if self._transport is not None:
            self._pass(self.down, self._transport, data, addr)

    def _pass(
        self, line: Line, transport: asyncio.DatagramTransport, data: bytes, client: Address
    ) -> None:
        now = asyncio.get_running_loop().time()
        wait = line.delay(len(data), now, self._chance, client)
        # Up goes by a socket that is connected to the worker.
        addr = client if line is self.down else None
        if wait is None or len(self._queue) >= QUEUE_LIMIT:
            return
        if wait <= 0:
            transport.sendto(data, addr)
            return
        heapq.heappush(self._queue, (now + wait, next(self._numbers), transport, data, addr))
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._queue:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(self._queue[0][0], self._release)

    def _release(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._queue and self._queue[0][0] <= now:
            _, _, transport, data, addr = heapq.heappop(self._queue)
            if not transport.is_closing():
                transport.sendto(data, addr)
        self._arm()


class _Back(asyncio.DatagramProtocol):
    def __init__(self, relay: Relay, addr: Address) -> None:
        self._relay = relay
        self._addr = addr

    def datagram_received(self, data: bytes, addr: Address) -> None:  # noqa: ARG002  the target's
        self._relay.back(data, self._addr)

    def error_received(self, exc: Exception) -> None:
        """Take an ICMP error: the worker may be starting anew."""
