"""What a broadcast costs: ours beside the floor and the peers, in one run.

``python -m bench.fanout --subscribers 1000 --size 200`` compares a raw loop of socket writes,
Greenroom, ``websockets`` with and without uvloop, python-socketio, and npm's ``ws`` and
``socket.io``, installed on the first run where there is npm. Servers and clients are processes
of their own; one message is under way at a time, and its time ends when the last client has it.

A shared machine is quick at one moment and slow at the next. So the servers stand side by side with
their clients connected, each gets a few messages in turn, and ratios are taken within such a
round; a figure is the median of the rounds. What a server needs to be told of a message is
measured by lines that publish nothing, and left out. Nobody pings meanwhile.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import attrs

from bench import fanout_remote
from bench.child import BenchFailed, Child
from bench.load.latency import Latencies
from bench.load.team import GENERATORS
from bench.script import command

PEERS = (
    "raw",
    "greenroom",
    "websockets",
    "websockets-uvloop",
    "python-socketio",
    "ws",
    "socket.io",
)
PLOTTED = {"raw", "greenroom", "websockets", "python-socketio"}
NODE = {"ws", "socket.io"}
DIALECT = {"greenroom": "greenroom", "python-socketio": "socketio", "socket.io": "socketio"}
PEERS_FOLDER = Path(__file__).parent / "peers"
SCRIPT = PEERS_FOLDER / "fanout.js"

SPARE_FILES = 200
"""Descriptors a server or the clients need beside one a connection."""

DELIVERIES, LEAST = 20_000, 4
"""What a round of a server's messages come to at least, and how many messages it has at least."""

LINES, PACE = 50, 0.002
"""Lines that publish nothing, and the seconds between two of them."""

INSTALLING = 120.0
"""Seconds npm may take."""


def npm_peers() -> Path | None:
    """Return the folder of npm's peers, installed if need be; None where they cannot be had."""
    folder = PEERS_FOLDER / "node_modules"
    if all((folder / peer).is_dir() for peer in NODE):
        return folder
    if shutil.which("npm") is None:
        return None
    command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"]
    try:
        subprocess.run(
            [*command, "--ignore-scripts", "--silent"],
            cwd=PEERS_FOLDER, check=True, timeout=INSTALLING, stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
        )  # fmt: skip
    except (subprocess.SubprocessError, OSError) as error:
        print(f"without npm's peers, which could not be installed: {error}", file=sys.stderr)
        return None
    return folder


def allow_files(count: int) -> None:
    """Have this process, and those it starts, open a file for each of so many clients.

    :raises BenchFailed: the system does not allow it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = count + SPARE_FILES
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise BenchFailed(f"{count} clients need {needed} open files; the limit is {hard}")
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def available(peer: str, node_modules: Path | None) -> bool:
    """Return whether a peer can be run here."""
    if peer not in NODE:
        return True
    return bool(shutil.which("node") and node_modules and (node_modules / peer).is_dir())


@attrs.frozen
class Round:
    """Some messages of one server, one after the other.

    :param cpu: seconds of its processor.
    :param calls: seconds each call that publishes took.
    :param last: seconds until the last client had each message.
    """

    cpu: float
    calls: list[float]
    last: list[float]


@attrs.define
class Taken:
    """What was measured of one server with one size of message.

    :param failed: what it, or its clients, said when it failed.
    """

    rounds: list[Round] = attrs.field(factory=list)
    frame: int = 0
    failed: str = ""

    def costs(self, subscribers: int) -> list[float]:
        """Return each round's microseconds of processor a recipient."""
        return [one.cpu / (len(one.last) * subscribers) * 1e6 for one in self.rounds]

    def waits(self) -> dict[str, str]:
        """Return how long it took until the last client had each message, as a histogram."""
        return {"hdr": Latencies.of(wait for one in self.rounds for wait in one.last).encode()}

    def figures(self, subscribers: int, memory: int) -> dict[str, Any]:
        """Return the figures.

        :param memory: bytes the connections took.
        """
        costs = self.costs(subscribers)
        calls = [call for one in self.rounds for call in one.calls]
        last = [wait for one in self.rounds for wait in one.last]
        return {
            "cpu_us_per_recipient": round(median(costs), 2),
            "cpu_us_lowest": round(min(costs), 2),
            "cpu_us_highest": round(max(costs), 2),
            "call_us_per_recipient": round(median(calls) / subscribers * 1e6, 2),
            "last_ms_p50": round(median(last) * 1e3, 2),
            "last_ms_p99": round(quantiles(last, n=100, method="inclusive")[98] * 1e3, 2),
            "cpu_seconds": round(sum(one.cpu for one in self.rounds), 3),
            "memory_bytes_per_connection": round(memory / subscribers),
            "frame_bytes": self.frame,
        }


