"""People who come on screen and leave again, as fast as a host and ten seats let them.

``python -m bench.stage`` tells how long each step takes, and how exactly the countdown's five
seconds are kept for everybody who waits on them.
"""

import argparse
import json
import time
from typing import Any

import attrs
import trio

from bench.attendee import ANSWER_SECONDS, Attendee, Host
from bench.diary import Diary, summed
from bench.load.latency import Latencies
from bench.load.lookout import watch_over
from bench.load.target import Target, described, opened
from bench.load.team import GENERATORS, LEAD, Orders, Share, Team
from bench.load.watch import limit_of, sample
from bench.load.wire import LoadFailed
from bench.script import command

COUNTDOWN = 5.0
"""Seconds from ``stage.ready`` to being on screen (rule 12)."""

LOOK_SECONDS = 0.2
THINK = 1.0
SAMPLE = 0.5
RAMP = 2.0


class Asker(Attendee):
    """Asks to come on screen whenever not on the way there already."""

    def __init__(self, *args: Any, entries: Latencies, **more: Any) -> None:
        super().__init__(*args, **more)
        self._entries = entries
        self._ready_at = 0.0
        self._asked = False

    async def _act(self, due: float) -> None:
        if not self._asked:
            self._asked = True
            more = {"mic": True, "camera": False}
            told = await self.ask("stage.request", due, session=self.session, **more)
            self._asked = told is not None

    async def _answer(self, type_name: str, data: Any) -> None:
        if data.get("person") != self.name:
            return
        now = trio.current_time()
        if type_name == "stage.accepted":
            self._ready_at = now
            await self.ask("stage.ready", now, session=self.session)
        elif type_name == "stage.entered":
            self._entries.record(max(0.0, now - self._ready_at - COUNTDOWN))
            await self.ask("stage.leave", now, session=self.session)
            self._asked = False
        elif type_name in {"stage.declined", "stage.missed", "stage.cancelled"}:
            self._asked = False


class Accepting(Host):
    """Accepts everybody who asks, and again when the stage was full."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._queue: dict[str, float] = {}
        """Who asked, and when the host was told."""

    async def _act(self, due: float) -> None:
        while self._queue:
            person, since = next(iter(self._queue.items()))
            meant = max(due, since)
            told = await self.ask("stage.accept", meant, session=self.session, person=person)
            if told is None:
                return  # the stage is full: at the next look
            self._queue.pop(person, None)

    async def _answer(self, type_name: str, data: Any) -> None:
        if type_name == "stage.requested" and data["person"] not in self._queue:
            now = self._queue[data["person"]] = trio.current_time()
            await self._act(now)


@attrs.frozen(kw_only=True)
class Asking:
    """One process's share of those who ask to come on screen.

    :param people: of all processes.
    :param index: which process this is; the first has the host.
    :param number: of processes.
    """

    session: str
    people: int
    seconds: float
    index: int
    number: int

    async def run(self, target: Target, orders: Orders) -> None:
        """Have them ask once told to; answer with what came of it."""
        diary, entries = Diary(), Latencies()
        more: dict[str, Any] = {"think": THINK}
        askers = [
            Asker(target, f"p-{one}", self.session, diary, seed=one, entries=entries, **more)
            for one in range(self.index, self.people, self.number)
        ]
        orders.say()
        _, begin = await orders.heard("go")
        begun = trio.current_time() + float(begin) - time.monotonic()
        diary.measured = begun + RAMP
        until = diary.measured + self.seconds + COUNTDOWN
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch_over, target, diary.latencies.so_far)
            if self.index == 0:
                host = Accepting(
                    target, f"host-{self.session}", self.session, diary, seed=1, **more
                )
                nursery.start_soon(host.run, until)
            await trio.sleep_until(begun + RAMP / 2)
            for asker in askers:
                nursery.start_soon(asker.run, until)
            await trio.sleep_until(until + 1.0)
            await _answered(diary)
            nursery.cancel_scope.cancel()
        orders.say({"diary": diary.plain(), "entries": entries.encode()})


async def _answered(diary: Diary) -> None:
    """Wait until nobody waits for an answer any more, for as long as one is waited for."""
    for _ in range(round(ANSWER_SECONDS / LOOK_SECONDS) + 1):
        if not diary.waiting:
            return
        await trio.sleep(LOOK_SECONDS)


def part(target: Target, share: Share, orders: Orders) -> None:
    """Carry out one process's share."""
    trio.run(Asking(**share).run, target, orders)


async def _hold(target: Target, team: Team, people: int, seconds: float) -> dict[str, Any]:
    series: list[dict[str, float]] = []
    measured = trio.current_time() + LEAD + RAMP
    team.tell(f"go {time.monotonic() + LEAD}")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sample, target, team.used, series, measured, SAMPLE)
        found = await team.heard()
        nursery.cancel_scope.cancel()
    summary = summed([one["diary"] for one in found], 1.0)
    if not len(summary.latencies):
        raise LoadFailed(f"nothing was answered; refused: {summary.refused}")
    entries = Latencies.merged(one["entries"] for one in found)
    return {
        "bench": "stage",
        "people": people,
        "generators": len(team),
        "on_screen": len(entries),
        "on_screen_per_second": round(len(entries) / (seconds + COUNTDOWN), 2),
        "countdown_late": entries.summary(),
        **summary.figures(),
        "series": [{key: round(value, 3) for key, value in one.items()} for one in series],
        "limit": limit_of(series),
    }


def run(
    people: int = 60,
    seconds: float = 20.0,
    generators: int = GENERATORS,
    url: str | None = None,
    token_key: str | None = None,
) -> dict[str, Any]:
    """Let people come on screen.

    :param people: who ask, besides one host.
    :param generators: processes that share the people.
    """
    number = min(generators, people)
    with opened(url, token_key) as target:
        session = f"{target.event}-s"
        share = {"session": session, "people": people, "seconds": seconds, "number": number}
        shares = [{**share, "index": index} for index in range(number)]
        with Team("bench.stage", target, shares) as team:
            target.load(described(target.event, [session]))
            team.hear()
            return trio.run(_hold, target, team, people, seconds)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--generators", type=int, default=GENERATORS)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    result = run(given.people, given.seconds, given.generators)
    if not given.json:
        for name in ("over_time", "series"):
            result.pop(name)
        for found in (result["latency"], result["countdown_late"], *result["by_method"].values()):
            found.pop("hdr", None)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    command(main)
