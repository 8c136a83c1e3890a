"""``greenroom simulate``: play a fair on a clock that jumps, with faults, from a seed."""

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import attrs
import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

if TYPE_CHECKING:
    from bench.simulate import Outcome

DAY = 24 * 3600
SHOWN = 6
"""Reasons, faults and turns in a line of the table."""


@click.command()
@click.option("--seed", default=1, show_default=True, help="The first seed; it decides everything.")
@click.option("--seeds", default=1, show_default=True, type=click.IntRange(1), help="How many.")
@click.option("--people", default=5, show_default=True, type=click.IntRange(1, 20_000))
@click.option("--days", default=2, show_default=True, type=click.IntRange(1, 14))
@click.option("--faults", type=click.FloatRange(0, 50), help="Of a hundred appends, go wrong.")
@click.option("--restarts", type=click.IntRange(0), help="Of the whole engine; else one a day.")
@click.option("--first", is_flag=True, help="End a fair at the first broken promise.")
@click.option("--json", "as_json", is_flag=True, help="Print an outcome a line, for machines.")
def simulate(seed: int, seeds: int, as_json: bool, **sizes: Any) -> None:
    """Play a fair in memory, with appends that fail, actors that die, and an engine that restarts.

    Ends with 1 if anything that anybody was told turns out not to be true. The same seed, on the
    same version, does the same again.
    """
    plan = {name: value for name, value in sizes.items() if value is not None}
    begun, found = time.monotonic(), []
    for outcome in _played(seed, seeds, plan):
        found.append(outcome)
        if as_json:
            click.echo(json.dumps(attrs.asdict(outcome)))
    if not as_json:
        Console().print(summary(found, time.monotonic() - begun))
    if not _tell_broken(found, plan):
        raise SystemExit(1)


def _played(seed: int, seeds: int, plan: dict[str, Any]) -> "Iterator[Outcome]":
    from bench.simulate import Plan
    from bench.simulate import simulate as play
    from bench.simulate.many import outcomes

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("simulating", total=seeds)
        if seeds == 1:
            yield play(
                Plan(seed=seed, **plan),
                lambda share: progress.update(task, completed=share),
                last=True,
            )
            return
        for outcome in outcomes(range(seed, seed + seeds), **plan):
            progress.advance(task)
            yield outcome


def summary(outcomes: "Iterable[Outcome]", took: float) -> Table:
    """Return what happened as a table.

    :param took: real seconds.
    """
    found = list(outcomes)
    simulated = sum(outcome.simulated_seconds for outcome in found)
    table = Table("what", "how much", title="Simulated", title_justify="left")
    rows = {
        "fairs": f"{len(found)}; {sum(bool(each.broken) for each in found)} broke a promise",
        "simulated time": f"{simulated / DAY:,.1f} days",
        "real time": f"{took:,.1f} s: {simulated / max(took, 0.001):,.0f} times as fast",
        "people's commands": f"{sum(each.asked for each in found):,}",
        "all commands": f"{sum(each.commands for each in found):,}",
        "events on disk": f"{sum(each.events for each in found):,}",
        "events sent": f"{sum(each.received for each in found):,}",
        "refused": _most(each.refusals for each in found),
        "faults": _most(each.faults for each in found),
        "turns": _most(each.met for each in found),
    }
    for name, value in rows.items():
        table.add_row(name, value)
    if len(found) == 1:
        table.add_row("history", found[0].digest)
    return table


def _most(counts: Iterable[dict[str, int]]) -> str:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    words = [f"{name} {count:,}" for name, count in total.most_common(2 * SHOWN)]
    lines = [", ".join(words[first : first + SHOWN]) for first in range(0, len(words), SHOWN)]
    return ",\n".join(lines) or "none"


def _tell_broken(outcomes: "Iterable[Outcome]", plan: dict[str, Any]) -> bool:
    """Say what was broken, and how to see it again; return whether nothing was."""
    from bench.simulate import Plan

    good = True
    for outcome in outcomes:
        if outcome.broken:
            good = False
            click.echo(Plan(seed=outcome.seed, **plan).command, err=True)
            for promise in outcome.broken:
                click.echo(f"  {promise}", err=True)
    return good