class Contestant:
    """One server with all its clients connected."""

    def __init__(self, peer: str, subscribers: int, node_modules: Path | None) -> None:
        self.peer = peer
        command = [sys.executable, "-m", "bench.fanout_servers", peer]
        if peer in NODE:
            command = ["node", str(SCRIPT), peer]
        self._server = Child.start(command, NODE_PATH=str(node_modules))
        self._children = [self._server]
        self._subscribers = subscribers
        self.memory = 0

    def connect(self) -> None:
        """Have the clients come.

        :raises BenchFailed: the server or the clients ended early.
        """
        port, *token = self._server.hear().split()
        command = [sys.executable, "-m", "bench.sink", DIALECT.get(self.peer, "plain")]
        command += ["--count", str(self._subscribers), "--port", port, "--token", "".join(token)]
        self._sink = Child.start(command)
        self._children.append(self._sink)
        self._mark()
        self._sink.hear()
        self.memory = self._mark()["memory"]

    def learn(self, size: int) -> int:
        """Publish one message, to warm up; return the bytes of its frame."""
        self._server.tell(f"publish {size}")
        self._sink.tell("learn")
        return int(self._sink.hear())

    def publish(self, size: int, messages: int) -> Round:
        """Publish some messages, each when all have the one before."""
        told = self._cost_of_a_line() * messages
        begun, arrived = self._mark(), []
        for _ in range(messages):
            self._server.tell(f"publish {size}")
            self._sink.tell("next")
            arrived.append(float(self._sink.hear()))
        ended = self._mark()
        last = [there - since for there, since in zip(arrived, ended["begun"], strict=True)]
        return Round(ended["cpu"] - begun["cpu"] - told, ended["calls"], last)

    def _cost_of_a_line(self) -> float:
        begun = self._mark()
        for _ in range(LINES):
            self._server.tell("pass")
            time.sleep(PACE)
        return float(self._mark()["cpu"] - begun["cpu"]) / LINES

    def _mark(self) -> dict[str, Any]:
        self._server.tell("mark")
        marked: dict[str, Any] = json.loads(self._server.hear())
        return marked

    def end(self) -> None:
        """End the processes."""
        for child in self._children:
            child.end()


Said = Callable[[str], None]


@contextmanager
def _contest(
    peers: Sequence[str], subscribers: int, node_modules: Path | None
) -> Iterator[tuple[list[Contestant], dict[str, str]]]:
    """Connect everybody's clients; yields those that could, and why the others could not."""
    here: list[Contestant] = []
    failed: dict[str, str] = {}
    try:
        for peer in peers:
            one = Contestant(peer, subscribers, node_modules)
            here.append(one)
            try:
                one.connect()
            except BenchFailed as failure:
                failed[peer] = str(failure)
        yield [one for one in here if one.peer not in failed], failed
    finally:
        for one in here:
            one.end()


def _case(
    here: Sequence[Contestant], subscribers: int, size: int, rounds: int, messages: int
) -> dict[str, Any]:
    taken = {one.peer: Taken() for one in here}

    def attempt(one: Contestant, step: Callable[[Contestant, Taken], None]) -> None:
        mine = taken[one.peer]
        if not mine.failed:
            try:
                step(one, mine)
            except BenchFailed as failure:
                mine.failed = str(failure)

    def learn(one: Contestant, mine: Taken) -> None:
        mine.frame = one.learn(size)

    def publish(one: Contestant, mine: Taken) -> None:
        mine.rounds.append(one.publish(size, messages))

    for one in here:
        attempt(one, learn)
    for number in range(rounds):
        for place in range(len(here)):
            attempt(here[(place + number) % len(here)], publish)
    return _figures(here, taken, subscribers, size)


