"""Real NATS servers and nodes in processes of their own on loopback, to be killed and stopped."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import trio

from engine.tokens import Key
from engine.workers import find_nats
from transport.cluster.membership import Membership
from transport.cluster.nats import Nats
from transport.cluster.placement import preferred

KEY = Key("bench", "0123456789abcdef0123456789abcdef")

START_SECONDS = 60.0
"""How long a server or a node may take to start, and the shards to find their places."""

STOP_SECONDS = 40.0


class ServerFailed(Exception):  # noqa: N818  said of the server
    """A process did not start, or not stop; the text says which."""


def _running(process: "subprocess.Popen[Any] | None") -> int:
    if process is None:
        raise ServerFailed("it does not run")
    return process.pid


def free_port() -> int:
    """Return a TCP port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class NatsServer:
    """A NATS server with JetStream.

    :param extra: further arguments.
    """

    def __init__(self, folder: Path, *extra: str, port: int = 0) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.extra = extra
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"nats://127.0.0.1:{self.port}"

    @property
    def process_id(self) -> int:
        """Its process.

        :raises ServerFailed: it does not run.
        """
        return _running(self.process)

    def start(self) -> "NatsServer":
        """Start it, and wait until it listens.

        :raises ServerFailed: it does not.
        """
        arguments = [find_nats(), "-a", "127.0.0.1", "-p", str(self.port), "-js"]
        arguments += ["-sd", str(self.folder / "jetstream"), *self.extra]
        with (self.folder / "nats.log").open("ab") as log:
            self.process = subprocess.Popen(arguments, stdout=log, stderr=log)
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return self
        raise ServerFailed("nats-server did not start")

    def signal(self, number: int) -> None:
        """Send it a signal."""
        if self.process is not None:
            self.process.send_signal(number)

    def kill(self) -> None:
        """Kill it, if it runs."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait(STOP_SECONDS)
            self.process = None


def three_servers(folder: Path) -> list[NatsServer]:
    """Start three NATS servers that are one cluster."""
    routes = [free_port() for _ in range(3)]
    servers = []
    for number, route in enumerate(routes):
        own = folder / f"nats{number}"
        own.mkdir()
        others = ",".join(f"nats://127.0.0.1:{port}" for port in routes if port != route)
        name = ["--server_name", f"n{number}", "--cluster_name", "three"]
        cluster = ["--cluster", f"nats://127.0.0.1:{route}", "--routes", others]
        servers.append(NatsServer(own, *name, *cluster).start())
    return servers


@attrs.define
class NodeProcess:
    """A node.

    :param nats: URLs of NATS, separated by commas; empty: a daemon by itself, on SQLite.
    :param settings: further options, as in the configuration's variables.
    :param skewed: whether its wall clock can be set wrong.
    """

    folder: Path
    nats: str
    number: int
    settings: dict[str, str] = attrs.field(factory=dict)
    skewed: bool = False
    key: Key = KEY
    config: Path | None = None
    port: int = attrs.field(factory=free_port)
    me: str = ""
    log: list[str] = attrs.field(factory=list)
    process: "subprocess.Popen[str] | None" = None
    _reader: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where its clients connect."""
        return f"ws://127.0.0.1:{self.port}/v1/ws"

    @property
    def data(self) -> Path:
        """Its folder."""
        return self.folder / f"node{self.number}"

    @property
    def process_id(self) -> int:
        """Its process.

        :raises ServerFailed: it does not run.
        """
        return _running(self.process)

    def start(self, event: Path | None = None) -> "NodeProcess":
        """Start it, and wait until people can come in.

        :param event: a file it loads first.
        :raises ServerFailed: it does not start.
        """
        program = ["engine.cli"]
        if self.skewed:
            self.set_clock(0)
            program = ["bench.skewed", str(self._clock())]
        command = [sys.executable, "-m", *program, "serve"]
        for url in filter(None, self.nats.split(",")):
            command += ["--cluster", url]
        if self.config is not None:
            command += ["--config", str(self.config)]
        command += ["--port", str(self.port), "--data", str(self.data)]
        command += ["--key", f"{self.key.id}:{self.key.secret}"]
        if event is not None:
            command += ["--load", str(event)]
        process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env=self._environment()
        )
        self.process = process
        ready = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(ready, process), daemon=True)
        self._reader.start()
        if not ready.wait(START_SECONDS):
            raise ServerFailed("".join(self.log[-20:]))
        return self

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "GREENROOM_MEDIA_WORKERS": "0",
            "GREENROOM_DRAIN_SECONDS": "1",
            **self.settings,
        }

    def _clock(self) -> Path:
        return self.folder / f"clock{self.number}"

    def set_clock(self, seconds: float) -> None:
        """Set its wall clock fast, or slow if negative."""
        new = self._clock().with_suffix(".new")
        new.write_text(f"{seconds:g}")
        new.replace(self._clock())

    def _read(self, ready: threading.Event, process: "subprocess.Popen[str]") -> None:
        for line in process.stderr or ():
            self.log.append(line)
            if '"ready"' in line:
                self.me = json.loads(line).get("node", "")
                ready.set()
        if process.stderr is not None:
            process.stderr.close()

    def signal(self, number: int) -> None:
        """Send it a signal."""
        if self.process is not None:
            self.process.send_signal(number)

    def stop(self) -> int:
        """Stop it gracefully; return its exit code."""
        self.signal(signal.SIGTERM)
        return self._ended()

    def kill(self) -> None:
        """Kill it, if it runs."""
        if self.process is not None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGKILL)
            self._ended()

    def _ended(self) -> int:
        if self.process is None or self._reader is None:
            raise ServerFailed(f"node {self.number} does not run")
        code = self.process.wait(STOP_SECONDS)
        self._reader.join(5)
        self.process = None
        return code


