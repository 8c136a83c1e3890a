"""Hold ``mixed`` for long, kill the daemon in the middle, and see what grows or gets lost.

Memory and open files are watched after the restart; half an hour is what a figure needs.
"""

import argparse
import json
from typing import Any

from bench.mixed import MB, hold, slope

WARM_PART = 0.6
"""Of the time: the restart in the middle and its warm-up are over by then."""

SLOPE_SECONDS = 300.0
"""Watched for less, memory says nothing of an hour."""


def run(people: int = 150, seconds: float = 1_800.0) -> dict[str, Any]:
    """Hold a fair, kill the daemon in the middle, and return what came of it.

    :param seconds: after everybody has come.
    """
    result = hold(people, seconds, None, None, crash=True)
    warm = [one for one in result["series"] if one["at"] > seconds * WARM_PART]
    watched = warm[-1]["at"] - warm[0]["at"] if warm else 0.0
    growth = slope(warm) if watched >= SLOPE_SECONDS else None
    files = [one["files"] for one in warm if "files" in one]
    return {
        "bench": "soak",
        **result,
        "memory_mb_per_hour": None if growth is None else round(growth / MB, 2),
        "files_open": [min(files), max(files)] if files else [],
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=150)
    parser.add_argument("--seconds", type=float, default=1_800.0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    result = run(given.people, given.seconds)
    if not given.json:
        for name in ("over_time", "series", "by_method"):
            result.pop(name)
        result["latency"].pop("hdr", None)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
