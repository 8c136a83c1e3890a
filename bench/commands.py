"""Durable chat commands: 200 senders in a 200-person session, beside python-socketio.

``python -m bench.commands`` first finds the rate at which each server saturates (every sender has
one message under way), then sends at 70 % of it in an open loop and measures the latency from the
intended send time to the acknowledgement. The peer does the same work: it commits each message to
SQLite (WAL, ``synchronous=FULL``) before it sends it to everybody and acknowledges it.

Give ``--url`` and ``--token-key`` to load a deployment of your own.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from bench.load.audience import Opening, audience
from bench.load.swarm import Load, Swarm
from bench.load.target import Target, awaited, described, opened, running
from bench.load.team import GENERATORS
from engine.tokens import Key

PEOPLE = 200
TEXT = "x" * 60
PART = 0.7
"""Of the saturation rate, at which latency is told."""

LOADS = ("at_saturation", "at_70_percent")
"""What is measured of each server."""

WARMUP = 1.5

UNLIMITED = {
    "GREENROOM_LIMITS_RATE": "1000000/1000000",
    "GREENROOM_LIMITS_METHOD_RATES": "chat.send 1000000/1000000",
}
"""Of a daemon of our own: nobody is to be held back by what is allowed to one person."""

SETTLE_SECONDS = 8.0
"""Between the two measurements: a server finishes meanwhile what saturation has left behind."""


@attrs.frozen
class Contender:
    """A server and how it is loaded."""

    target: Target
    load: Load


@contextmanager
def ours(people: int, url: str | None = None, token_key: str | None = None) -> Iterator[Contender]:
    """Yield a daemon, or a deployment, with a session all of whose people send chat messages.

    :param people: in the session.
    """
    with opened(url, token_key, settings=UNLIMITED) as target:
        session = f"{target.event}-s"
        target.load(described(target.event, [session]))
        request = ("chat.send", {"topic": f"session/{session}", "text": TEXT})
        yield Contender(target, Load(audience(target, session, people), [request]))


@contextmanager
def _peer(people: int) -> Iterator[Contender]:
    with tempfile.TemporaryDirectory(prefix="greenroom-peer-") as folder:
        log = Path(folder) / "log"
        command = [sys.executable, "-m", "bench.commands_peer", str(Path(folder) / "chat.db")]
        with running(command, log, {}) as process:
            port = awaited(process, log, lambda line: line.split()[1], "ready")
            url = f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"
            target = Target(url, Key("", ""), "", process.pid)
            join: Opening = [("join", {})]
            load = Load([join] * people, [("chat", {"text": TEXT})], dialect="socketio")
            yield Contender(target, load)


def once(contender: Contender, **changes: Any) -> dict[str, Any]:
    """Run the load once, as changed, on new connections; return its figures.

    :param changes: members of :class:`bench.load.swarm.Load`.
    """
    load = attrs.evolve(contender.load, warmup=WARMUP, **changes)
    server = contender.target.process()
    with Swarm(contender.target, load) as swarm:
        swarm.ready()
        before = server.cpu_times() if server else None
        found = swarm.run()
        if server is not None and before is not None:
            after = server.cpu_times()
            spent = after.user + after.system - before.user - before.system
            found["server_cpu_us_per_command"] = round(spent / max(1, found["sent"]) * 1e6)
    everybody = max(1, found["accepted"]) * len(load.people)
    found["delivered_percent"] = round(100 * found["events"] / everybody, 3)
    return found


def _measured(contender: Contender, seconds: float, generators: int) -> dict[str, Any]:
    shared: dict[str, Any] = {"seconds": seconds, "generators": generators}
    saturation = once(contender, rate=0.0, **shared)
    rate = saturation["done_per_second"]
    time.sleep(SETTLE_SECONDS)
    return {
        "saturation_per_second": rate,
        "at_saturation": saturation,
        "at_70_percent": once(contender, rate=rate * PART, **shared),
    }


def failures(servers: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Return how often something was not carried out, by what became of it.

    :param servers: what was measured of each.
    """
    found: dict[str, int] = {}
    for name, measured in servers.items():
        for load in LOADS:
            figures = measured[load]
            kinds = {
                **{f"refused as {reason}": times for reason, times in figures["refused"].items()},
                "not answered": figures["unanswered"],
                "hung up on": figures["hung_up"],
            }
            where = f"{name}, {load.replace('_', ' ')}"
            found |= {f"{where}: {kind}": times for kind, times in kinds.items() if times}
    return found


def run(
    people: int = PEOPLE,
    seconds: float = 8.0,
    generators: int = GENERATORS,
    url: str | None = None,
    token_key: str | None = None,
) -> dict[str, Any]:
    """Measure ours, and the peer unless a deployment is loaded.

    :param people: in the session, all of whom send.
    :param seconds: length of each measurement, warm-up apart.
    :param generators: processes that share the people.
    """
    result: dict[str, Any] = {"bench": "commands", "people": people, "generators": generators}
    servers = result["servers"] = {}
    with ours(people, url, token_key) as contender:
        servers["greenroom"] = _measured(contender, seconds, generators)
    if url is None:
        with _peer(people) as contender:
            servers["python-socketio"] = _measured(contender, seconds, generators)
    result["failures"] = failures(servers)
    rates = {name: found["saturation_per_second"] for name, found in servers.items()}
    if "python-socketio" in rates:
        result["times_peer"] = round(rates["greenroom"] / max(0.1, rates["python-socketio"]), 2)
    return result


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--generators", type=int, default=GENERATORS)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    result = run(given.people, given.seconds, given.generators)
    if given.json:
        print(json.dumps(result, indent=2))
        return
    for what, times in result["failures"].items():
        print(f"{what}, {times} times")
    for name, found in result["servers"].items():
        there, latency = found["at_70_percent"], found["at_70_percent"]["latency"]
        print(
            f"{name:16} {found['saturation_per_second']:8.0f} /s at saturation"
            f" (limit: {found['at_saturation']['limit']}); at 70 %: "
            f"p50 {latency.get('p50_ms', 0):.1f} ms, p99 {latency.get('p99_ms', 0):.1f} ms, "
            f"limit: {there['limit']}, {there['delivered_percent']} % delivered"
        )


if __name__ == "__main__":
    main()
