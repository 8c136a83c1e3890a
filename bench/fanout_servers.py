"""The servers the fan-out bench compares, each run as a process of its own.

Each prints its port, then for every line ``publish`` sends one message to all its clients, and
at ``stop`` prints what it cost. They differ in nothing else.
"""

import argparse
import asyncio
import json
import logging
import os
import select
import socket
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import psutil

EVENT_OVERHEAD = len(
    '{"jsonrpc":"2.0","method":"event","params":{"topic":"session/bench","seq":100,"type":'
    '"chat.posted","at":"2026-01-01T00:00:00.000Z","data":{"text":""}}}'
)


@attrs.define
class Meter:
    """What publishing costs: wall time of each call, CPU and memory of the process."""

    base: int = attrs.field(factory=lambda: psutil.Process().memory_info().rss)
    full: int = 0
    cpu: float = 0.0
    begun: list[float] = attrs.field(factory=list)
    calls: list[float] = attrs.field(factory=list)

    def connected(self) -> None:
        """Note the memory with every client connected."""
        self.full = psutil.Process().memory_info().rss

    def begin(self) -> None:
        """Note that one message is published now."""
        if len(self.begun) == 1:  # the first one was for warming up
            self.cpu = time.process_time()
        self.begun.append(time.monotonic())

    def end(self) -> None:
        """Note that the call that publishes has returned."""
        self.calls.append(time.monotonic() - self.begun[-1])

    def report(self) -> None:
        """Print it all."""
        result = {
            "begun": self.begun[1:],
            "calls": self.calls[1:],
            "cpu": time.process_time() - self.cpu,
            "memory": self.full - self.base,
        }
        print(json.dumps(result), flush=True)


def message(size: int) -> str:
    """Return a message of ``size`` characters, spelled anew as an application would."""
    return json.dumps({"text": "x" * max(1, size - 12)})


# -- the floor ---------------------------------------------------------------------------------


def serve_raw(size: int) -> None:
    """Write a ready frame to every socket in a loop: what the kernel costs."""
    server = socket.create_server(("127.0.0.1", 0), backlog=4096)
    server.setblocking(False)
    meter, clients = Meter(), []
    print(server.getsockname()[1], flush=True)
    payload = message(size).encode()
    frame = bytes((0x81, 126)) + len(payload).to_bytes(2, "big") + payload
    while True:
        ready, _, _ = select.select([server, sys.stdin], [], [])
        if server in ready:
            client, _ = server.accept()
            client.recv(4096)
            client.sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
            client.setblocking(False)
            clients.append(client)
            continue
        line = sys.stdin.readline().strip()
        if line != "publish":
            break
        if not meter.full:
            meter.connected()
        meter.begin()
        for client in clients:
            client.send(frame)
        meter.end()
    meter.report()


# -- ours --------------------------------------------------------------------------------------


def serve_ours(size: int) -> None:
    """Greenroom's server and hub, behind a door that subscribes everybody."""
    import structlog
    import trio

    from actors.rules.base import Command, Person
    from engine.tokens import Authenticator, Key, mint
    from transport.collector import calm
    from transport.hub import Hub
    from transport.limits import Limits
    from transport.server import Server

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    calm()  # as the daemon does
    limits = Limits(connections_per_address=20_000, connections_per_person=20_000)
    hub = Hub(limits)
    topic = "session/bench"

    class BenchDoor:
        async def connect(self, _: Person, connection: str, *__: Any) -> Mapping[str, Any]:
            hub.subscribe(connection, topic, 0, datetime.now(UTC), None)
            return {}

        async def call(self, command: Command) -> Mapping[str, Any]:
            raise NotImplementedError(command)

        async def admit(self, person: Person) -> None:
            pass

        def gone(self, person: Person, connection: str) -> None:
            pass

    key = Key("bench", "b" * 32)
    token = mint(
        key,
        Person(id="bench", name="Bench", event="fair"),
        now=datetime.now(UTC),
        ttl=timedelta(hours=1),
    )

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            server = Server(BenchDoor(), hub, Authenticator([key]), limits)
            meter = Meter()
            port = await nursery.start(server.serve, "127.0.0.1", 0)
            print(port, token, flush=True)
            await publish_until_stopped(meter)
            nursery.cancel_scope.cancel()

    async def publish_until_stopped(meter: Meter) -> None:
        stdin = trio.lowlevel.FdStream(os.dup(0))
        seq = 100
        while (line := await stdin.receive_some()).strip() == b"publish":
            if not meter.full:
                meter.connected()
            seq += 1
            meter.begin()
            text = "x" * max(1, size - EVENT_OVERHEAD)
            hub.publish(topic, "chat.posted", datetime.now(UTC), {"text": text}, seq)
            while hub.statistics().backlog:
                await trio.lowlevel.checkpoint()
            meter.end()
        assert line  # noqa: S101  the coordinator says stop
        meter.report()

    trio.run(main)


# -- Python peers ------------------------------------------------------------------------------


async def drive(publish: Callable[[], Any], ended: asyncio.Event) -> None:
    """Publish at each line from standard input."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    meter = METER[0]
    while (await reader.readline()).strip() == b"publish":
        if not meter.full:
            meter.connected()
        meter.begin()
        pending = publish()
        if pending is not None:
            await pending
        meter.end()
    meter.report()
    ended.set()


METER: list[Meter] = []


async def websockets_main(size: int) -> None:
    """Serve with the ``websockets`` library and its broadcast."""
    from websockets.asyncio.server import ServerConnection, broadcast, serve

    ended = asyncio.Event()
    connections: set[ServerConnection] = set()

    async def handler(connection: ServerConnection) -> None:
        connections.add(connection)
        await connection.wait_closed()

    async with serve(handler, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        METER.append(Meter())
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await drive(lambda: broadcast(connections, message(size)), ended)
    os._exit(0)


def serve_websockets(size: int) -> None:
    """Serve ``websockets`` on asyncio's own loop."""
    asyncio.run(websockets_main(size))


def serve_websockets_uvloop(size: int) -> None:
    """Serve ``websockets`` on uvloop."""
    import uvloop

    uvloop.run(websockets_main(size))


async def socketio_main(size: int) -> None:
    """Serve with python-socketio on aiohttp."""
    import socketio
    from aiohttp import web

    server = socketio.AsyncServer(async_mode="aiohttp", ping_interval=300)
    app = web.Application()
    server.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096)
    await site.start()
    METER.append(Meter())
    print(runner.addresses[0][1], flush=True)
    await drive(lambda: server.emit("posted", {"text": "x" * size}), asyncio.Event())
    os._exit(0)


def serve_socketio(size: int) -> None:
    """Serve python-socketio."""
    asyncio.run(socketio_main(size))


SERVERS = {
    "raw": serve_raw,
    "greenroom": serve_ours,
    "websockets": serve_websockets,
    "websockets-uvloop": serve_websockets_uvloop,
    "python-socketio": serve_socketio,
}


def main() -> None:
    """Run one server."""
    parser = argparse.ArgumentParser()
    parser.add_argument("server", choices=SERVERS)
    parser.add_argument("--size", type=int, required=True)
    given = parser.parse_args()
    SERVERS[given.server](given.size)


if __name__ == "__main__":
    main()
