"""The servers the fan-out bench compares, each run as a process of its own.

Each prints its port, then obeys one line after the other: ``publish SIZE`` sends one message to
all its clients, ``pass`` does nothing, ``mark`` prints what it has cost so far. They differ in
nothing else.
"""

import argparse
import asyncio
import json
import os
import select
import socket
import sys
import time
from collections.abc import Awaitable, Callable

import attrs
import psutil


@attrs.define
class Meter:
    """What publishing costs: wall time of each call, CPU and memory of the process."""

    base: int = attrs.field(factory=lambda: psutil.Process().memory_info().rss)
    begun: list[float] = attrs.field(factory=list)
    calls: list[float] = attrs.field(factory=list)

    def obey(self, line: str) -> int:
        """Carry out what a line says; return the size of the message to be published, or 0."""
        word, _, size = line.strip().partition(" ")
        if word == "mark":
            self._report()
        return int(size or 0)

    def begin(self) -> None:
        """Note that one message is published now."""
        self.begun.append(time.monotonic())

    def end(self) -> None:
        """Note that the call that publishes has returned."""
        self.calls.append(time.monotonic() - self.begun[-1])

    def _report(self) -> None:
        result = {
            "begun": self.begun,
            "calls": self.calls,
            "cpu": time.process_time(),
            "memory": psutil.Process().memory_info().rss - self.base,
        }
        print(json.dumps(result), flush=True)
        self.begun, self.calls = [], []


def message(size: int) -> str:
    """Return a message of ``size`` characters, spelled anew as an application would."""
    return json.dumps({"text": "x" * max(1, size - 12)})


# -- the floor ---------------------------------------------------------------------------------


def serve_raw() -> None:
    """Write a ready frame to every socket in a loop: what the kernel costs."""
    server = socket.create_server(("127.0.0.1", 0), backlog=4096)
    server.setblocking(False)
    # As everybody does: otherwise a write may wait for the answer to the one before, and the
    # kernel sends it at another time, at nobody's cost.
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    meter, clients = Meter(), []
    print(server.getsockname()[1], flush=True)
    while True:
        ready, _, _ = select.select([server.fileno(), 0], [], [])
        if server.fileno() in ready:
            client, _ = server.accept()
            client.recv(4096)
            client.sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
            client.setblocking(False)
            clients.append(client)
            continue
        lines = os.read(0, 4096).decode().splitlines()
        if not lines:
            break
        for size in map(meter.obey, lines):
            if size:
                meter.begin()
                frame = _framed(message(size))
                for client in clients:
                    client.send(frame)
                meter.end()


def _framed(text: str) -> bytes:
    payload = text.encode()
    return bytes((0x81, 126)) + len(payload).to_bytes(2, "big") + payload


# -- ours --------------------------------------------------------------------------------------


def serve_ours() -> None:
    """Serve with Greenroom."""
    from bench.fanout_ours import serve

    serve()


# -- Python peers ------------------------------------------------------------------------------


async def drive(publish: Callable[[int], Awaitable[None] | None], meter: Meter) -> None:
    """Obey each line from standard input."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        if size := meter.obey(line.decode()):
            meter.begin()
            pending = publish(size)
            if pending is not None:
                await pending
            meter.end()
    os._exit(0)


async def websockets_main() -> None:
    """Serve with the ``websockets`` library and its broadcast."""
    from websockets.asyncio.server import ServerConnection, broadcast, serve

    connections: set[ServerConnection] = set()

    async def handler(connection: ServerConnection) -> None:
        connections.add(connection)
        await connection.wait_closed()

    async with serve(
        handler, "127.0.0.1", 0, compression=None, ping_interval=None, backlog=4096
    ) as server:
        meter = Meter()
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await drive(lambda size: broadcast(connections, message(size)), meter)


def serve_websockets() -> None:
    """Serve ``websockets`` on asyncio's own loop."""
    asyncio.run(websockets_main())


def serve_websockets_uvloop() -> None:
    """Serve ``websockets`` on uvloop."""
    import uvloop

    uvloop.run(websockets_main())


async def socketio_main() -> None:
    """Serve with python-socketio on aiohttp."""
    import socketio
    from aiohttp import web

    server = socketio.AsyncServer(async_mode="aiohttp", ping_interval=3_600)
    app = web.Application()
    server.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096)
    await site.start()
    meter = Meter()
    print(runner.addresses[0][1], flush=True)
    await drive(lambda size: server.emit("posted", {"text": "x" * size}), meter)


def serve_socketio() -> None:
    """Serve python-socketio."""
    asyncio.run(socketio_main())


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
    SERVERS[parser.parse_args().server]()


if __name__ == "__main__":
    main()
