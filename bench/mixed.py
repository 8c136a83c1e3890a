"""A whole fair at once.

Hosts and audiences of several sessions come in over a ramp, do what people do with think times,
drop and come back, go home and come again; guests and employees have 1-1 chats. The sessions are
shared out over processes (:mod:`bench.fair_part`).

``python -m bench.mixed`` tells the commands a second, their latency from the intended time, and
whether everything that was acknowledged holds at the end.
"""

import argparse
import json
import time
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import attrs
import trio

from bench.diary import ROWS, Summary, summed
from bench.fair_chats import SHORT, USUAL, Times
from bench.fair_checks import REMINDERS, end_chats, end_sessions, left_behind, settled
from bench.fair_part import Layout
from bench.load import brief
from bench.load.target import PROGRAM, Flaws, Target, described, opened
from bench.load.team import GENERATORS, LEAD, Team
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

REMINDED_SECONDS = 1_200.0
"""After the daemon was killed: the slots that were booked then are over."""

MB = 1e6


class Fair:
    """A fair, and what is watched while it is held.

    :param seconds: after everybody has come.
    :param flaws: what goes wrong meanwhile.
    """

    def __init__(
        self, target: Target, people: int, seconds: float, flaws: Flaws | None = None
    ) -> None:
        self.target = target
        self.slots = SHORT if target.daemon is not None and flaws is None else USUAL
        self.layout = Layout(
            people=people,
            sessions=[
                f"{target.event}-s{number}" for number in range(max(1, people // PER_SESSION))
            ],
            pairs=max(1, people // PER_PAIR),
            ramp=min(RAMP_SECONDS, seconds * RAMP_PART),
            seconds=seconds,
            think=THINK,
            step=max(1.0, seconds / ROWS),
            short=self.slots is SHORT,
            tidy=flaws is not None,
        )
        self.times = Times.of(self.slots, datetime.now(UTC), self.layout.ramp, seconds)
        self.series: list[dict[str, float]] = []
        self.before: dict[str, float] = {}
        self.after: dict[str, float] = {}
        self.workers_killed = 0
        self._every = max(SAMPLE, seconds / ROUGH)
        self._flaws = flaws

    def team(self, generators: int) -> Team:
        """Return the processes that hold it: each has a session at least."""
        number = min(generators, len(self.layout.sessions))
        layouts = [attrs.evolve(self.layout, index=one, number=number) for one in range(number)]
        return Team("bench.fair_part", self.target, [attrs.asdict(one) for one in layouts])

    def load(self) -> None:
        """Bring the event; look first what the server holds without its sessions, as at the end."""
        event = described(self.target.event, self.layout.sessions, **self.times.event(self.slots))
        event["company"][0]["slots"] = self.slots.quota * self.layout.pairs
        if self._flaws is not None:
            self.target.load({**event, "session": []})
            self.before = trio.run(settled, self.target)
        self.target.load(event)

    async def run(self, team: Team) -> tuple[Summary, list[str]]:
        """Hold the fair; return what came of it, and the promises that were broken."""
        flaws, layout = self._flaws, self.layout
        await trio.sleep(max(0.0, (self.times.begins - datetime.now(UTC)).total_seconds()))
        team.tell(f"go {time.monotonic() + LEAD}")
        begun = trio.current_time() + LEAD
        measured, until = begun + layout.ramp, begun + layout.ramp + layout.seconds
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sample, self.target, team.used, self.series, measured, self._every)
            if flaws is not None:
                nursery.start_soon(self._break_things, flaws, begun, until)
            found = await team.heard()
            nursery.cancel_scope.cancel()
        summary = summed([one["diary"] for one in found], layout.step)
        broken = self._unended(summary) + [sentence for one in found for sentence in one["broken"]]
        if flaws is not None:
            await end_chats(self.target, layout.pairs)
            await end_sessions(self.target, layout.sessions)
            soon = layout.seconds * (1 - flaws.kill_at) < REMINDED_SECONDS
            reminders = REMINDERS * layout.pairs if soon else 0
            left, self.after = await left_behind(self.target, self.before, reminders)
            broken += left
        return summary, broken

    def _unended(self, summary: Summary) -> list[str]:
        expected = self.times.to_the_end and self.layout.pairs >= CHATS_PAIRS
        if not expected or summary.chats["ended_with_both"]:
            return []
        return ["no 1-1 chat came to its end with both there"]

    async def _break_things(self, flaws: Flaws, begun: float, until: float) -> None:
        """Kill the daemon once, and media workers now and then."""
        kill_at = begun + self.layout.ramp + self.layout.seconds * flaws.kill_at
        killed = False
        due = begun + flaws.worker_seconds
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
    generators: int,
    url: str | None,
    token_key: str | None,
    flaws: Flaws | None = None,
) -> dict[str, Any]:
    """Hold a fair and return what came of it."""
    program = brief.PROGRAM if flaws is None else PROGRAM
    with opened(url, token_key, flaws, program=program) as target:
        fair = Fair(target, people, seconds, flaws)
        with fair.team(generators) as team:
            fair.load()
            team.hear()
            summary, broken = trio.run(fair.run, team)
    return {"generators": len(team), **_result(fair, summary, broken)}


def _result(fair: Fair, summary: Summary, broken: list[str]) -> dict[str, Any]:
    layout, series = fair.layout, [one for one in fair.series if one["at"] > 0]
    return {
        "people": layout.people,
        "sessions": len(layout.sessions),
        "seconds": layout.seconds,
        "commands_per_second": round(summary.counts["commands_carried_out"] / layout.seconds, 1),
        **summary.figures(),
        **summary.counts,
        "chats": {
            "pairs": layout.pairs,
            **summary.chats,
            "long_enough_for_an_end": fair.times.to_the_end,
        },
        "media_workers_killed": fair.workers_killed,
        "actors_restarted": _grown(series, "restarts"),
        "broken": broken,
        "before": fair.before,
        "after": fair.after,
        "series": [{key: round(value, 3) for key, value in one.items()} for one in series],
        "server_starved": mean(series, "starved"),
        "limit": limit_of(series),
    }


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
    generators: int = GENERATORS,
    url: str | None = None,
    token_key: str | None = None,
) -> dict[str, Any]:
    """Hold a fair.

    :param seconds: after everybody has come.
    :param generators: processes that share the sessions.
    """
    return {"bench": "mixed", **hold(people, seconds, generators, url, token_key)}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=150)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--generators", type=int, default=GENERATORS)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    result = run(given.people, given.seconds, given.generators)
    if not given.json:
        for name in ("over_time", "series", "by_method"):
            result.pop(name)
        result["latency"].pop("hdr", None)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    command(main)
