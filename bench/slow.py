"""One client that never reads beside a thousand that do: what the others notice of it.

``python -m bench.slow`` publishes a steady stream to one topic twice, without and with the client
that never reads, and compares how late the others' messages are.
"""

import argparse
import json
import socket
import sys
import time
from random import Random
from statistics import quantiles
from typing import Any

import psutil

from bench.fanout import Child
from bench.sink import request
from bench.storm import DIALECT, Crowd, StormClient
from bench.storm_server import token

TOPIC = "session/0"
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


def _lateness(clients: int, rate: float, seconds: float, mute: bool) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.storm_server", "1", str(rate), "65536"]
    server = Child.start(command)
    try:
        port = int(server.hear())
        people = [StormClient(TOPIC, token(f"reader-{n}")) for n in range(clients)]
        crowd = Crowd(people, port)
        crowd.enter(clients / 500, Random(1))
        crowd.await_all("connected", lambda client: client.ready)
        silent = _mute(port) if mute else None
        memory = psutil.Process(server.process.pid).memory_info
        server.tell("start")
        crowd.run(1)
        begun, before = time.monotonic(), memory().rss
        crowd.run(seconds)
        after = memory().rss
        server.tell("stop")
        last = json.loads(server.hear())[TOPIC]
        crowd.await_all("caught up", lambda client: client.seen >= last)
        server.tell("report")
        report = json.loads(server.hear())
        if silent is not None:
            silent.close()
        crowd.leave()
        waits = [wait for client in people for at, wait in client.lateness if at > begun]
        cuts = quantiles(waits, n=100)
        return {
            "p50_ms": round(cuts[49] * 1e3, 2),
            "p99_ms": round(cuts[98] * 1e3, 2),
            "missed": sum(client.missed for client in people),
            "memory_grown_kb": round((after - before) / 1024),
            "slow_consumers": report["slow_consumers"],
        }
    finally:
        server.end()


def run(clients: int = 1_000, rate: float = 20, seconds: float = 10.0) -> dict[str, Any]:
    """Measure both and return them, with the ratio of the others' p99.

    :param rate: messages a second, each to everybody.
    """
    alone = _lateness(clients, rate, seconds, mute=False)
    beside = _lateness(clients, rate, seconds, mute=True)
    return {
        "bench": "slow",
        "clients": clients,
        "alone": alone,
        "beside_one_that_never_reads": beside,
        "p99_ratio": round(beside["p99_ms"] / alone["p99_ms"], 2),
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=1_000)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    print(json.dumps(run(given.clients, given.rate, given.seconds), indent=2))


if __name__ == "__main__":
    main()
