"""Many simulations, over all cores, each repeatable by its seed.

``python -m bench.simulate.many PLAN SEED…`` runs some seeds and prints an outcome a line.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from queue import Empty, SimpleQueue
from tempfile import TemporaryFile
from threading import Thread
from typing import Any, Self

import attrs

from actors.errors import GreenroomError
from bench.simulate.plan import Outcome, Plan
from bench.simulate.run import simulate

OUTCOME_SECONDS = 600.0
"""How long an outcome is waited for."""


class SimulationStuck(GreenroomError):  # noqa: N818  said of the run
    """A simulation ended without an outcome."""


def outcomes(seeds: Sequence[int], **plan: Any) -> Iterator[Outcome]:
    """Yield the outcome of each seed, in their order.

    Each core has a process of its own to the end: starting one takes as long as ten small fairs.

    :param plan: what :class:`bench.simulate.Plan` says besides the seed.
    :raises SimulationStuck: a process failed or took too long.
    """
    cores = min(len(seeds), os.cpu_count() or 1)
    with ExitStack() as stack:
        players = [stack.enter_context(_Player(seeds[n::cores], plan)) for n in range(cores)]
        for number, seed in enumerate(seeds):
            yield players[number % cores].outcome(seed)


class _Player:
    """A process that plays some seeds one after the other."""

    def __init__(self, seeds: Sequence[int], plan: Mapping[str, Any]) -> None:
        self._command = [sys.executable, "-m", "bench.simulate.many", json.dumps(plan)]
        self._command += map(str, seeds)
        self._lines: SimpleQueue[str] = SimpleQueue()
        """As many as there are seeds, and an empty one at the end."""

    def __enter__(self) -> Self:
        self._said = TemporaryFile("w+")
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=self._said, text=True
        )
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._process, self._said:
            self._process.kill()
            self._reader.join()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._lines.put(line)
        self._lines.put("")

    def outcome(self, seed: int) -> Outcome:
        """Return the next outcome, which is that of a seed."""
        try:
            line = self._lines.get(timeout=OUTCOME_SECONDS)
        except Empty:
            raise SimulationStuck(f"seed {seed} is stuck") from None
        if not line:
            raise SimulationStuck(f"seed {seed} failed: {self._last_words()}")
        told = json.loads(line)
        return Outcome(**{**told, "broken": tuple(told["broken"])})

    def _last_words(self) -> str:
        self._said.seek(0)
        lines = (line.strip(" |+-\n") for line in self._said)  # the drawing around a group's
        return ([line for line in lines if line] or ["no word"])[-1]


def main() -> None:
    """Run some seeds."""
    plan, seeds = json.loads(sys.argv[1]), [int(seed) for seed in sys.argv[2:]]
    for seed in seeds:
        outcome = simulate(Plan(seed=seed, **plan), last=seed == seeds[-1])
        print(json.dumps(attrs.asdict(outcome)), flush=True)


if __name__ == "__main__":
    main()
