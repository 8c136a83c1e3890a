"""Many simulations, over all cores, each repeatable by its seed.

A set of texts has another order in each process unless ``PYTHONHASHSEED`` is fixed; here it is.
``python -m bench.simulate_many PLAN SEED…`` runs some seeds and prints an outcome a line.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs

from actors.errors import GreenroomError
from bench.simulate import Plan, simulate

CHUNK = 10
"""Seeds a process runs before its outcomes are told."""

CHUNK_SECONDS = 600.0


class SimulationStuck(GreenroomError):  # noqa: N818  said of the run
    """A simulation ended without an outcome."""


def outcomes(seeds: Sequence[int], **plan: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the outcome of each seed, in their order.

    :param plan: what :class:`bench.simulate.Plan` says of people, minutes and faults.
    :raises SimulationStuck: a process failed or took too long.
    """
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for found in pool.map(lambda chunk: _apart(chunk, plan), _chunks(seeds)):
            yield from found


def _chunks(seeds: Sequence[int]) -> Iterator[Sequence[int]]:
    for first in range(0, len(seeds), CHUNK):
        yield seeds[first : first + CHUNK]


def _apart(seeds: Sequence[int], plan: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    command = [sys.executable, "-m", "bench.simulate_many", json.dumps(plan), *map(str, seeds)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=CHUNK_SECONDS, check=False,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise SimulationStuck(f"seeds {seeds[0]} to {seeds[-1]} are stuck") from None
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no word"]
        raise SimulationStuck(f"seeds {seeds[0]} to {seeds[-1]} failed: {last[0]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def main() -> None:
    """Run some seeds."""
    plan = json.loads(sys.argv[1])
    for seed in map(int, sys.argv[2:]):
        print(json.dumps(attrs.asdict(simulate(Plan(seed=seed, **plan)))), flush=True)


if __name__ == "__main__":
    main()
