"""What breaks, and what it costs: a crowd chats, votes and books over three nodes meanwhile.

    python -m bench.outage [--people 300] [--pause 20] [--fault NAME]... [--json]

NATS servers, nodes and what cuts them off are real processes on loopback. After each fault
everything acknowledged is compared with what is kept and with what everybody heard: nothing may be
lost or there twice, no slot booked twice, and everybody resumed by number.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import attrs
import trio
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench.cluster_crowd import Broken
from bench.cluster_servers import ServerFailed
from bench.outage_faults import AFTER_SECONDS, FAULTS, Fault
from bench.outage_stage import Stage, staged
from engine.logs import configure_logs


@attrs.frozen
class Outcome:
    """What a fault cost.

    :param elsewhere: the longest wait for an answer of those who were at other nodes than the
        session's owner, in seconds.
    :param longest: of everybody.
    :param limit: what ``elsewhere`` may be.
    :param commands: answered while the fault lasted.
    :param repeated: of them, how often one was refused for the moment and asked again.
    :param deliveries: messages times people, everything heard since the crowd came together.
    :param reloaded: people who so far could not be given what they had missed, and got a snapshot.
    :param election: seconds JetStream was without a leader, if it had to elect one.
    :param slowest: what was waited for longest.
    :param broken: what was lost or there twice; empty if nothing was.
    """

    fault: str
    elsewhere: float = 0.0
    longest: float = 0.0
    limit: float = 0.0
    commands: int = 0
    repeated: int = 0
    deliveries: int = 0
    reloaded: int = 0
    election: float | None = None
    broken: str = ""
    slowest: str = ""


Doing = Callable[[str], None]
Told = Callable[[Outcome], None]


def _silent(_: object) -> None:
    return


async def suffer(stage: Stage, fault: Fault, doing: Doing = _silent) -> Outcome:
    """Let the crowd go through a fault, and check all that was acknowledged.

    :raises Broken: something is lost, or there twice.
    """
    people, facts = stage.people, stage.facts
    facts.clear()
    doing("the shards settle")
    await stage.observer.settled(len(stage.nodes))
    owner = (await stage.owner()).url
    begun, waits = trio.current_time(), len(people.waits)
    repeated = people.repeated.total()
    doing(fault.about)
    await fault.strike(stage)
    await trio.sleep(AFTER_SECONDS * stage.scale)
    doing("everything acknowledged is looked for")
    deliveries = await people.check()
    return Outcome(
        fault.about,
        round(people.slowest(begun, without=owner).seconds, 2),
        round(people.slowest(begun).seconds, 2),
        fault.limit,
        len(people.waits) - waits,
        people.repeated.total() - repeated,
        deliveries,
        len(people.reloaded()),
        facts.get("election"),
        slowest=people.slowest(begun).method,
    )


async def measure(
    people: int,
    pause: float,
    faults: Sequence[Fault],
    *,
    scale: float = 1.0,
    told: Told = _silent,
    doing: Doing = _silent,
) -> list[Outcome]:
    """Go through faults; what one breaks for good leaves the others their own figures.

    :param told: is shown each outcome as it comes.
    :param doing: is told what is going on.
    """
    found = []
    for setting, group in groupby(faults, key=lambda fault: fault.setting):
        left = list(group)
        while left:
            with tempfile.TemporaryDirectory(prefix="greenroom-faults-") as folder:
                doing("nodes start, people come in")
                async with staged(Path(folder), setting, people, pause, scale=scale) as stage:
                    while left:
                        fault = left.pop(0)
                        outcome = await _one(stage, fault, doing)
                        found.append(outcome)
                        told(outcome)
                        if outcome.broken:
                            break  # what is lost stays lost: the next fault gets nodes of its own
                        stage.people.spread(stage.urls)
    return found


async def _one(stage: Stage, fault: Fault, doing: Doing) -> Outcome:
    try:
        return await suffer(stage, fault, doing)
    except (Broken, ServerFailed) as broken:
        return Outcome(fault.about, limit=fault.limit, broken=str(broken))


def run(
    people: int = 300,
    pause: float = 20.0,
    faults: Sequence[str] = (),
    scale: float = 1.0,
) -> dict[str, Any]:
    """Go through the faults and return what each cost.

    :param pause: seconds between two actions of one person, on average.
    :param faults: names of those to go through; all if none.
    :raises Broken: something was lost, or there twice.
    """
    configure_logs("error")
    chosen = [FAULTS[name] for name in faults or FAULTS]
    found = trio.run(lambda: measure(people, pause, chosen, scale=scale))
    if broken := [f"{one.fault}: {one.broken}" for one in found if one.broken]:
        raise Broken("; ".join(broken))
    return {"people": people, "pause": pause, "faults": [attrs.asdict(one) for one in found]}


def main() -> None:
    """Go through the faults and print what each cost; exit with 1 if anything was broken."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--people", type=int, default=300)
    parser.add_argument("--pause", type=float, default=20.0)
    parser.add_argument("--fault", choices=FAULTS, action="append", help="may be repeated")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    configure_logs("error")
    chosen = [FAULTS[name] for name in options.fault or FAULTS]
    found = _watched(options.people, options.pause, chosen)
    if options.json:
        json.dump([attrs.asdict(one) for one in found], sys.stdout, indent=2)
    else:
        Console(highlight=False, width=None if sys.stdout.isatty() else 140).print(_table(found))
    sys.exit(any(one.broken for one in found))


def _watched(people: int, pause: float, faults: Sequence[Fault]) -> list[Outcome]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True, highlight=False)
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task("", total=len(faults))

        def told(one: Outcome) -> None:
            progress.advance(task)
            how = f"[red]{one.broken}" if one.broken else f"{one.longest:.1f} s"
            progress.console.print(f"{one.fault}: {how}", soft_wrap=True)

        def doing(what: str) -> None:
            progress.update(task, description=what)

        return trio.run(lambda: measure(people, pause, faults, told=told, doing=doing))


HEADINGS = ("fault", "elsewhere", "limit", "anybody", "commands", "again", "deliveries",
            "reloaded", "election", "kept and heard")  # fmt: skip


def _table(found: Sequence[Outcome]) -> Table:
    table = Table(*HEADINGS)
    for one in found:
        table.add_row(
            one.fault,
            f"{one.elsewhere:.1f} s",
            f"{one.limit:.0f} s",
            f"{one.longest:.1f} s {one.slowest}",
            f"{one.commands:,}",
            f"{one.repeated:,}",
            f"{one.deliveries:,}",
            f"{one.reloaded:,}",
            f"{one.election:.1f} s" if one.election else "",
            one.broken or "all",
        )
    return table


if __name__ == "__main__":
    main()
