"""A whole fair at once.

Hosts and audiences of several sessions come in over a ramp, do what people do with think times,
drop and come back, go home and come again; guests and employees have 1-1 chats.

``python -m bench.mixed`` tells the commands a second, their latency from the intended time, and
whether everything that was acknowledged holds at the end.
"""

import argparse
import json
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import trio

from bench.attendee import ROWS, Attendee, Diary, Host
from bench.fair_chats import SHORT, USUAL, Partner, Times, pairs
from bench.fair_checks import (
    end_chats,
    end_sessions,
    left_behind,
    promises,
    promises_of_chats,
    quiet,
    settled,
)
from bench.load import brief
from bench.load.lookout import watch_over
from bench.load.target import PROGRAM, Flaws, Target, described, opened
from bench.load.watch import limit_of, mean, sample
from bench.script import command

PER_SESSION = 30
PER_PAIR = 10
"""People for each pair of a guest and an employee who have 1-1 chats; the pair comes on top."""

THINK = 4.0
SAMPLE = 0.5
RAMP_PART = 0.25
"""Of the time, over which people come; it is the warm-up as well."""

RAMP_SECONDS = 60.0
"""Longest ramp."""

ROUGH = 2_000
"""Samples kept; of a longer fair every second, third … one."""

CHATS_PAIRS = 10
"""With so many pairs, some 1-1 chat must have come to its end in a fair that is long enough."""

ENTER_WITHIN = timedelta(seconds=45)
"""A 1-1 chat that could be entered for so long must have been."""

MB = 1e6


