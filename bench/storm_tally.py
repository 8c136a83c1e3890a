"""What people received through a storm, in one process and in all together."""

from collections.abc import Mapping, Sequence
from statistics import quantiles
from typing import Any, Protocol

from bench.load.latency import Latencies, over_time
from bench.load.wire import LoadFailed


class Received(Protocol):
    """Somebody, and what came.

    :param lateness: when each message came, and how late.
    """

    topic: str
    missed: int
    repeated: int
    snapshots: int
    ready: float
    lateness: list[tuple[float, float]]


def tally(people: Sequence[Received], last: Mapping[str, int], returned: float) -> dict[str, Any]:
    """Return what some people received, as plain data.

    :param last: how much was published on each topic.
    :param returned: when they began to come back.
    """
    return {
        "clients": len(people),
        "published": sum(last.values()),
        "expected": sum(last.get(client.topic, 0) for client in people),
        "received": sum(len(client.lateness) for client in people),
        "missed": sum(client.missed for client in people),
        "repeated": sum(client.repeated for client in people),
        "snapshots": sum(client.snapshots - 1 for client in people if client.snapshots),
        "back": [round(client.ready - returned, 6) for client in people],
        "late": [
            [round(at - returned, 3), round(wait, 6)]
            for client in people
            for at, wait in client.lateness
            if at > returned
        ],
    }


def summed(tallies: Sequence[Mapping[str, Any]], report: Mapping[str, Any]) -> dict[str, Any]:
    """Return what everybody received, and what it took.

    :param tallies: what :func:`tally` returned, of all of them.
    :param report: what was measured of the server and the clients meanwhile.
    """

    def total(what: str) -> int:
        return sum(one[what] for one in tallies)

    server, clients = report["server"], total("clients")
    backs = [wait for one in tallies for wait in one["back"]]
    lates = [(at, wait) for one in tallies for at, wait in one["late"]]
    back, late = _percentiles(backs), _percentiles([wait for _, wait in lates])
    return {
        "clients": clients,
        "published": total("published"),
        "delivered_percent": round(100 * total("received") / total("expected"), 3),
        "missed": total("missed"),
        "repeated": total("repeated"),
        "snapshots_after_drop": total("snapshots"),
        "back_p50_s": round(back[49], 3),
        "back_p99_s": round(back[98], 3),
        "late_p50_s": round(late[49], 3),
        "late_p99_s": round(late[98], 3),
        "server_worst_stall_ms": report.get("worst_stall_ms"),
        "server_busiest_round_ms": report.get("busiest_ms"),
        "return_s": round(report["seconds"], 2),
        "return_server_cpu_s": None if server is None else round(server, 2),
        "return_clients_cpu_s": round(report["clients"], 2),
        "return_server_us_each": None if server is None else round(server / clients * 1e6),
        **_plotted(backs, lates),
    }


def _percentiles(waits: Sequence[float]) -> list[float]:
    """Return the first to the 99th.

    :raises LoadFailed: nobody waited for anything.
    """
    if not waits:
        raise LoadFailed("nothing was published after the storm: give it more seconds")
    # One is not enough for the library; twice the same has the same percentiles.
    return quantiles(waits if len(waits) > 1 else [*waits, *waits], n=100, method="inclusive")


def _plotted(backs: Sequence[float], lates: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """Return the waits of everybody as histograms, and how late messages were second by second.

    :param lates: when each message came, since the return, and how late.
    """
    back, late = Latencies.of(backs), Latencies.of(wait for _, wait in lates)
    by_second: dict[int, Latencies] = {}
    for at, wait in lates:
        by_second.setdefault(int(at), Latencies()).record(wait)
    histograms = {"back": {"hdr": back.encode()}, "messages": {"hdr": late.encode()}}
    return {"waits": {**histograms, "over_time": over_time(by_second)}}
