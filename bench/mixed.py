"""A whole fair at once.

Hosts and audiences of several sessions come in over a ramp, do what people do with think times,
drop and come back. ``python -m bench.mixed`` tells the commands a second, their latency from the
intended time, and whether everything that was acknowledged is there at the end.
"""

import argparse
import json
import time
from typing import Any

import psutil
import trio

from bench.attendee import Attendee, Diary, Host
from bench.load.latency import Latencies
from bench.load.swarm import BUSY
from bench.load.target import Target, described, opened
from transport.client import Client, open_client

PER_SESSION = 30
THINK = 4.0
SAMPLE = 0.5
RAMP_PART = 0.25
"""Of the time, over which people come; it is the warm-up as well."""

SETTLE = 3.0
PAGE = 100
PAGE_PAUSE = 0.05
MB = 1e6


class Fair:
    """The people, and what is watched while they are there."""

    def __init__(self, target: Target, people: int, seconds: float, *, crash: bool) -> None:
        sessions = max(1, people // PER_SESSION)
        self.target = target
        self.seconds = seconds
        self.diary = Diary()
        self.series: list[dict[str, float]] = []
        self.sessions = [f"{target.event}-s{number}" for number in range(sessions)]
        self._crash = crash
        self._people: list[Attendee] = [
            Host(target, f"host-{name}", name, self.diary, think=THINK, seed=number)
            for number, name in enumerate(self.sessions)
        ]
        self._people += [
            Attendee(target, f"p-{number}", self.sessions[number % sessions], self.diary,
                     think=THINK, seed=1_000 + number)
            for number in range(people)
        ]  # fmt: skip

    async def run(self) -> list[str]:
        """Hold the fair; return the promises that were broken."""
        begun = self.diary.begun = trio.current_time()
        ramp = self.seconds * RAMP_PART
        self.diary.measured = begun + ramp
        until = begun + ramp + self.seconds
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch)
            for number, person in enumerate(self._people):
                nursery.start_soon(self._arrive, person, number, ramp, until)
            if self._crash:
                await trio.sleep_until(begun + ramp + self.seconds / 2)
                await trio.to_thread.run_sync(self.target.crash)
            await trio.sleep_until(until + SETTLE)
            for person in self._people:
                person.account()
            broken = await self._check()
            nursery.cancel_scope.cancel()
        return broken

    async def _arrive(self, person: Attendee, number: int, ramp: float, until: float) -> None:
        hosts = len(self.sessions)
        # Hosts come first; the others wait for the doors they open.
        wait = 0.0 if number < hosts else 0.5 + ramp * (number - hosts) / len(self._people)
        await trio.sleep(wait)
        await person.run(until)

    async def _watch(self) -> None:
        psutil.cpu_percent()
        spent, at = 0.0, trio.current_time()
        ours = time.process_time()
        while True:
            await trio.sleep(SAMPLE)
            now = trio.current_time()
            sample = {"at": now - self.diary.measured, "machine": psutil.cpu_percent() / 100}
            sample["generator"] = (time.process_time() - ours) / (now - at)
            try:
                sample |= self._of_server(spent, now - at)
                spent = sample.pop("cpu_seconds", 0.0)
            except psutil.NoSuchProcess:
                spent = 0.0  # killed; the next one starts from nothing
            ours, at = time.process_time(), now
            self.series.append(sample)

    def _of_server(self, before: float, seconds: float) -> dict[str, float]:
        process = self.target.process()
        if process is None:
            return {}
        times = process.cpu_times()
        spent = times.user + times.system
        return {
            "cpu_seconds": spent,
            "server": max(0.0, spent - before) / seconds if before else 0.0,
            "rss": process.memory_info().rss,
            "files": process.num_fds(),
        }

    # At the end

    async def _check(self) -> list[str]:
        """Return what was acknowledged and is not there once."""
        broken = []
        for session in self.sessions:
            token = self.target.token(f"host-{session}", sessions=frozenset({session}))
            async with open_client(self.target.url, token) as client:
                kept = await _history(client, f"session/{session}")
            said = [text for text, where in self.diary.said.items() if where == session]
            broken += [
                f"{text!r} was acknowledged and is gone" for text in said if text not in kept
            ]
            broken += [f"{text!r} is there {n} times" for text, n in kept.items() if n > 1]
        return broken


