"""One process's share of a whole fair: some of the sessions, and everybody in them.

``bench.mixed`` starts it. Sessions and pairs are whole in one process, so that each can hold what
its people were told against what the server says at the end.
"""

import time
from datetime import UTC, datetime
from typing import Any

import attrs
import trio

from bench.attendee import Attendee, Host
from bench.diary import Diary
from bench.fair_chats import SHORT, USUAL, Partner, pairs
from bench.fair_checks import promises, promises_of_chats, quiet, unentered
from bench.load.lookout import watch_over
from bench.load.target import Target
from bench.load.team import Orders, Share

FIRST_GUEST = 1_000
"""The seed of the first of the audience."""


@attrs.frozen(kw_only=True)
class Layout:
    """Who is where at a fair; the same in every process.

    :param people: in the audiences.
    :param sessions: names of all.
    :param pairs: of a guest and an employee who have 1-1 chats.
    :param ramp: seconds over which people come.
    :param seconds: after that.
    :param think: mean seconds between two things somebody does.
    :param step: seconds of one row over time.
    :param short: whether slots are those of :mod:`bench.load.brief`.
    :param tidy: whether no 1-1 chat may be running when the fair is over.
    :param index: which process this is.
    :param number: of processes.
    """

    people: int
    sessions: list[str]
    pairs: int
    ramp: float
    seconds: float
    think: float
    step: float
    short: bool
    tidy: bool
    index: int = 0
    number: int = 1

    @property
    def own(self) -> list[str]:
        """The sessions of this process."""
        return self.sessions[self.index :: self.number]

    @property
    def own_pairs(self) -> list[int]:
        """The pairs whose session is this process's."""
        return [one for one in range(self.pairs) if self._place(one) in self.own]

    def _place(self, number: int) -> str:
        return self.sessions[number % len(self.sessions)]

    def everybody(self, target: Target, diary: Diary) -> list[tuple[float, Attendee]]:
        """Return this process's people, and how many seconds after the start each comes.

        Hosts come first; the others wait for the doors they open.
        """
        think, slots = self.think, SHORT if self.short else USUAL
        hosts = [
            Host(target, f"host-{name}", name, diary, think=think, seed=number)
            for number, name in enumerate(self.sessions)
        ]
        others = pairs(
            target, self.pairs, self.sessions, diary, slots=slots, think=think, tidy=self.tidy
        )
        others += [
            Attendee(
                target, f"p-{number}", self._place(number), diary,
                think=think, seed=FIRST_GUEST + number,
            )
            for number in range(self.people)
        ]  # fmt: skip
        every = self.ramp / (len(hosts) + len(others))
        coming: list[tuple[float, Attendee]] = [(0.0, host) for host in hosts]
        coming += [(0.5 + every * number, other) for number, other in enumerate(others)]
        return [(wait, person) for wait, person in coming if person.session in self.own]


class Part:
    """The people of one process, while the fair is held."""

    def __init__(self, target: Target, layout: Layout) -> None:
        self._target = target
        self._layout = layout
        self._diary = Diary(step=layout.step)
        self._people = layout.everybody(target, self._diary)

    async def run(self, orders: Orders) -> None:
        """Hold this part of the fair once told to; answer with what came of it."""
        orders.say()
        _, begin = await orders.heard("go")
        diary, layout = self._diary, self._layout
        diary.begun = trio.current_time() + float(begin) - time.monotonic()
        diary.measured = diary.begun + layout.ramp
        until = diary.measured + layout.seconds
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch_over, self._target, diary.latencies.so_far)
            for wait, person in self._people:
                nursery.start_soon(self._arrive, person, diary.begun + wait, until)
            await trio.sleep_until(until)
            broken = await self._broken()
            nursery.cancel_scope.cancel()
        orders.say({"diary": diary.plain(), "broken": broken})

    @staticmethod
    async def _arrive(person: Attendee, at: float, until: float) -> None:
        await trio.sleep_until(at)
        await person.run(until)

    async def _broken(self) -> list[str]:
        """Return the promises that were broken to this process's people."""
        diary, layout, over = self._diary, self._layout, datetime.now(UTC)
        waiting = await quiet(diary)
        broken = [f"{waiting} calls were still without an answer"] if waiting else []
        broken += unentered(diary, over)
        broken += self._untold()
        broken += await promises(self._target, layout.own, diary)
        return broken + await promises_of_chats(self._target, layout.own_pairs, diary)

    def _untold(self) -> list[str]:
        """Name those who sit in a 1-1 chat that is over, and were not told."""
        now = datetime.now(UTC)
        partners = (person for _, person in self._people if isinstance(person, Partner))
        return [
            f"{partner.name} was not told of the end of 1-1 chat {chat}"
            for partner in partners
            if (chat := partner.untold(now))
        ]


def part(target: Target, share: Share, orders: Orders) -> None:
    """Carry out one process's share."""
    layout: Any = Layout(**share)
    trio.run(Part(target, layout).run, orders)