class Fair:
    """The people, and what is watched while they are there.

    :param seconds: after everybody has come.
    :param flaws: what goes wrong meanwhile.
    """

    def __init__(
        self, target: Target, people: int, seconds: float, flaws: Flaws | None = None
    ) -> None:
        sessions = max(1, people // PER_SESSION)
        self.target = target
        self.seconds = seconds
        self.ramp = min(RAMP_SECONDS, seconds * RAMP_PART)
        self.slots = SHORT if target.daemon is not None and flaws is None else USUAL
        self.times = Times.of(self.slots, datetime.now(UTC), self.ramp, seconds)
        self.diary = Diary(step=max(1.0, seconds / ROWS))
        self.series: list[dict[str, float]] = []
        self.sessions = [f"{target.event}-s{number}" for number in range(sessions)]
        self.before: dict[str, float] = {}
        self.after: dict[str, float] = {}
        self.workers_killed = 0
        self._every = max(SAMPLE, seconds / ROUGH)
        self._flaws = flaws
        self._people: list[Attendee] = [
            Host(target, f"host-{name}", name, self.diary, think=THINK, seed=number)
            for number, name in enumerate(self.sessions)
        ]
        self.pairs = max(1, people // PER_PAIR)
        self._people += pairs(
            target, self.pairs, self.sessions, self.diary,
            slots=self.slots, think=THINK, tidy=flaws is not None,
        )  # fmt: skip
        self._people += [
            Attendee(target, f"p-{number}", self.sessions[number % sessions], self.diary,
                     think=THINK, seed=1_000 + number)
            for number in range(people)
        ]  # fmt: skip

    async def run(self) -> list[str]:
        """Hold the fair; return the promises that were broken."""
        flaws = self._flaws
        if flaws is not None:
            self.before = await settled(self.target, flaws.idle_seconds * 2)
        await trio.sleep(max(0.0, (self.times.begins - datetime.now(UTC)).total_seconds()))
        begun = self.diary.begun = trio.current_time()
        self.diary.measured = begun + self.ramp
        until = begun + self.ramp + self.seconds
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sample, self.target, self.series, self.diary.measured, self._every)
            nursery.start_soon(watch_over, self.target, self.diary.latencies.so_far)
            for number, person in enumerate(self._people):
                nursery.start_soon(self._arrive, person, number, until)
            if flaws is not None:
                nursery.start_soon(self._break_things, flaws, until)
            await trio.sleep_until(until)
            self.over = datetime.now(UTC)
            waiting = await quiet(self.diary)
            broken = [f"{waiting} calls were still without an answer"] if waiting else []
            broken += unentered(self.diary, self.over)
            broken += self._untold()
            broken += await promises(self.target, self.sessions, self.diary)
            broken += await promises_of_chats(self.target, self.pairs, self.diary)
            nursery.cancel_scope.cancel()
        if flaws is not None:
            await end_chats(self.target, self.pairs)
            await end_sessions(self.target, self.sessions)
            left, self.after = await left_behind(self.target, self.before)
            broken += left
        return broken

    def _untold(self) -> list[str]:
        """Name those who sit in a 1-1 chat that is over, and were not told."""
        now, ended = datetime.now(UTC), self.diary.ended.values()
        if self.times.to_the_end and self.pairs >= CHATS_PAIRS and not _both(ended):
            return ["no 1-1 chat came to its end with both there"]
        partners = (person for person in self._people if isinstance(person, Partner))
        return [
            f"{partner.name} was not told of the end of 1-1 chat {chat}"
            for partner in partners
            if (chat := partner.untold(now))
        ]

    async def _arrive(self, person: Attendee, number: int, until: float) -> None:
        hosts = len(self.sessions)
        # Hosts come first; the others wait for the doors they open.
        wait = 0.0 if number < hosts else 0.5 + self.ramp * (number - hosts) / len(self._people)
        await trio.sleep(wait)
        await person.run(until)

    async def _break_things(self, flaws: Flaws, until: float) -> None:
        """Kill the daemon once, and media workers now and then."""
        kill_at = self.diary.measured + self.seconds * flaws.kill_at
        killed = False
        due = self.diary.begun + flaws.worker_seconds
        while due < until:
            if due > kill_at and not killed:
                await trio.sleep_until(kill_at)
                await trio.to_thread.run_sync(self.target.crash)
                killed = True
            await trio.sleep_until(due)
            self.workers_killed += self.target.kill_worker()
            due += flaws.worker_seconds


def hold(
    people: int,
    seconds: float,
    url: str | None,
    token_key: str | None,
    flaws: Flaws | None = None,
) -> dict[str, Any]:
    """Hold a fair and return what came of it."""
    program = brief.PROGRAM if flaws is None else PROGRAM
    with opened(url, token_key, flaws, program=program) as target:
        fair = Fair(target, people, seconds, flaws)
        event = described(target.event, fair.sessions, **fair.times.event(fair.slots))
        event["company"][0]["slots"] = fair.slots.quota * fair.pairs
        target.load(event)
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
        "chats": {
            "pairs": fair.pairs,
            "booked": len(diary.booked),
            "entered": len(diary.entered & diary.booked.keys()),
            "entries": diary.entries,
            "met": len(diary.met),
            "told_it_ends_soon": diary.warned,
            "told_of_the_end": sum(map(len, diary.ended.values())),
            "ended_with_both": _both(diary.ended.values()),
            "long_enough_for_an_end": fair.times.to_the_end,
            "acknowledged_messages": len(diary.aside),
        },
        "visits": diary.visits,
        "reconnects": diary.reconnects,
        "topics_reloaded": diary.reloaded,
        "media_workers_killed": fair.workers_killed,
        "actors_restarted": _grown(series, "restarts"),
        "refused": dict(diary.refused),
        "failures": dict(diary.failed),
        "failed": sum(diary.failed.values()),
        "broken": broken,
        "before": fair.before,
        "after": fair.after,
        "over_time": diary.rows(),
        "series": [{key: round(value, 3) for key, value in one.items()} for one in series],
        "server_starved": mean(series, "starved"),
        "limit": limit_of(series),
    }


def unentered(diary: Diary, now: datetime) -> list[str]:
    """Name the booked 1-1 chats that could be entered for long, and were not."""
    return [
        f"1-1 chat {chat} could be entered since {since:%H:%M:%S}, and nobody came"
        for chat, (since, until) in diary.open.items()
        if chat not in diary.entered and min(now, until) - since > ENTER_WITHIN
    ]


def _both(ended: Iterable[Collection[str]]) -> int:
    """Return of how many 1-1 chats both sides were told that they are over."""
    return sum(len(told) == 2 for told in ended)  # noqa: PLR2004  sides


def _grown(series: list[dict[str, float]], key: str) -> int:
    """Return how much a counter grew in all, over restarts of the server."""
    values = [one[key] for one in series if key in one]
    steps = pairwise(values)
    return round(sum(after - before if after >= before else after for before, after in steps))


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
    return {"bench": "mixed", **hold(people, seconds, url, token_key)}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=150)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    result = run(given.people, given.seconds)
    if not given.json:
        for name in ("over_time", "series", "by_method"):
            result.pop(name)
        result["latency"].pop("hdr", None)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    command(main)