async def _history(client: Client, topic: str) -> dict[str, int]:
    kept: dict[str, int] = {}
    before: str | None = None
    while True:
        more: dict[str, Any] = {"before": before} if before else {}
        page = await client.call("chat.history", topic=topic, limit=PAGE, **more)
        if not page["messages"]:
            return kept
        for message in page["messages"]:
            kept[message["text"]] = kept.get(message["text"], 0) + 1
        before = min((message["id"] for message in page["messages"]), key=int)
        await trio.sleep(PAGE_PAUSE)  # within the rate of one person


def hold(
    people: int, seconds: float, url: str | None, token_key: str | None, *, crash: bool
) -> dict[str, Any]:
    """Hold a fair and return what came of it."""
    with opened(url, token_key) as target:
        fair = Fair(target, people, seconds, crash=crash)
        target.load(described(target.event, fair.sessions))
        broken = trio.run(fair.run)
    return _result(fair, people, seconds, broken)


def _result(fair: Fair, people: int, seconds: float, broken: list[str]) -> dict[str, Any]:
    diary, series = fair.diary, [one for one in fair.series if one["at"] > 0]
    return {
        "people": people,
        "sessions": len(fair.sessions),
        "seconds": seconds,
        "commands_per_second": round(len(diary.latencies) / seconds, 1),
        "latency": diary.latencies.summary(),
        "by_method": {name: one.summary() for name, one in sorted(diary.by_method.items())},
        "events_received": diary.events,
        "acknowledged_messages": len(diary.said),
        "reconnects": diary.reconnects,
        "topics_reloaded": diary.reloaded,
        "refused": dict(diary.refused),
        "failures": dict(diary.failed),
        "failed": sum(diary.failed.values()),
        "broken": broken,
        "over_time": [_second(second, one) for second, one in sorted(diary.by_second.items())],
        "series": [{key: round(value, 3) for key, value in one.items()} for one in series],
        "limit": _limit(series),
    }


def _second(second: int, found: Latencies) -> dict[str, float]:
    return {
        "second": second, "done": len(found), "p50_ms": found.at(50), "p99_ms": found.at(99),
    }  # fmt: skip


def _limit(series: list[dict[str, float]]) -> str:
    for who in ("generator", "server", "machine"):
        shares = [one[who] for one in series if who in one]
        if shares and sum(shares) / len(shares) >= BUSY:
            return who
    return "nothing"


def slope(series: list[dict[str, float]], key: str = "rss") -> float | None:
    """Return the growth of a sampled figure an hour, by least squares; None if too few."""
    points = [(one["at"] / 3600, one[key]) for one in series if key in one]
    if len(points) < 4:  # noqa: PLR2004  fewer tell nothing
        return None
    middle_x = sum(x for x, _ in points) / len(points)
    middle_y = sum(y for _, y in points) / len(points)
    spread = sum((x - middle_x) ** 2 for x, _ in points)
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / spread if spread else None


def run(
    people: int = 150,
    seconds: float = 60.0,
    url: str | None = None,
    token_key: str | None = None,
) -> dict[str, Any]:
    """Hold a fair.

    :param seconds: after everybody has come.
    """
    return {"bench": "mixed", **hold(people, seconds, url, token_key, crash=False)}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=150)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--url")
    parser.add_argument("--token-key")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    result = run(given.people, given.seconds, given.url, given.token_key)
    if not given.json:
        for name in ("over_time", "series", "by_method"):
            result.pop(name)
        result["latency"].pop("hdr", None)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
