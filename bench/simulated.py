"""Many small fairs and a large one on a clock that jumps: what ``greenroom simulate`` plays.

``python -m bench.simulated`` tells whether a promise was broken, and how fast simulated time goes.
"""

import argparse
import json
import time
from typing import Any

from bench.load.wire import LoadFailed
from bench.script import command
from bench.simulate import Plan
from bench.simulate.many import outcomes

SEEDS, PEOPLE, DAYS = 30, 10_000, 7


def _played(first: int, seeds: int, people: int, days: int) -> dict[str, Any]:
    begun = time.monotonic()
    found = list(outcomes(range(first, first + seeds), people=people, days=days))
    took = time.monotonic() - begun
    return {
        "fairs": seeds,
        "people": people,
        "days": days,
        "broken": sum(bool(each.broken) for each in found),
        "seconds_each": round(sum(each.seconds for each in found) / seeds, 2),
        "commands_per_second": round(sum(each.commands for each in found) / took),
        "times_as_fast": round(sum(each.simulated_seconds for each in found) / took),
        "again": [
            Plan(seed=each.seed, people=people, days=days).command for each in found if each.broken
        ],
    }


def run(
    seeds: int = SEEDS, people: int = PEOPLE, days: int = DAYS, seed: int = 1
) -> dict[str, Any]:
    """Play the fairs over all cores; return what came of them.

    :param seeds: small fairs, of five people and two days each.
    :param people: of the large fair; ``days`` likewise.
    :param seed: the first.
    :raises LoadFailed: there is nothing to play.
    :raises SimulationStuck: one did not end.
    """
    if min(seeds, people, days) < 1:
        raise LoadFailed("a simulation needs seeds, people and days, at least one of each")
    small = _played(seed, seeds, Plan(seed=seed).people, Plan(seed=seed).days)
    return {"bench": "simulate", "small": small, "large": _played(seed, 1, people, days)}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--seed", type=int, default=1)
    print(json.dumps(run(**vars(parser.parse_args())), indent=2))


if __name__ == "__main__":
    command(main)
