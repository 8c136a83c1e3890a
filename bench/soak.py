"""Hold ``mixed`` for long while things die, and see what grows, gets lost or is left behind.

The daemon is killed once, early on; actors and media workers die all the time. Memory is watched
over the second half, when all stores are full; an hour is what a figure needs. At the end everybody
leaves, and actors, tasks and files must be as they were before anybody came. Nothing is killed in a
deployment of somebody's own: there it is the load alone, and what the server tells of itself.
"""

import argparse
import json
from itertools import groupby
from operator import itemgetter
from typing import Any

from bench.load.target import Flaws
from bench.load.team import GENERATORS
from bench.mixed import MB, hold, slope
from bench.script import command

KILL_PART = 0.1
"""Of the time, after which the daemon is killed."""

WARM_PART = 0.5
"""Of the time: the restart and its warm-up are over by then. In an hour that is 24 minutes after
the restart. All that is kept by number or by time is full after ten (2,000 messages a session are,
and what is known of tokens for ten minutes after their last use: ``docs/limits.md``). The heap may
still take a step or two by then, of Python's 1 MiB each."""

SLOPE_SECONDS = 300.0
"""Watched for less, memory says nothing of an hour."""

THOUSAND = 1_000.0

FLOOR_SECONDS = 60.0
"""Of these the least memory counts."""


def flaws_of(seconds: float) -> Flaws:
    """Return what goes wrong in a soak of so many seconds."""
    return Flaws(
        kill_at=KILL_PART,
        actor_seconds=min(15.0, seconds / 6),
        worker_seconds=min(60.0, seconds / 3),
        idle_seconds=3.0,
    )


def floors(series: list[dict[str, float]], key: str = "rss") -> list[dict[str, float]]:
    """Return the sample with the least memory of each minute.

    What is free is given back every ten seconds and taken again between: the least is what is in
    use, and the rest swings by more in a minute than a leak would add in an hour.

    :param key: the sampled figure of it.
    """
    minutes = groupby(series, key=lambda one: one["at"] // FLOOR_SECONDS)
    return [min(minute, key=itemgetter(key)) for _, minute in minutes]


def growth(series: list[dict[str, float]], key: str, unit: float) -> float | None:
    """Return how a figure's least of each minute grew in an hour; None if too little is known."""
    known = [one for one in series if key in one]
    grown = slope(floors(known, key), key)
    return None if grown is None else round(grown / unit, 2)


def watched(series: list[dict[str, float]], seconds: float) -> list[dict[str, float]]:
    """Return the samples of memory that count: after the warm-up, as long as the fair is held.

    Afterwards all sessions and 1-1 chats are read to their first message, which no fair does.
    """
    return [one for one in series if seconds * WARM_PART < one["at"] <= seconds and "rss" in one]


def run(
    people: int = 150,
    seconds: float = 3_600.0,
    generators: int = GENERATORS,
    url: str | None = None,
    token_key: str | None = None,
) -> dict[str, Any]:
    """Hold a fair while things die, and return what came of it.

    :param seconds: after everybody has come.
    :param generators: processes that share the sessions.
    """
    flaws = flaws_of(seconds) if url is None else None
    result = hold(people, seconds, generators, url, token_key, flaws)
    warm = watched(result["series"], seconds)
    enough = bool(warm) and warm[-1]["at"] - warm[0]["at"] >= SLOPE_SECONDS
    all_samples = slope(warm)
    files = [one["files"] for one in warm if "files" in one]
    return {
        "bench": "soak",
        **result,
        "memory_mb_per_hour": growth(warm, "rss", MB) if enough else None,
        "memory_of_all_samples_mb_per_hour": (
            round(all_samples / MB, 2) if enough and all_samples is not None else None
        ),
        "heap_in_use_mb_per_hour": growth(warm, "heap", MB) if enough else None,
        "blocks_in_use_thousands_per_hour": growth(warm, "blocks", THOUSAND) if enough else None,
        "files_open": [min(files), max(files)] if files else [],
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=150)
    parser.add_argument("--seconds", type=float, default=3_600.0)
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
