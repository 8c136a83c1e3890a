"""Results as files: one JSON file a bench, with the machine, the command and every run."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import attrs

from actors.errors import GreenroomError
from bench.figures import Figure, read

FOLDER = Path("bench") / "results"
BEFORE = "before"
"""The folder within it of an older revision's results, for what a change gained."""

VERSION = 1


class ResultError(GreenroomError):
    """A file is no result of a bench."""


@attrs.frozen
class Spread:
    """One figure over several runs.

    :param figure: the run in the middle.
    :param lowest: of all runs.
    :param highest: of all runs.
    """

    figure: Figure
    lowest: float
    highest: float
    runs: int


@attrs.frozen
class Record:
    """Everything about one measurement.

    :param runs: what the bench returned, for each run.
    :param failed: why there are none.
    """

    bench: str
    command: str
    machine: Mapping[str, Any]
    runs: Sequence[Mapping[str, Any]]
    failed: str = ""

    def figures(self) -> list[Spread]:
        """Return the figures, each with its spread over the runs."""
        by_run = [read(self.bench, run) for run in self.runs]
        return [_spread(same) for same in zip(*by_run, strict=False)]

    def save(self, folder: Path) -> Path:
        """Write the file; return where."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.bench}.json"
        text = json.dumps({"version": VERSION, **attrs.asdict(self)}, indent=1)
        path.write_text(text + "\n", "utf-8")
        return path


def load(path: Path) -> Record:
    """Return what a file holds.

    :raises ResultError: it is no result.
    """
    try:
        data = json.loads(path.read_text("utf-8"))
        if data.pop("version") != VERSION:
            raise ResultError(f"{path}: written by another version")
        return Record(**data)
    except OSError as error:
        raise ResultError(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ResultError(f"{path} is no result of a bench") from error


def all_in(folder: Path) -> list[Record]:
    """Return every result in a folder, by name."""
    return [load(path) for path in sorted(folder.glob("*.json"))]


@attrs.frozen
class Change:
    """A figure of two results.

    :param better: by how much, 1.1 for 10 %; below 1 it got worse.
    :param beyond_spread: whether the runs of the two do not overlap.
    """

    name: str
    unit: str
    before: float
    after: float
    better: float | None
    beyond_spread: bool


def compare(before: Record, after: Record) -> Iterator[Change]:
    """Yield the figures both results have.

    :raises ResultError: they are of different benches.
    """
    if before.bench != after.bench:
        raise ResultError(f"{before.bench} and {after.bench} cannot be compared")
    old = {(s.figure.name, s.figure.peer): s for s in before.figures()}
    for spread in after.figures():
        figure = spread.figure
        was = old.get((figure.name, figure.peer))
        if was is None:
            continue
        better = None
        if figure.value and was.figure.value:
            better = figure.value / was.figure.value
            better = better if figure.higher else 1 / better
        apart = spread.lowest > was.highest or spread.highest < was.lowest
        yield Change(figure.name, figure.unit, was.figure.value, figure.value, better, apart)


def _spread(same: Sequence[Figure]) -> Spread:
    values = [figure.value for figure in same]
    middle = min(same, key=lambda figure: abs(figure.value - median(values)))
    return Spread(middle, min(values), max(values), len(values))
