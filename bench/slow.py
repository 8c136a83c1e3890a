"""One client that never reads beside a thousand that do: what the others notice of it.

``python -m bench.slow`` publishes a steady stream to one topic, in rounds without and with the
client that never reads, in turn, and compares how late the others' messages are. In each round its
outbox overflows and it is closed (3008); the server's memory is looked at after every round.
"""

import argparse
import json
import socket
import sys
import time
from random import Random
from statistics import median, quantiles
from typing import Any

import psutil

from bench.child import Child
from bench.load.wire import Place
from bench.script import command
from bench.sink import Dialect, request
from bench.storm import Crowd, StormClient
from bench.storm_server import token

DIALECT = Dialect("/v1/ws", "greenroom.v1.json")
TOPIC = "session/0"
OUTBOX = 64 << 10
TEXT = 2_000
"""Bytes of each message's text: the outbox is full after some forty."""

NARROW = 4096
"""Bytes of the mute client's receive buffer, so that its outbox fills within the run."""


def _mute(port: int) -> socket.socket:
    """Connect, subscribe, and never read again."""
    client = StormClient(TOPIC, token("mute"))
    own = socket.socket()
    own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NARROW)
    own.settimeout(10)
    own.connect(("127.0.0.1", port))
    own.sendall(request(DIALECT, port))
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += own.recv(1)
    own.sendall(client.greet())
    return own


def _round(crowd: Crowd, port: int, seconds: float, *, mute: bool) -> list[float]:
    """Return how late the readers' messages were, in seconds, over a while."""
    silent = _mute(port) if mute else None
    begun = time.monotonic()
    for client in crowd.clients:
        client.lateness.clear()
    crowd.run(seconds)
    if silent is not None:
        silent.close()
    return [wait for client in crowd.clients for at, wait in client.lateness if at >= begun]


def run(
    clients: int = 1_000, rate: float = 20, seconds: float = 4.0, rounds: int = 10
) -> dict[str, Any]:
    """Measure rounds without and with the mute client in turn, in one run of one server.

    Who goes first changes from pair to pair, so that what drifts falls on both alike.

    :param rate: messages a second, each to everybody.
    :param seconds: how long a round lasts: enough for the mute client's outbox to overflow.
    :param rounds: of each kind.
    """
    command = [sys.executable, "-m", "bench.storm_server", "1", str(rate), str(OUTBOX), str(TEXT)]
    server = Child.start(command)
    try:
        port = int(server.hear())
        people = [StormClient(TOPIC, token(f"reader-{n}")) for n in range(clients)]
        crowd = Crowd(people, Place.at(f"ws://127.0.0.1:{port}/v1/ws"))
        crowd.enter(clients / 500, Random(1))
        crowd.await_all("connected", lambda client: client.ready)
        process = psutil.Process(server.process.pid)
        server.tell("start")
        _round(crowd, port, seconds, mute=True)  # to warm up
        taken: dict[bool, list[dict[str, float]]] = {False: [], True: []}
        for number in range(rounds):
            for mute in (False, True) if number % 2 else (True, False):
                waits = _round(crowd, port, seconds, mute=mute)
                taken[mute].append(_figures(waits, process.memory_info().rss))
        server.tell("stop")
        last = json.loads(server.hear())[TOPIC]
        crowd.await_all("caught up", lambda client: client.seen >= last)
        server.tell("report")
        report = json.loads(server.hear())
        crowd.leave()
    finally:
        server.end()
    return _result(people, taken, report)


def _figures(waits: list[float], memory: int) -> dict[str, float]:
    cuts = quantiles(waits, n=100)
    return {
        "p50_ms": round(cuts[49] * 1e3, 2),
        "p99_ms": round(cuts[98] * 1e3, 2),
        "messages": len(waits),
        "memory_kb": memory >> 10,
    }


def _result(
    people: list[StormClient], taken: dict[bool, list[dict[str, float]]], report: dict[str, Any]
) -> dict[str, Any]:
    alone, beside = taken[False], taken[True]
    usual = [median(one["p99_ms"] for one in rounds) for rounds in (alone, beside)]
    ratios = sorted(
        mute["p99_ms"] / without["p99_ms"] for without, mute in zip(alone, beside, strict=True)
    )
    memory = [one["memory_kb"] for pair in zip(alone, beside, strict=True) for one in pair]
    return {
        "bench": "slow",
        "clients": len(people),
        "rounds": len(alone),
        "alone": alone,
        "beside_one_that_never_reads": beside,
        "p99_ratio": round(usual[1] / usual[0], 2),  # one round that is disturbed moves neither
        "p99_ratio_lowest": round(ratios[0], 2),
        "p99_ratio_highest": round(ratios[-1], 2),
        "missed": sum(client.missed for client in people),
        "memory_grown_kb": round(max(memory[-2:]) - max(memory[:2])),
        "slow_consumers": report["slow_consumers"] - 1,  # the first was for warming up
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=1_000)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=10)
    given = parser.parse_args()
    result = run(given.clients, given.rate, given.seconds, given.rounds)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    command(main)
