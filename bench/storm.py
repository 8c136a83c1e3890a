"""A reconnect storm: everybody drops at once, and comes back while messages are published.

``python -m bench.storm`` connects 5,000 clients, a hundred to a topic, publishes 50 messages a
second round the topics, drops every client for 2 s, and counts what each of them received: what
was missed, what came twice, what came out of order, and how late. The clients are one process,
the server another; what each takes of a processor is told apart.
"""

import argparse
import errno
import json
import select
import socket
import ssl
import sys
import time
from collections.abc import Callable
from functools import partial
from inspect import signature
from random import Random
from typing import Any

import attrs
import orjson
import psutil

from bench.child import BenchFailed, Child
from bench.load.stretch import Stretch
from bench.load.target import Target
from bench.load.team import GENERATORS
from bench.load.wire import Place, request, tls_context
from bench.script import command
from bench.sink import masked
from bench.storm_server import token
from bench.storm_tally import summed, tally

PER_TOPIC = 100
READ = 1 << 16
TICK = 0.02
PATIENCE = 60.0
TEXT, PONG = 0x1, 0xA
_PING = 0x9


_SHORT, _LONG = 126, 127


@attrs.define(eq=False)
class StormClient:
    """One client: its socket, and what it has seen.

    :param ready: when the answer to its last ``connect`` came; 0 while it is away.
    """

    topic: str
    token: str
    seen: int = 0
    missed: int = 0
    repeated: int = 0
    snapshots: int = 0
    ready: float = 0.0
    greeted: bool = False
    upgraded: bool = False
    wire: socket.socket | None = None
    buffer: bytes = b""
    lateness: list[tuple[float, float]] = attrs.field(factory=list)

    def open(self, place: Place) -> socket.socket:
        """Begin to connect."""
        self.wire = socket.socket(place.family)
        self.wire.setblocking(False)
        self.buffer = b""
        self.ready, self.greeted, self.upgraded = 0.0, False, False
        code = self.wire.connect_ex(place.where)
        if code not in {0, errno.EINPROGRESS}:
            raise BenchFailed(f"connect: {errno.errorcode[code]}")
        return self.wire

    def greet(self) -> bytes:
        """Return ``connect``, resuming what was seen."""
        resume = {"epoch": "storm", "topics": {self.topic: self.seen}}
        params = {"token": self.token, "resume": resume}
        message = {"jsonrpc": "2.0", "id": 1, "method": "connect", "params": params}
        return masked(orjson.dumps(message).decode())

    def drop(self) -> None:
        """Close the socket without a word."""
        if self.wire is not None:
            self.wire.close()
            self.wire = None

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Take bytes; return opcode and payload of each whole frame."""
        if self.buffer:
            data = self.buffer + data
        start = 0
        if not self.upgraded:
            start = data.find(b"\r\n\r\n") + 4
            if start < 4:  # noqa: PLR2004  no end of the head yet
                self.buffer = data
                return []
            if b" 101 " not in data[:16]:
                raise BenchFailed(f"refused: {data[:100]!r}")
            self.upgraded = True
        frames = []
        while (found := _frame(data, start)) is not None:
            begin, end = found
            frames.append((data[start] & 0xF, data[begin:end]))
            start = end
        self.buffer = data[start:]
        return frames

    def hear(self, payload: bytes, now: float) -> None:
        """Note one message."""
        message = orjson.loads(payload)
        if "id" in message:
            if "error" in message:
                raise BenchFailed(str(message))
            self.ready = now
            return
        params = message["params"]
        seq = params["seq"]
        if params["type"] == "snapshot":
            self.snapshots += 1
        elif seq <= self.seen:
            self.repeated += 1
            return
        else:
            self.missed += seq - self.seen - 1
            self.lateness.append((now, now - params["data"]["sent"]))
        self.seen = seq


def _frame(data: bytes, at: int) -> tuple[int, int] | None:
    if len(data) < at + 2:
        return None
    size, start = data[at + 1], at + 2
    if size == _SHORT:
        start += 2
    elif size == _LONG:
        start += 8
    if len(data) < start:
        return None
    if size >= _SHORT:
        size = int.from_bytes(data[at + 2 : start])
    return (start, start + size) if len(data) >= start + size else None


class Crowd:
    """All the clients, on one epoll."""

    def __init__(self, clients: list[StormClient], place: Place) -> None:
        self.clients = clients
        self._place = place
        self._epoll = select.epoll()
        self._by_descriptor: dict[int, StormClient] = {}

    def enter(self, spread: float, random: Random) -> None:
        """Connect everybody, each at a moment of its own within ``spread`` seconds."""
        begin = time.monotonic()
        plan = sorted(
            ((begin + random.uniform(0, spread), client) for client in self.clients),
            key=lambda entry: entry[0],
        )
        for due, client in plan:
            while (wait := due - time.monotonic()) > 0:
                self.run(min(wait, TICK))
            self.open(client)
            self.run(0)

    def open(self, client: StormClient) -> None:
        """Begin to connect one."""
        opened = client.open(self._place)
        self._by_descriptor[opened.fileno()] = client
        self._epoll.register(opened, select.EPOLLOUT)

    def leave(self) -> None:
        """Drop everybody at once."""
        for client in self.clients:
            if client.wire is not None:
                self._by_descriptor.pop(client.wire.fileno(), None)
            client.drop()

    def close(self) -> None:
        """Close every connection."""
        for client in self._by_descriptor.values():
            client.drop()
        self._by_descriptor.clear()
        self._epoll.close()

    def run(self, seconds: float) -> None:
        """Read what comes, for so long."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            for descriptor, _ in self._epoll.poll(max(0.0, min(left, TICK))):
                self._serve(descriptor)
            if left <= 0:
                return

    def _serve(self, descriptor: int) -> None:
        client = self._by_descriptor[descriptor]
        own = client.wire
        assert own is not None  # noqa: S101  a dropped client's descriptor is forgotten
        try:
            if client.greeted:
                self._hear(client, own)
            else:
                self._greet(client, own, descriptor)
        except ssl.SSLCertVerificationError as error:
            raise BenchFailed(f"its certificate is not trusted: {error.verify_message}") from error
        except OSError as error:
            raise BenchFailed(f"the server hung up ({error.strerror}); {self.so_far()}") from error

    def so_far(self) -> str:
        """Return in words how far it came, when it ends early."""
        ready = sum(client.ready > 0 for client in self.clients)
        heard = sum(len(client.lateness) for client in self.clients)
        return (
            f"{ready:,} of {len(self.clients):,} clients were in then, "
            f"and {heard:,} messages had come"
        )

    def _hear(self, client: StormClient, own: socket.socket) -> None:
        data = _received(own)
        if data is None:
            return
        if not data:
            raise BenchFailed(f"the server hung up; {self.so_far()}")
        now, before = time.monotonic(), client.upgraded
        for opcode, payload in client.feed(data):
            if opcode == TEXT:
                client.hear(payload, now)
            elif opcode == _PING:
                own.sendall(bytes((0x80 | PONG, 0x80, 0, 0, 0, 0)))
        if client.upgraded and not before:
            own.sendall(client.greet())

    def _greet(self, client: StormClient, own: socket.socket, descriptor: int) -> None:
        """Go on with the handshake of TLS, if there is one; then ask for the WebSocket."""
        if self._place.address.secure and not isinstance(own, ssl.SSLSocket):
            own = client.wire = tls_context().wrap_socket(
                own, server_hostname=self._place.address.host, do_handshake_on_connect=False
            )
        try:
            if isinstance(own, ssl.SSLSocket):
                own.do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as wanted:
            writes = isinstance(wanted, ssl.SSLWantWriteError)
            self._epoll.modify(descriptor, select.EPOLLOUT if writes else select.EPOLLIN)
            return
        own.sendall(request(self._place.address, self._place.dialect))
        client.greeted = True
        self._epoll.modify(descriptor, select.EPOLLIN)

    def await_all(self, what: str, done: Any) -> float:
        """Read until ``done`` holds for everybody; return when it did."""
        end = time.monotonic() + PATIENCE
        while not all(done(client) for client in self.clients):
            self.run(TICK)
            if time.monotonic() > end:
                late = sum(not done(client) for client in self.clients)
                raise BenchFailed(f"{late} clients never {what}")
        return time.monotonic()


