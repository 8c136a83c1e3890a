"""Results as files: one JSON file a bench, with the machine, the command and every run."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import attrs

from actors.errors import GreenroomError
from bench.figure import Figure
from bench.figures import read

FOLDER = Path("bench") / "results"

VERSION = 1


class ResultError(GreenroomError):
    """A file is no result of a bench."""


@attrs.frozen
class Spread:
    """One figure over several runs.

    :param figure: the run in the middle.
    :param lowest: of all runs.
    :param highest: of all runs.
    :param runs: in how many it is known.
    :param missed: in how many of them the target was missed.
    """

    figure: Figure
    lowest: float
    highest: float
    runs: int
    missed: int


@attrs.frozen
class Record:
    """Everything about one measurement.

    :param runs: what the bench returned, for each run.
    :param failed: why there are none.
    :param took: seconds of each run, start and end included.
    """

    bench: str
    command: str
    machine: Mapping[str, Any]
    runs: Sequence[Mapping[str, Any]]
    failed: str = ""
    took: Sequence[float] = attrs.field(factory=list)

    def figures(self) -> list[Spread]:
        """Return the figures, each with its spread over the runs."""
        known: dict[tuple[str, str, int], list[Figure]] = {}
        for run in self.runs:
            seen: Counter[tuple[str, str]] = Counter()
            for figure in read(self.bench, run):
                # Not by their place: what one run could not tell is not in it at all.
                name = (figure.name, figure.peer)
                known.setdefault((*name, seen[name]), []).append(figure)
                seen[name] += 1
        return [_spread(same) for same in known.values()]

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
    :param higher: whether more is better.
    :param beyond_spread: whether the runs of the two do not overlap; None if each ran once, which
        tells nothing of a spread.
    """

    name: str
    unit: str
    before: float
    after: float
    better: float | None
    higher: bool
    beyond_spread: bool | None

    @property
    def verdict(self) -> str:
        """Whether it is better or worse, and whether one can tell."""
        if self.before == self.after:
            return "the same"
        way = "better" if (self.after > self.before) == self.higher else "worse"
        if self.beyond_spread is None:
            return f"{way}, spread unknown: one run each"
        return f"{way}, {'beyond' if self.beyond_spread else 'within'} the spread"


SAME = ("cpu", "cores", "memory_gib", "system", "python", "sqlite")
"""What must be the same of two machines for their figures to be comparable."""


def differences(before: Record, after: Record) -> list[str]:
    """Return what makes two results hard to compare: other machines, other forms of the bench."""
    pairs = [(name, before.machine.get(name), after.machine.get(name)) for name in SAME]
    pairs.append(("command", before.command, after.command))
    return [f"{name}: {was} / {now}" for name, was, now in pairs if was != now]


def compare(before: Record, after: Record) -> Iterator[Change]:
    """Yield the figures both results have.

    :raises ResultError: they are of different benches, or one has no figures.
    """
    if before.bench != after.bench:
        raise ResultError(f"{before.bench} and {after.bench} cannot be compared")
    for record in (before, after):
        if record.failed:
            raise ResultError(f"{record.bench} failed at {record.machine['at']}: {record.failed}")
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
        apart: bool | None = spread.lowest > was.highest or spread.highest < was.lowest
        if spread.runs == was.runs == 1:
            apart = None
        yield Change(
            figure.name, figure.unit, was.figure.value, figure.value, better, figure.higher, apart
        )


def _spread(same: Sequence[Figure]) -> Spread:
    values = [figure.value for figure in same]
    middle = min(same, key=lambda figure: abs(figure.value - median(values)))
    missed = sum(figure.met is False for figure in same)
    return Spread(middle, min(values), max(values), len(values), missed)