async def start_nodes(nodes: Sequence[NodeProcess], event: Path | None = None) -> None:
    """Start nodes side by side; the first one loads the event."""
    async with trio.open_nursery() as nursery:
        for number, node in enumerate(nodes):
            nursery.start_soon(trio.to_thread.run_sync, node.start, None if number else event)


@attrs.frozen
class Observer:
    """Sees who owns what, without being a node."""

    membership: Membership

    async def settled(self, count: int) -> None:
        """Wait until so many nodes own what they should.

        :raises ServerFailed: they do not.
        """
        with trio.move_on_after(START_SECONDS):
            while True:
                await self.membership.owners.refresh()
                shards = self.membership.table.shards
                nodes = set(shards)
                if len(nodes) == count and "" not in nodes:
                    wanted = [preferred(shard, nodes) for shard in range(len(shards))]
                    if list(shards) == wanted:
                        return
                await trio.sleep(0.1)
        raise ServerFailed(f"the shards of {count} nodes do not settle")

    async def owner(self, nodes: Sequence[NodeProcess], entity: str) -> NodeProcess:
        """Return the node that owns an entity."""
        await self.membership.owners.refresh()
        return next(node for node in nodes if node.me == self.membership.owner(entity))


@asynccontextmanager
async def observing(nats: str) -> AsyncIterator[Observer]:
    """Open an observer for the length of the block."""
    async with Nats.open(nats.split(","), "observer") as connection:
        yield Observer(Membership(connection, "main", "observer", {}))


class RelayProcess:
    """A TCP relay that can stop passing bytes without closing anything, as a cut network does.

    :param target: the port it passes everything on to.
    """

    def __init__(self, target: int) -> None:
        command = [sys.executable, "-m", "bench.cluster_servers", str(target)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        self.port = int(self._process.stdout.readline()) if self._process.stdout else 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"nats://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Pass nothing any more, in either direction."""
        self._process.send_signal(signal.SIGUSR1)

    def mend(self) -> None:
        """Pass everything again, also what was sent meanwhile."""
        self._process.send_signal(signal.SIGUSR2)

    def kill(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait(STOP_SECONDS)
        if self._process.stdout is not None:
            self._process.stdout.close()


class _Relay:
    """The relay's process, seen from within."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._open = trio.Event()
        self._open.set()

    async def run(self) -> None:
        """Pass bytes until cancelled; print the port it listens on."""
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        print(listeners[0].socket.getsockname()[1], flush=True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, self._serve, listeners)
            with trio.open_signal_receiver(signal.SIGUSR1, signal.SIGUSR2) as signals:
                async for number in signals:
                    if number == signal.SIGUSR1:
                        self._open = trio.Event()
                    else:
                        self._open.set()

    async def _serve(self, near: trio.SocketStream) -> None:
        try:
            far = await trio.open_tcp_stream("127.0.0.1", self._target)
        except OSError:
            await near.aclose()
            return
        async with near, far, trio.open_nursery() as nursery:
            nursery.start_soon(self._pass, near, far, nursery.cancel_scope)
            nursery.start_soon(self._pass, far, near, nursery.cancel_scope)

    async def _pass(
        self, source: trio.SocketStream, target: trio.SocketStream, ends: trio.CancelScope
    ) -> None:
        try:
            while data := await source.receive_some(1 << 16):
                await self._open.wait()
                await target.send_all(bytes(data))
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        ends.cancel()


if __name__ == "__main__":
    trio.run(_Relay(int(sys.argv[1])).run)