def _received(own: socket.socket) -> bytes | None:
    """Return what has come, empty at the end; None if it is not whole yet."""
    try:
        data = own.recv(READ)
        if isinstance(own, ssl.SSLSocket):
            while own.pending():
                data += own.recv(READ)
    except (ssl.SSLWantReadError, BlockingIOError):
        return None
    return data


def come_back(
    crowd: Crowd, cpu: Callable[[], float | None], spread: float, random: Random
) -> tuple[float, dict[str, float | None]]:
    """Have everybody come back; return when they began to, and what it took.

    :param cpu: tells the seconds of processor the server has used; None if it does not say.
    """
    returned, server, own = time.monotonic(), cpu(), time.process_time()
    crowd.enter(spread, random)
    crowd.await_all("came back", lambda client: client.ready)
    after = cpu()
    return returned, {
        "seconds": time.monotonic() - returned,
        "server": None if server is None or after is None else after - server,
        "clients": time.process_time() - own,
    }


def processor(pid: int) -> float:
    """Return the seconds of processor that a process has used."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def run(
    clients: int = 5_000,
    rate: float = 50,
    away: float = 2.0,
    spread: float = 1.0,
    before: float = 3.0,
    after: float = 5.0,
    seed: int = 1,
) -> dict[str, Any]:
    """Run the storm once and return what everybody received.

    :param away: seconds everybody is gone.
    :param spread: seconds over which they come back, as their jitter spreads them.
    """
    topics, random = max(1, clients // PER_TOPIC), Random(seed)
    server = Child.start([sys.executable, "-m", "bench.storm_server", str(topics), str(rate)])
    try:
        port = int(server.hear())
        people = [
            StormClient(f"session/{number % topics}", token(f"storm-{number}"))
            for number in range(clients)
        ]
        crowd = Crowd(people, Place.at(f"ws://127.0.0.1:{port}/v1/ws"))
        crowd.enter(clients / 500, random)
        crowd.await_all("connected", lambda client: client.ready)
        target = Target.bare(port, server.process.pid)
        with Stretch(target, lambda: [time.process_time()]) as stretch:
            server.tell("start")
            crowd.run(before)
            crowd.leave()
            time.sleep(away)
            cpu = partial(processor, server.process.pid)
            returned, used = come_back(crowd, cpu, spread, random)
            crowd.run(after)
        server.tell("stop")
        last = json.loads(server.hear())
        crowd.await_all("caught up", lambda client: client.seen >= last.get(client.topic, 0))
        crowd.close()
        server.tell("report")
        report = {**used, **json.loads(server.hear())}
        found = summed([tally(people, last, returned)], report)
        return {"bench": "storm", **found, "dropping_and_coming_back": {"series": stretch.series()}}
    finally:
        server.end()


def command_line(run: Callable[..., dict[str, Any]], about: str | None) -> None:
    """Run a storm from the command line."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--clients", type=int, default=5_000)
    parser.add_argument("--rate", type=float, default=50)
    parser.add_argument("--away", type=float, default=2.0)
    parser.add_argument("--spread", type=float, default=1.0)
    if "generators" in signature(run).parameters:
        parser.add_argument("--generators", type=int, default=GENERATORS)
    parser.add_argument("--json", action="store_true")
    given = vars(parser.parse_args())
    as_json = given.pop("json")
    found = run(**given)
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        print(f"{name:24} {value}")


if __name__ == "__main__":
    command(partial(command_line, run, __doc__))
