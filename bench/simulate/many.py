"""Many simulations, over all cores, each repeatable by its seed.

``python -m bench.simulate.many PLAN SEED…`` runs some seeds and prints an outcome a line.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import ceil
from typing import Any

import attrs

from actors.errors import GreenroomError
from bench.simulate.plan import Outcome, Plan
from bench.simulate.run import simulate

CHUNK = 20
"""Seeds a process runs at most before its outcomes are told."""

CHUNK_SECONDS = 600.0


class SimulationStuck(GreenroomError):  # noqa: N818  said of the run
    """A simulation ended without an outcome."""


def outcomes(seeds: Sequence[int], **plan: Any) -> Iterator[Outcome]:
    """Yield the outcome of each seed, in their order.

    :param plan: what :class:`bench.simulate.Plan` says besides the seed.
    :raises SimulationStuck: a process failed or took too long.
    """
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for found in pool.map(lambda chunk: _apart(chunk, plan), _chunks(seeds)):
            yield from found


def _chunks(seeds: Sequence[int]) -> Iterator[Sequence[int]]:
    size = max(1, min(CHUNK, ceil(len(seeds) / (os.cpu_count() or 1))))
    for first in range(0, len(seeds), size):
        yield seeds[first : first + size]


def _apart(seeds: Sequence[int], plan: Mapping[str, Any]) -> list[Outcome]:
    command = [sys.executable, "-m", "bench.simulate.many", json.dumps(plan), *map(str, seeds)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=CHUNK_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise SimulationStuck(f"seeds {seeds[0]} to {seeds[-1]} are stuck") from None
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no word"]
        raise SimulationStuck(f"seeds {seeds[0]} to {seeds[-1]} failed: {last[0]}")
    return [_outcome(json.loads(line)) for line in done.stdout.splitlines()]


def _outcome(told: dict[str, Any]) -> Outcome:
    return Outcome(**{**told, "broken": tuple(told["broken"])})


def main() -> None:
    """Run some seeds."""
    plan, seeds = json.loads(sys.argv[1]), [int(seed) for seed in sys.argv[2:]]
    for seed in seeds:
        outcome = simulate(Plan(seed=seed, **plan), last=seed == seeds[-1])
        print(json.dumps(attrs.asdict(outcome)), flush=True)


if __name__ == "__main__":
    main()