def _figures(
    here: Sequence[Contestant], taken: dict[str, Taken], subscribers: int, size: int
) -> dict[str, Any]:
    well = [one for one in here if not taken[one.peer].failed]
    return {
        "name": f"{subscribers:,} subscribers, {size:,} bytes",
        "subscribers": subscribers,
        "size": size,
        "peers": {one.peer: taken[one.peer].figures(subscribers, one.memory) for one in well},
        "failed": {peer: mine.failed for peer, mine in taken.items() if mine.failed},
        **ratios({one.peer: taken[one.peer].costs(subscribers) for one in well}),
        "until the last has it": {
            one.peer: taken[one.peer].waits() for one in well if one.peer in PLOTTED
        },
    }


def ratios(costs: dict[str, list[float]]) -> dict[str, float]:
    """Return ours over the best Python peer's, and over the floor: the median of the rounds."""
    ours = costs.get("greenroom")
    python = [peer for peer in costs if peer not in NODE | {"raw", "greenroom"}]
    found = {}
    if ours and python:
        best = min(python, key=lambda peer: median(costs[peer]))
        found["of_best_python_peer"] = _ratio(ours, costs[best])
    if ours and "raw" in costs:
        found["of_floor"] = _ratio(ours, costs["raw"])
    return found


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return round(median(our / their for our, their in zip(ours, theirs, strict=True)), 2)


def messages_for(subscribers: int) -> int:
    """Return how many messages a round has: enough that each figure rests on enough writes."""
    return max(LEAST, DELIVERIES // subscribers)


def run(  # noqa: PLR0913  one flag of the command line a parameter
    subscribers: Sequence[int] = (100, 1_000, 8_000),
    sizes: Sequence[int] = (200, 2_000),
    *,
    rounds: int = 7,
    peers: Sequence[str] = PEERS,
    node_modules: Path | None = None,
    said: Said = lambda _: None,
    generators: int = GENERATORS,
    url: str | None = None,
    token_key: str | None = None,
) -> dict[str, Any]:
    """Measure every peer for every number of subscribers and size, or a deployment.

    A peer that fails is left out of what follows for as many subscribers, and stands in ``failed``.

    :param sizes: bytes of a message, its envelope included.
    :param rounds: how often each has its turn.
    :param node_modules: where npm's peers are; the bench's own folder by default.
    :param said: told what is measured next.
    :param generators: processes that share the people who load a deployment.
    :raises BenchFailed: too few files may be open.
    """
    allow_files(max(subscribers))
    if url is not None:
        return fanout_remote.run(url, token_key, subscribers, sizes, generators)
    if node_modules is None and NODE & set(peers):
        node_modules = npm_peers()
    here = [peer for peer in peers if available(peer, node_modules)]
    cases = []
    for count in subscribers:
        said(f"{count:,} clients of each connect")
        with _contest(here, count, node_modules) as (contestants, failed):
            for size in sizes:
                said(f"{count:,} clients, {size:,} bytes")
                well = [one for one in contestants if one.peer not in failed]
                case = _case(well, count, size, rounds, messages_for(count))
                failed.update(case["failed"])
                cases.append({**case, "failed": dict(failed)})
    return {"bench": "fanout", "rounds": rounds, "cases": cases}


def _print(case: dict[str, Any]) -> None:
    print(f"\n{case['subscribers']} subscribers, {case['size']} bytes")
    for peer, figures in case["peers"].items():
        print(
            f"  {peer:18} {figures['cpu_us_per_recipient']:7.2f} us CPU"
            f" ({figures['cpu_us_lowest']:.2f} to {figures['cpu_us_highest']:.2f})"
            f"  {figures['call_us_per_recipient']:7.2f} us call"
            f"  last p50 {figures['last_ms_p50']:8.2f} ms  p99 {figures['last_ms_p99']:8.2f} ms"
            f"  {figures['memory_bytes_per_connection'] / 1024:6.1f} KiB/connection"
        )
    for peer, why in case["failed"].items():
        print(f"  {peer:18} failed: {why}")
    for name in ("of_best_python_peer", "of_floor"):
        if name in case:
            print(f"  greenroom {name.replace('_', ' ')}: {case[name]}")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, nargs="+", default=[100, 1_000, 8_000])
    parser.add_argument("--size", type=int, nargs="+", default=[200, 2_000])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--node-modules", type=Path)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    result = run(
        given.subscribers,
        given.size,
        rounds=given.rounds,
        peers=given.peers,
        node_modules=given.node_modules,
        said=lambda text: print(text, file=sys.stderr, flush=True),
    )
    if given.json:
        print(json.dumps(result, indent=2))
        return
    for case in result["cases"]:
        _print(case)


if __name__ == "__main__":
    command(main)
