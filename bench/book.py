"""A race for 1-1 slots over the wire: everybody picks at once, and each slot has one winner.

``python -m bench.book`` has 1,000 participants ask ten employees for a chat, has
all of them approved, and lets all of them pick one of 100 slots at the same moment. What is told
to each is measured, and afterwards compared with what the daemon lists. The people are shared out
over several processes: an employee and all who ask for a chat with this one are in the same.
"""

import argparse
import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from statistics import quantiles
from typing import Any

from websockets.exceptions import WebSocketException

from bench.book_race import PER_DAY, Race, RaceFailed, Told, picked, seen
from bench.load.latency import Latencies
from bench.load.stretch import Stretch
from bench.load.target import Target, opened
from bench.load.team import GENERATORS, LEAD, Orders, Share, Team
from bench.load.wire import LoadMisused
from bench.script import command

Answer = tuple[str, float]
"""What somebody was told, and how many seconds after the start of the race."""


def run(
    people: int = 1000,
    employees: int = 10,
    slots: int = 100,
    url: str | None = None,
    token_key: str | None = None,
    generators: int = GENERATORS,
) -> dict[str, Any]:
    """Race; return who won what, and how long it took.

    :param people: who pick, one slot each.
    :param slots: of all employees together.
    :param generators: processes that share the people; each has an employee at least.
    :raises RaceFailed: the server did not answer.
    :raises LoadMisused: the employees' day has not so many slots, or not one for each.
    :raises LoadFailed: a promise was broken, or the server hung up on the people.
    """
    if not employees <= slots <= employees * PER_DAY:
        wanted = f"{employees} to {employees * PER_DAY}"
        raise LoadMisused(f"slots={slots}: {employees} employees have {wanted} in their day")
    parts = min(generators, employees, people)
    with opened(url, token_key) as target:
        company = f"{target.event}-acme"
        target.load(
            {
                "event": {
                    "id": target.event,
                    "name": "Race",
                    "time_zone": "UTC",
                    "days": [datetime.now(UTC).date().isoformat()],
                },
                "company": [{"id": company, "name": "Acme", "slots": slots}],
            }
        )
        sizes = {"company": company, "people": people, "employees": employees, "slots": slots}
        with _answering([]):
            day = asyncio.run(_race(target, sizes).allow())
        shares = [{"race": sizes | {"part": n, "parts": parts}, "day": day} for n in range(parts)]
        with Team("bench.book", target, shares) as team:
            found = _measured(target, team, people)
    return {"people": people, "employees": employees, "slots": slots, "generators": parts, **found}


def _race(target: Target, sizes: Share) -> Race:
    return Race(target.url, target.token, target.event, **sizes)


@contextmanager
def _answering(answered: Sequence[Told]) -> Iterator[None]:
    """Say how far it came if the server does not answer any more."""
    try:
        yield
    except (OSError, TimeoutError, WebSocketException) as error:
        what = "did not answer" if isinstance(error, TimeoutError) else "hung up"
        well = sum(told.outcome != "lost" for told in answered)
        raise RaceFailed(f"the server {what}; until then {well} picks were answered") from error


def _measured(target: Target, team: Team, people: int) -> dict[str, Any]:
    team.hear()  # all have started
    with Stretch(target, team.used) as stretch:
        prepared: list[float] = team.ask("prepare")
        answers: list[Answer] = list(chain(*team.ask(f"go {time.monotonic() + LEAD}")))
        team.ask("check")
        told = stretch.told()
    waits = Latencies.of(late for _, late in answers)
    seconds = max(late for _, late in answers)
    return {
        "outcomes": dict(Counter(outcome for outcome, _ in answers)),
        "seconds": seconds,
        "picks_per_second": len(answers) / seconds,
        "winners_ms": _spread(answers, "confirmed"),
        "losers_ms": _spread(answers, "slot_taken"),
        "requests_and_approvals_per_second": 2 * people / max(prepared),
        "asking_and_picking": {**told, "latency": waits.summary()},
    }


def _spread(answers: Sequence[Answer], outcome: str) -> dict[str, float]:
    times = [late * 1000 for what, late in answers if what == outcome]
    if len(times) < 2:  # noqa: PLR2004  a spread needs two
        return {}
    cuts = quantiles(times, n=100, method="inclusive")
    return {"p50": cuts[49], "p99": cuts[98], "max": max(times)}


def part(target: Target, share: Share, orders: Orders) -> None:
    """Race with some of the people.

    :raises RaceFailed: a promise was broken, or the server did not answer.
    """
    answered: list[Told] = []
    with _answering(answered):
        asyncio.run(_take_part(_race(target, share["race"]), share["day"], orders, answered))


async def _take_part(race: Race, day: str, orders: Orders, answered: list[Told]) -> None:
    orders.say()
    orders.hear("prepare")
    begun = time.monotonic()
    picks = await race.prepare(day)
    prepared = time.monotonic() - begun
    async with race.callers(picks) as callers:
        orders.say(prepared)
        # In a thread: a server may ask meanwhile whether these people are still there.
        _, begin = await asyncio.to_thread(orders.hear, "go")
        answers = await picked(callers, picks, float(begin), answered.append)
        orders.say([(each.outcome, each.seconds) for each in answers])
        await asyncio.to_thread(orders.hear, "check")  # nobody picks any more, elsewhere either
        _check(await seen(callers, answers), await race.booked())
    orders.say()


def _check(told: Sequence[Told], booked: Sequence[dict[str, Any]]) -> None:
    """Hold what each was told against the lists.

    All who may take a slot from each other are in this process, and everybody is in one only:
    what holds in each process holds for the whole race.
    """
    won = {each.pick.meeting for each in told if each.outcome == "confirmed"}
    if {meeting["id"] for meeting in booked} != won:
        raise RaceFailed("the employees' lists are not what the winners were told")
    for each in told:
        if list(each.confirmed) != [each.pick.meeting] * (each.outcome == "confirmed"):
            raise RaceFailed(f"{each.pick.person} was told {each.outcome}, and sees something else")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--employees", type=int, default=10)
    parser.add_argument("--slots", type=int, default=100)
    parser.add_argument("--generators", type=int, default=GENERATORS)
    print(json.dumps(run(**vars(parser.parse_args())), indent=2))


if __name__ == "__main__":
    command(main)
