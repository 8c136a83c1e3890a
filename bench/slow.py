"""One client that never reads beside a thousand that do: what the others notice of it.

``python -m bench.slow`` publishes a steady stream to one topic, in short rounds without and with a
client that never reads, in turn. In each round with it its outbox overflows and it is closed
(3008). What is compared is how late each message is for the slowest but a hundredth of the others,
over the messages of all rounds of a kind, and the processor time the server takes for one; its
memory is looked at after every round.

A percentile over single deliveries would be one message's: they come late together. So messages
are counted, some hundreds of each kind, and what a machine's hiccup does to one round moves little.
"""

import argparse
import json
import socket
import sys
import time
from collections.abc import Iterable, Sequence
from random import Random
from statistics import median
from typing import Any

import attrs
import psutil

from bench.child import Child
from bench.load.latency import Latencies
from bench.load.stretch import Stretch
from bench.load.target import Target
from bench.load.wire import Place
from bench.script import command
from bench.sink import Dialect, request
from bench.storm import Crowd, StormClient
from bench.storm_server import token

DIALECT = Dialect("/v1/ws", "greenroom.v1.json")
TOPIC = "session/0"
OUTBOX = 24 << 10
TEXT = 2_000
"""Bytes of each message's text: the outbox is full after some dozen, and what the kernel takes."""

SLOWEST = 0.99
"""Of a message's readers, the part that has it once it counts as delivered."""

HIGH = (0.5, 0.9, 0.99)
"""Parts of the messages whose delays are told; the last is what is compared."""

IN_FLIGHT = 0.25
"""Seconds at a round's end whose messages are left out: they may come in the next one."""

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


@attrs.frozen
class Round:
    """What one round was like.

    :param delays: of each message, in seconds, until nearly all readers had it.
    :param cpu: seconds of processor the server took.
    :param memory: bytes the server held at its end.
    """

    delays: Sequence[float]
    cpu: float
    memory: int

    @property
    def cost(self) -> float:
        """Microseconds of the server's processor a message."""
        return self.cpu / max(1, len(self.delays)) * 1e6


def _round(crowd: Crowd, port: int, seconds: float, server: psutil.Process, *, mute: bool) -> Round:
    silent = _mute(port) if mute else None
    for client in crowd.clients:
        client.lateness.clear()
    begun, before = time.monotonic(), _used(server)
    crowd.run(seconds)
    cpu = _used(server) - before
    if silent is not None:
        silent.close()
    heard = ((at, wait) for client in crowd.clients for at, wait in client.lateness)
    return Round(delays(heard, begun, begun + seconds - IN_FLIGHT), cpu, server.memory_info().rss)


def _used(server: psutil.Process) -> float:
    used = server.cpu_times()
    return float(used.user + used.system)


def delays(heard: Iterable[tuple[float, float]], begun: float, ended: float) -> list[float]:
    """Return how long each message took that was sent in a while, until nearly all had it.

    :param heard: of every delivery when it was, and how long after its message was sent.
    """
    by_message: dict[int, list[float]] = {}
    for at, wait in heard:
        sent = at - wait
        if begun <= sent < ended:
            by_message.setdefault(round(sent * 1e6), []).append(wait)
    return [_at(sorted(waits), SLOWEST) for _, waits in sorted(by_message.items())]


def _at(ordered: Sequence[float], part: float) -> float:
    """Return the value that a part of all do not exceed."""
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def run(
    clients: int = 1_000, rate: float = 20, seconds: float = 2.5, rounds: int = 10
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
        _round(crowd, port, seconds, process, mute=True)  # to warm up
        taken: dict[bool, list[Round]] = {False: [], True: []}
        target = Target.bare(port, process.pid)
        with Stretch(target, lambda: [time.process_time()]) as stretch:
            for number in range(rounds):
                for mute in (False, True) if number % 2 else (True, False):
                    taken[mute].append(_round(crowd, port, seconds, process, mute=mute))
        server.tell("stop")
        last = json.loads(server.hear())[TOPIC]
        crowd.await_all("caught up", lambda client: client.seen >= last)
        server.tell("report")
        report = json.loads(server.hear())
        crowd.leave()
    finally:
        server.end()
    return {**_result(people, taken, report), "series": stretch.series()}


def compared(alone: Sequence[Round], beside: Sequence[Round]) -> dict[str, Any]:
    """Return what rounds without and with somebody who never reads have to say of each other."""
    both = [summary(rounds) for rounds in (alone, beside)]
    highest = f"p{100 * HIGH[-1]:g}_ms"
    ratios = sorted(
        median(mute.delays) / median(without.delays)
        for without, mute in zip(alone, beside, strict=True)
    )
    costs = sorted(mute.cost / without.cost for without, mute in zip(alone, beside, strict=True))
    memory = [one.memory for pair in zip(alone, beside, strict=True) for one in pair]
    return {
        "rounds": len(alone),
        "alone": both[0],
        "beside_one_that_never_reads": both[1],
        "p99_ratio": round(both[1][highest] / both[0][highest], 2),
        "middle_ratio": round(median(ratios), 3),
        "middle_ratio_lowest": round(ratios[0], 2),
        "middle_ratio_highest": round(ratios[-1], 2),
        "server_cpu_ratio": round(median(costs), 3),
        "server_cpu_ratio_lowest": round(costs[0], 2),
        "server_cpu_ratio_highest": round(costs[-1], 2),
        "memory_grown_kb": (max(memory[-2:]) - max(memory[:2])) >> 10,
    }


def summary(rounds: Sequence[Round]) -> dict[str, Any]:
    """Return the figures of all messages of some rounds, and of each round."""
    every = sorted(delay for one in rounds for delay in one.delays)
    return {
        "messages": len(every),
        **{f"p{100 * part:g}_ms": round(_at(every, part) * 1e3, 2) for part in HIGH},
        "server_us_a_message": round(median(one.cost for one in rounds)),
        "middle_ms": [round(median(one.delays) * 1e3, 2) for one in rounds],
        "highest_ms": [round(max(one.delays) * 1e3, 2) for one in rounds],
        "memory_kb": [one.memory >> 10 for one in rounds],
        "hdr": Latencies.of(every).encode(),
    }


def _result(
    people: list[StormClient], taken: dict[bool, list[Round]], report: dict[str, Any]
) -> dict[str, Any]:
    return {
        "bench": "slow",
        "clients": len(people),
        **compared(taken[False], taken[True]),
        "missed": sum(client.missed for client in people),
        "slow_consumers": report["slow_consumers"] - 1,  # the first was for warming up
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=1_000)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--seconds", type=float, default=2.5)
    parser.add_argument("--rounds", type=int, default=10)
    given = parser.parse_args()
    result = run(given.clients, given.rate, given.seconds, given.rounds)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    command(main)
