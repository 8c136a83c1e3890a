"""What it costs to go through NATS, and what a second node brings.

    python -m bench.cluster [--seconds 8] [--json]

The same load on one node with SQLite, one node with NATS, and two nodes with NATS. Nodes, NATS
and the two processes of clients are apart; NATS syncs every write, as SQLite does. First people
chat as fast as they are answered (commands), then two of many do (fan-out). Where the machine has
fewer cores than processes the rates say how they share them: compare the CPU of the nodes.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import attrs
import psutil
import trio

from bench.cluster_paper import text
from bench.cluster_servers import KEY, NatsServer, NodeProcess, observing, start_nodes
from bench.load.audience import audience
from bench.load.swarm import Load, Swarm
from bench.load.target import Target, described
from bench.load.wire import LoadFailed
from transport.client import open_client

TALKERS, LISTENERS = 32, 300
TEXT = "x" * 60
EVENT = "bench-cluster"
GENERATORS = 2
WARMUP = 1.0

CONFIG = """
[limits]
ping_seconds = 3600
rate = "5000/5000"
method_rates = { "chat.send" = "5000/5000" }
"""
"""A few people stand for many, and the load's wires answer no pings."""

WAYS = (
    ("one node, SQLite", 1, False),
    ("one node, NATS", 1, True),
    ("two nodes, NATS", 2, True),
)

SYNCING = "jetstream { sync_interval: always }"
"""NATS's settings: what is acknowledged is on disk, as with ``--workers``."""


@attrs.frozen
class Way:
    """One way to run the engine.

    :param urls: where its nodes listen.
    :param target: one of them.
    :param pids: of all nodes.
    :param nats: the process of NATS, if there is one.
    """

    name: str
    urls: Sequence[str]
    target: Target
    pids: Sequence[int]
    nats: int | None = None


@contextmanager
def running(name: str, count: int, *, nats: bool) -> Iterator[Way]:
    """Run so many nodes, on a NATS server that syncs every write or by themselves."""
    with (
        tempfile.TemporaryDirectory(prefix="greenroom-bench-") as place,
        ExitStack() as stack,
    ):
        folder = Path(place)
        config, settings = folder / "greenroom.toml", folder / "nats.conf"
        config.write_text(CONFIG)
        settings.write_text(SYNCING)
        server = NatsServer(folder, "-c", str(settings))
        stack.callback(server.kill)
        if nats:
            server.start()
        url = server.url if nats else ""
        nodes = [NodeProcess(folder, url, number, config=config) for number in range(count)]
        for node in nodes:
            stack.callback(node.kill)
        trio.run(_started, nodes, url)
        target = Target(nodes[0].url, KEY, EVENT, nodes[0].process_id)
        urls, pids = [node.url for node in nodes], [node.process_id for node in nodes]
        yield Way(name, urls, target, pids, server.process_id if nats else None)


async def _started(nodes: Sequence[NodeProcess], nats: str) -> None:
    await start_nodes(nodes)
    if not nats:
        return
    async with observing(nats) as observer:
        await observer.settled(len(nodes))


def _cpu(pids: Sequence[int]) -> float:
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return float(sum(one.user + one.system for one in times))


