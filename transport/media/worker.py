"""A media worker: an asyncio process that owns the sockets and forwards.

Started by the engine as ``python -m transport.media.worker FD`` with one end of a unix socket pair;
it takes its settings as the first order and ends when the other end does.
"""

import asyncio
import contextlib
import gc
import os
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from actors.errors import GreenroomError, Refused
from transport.media import accelerator
from transport.media.control import ControlBroken, Decoder, encode, refusal
from transport.media.statistics import statistics
from transport.media.switchboard import Switchboard

BURST = 64
"""Datagrams read from a socket before others have their turn."""

RECEIVE_BUFFER = 4 << 20
ANY_PORT_TRIES = 20
"""How often the system is asked for a port that is free at all addresses."""

TICK = 0.01
LOAD_EVERY = 1.0
BUSY, VERY_BUSY = 0.85, 0.95
"""Share of a core from which one, and two, simulcast layers are taken away."""

FACTS_LIMIT = 8 << 20
"""Bytes of facts the engine may leave unread before a worker gives up on it."""


def bind(hosts: list[str], low: int, high: int) -> list[socket.socket]:
    """Bind a UDP socket for each host to one common port of a range.

    :param low: 0, as ``high``, for any free port.
    :raises OSError: no port of the range is free.
    """
    last: OSError | None = None
    # The port that is free at one address may be taken at another.
    for port in range(low, high + 1) if high else (0,) * ANY_PORT_TRIES:
        found: list[socket.socket] = []
        try:
            for host in hosts:
                chosen = found[0].getsockname()[1] if found else port
                found.append(_bind_one(host, chosen))
        except OSError as error:
            last = error
            for each in found:
                each.close()
            continue
        return found
    raise last or OSError("the port range is empty")


def _bind_one(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            bound.setsockopt(socket.SOL_SOCKET, option, RECEIVE_BUFFER)
        bound.setblocking(False)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


class Worker:
    """Sockets, clock and control channel around a switchboard."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._decoder = Decoder()
        self._board: Switchboard | None = None
        self._sockets: list[socket.socket] = []
        self._load = 0.0

    async def run(self) -> None:
        """Serve until the engine hangs up."""
        ticker = asyncio.create_task(self._tick())
        try:
            while data := await self._reader.read(1 << 16):
                for number, order, params in self._decoder.feed(data):
                    self._order(number, order, params)
                await self._writer.drain()
        except (ControlBroken, ConnectionError) as error:
            print(f"media worker: {error}", file=sys.stderr)  # noqa: T201  the engine's log has it
        finally:
            ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticker

    def _order(self, number: int, order: str, params: dict[str, Any]) -> None:
        try:
            result = self._carry_out(order, params)
        except Refused as error:
            self._writer.write(encode(number, refusal(error), None))
        except Exception as error:  # noqa: BLE001  one bad order may not end everybody's pictures
            fault = Refused("overloaded", "The media server could not do this.")
            self._board and self._board.counters.update({"faults": 1})
            print(f"media worker: {order}: {error!r}", file=sys.stderr)  # noqa: T201  as above
            self._writer.write(encode(number, refusal(fault), None))
        else:
            self._writer.write(encode(number, None, result))

    def _carry_out(self, order: str, params: dict[str, Any]) -> Any:
        if order == "start":
            return self._start(**params)
        if self._board is None:
            raise GreenroomError("not started")
        orders = ORDERS[order]
        return orders(self._board, time.monotonic(), params)

    def _start(
        self,
        hosts: list[str],
        low: int,
        high: int,
        public: list[str],
        last_videos: int,
        fan_out: str = "auto",
    ) -> dict[str, Any]:
        self._sockets = bind(hosts, low, high)
        port = self._sockets[0].getsockname()[1]
        told = [(host, port) if isinstance(host, str) else tuple(host) for host in public or hosts]
        addresses = [(host, int(at)) for host, at in told]
        accelerated = accelerator.load(fan_out)
        self._board = Switchboard(addresses, self._fact, last_videos, accelerated)
        loop = asyncio.get_running_loop()
        for each in self._sockets:
            loop.add_reader(each.fileno(), self._readable(each, self._board))
        # What is loaded by now stays: the collector need not walk it while packets wait.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        kind = "python" if accelerated is None else "c"
        return {"port": port, "pid": os.getpid(), "fan_out": kind}

    def _readable(self, bound: socket.socket, board: Switchboard) -> Callable[[], None]:
        entrance, receive = board.entrance, bound.recvfrom_into
        data, clock, take = entrance.buffer.data, time.monotonic, entrance.datagram

        def read() -> None:
            now = clock()
            for _ in range(BURST):
                try:
                    length, address = receive(data)
                except BlockingIOError:
                    return
                except OSError:
                    # An ICMP error of an earlier send; the next datagram is unharmed.
                    continue
                try:
                    take(length, address, bound, now)
                except Exception as error:  # noqa: BLE001  no datagram may end the process
                    board.counters["faults"] += 1
                    if board.counters["faults"] <= 10:  # noqa: PLR2004  do not fill the disk
                        print(f"media worker: datagram: {error!r}", file=sys.stderr)  # noqa: T201

        return read

    async def _tick(self) -> None:
        measured_at, spent = time.monotonic(), time.process_time()
        while True:
            await asyncio.sleep(TICK)
            if self._board is None:
                continue
            now = time.monotonic()
            try:
                self._board.tick(now)
            except Exception as error:  # noqa: BLE001  as for datagrams
                self._board.counters["faults"] += 1
                print(f"media worker: tick: {error!r}", file=sys.stderr)  # noqa: T201  as above
            if now - measured_at >= LOAD_EVERY:
                used = time.process_time()
                self._load = (used - spent) / (now - measured_at)
                self._board.pressure = (self._load > BUSY) + (self._load > VERY_BUSY)
                self._board.counters["cpu_milliseconds"] = int(used * 1000)
                measured_at, spent = now, used

    def _fact(self, kind: str, data: dict[str, Any]) -> None:
        if self._writer.is_closing():
            return
        if self._writer.transport.get_write_buffer_size() > FACTS_LIMIT:
            self._writer.transport.abort()
            return
        self._writer.write(encode(None, kind, data))


Order = Callable[[Switchboard, float, dict[str, Any]], Any]


def _allow(board: Switchboard, now: float, params: dict[str, Any]) -> None:
    publish = params["publish"]
    rights = None if publish is None else frozenset(publish)
    board.allow(params["room"], params["person"], rights, params["view"], now)


ORDERS: dict[str, Order] = {
    "ping": lambda _board, _now, _params: None,
    "open": lambda board, _now, params: board.open(**params),
    "close": lambda board, now, params: board.close(**params, now=now),
    "allow": _allow,
    "join": lambda board, now, params: board.join(**params, now=now),
    "offer": lambda board, now, params: board.offer(**params, now=now),
    "answer": lambda board, now, params: board.answer(**params, now=now),
    "restart": lambda board, now, params: board.restart(**params, now=now),
    "view": lambda board, _now, params: board.view(**params),
    "leave": lambda board, now, params: board.leave(**params, now=now),
    "statistics": lambda board, _now, _params: statistics(board),
}
"""What the engine may order."""


async def serve(descriptor: int) -> None:
    """Serve the engine at the other end of a socket."""
    pair = socket.socket(fileno=descriptor)
    reader, writer = await asyncio.open_unix_connection(sock=pair)
    await Worker(reader, writer).run()


def main() -> None:
    """Run a worker until its engine is gone."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(int(sys.argv[1])))


if __name__ == "__main__":
    main()
