"""Many generators as one: sharded over processes, started together, added up, and judged."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Self

import attrs

from bench.load.generator import Plan
from bench.load.latency import Latencies, over_time
from bench.load.marks import Heard, merged
from bench.load.target import Target
from bench.load.team import GENERATORS, LEAD, Team
from bench.load.watch import BUSY, Watch
from bench.load.wire import LoadFailed

SAMPLE = 0.25
"""Seconds between two looks at CPU and memory."""

LATE_MS = 10.0
"""How late a generator may send, 99th percentile, before it counts as the limit."""

FEW = 0.01
"""Of the answers: so many refusals for the rate of one person are none that matter."""

Said = Callable[[float], None]


@attrs.frozen
class Load:
    """What a whole load does; :class:`bench.load.generator.Plan` says what the members mean.

    :param senders: how many people of each generator send; 0: all.
    :param generators: processes that share the people.
    """

    people: Sequence[Sequence[tuple[str, dict[str, Any]]]]
    requests: Sequence[tuple[str, dict[str, Any]]]
    rate: float = 0.0
    warmup: float = 1.0
    seconds: float = 5.0
    depth: int = 1
    dialect: str = "greenroom"
    senders: int = 0
    rest: float = 0.0
    marked: bool = False
    seed: int = 1
    generators: int = GENERATORS


def _plans(urls: Sequence[str], load: Load) -> list[Plan]:
    number = load.generators
    return [
        Plan(
            url=urls[index % len(urls)],
            dialect=load.dialect,
            people=load.people[index::number],
            requests=load.requests,
            rate=load.rate * len(load.people[index::number]) / len(load.people),
            warmup=load.warmup,
            seconds=load.seconds,
            depth=load.depth,
            senders=load.senders,
            rest=load.rest,
            marked=load.marked,
            seed=load.seed * 1000 + index,
        )
        for index in range(min(number, len(load.people)))
    ]


class Swarm:
    """The generator processes of one load.

    :param urls: of several nodes, which the generators take in turn; else all take the target's.
    """

    def __init__(self, target: Target, load: Load, *, urls: Sequence[str] = ()) -> None:
        self._target = target
        self._load = load
        plans = _plans(urls or [target.url], load)
        self._team = Team("bench.load.generator", target, [attrs.asdict(plan) for plan in plans])
        self.series: list[dict[str, float]] = []
        self.heard: Heard = {}
        self.meant: dict[str, float] = {}

    @property
    def generators(self) -> int:
        """How many processes it has."""
        return len(self._team)

    def __enter__(self) -> Self:
        self._team.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._team.__exit__()

    def ready(self) -> None:
        """Wait until everybody is in.

        :raises LoadFailed: somebody could not get in.
        """
        self._team.hear()

    def run(self, said: Said = lambda _: None) -> dict[str, Any]:
        """Run the load; return the figures of all generators together and what the limit was.

        :param said: called with the part done, 0 to 1.
        """
        begin = time.monotonic() + LEAD
        self._team.tell(f"go {begin}")
        self._watch(begin, self._load.warmup + self._load.seconds, said)
        found = self._team.hear()
        figures = summed(found, self.series, self._load)
        self.heard, self.meant = merged(found)
        if figures["hung_up"] >= len(self._load.people) or not figures["done"]:
            why = "the server hung up on everybody" if figures["hung_up"] else "nobody was answered"
            measured = Latencies.merged(one["latency"] for one in found)
            raise LoadFailed(f"{why}; {measured.so_far()}")
        return figures

    def _watch(self, begin: float, length: float, said: Said) -> None:
        watch = Watch(self._target)
        watch.look()
        while (now := time.monotonic()) < begin + length:
            if self._team.look():
                return  # everybody was hung up on
            time.sleep(SAMPLE)
            said(min(1.0, max(0.0, now - begin) / length))
            sample = {"at": time.monotonic() - begin, **watch.look()}
            if sample["at"] > self._load.warmup:
                self.series.append(sample)


def summed(
    found: Sequence[dict[str, Any]], series: Sequence[dict[str, float]], load: Load
) -> dict[str, Any]:
    """Return the generators' results as one."""
    refused: Counter[str] = Counter()
    for one in found:
        refused.update(one["refused"])
    done = sum(one["done"] for one in found)
    latency = Latencies.merged(one[key] for one in found for key in ("latency", "in_vain"))
    lateness = Latencies.merged(one["lateness"] for one in found)
    servers = [sample["server"] for sample in series if "server" in sample]
    figures: dict[str, Any] = {
        "offered_per_second": load.rate or None,
        "done": done,
        "done_per_second": round(done / load.seconds, 1),
        "sent": sum(one["sent"] for one in found),
        "accepted": sum(one["accepted"] for one in found),
        "unanswered": sum(one["unanswered"] for one in found),
        "refused": dict(refused),
        "hung_up": sum(one["hung_up"] for one in found),
        "events": sum(one["events"] for one in found),
        "latency": latency.summary(),
        "generator_late_p99_ms": lateness.at(99) if len(lateness) else None,
        "generator_cpu": round(max(one["cpu"] for one in found), 3),
        "server_cpu": round(sum(servers) / len(servers), 3) if servers else None,
        "deepest_mailbox": max(
            (s["deepest_mailbox"] for s in series if "deepest_mailbox" in s), default=None
        ),
        "machine_cpu": round(sum(s["machine"] for s in series) / max(1, len(series)), 3),
        "over_time": _over_time(found),
        "series": [{key: round(value, 3) for key, value in s.items()} for s in series],
    }
    return figures | {"limit": limit(figures)}


def _over_time(found: Sequence[dict[str, Any]]) -> list[dict[str, float]]:
    by_second: dict[int, list[str]] = {}
    for one in found:
        for second, encoded in one["by_second"]:
            by_second.setdefault(second, []).append(encoded)
    return over_time({second: Latencies.merged(every) for second, every in by_second.items()})


def limit(figures: dict[str, Any]) -> str:
    """Say what was saturated: ``generator``, ``server``, ``machine`` or ``nothing``.

    ``the rate limit`` of the server's people is named first: whatever else was busy, it decided
    the figures. Then a generator that was late or busy: nothing is known of the server.
    """
    limited = figures.get("refused", {}).get("rate_limited", 0)
    if limited and limited > FEW * (limited + figures["done"]):
        return "the rate limit"
    late = figures["generator_late_p99_ms"]
    busy = figures["server_cpu"] is not None and figures["server_cpu"] >= BUSY
    if figures["generator_cpu"] >= BUSY or (late is not None and late > LATE_MS and not busy):
        return "generator"
    if busy:
        return "server"
    return "machine" if figures["machine_cpu"] >= BUSY else "nothing"