def _once(way: Way, session: str, people: int, senders: int, seconds: float) -> dict[str, Any]:
    """Let so many of a session's people chat as fast as they are answered.

    :raises LoadFailed: something was refused, or never answered.
    """
    request = ("chat.send", {"topic": f"session/{session}", "text": TEXT})
    _begin(way, session)
    load = Load(
        audience(way.target, session, people), [request], warmup=WARMUP, seconds=seconds,
        senders=senders, generators=GENERATORS,
    )  # fmt: skip
    nats = [way.nats] if way.nats else []
    with Swarm(way.target, load, urls=way.urls) as swarm:
        swarm.ready()
        before, nats_before = _cpu(way.pids), _cpu(nats)
        found = swarm.run()
        nodes, servers = _cpu(way.pids) - before, _cpu(nats) - nats_before
    if found["refused"] or found["unanswered"] or found["hung_up"]:
        raise LoadFailed(f"{way.name}: not everything was done: {found['refused']}")
    everybody = found["sent"] * people
    return {
        "per_second": found["done_per_second"],
        "deliveries_per_second": round(found["done_per_second"] * people),
        "p50_ms": found["latency"].get("p50_ms"),
        "p99_ms": found["latency"].get("p99_ms"),
        "node_cpu_us_per_command": round(nodes / found["sent"] * 1e6, 1),
        "nats_cpu_us_per_command": round(servers / found["sent"] * 1e6, 1),
        "node_cpu_us_per_delivery": round(nodes / max(1, found["events"]) * 1e6, 2),
        "delivered_percent": round(100 * found["events"] / everybody, 3),
        "limit": found["limit"],
    }


def _begin(way: Way, session: str) -> None:
    """Have a host start the session, so that people may come in at any node."""

    async def start() -> None:
        token = way.target.token(f"host-{session}", sessions=frozenset({session}))
        async with open_client(way.target.url, token) as host:
            await host.call("session.join", session=session)
            await host.call("session.start", session=session)

    trio.run(start)


def _measured(way: Way, talkers: int, listeners: int, seconds: float) -> dict[str, Any]:
    event = way.target.event
    sessions = [f"{event}-commands", f"{event}-fanout"]
    way.target.load(described(event, sessions))
    return {
        "way": way.name,
        "commands": _once(way, sessions[0], talkers, 0, seconds),
        "fanout": _once(way, sessions[1], listeners, 1, seconds),
    }


def run(talkers: int = TALKERS, listeners: int = LISTENERS, seconds: float = 8.0) -> dict[str, Any]:
    """Measure each way, and hold the others against the first.

    :param talkers: people of the session whose commands are counted; all of them chat.
    :param listeners: people of the session whose deliveries are counted; two of them chat.
    :param seconds: length of each measurement, warm-up apart.
    """
    found = []
    for name, count, nats in WAYS:
        with running(name, count, nats=nats) as way:
            found.append(_measured(way, talkers, listeners, seconds))
    base = found[0]
    for one in found:
        commands, fanout = one["commands"], one["fanout"]
        commands["cpu_of_sqlite"] = _ratio(commands, base["commands"], "node_cpu_us_per_command")
        commands["rate_of_sqlite"] = _ratio(commands, base["commands"], "per_second")
        fanout["cpu_of_sqlite"] = _ratio(fanout, base["fanout"], "node_cpu_us_per_delivery")
        fanout["rate_of_sqlite"] = _ratio(fanout, base["fanout"], "deliveries_per_second")
    return {"bench": "cluster", "talkers": talkers, "listeners": listeners, "ways": found}


def _ratio(one: dict[str, Any], base: dict[str, Any], key: str) -> float:
    return round(float(one[key] / max(1e-9, base[key])), 2)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--talkers", type=int, default=TALKERS)
    parser.add_argument("--listeners", type=int, default=LISTENERS)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = run(options.talkers, options.listeners, options.seconds)
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for one in result["ways"]:
        commands, fanout = one["commands"], one["fanout"]
        print(
            f"{one['way']:18} {commands['per_second']:7.0f} commands/s"
            f" ({commands['rate_of_sqlite']:.2f} of SQLite), p99 {commands['p99_ms']:.1f} ms,"
            f" nodes {commands['node_cpu_us_per_command']:.0f} us a command"
            f" ({commands['cpu_of_sqlite']:.2f}), NATS {commands['nats_cpu_us_per_command']:.0f};"
            f" {fanout['deliveries_per_second']:,} deliveries/s"
            f" ({fanout['rate_of_sqlite']:.2f}), nodes"
            f" {fanout['node_cpu_us_per_delivery']:.2f} us each ({fanout['cpu_of_sqlite']:.2f})"
        )
    print(f"\n{text(result)}")


if __name__ == "__main__":
    main()
