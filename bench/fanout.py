"""What a broadcast costs: ours beside the floor and the peers, in one run.

``python -m bench.fanout --subscribers 1000 --size 200`` compares a raw loop of socket writes,
Greenroom, ``websockets`` with and without uvloop, python-socketio, and npm's ``ws`` and
``socket.io``, installed on the first run where there is npm. Server and clients are processes
of their own; one message is under way at a time, and its time ends when the last client has it.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import attrs

PEERS = (
    "raw",
    "greenroom",
    "websockets",
    "websockets-uvloop",
    "python-socketio",
    "ws",
    "socket.io",
)
NODE = {"ws", "socket.io"}
DIALECT = {"greenroom": "greenroom", "python-socketio": "socketio", "socket.io": "socketio"}
PEERS_FOLDER = Path(__file__).parent / "peers"
SCRIPT = PEERS_FOLDER / "fanout.js"

SPARE_FILES = 200
"""Descriptors a server or the clients need beside one a connection."""

FEW, CROWD = 1_000, 5_000
"""Subscribers below which more messages are needed, and from which half of them do."""

INSTALLING = 120.0
"""Seconds npm may take."""


class BenchFailed(Exception):  # noqa: N818  said of the run
    """A server or the clients ended early; the text is what they said last."""


@attrs.frozen
class Child:
    """A process spoken to by lines."""

    process: subprocess.Popen[str]

    @classmethod
    def start(cls, command: Sequence[str], **environment: str) -> "Child":
        """Start one."""
        return cls(
            subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, **environment},
            )
        )

    def tell(self, line: str) -> None:
        """Write a line."""
        pipe = self.process.stdin
        assert pipe is not None  # noqa: S101  asked for above
        try:
            pipe.write(line + "\n")
            pipe.flush()
        except BrokenPipeError:
            raise BenchFailed(self._last_words()) from None

    def hear(self) -> str:
        """Read a line."""
        assert self.process.stdout is not None  # noqa: S101  asked for above
        line = self.process.stdout.readline()
        if not line:
            raise BenchFailed(self._last_words())
        return line.strip()

    def _last_words(self) -> str:
        self.process.kill()
        assert self.process.stderr is not None  # noqa: S101  asked for above
        return self.process.stderr.read()[-2000:]

    def end(self) -> None:
        """Make sure it has ended."""
        self.process.kill()
        self.process.communicate()


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


def _allow_files(count: int) -> None:
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


def _server(peer: str, size: int, node_modules: Path | None) -> Child:
    if peer in NODE:
        command = ["node", str(SCRIPT), peer, str(size)]
        return Child.start(command, NODE_PATH=str(node_modules))
    return Child.start([sys.executable, "-m", "bench.fanout_servers", peer, "--size", str(size)])


def measure(
    peer: str, subscribers: int, size: int, messages: int, node_modules: Path | None = None
) -> dict[str, Any]:
    """Return one server's figures.

    :param size: bytes of a message, its envelope included.
    :raises BenchFailed: the server or the clients ended early.
    """
    server = _server(peer, size, node_modules)
    children = [server]
    try:
        port, *token = server.hear().split()
        command = [sys.executable, "-m", "bench.sink", DIALECT.get(peer, "plain")]
        command += ["--count", str(subscribers), "--port", port, "--token", "".join(token)]
        sink = Child.start(command)
        children.append(sink)
        sink.hear()
        server.tell("publish")
        sink.tell("")
        frame = int(sink.hear())
        arrived = []
        for _ in range(messages):
            server.tell("publish")
            sink.tell("next")
            arrived.append(float(sink.hear()))
        server.tell("stop")
        return _figures(json.loads(server.hear()), arrived, subscribers, frame)
    finally:
        for child in children:
            child.end()


def _figures(
    cost: dict[str, Any], arrived: list[float], subscribers: int, frame: int
) -> dict[str, Any]:
    last = [there - begun for there, begun in zip(arrived, cost["begun"], strict=True)]
    deliveries = len(arrived) * subscribers
    return {
        "cpu_us_per_recipient": round(cost["cpu"] / deliveries * 1e6, 2),
        "call_us_per_recipient": round(median(cost["calls"]) / subscribers * 1e6, 2),
        "last_ms_p50": round(median(last) * 1e3, 2),
        "last_ms_p99": round(quantiles(last, n=100)[98] * 1e3, 2),
        "cpu_seconds": round(cost["cpu"], 3),
        "memory_bytes_per_connection": round(cost["memory"] / subscribers),
        "frame_bytes": frame,
    }


def messages_for(subscribers: int, messages: int) -> int:
    """Return how many messages are sent to so many: so that each figure rests on enough writes.

    A hundred messages to a hundred clients are some 50 ms of CPU, which any disturbance doubles.
    """
    if subscribers >= CROWD:
        return max(2, messages // 2)
    return messages * max(1, FEW // subscribers)


def run(
    subscribers: Sequence[int] = (100, 1_000, 8_000),
    sizes: Sequence[int] = (200, 2_000),
    messages: int = 100,
    peers: Sequence[str] = PEERS,
    node_modules: Path | None = None,
    rounds: int = 1,
) -> dict[str, Any]:
    """Measure every peer for every number of subscribers and size.

    :param messages: sent to each, as :func:`messages_for` says.
    :param node_modules: where npm's peers are; the bench's own folder by default.
    :param rounds: how often each is measured, in turn; the median by CPU is kept.
    :raises BenchFailed: a server or the clients ended early, or too few files may be open.
    """
    _allow_files(max(subscribers))
    if node_modules is None and NODE & set(peers):
        node_modules = npm_peers()
    cases = []
    for size in sizes:
        for count in subscribers:
            taken: dict[str, list[dict[str, Any]]] = {}
            for _ in range(rounds):
                for peer in peers:
                    if available(peer, node_modules):
                        try:
                            number = messages_for(count, messages)
                            figures = measure(peer, count, size, number, node_modules)
                        except BenchFailed as failed:
                            raise BenchFailed(f"{peer}, {count} clients: {failed}") from None
                        taken.setdefault(peer, []).append(figures)
            cases.append(_case(count, size, {peer: _middle(all_) for peer, all_ in taken.items()}))
    return {"bench": "fanout", "messages": messages, "rounds": rounds, "cases": cases}


def _middle(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    ordered = sorted(rounds, key=lambda figures: float(figures["cpu_us_per_recipient"]))
    return ordered[len(ordered) // 2]


def _case(count: int, size: int, peers: dict[str, dict[str, Any]]) -> dict[str, Any]:
    case: dict[str, Any] = {"subscribers": count, "size": size, "peers": peers}
    cost = {peer: figures["cpu_us_per_recipient"] for peer, figures in peers.items()}
    python = [cost[p] for p in cost if p not in NODE | {"raw", "greenroom"}]
    if "greenroom" in cost and python:
        case["of_best_python_peer"] = round(cost["greenroom"] / min(python), 2)
    if "greenroom" in cost and "raw" in cost:
        case["of_floor"] = round(cost["greenroom"] / cost["raw"], 2)
    return case


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, nargs="+", default=[100, 1_000, 8_000])
    parser.add_argument("--size", type=int, nargs="+", default=[200, 2_000])
    parser.add_argument("--messages", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--node-modules", type=Path)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    result = run(
        given.subscribers,
        given.size,
        given.messages,
        given.peers,
        given.node_modules,
        given.rounds,
    )
    if given.json:
        print(json.dumps(result, indent=2))
        return
    for case in result["cases"]:
        print(f"\n{case['subscribers']} subscribers, {case['size']} bytes")
        for peer, figures in case["peers"].items():
            print(
                f"  {peer:18} {figures['cpu_us_per_recipient']:7.2f} us CPU"
                f"  {figures['call_us_per_recipient']:7.2f} us call"
                f"  last p50 {figures['last_ms_p50']:8.2f} ms  p99 {figures['last_ms_p99']:8.2f} ms"
                f"  {figures['memory_bytes_per_connection'] / 1024:6.1f} KiB/connection"
            )
        for name in ("of_best_python_peer", "of_floor"):
            if name in case:
                print(f"  greenroom {name.replace('_', ' ')}: {case[name]}")


if __name__ == "__main__":
    main()
