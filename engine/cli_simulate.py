"""``greenroom simulate``: play a fair on a clock that jumps, with faults, from a seed."""

import json
import time

import click
from rich.console import Console
from rich.progress import Progress


@click.command()
@click.option("--seed", default=1, show_default=True, help="The first seed; it decides everything.")
@click.option("--seeds", default=1, show_default=True, type=click.IntRange(1), help="How many.")
@click.option("--people", default=6, show_default=True, type=click.IntRange(1, 2_000))
@click.option("--minutes", default=2.0, show_default=True, help="Simulated minutes.")
@click.option("--faults", default=4.0, show_default=True, help="Of a hundred appends, go wrong.")
@click.option("--json", "as_json", is_flag=True, help="Print an outcome a line, for machines.")
def simulate(
    seed: int, seeds: int, people: int, minutes: float, faults: float, as_json: bool
) -> None:
    """Play a fair in memory, with appends that fail, answers that get lost, actors that die.

    Ends with 1 if anything that anybody was told turns out not to be true. The same seed, on the
    same version, does the same again.
    """
    from bench.simulate_many import outcomes

    plan = {"people": people, "minutes": minutes, "fault_percent": faults}
    begun, broken, commands, simulated = time.monotonic(), [], 0, 0.0
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("simulating", total=seeds)
        for outcome in outcomes(range(seed, seed + seeds), **plan):
            progress.advance(task)
            commands += outcome["commands"]
            simulated += outcome["simulated_seconds"]
            if as_json:
                click.echo(json.dumps(outcome))
            if outcome["broken"]:
                broken.append(outcome)
    if not as_json:
        took = time.monotonic() - begun
        click.echo(
            f"{seeds} fairs, {simulated / 3600:.1f} simulated hours, {commands} commands"
            f" in {took:.1f} s: {len(broken)} broke a promise"
        )
    for outcome in broken:
        again = f"greenroom simulate --seed {outcome['seed']} --people {people}"
        click.echo(f"{again} --minutes {minutes:g} --faults {faults:g}", err=True)
        for promise in outcome["broken"]:
            click.echo(f"  {promise}", err=True)
    if broken:
        raise SystemExit(1)
