"""Breakout rooms opening and closing: hundreds of people moved out of the main call and back.

``python -m bench.breakout`` brings 500 people into a session, opens 25 rooms for them, closes
them, and tells how long it took until the last one knew, and whether each was moved exactly once.
"""

import argparse
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import attrs

from bench.load.audience import guest, host
from bench.load.dialects import GREENROOM
from bench.load.stretch import Stretch
from bench.load.target import Target, described, opened
from bench.load.team import GENERATORS, Orders, Share, Team
from bench.load.wire import Address, Bank, LoadFailed, Wire
from bench.script import command

PEOPLE, ROOMS = 500, 25
WAVE = 50
PATIENCE = 60.0
AFTERMATH = 1.0
"""Seconds of listening on, for what should not come."""

HEAD_START = 0.1
"""Seconds for the processes to listen before the host asks."""

LOOK = 0.05

JOINED, OPEN, CLOSE = 7, 8, 9
ONCE = {"breakout.opened": 1, "breakout.closed": 1, "breakout.moved": 0, "snapshot": 2}
"""How often each type comes to somebody who is moved there and back once."""

TOLD = re.compile(rb'"type":"(breakout\.\w+|snapshot)"')


@attrs.define(eq=False)
class Ear(Wire):
    """One person's connection.

    :param told: how often each type of event came.
    :param at: when each type came first, on this machine's monotonic clock.
    """

    told: Counter[str] = attrs.field(factory=Counter)
    at: dict[str, float] = attrs.field(factory=dict)

    def _search(self, data: bytes) -> None:
        before = len(self._tail)
        for match in TOLD.finditer(self._tail + data):
            if match.end() > before:
                name = match[1].decode()
                self.told[name] += 1
                self.at.setdefault(name, time.monotonic())
        Wire._search(self, data)  # noqa: SLF001  attrs' slots leave super() without its class


class Crowd:
    """Connections of one process into the session.

    :param told: in words, what is known when it ends early.
    """

    def __init__(self, target: Target, session: str) -> None:
        self.told = "nobody had been moved"
        self._target = target
        self._session = session
        self._address = Address.parse(target.url)
        self._bank = Bank()
        self._people: list[Ear] = []

    def dial(self) -> Ear:
        """Return one more connection."""
        ear = Ear.dial(self._address, GREENROOM)
        ear.upgraded()
        self._bank.add(ear)
        assert isinstance(ear, Ear)  # noqa: S101  dial builds its own class
        return ear

    def enter(self, names: Sequence[str]) -> None:
        """Bring people in, some at a time.

        :raises LoadFailed: somebody was refused, or the server hung up.
        """
        for first in range(0, len(names), WAVE):
            wave = {name: self.dial() for name in names[first : first + WAVE]}
            for name, ear in wave.items():
                for method, params in guest(self._target, name, self._session):
                    ear.send(GREENROOM.spell(JOINED, method, params))
            self._people += wave.values()
            self.until(lambda: all(ear.told["snapshot"] for ear in self._people))

    def until_told(self, name: str, times: int = 1) -> float:
        """Wait until everybody was told of a type so often; return when the last was told first.

        :raises LoadFailed: somebody never was, or the server hung up.
        """
        self.until(lambda: all(ear.told[name] >= times for ear in self._people))
        return max(ear.at[name] for ear in self._people)

    def moved_once(self) -> int:
        """Listen on for a while; return how many were told of each move once, and no more."""
        end = time.monotonic() + AFTERMATH
        while time.monotonic() < end:
            self.poll(end - time.monotonic())
        return sum(all(ear.told[name] == n for name, n in ONCE.items()) for ear in self._people)

    def until(self, done: Callable[[], bool]) -> None:
        """Take in what comes until all is there.

        :raises LoadFailed: it never was, or the server hung up.
        """
        end = time.monotonic() + PATIENCE
        while not done():
            self.poll(LOOK)
            if self._bank.hung_up:
                raise LoadFailed(f"the server hung up; {self.told}")
            if time.monotonic() > end:
                raise LoadFailed(f"somebody was never told; {self.told}")

    def poll(self, seconds: float) -> None:
        """Take in what comes within so long.

        :raises LoadFailed: somebody was refused.
        """
        for wire in self._bank.poll(seconds):
            refused = [reason for _, reason in wire.found if reason is not None]
            if refused:
                raise LoadFailed(f"somebody was refused: {refused[0]}")

    def close(self) -> None:
        """Hang up."""
        self._bank.close()


class Host:
    """Who opens the rooms and closes them, of this process.

    :raises LoadFailed: the host was refused.
    """

    def __init__(self, target: Target, session: str) -> None:
        self._session = session
        self._crowd = Crowd(target, session)
        self._ear = self._crowd.dial()
        for number, (method, params) in enumerate(host(target, session), 1):
            self._ear.send(GREENROOM.spell(number, method, params))
            self._crowd.until(lambda: bool(self._ear.take()))

    def ask(self, number: int, method: str, **params: Any) -> float:
        """Ask for something; return when it was asked."""
        asked = time.monotonic()
        self._ear.send(GREENROOM.spell(number, method, {"session": self._session, **params}))
        return asked

    def hear(self, team: Team) -> list[Any]:
        """Wait for the answer of each process, which are the ones to say that the server hung up.

        :raises LoadFailed: the host was refused, or a process could not go on.
        """
        while not team.look(LOOK):
            self._crowd.poll(0.0)
        return team.hear()

    def close(self) -> None:
        """Hang up."""
        self._crowd.close()


def part(target: Target, share: Share, orders: Orders) -> None:
    """Have a share of the people be moved, and say when the last of them was told."""
    crowd = Crowd(target, share["session"])
    try:
        crowd.enter(share["people"])
        orders.say()
        _, asked = orders.hear("open")
        opened = crowd.until_told("breakout.opened")
        within = (opened - float(asked)) * 1000
        crowd.told = f"everybody was told of their rooms within {within:.0f} ms"
        crowd.until_told("snapshot", 2)  # in one order: nobody listens between two
        orders.say({"opened": opened, "inside": time.monotonic()})
        orders.hear("close")
        orders.say(crowd.until_told("breakout.closed"))
        orders.hear("count")
        orders.say(crowd.moved_once())
    finally:
        crowd.close()


def run(
    people: int = PEOPLE,
    rooms: int = ROOMS,
    generators: int = GENERATORS,
    url: str | None = None,
    token_key: str | None = None,
) -> dict[str, Any]:
    """Move everybody into rooms and back; return how long it took, in milliseconds.

    :param people: who are moved, besides the host who is not.
    :param rooms: how many rooms.
    :param generators: processes that share the people.
    :raises LoadFailed: somebody was refused, or never told.
    """
    names = [f"p-{number}" for number in range(people)]
    number = min(generators, people)
    with opened(url, token_key) as target:
        session = f"{target.event}-s"
        target.load(described(target.event, [session]))
        shares = [{"session": session, "people": names[one::number]} for one in range(number)]
        with (
            closing(Host(target, session)) as leading,
            Team("bench.breakout", target, shares) as team,
        ):
            leading.hear(team)  # all are in
            with Stretch(target, team.used) as stretch:
                times = _moved(leading, team, rooms)
                moving = stretch.told()
            moved = sum(team.ask("count"))
    sizes = {"people": people, "rooms": rooms, "generators": number}
    return {"bench": "breakout", **sizes, **times, "moved_exactly_once": moved, "moving": moving}


def _moved(leading: Host, team: Team, rooms: int) -> dict[str, float]:
    """Have the host open the rooms and close them; return when everybody was told."""
    team.tell(f"open {time.monotonic() + HEAD_START}")
    time.sleep(HEAD_START)
    asked = leading.ask(OPEN, "breakout.open", rooms=rooms)
    answers = leading.hear(team)
    opened, inside = (max(one[when] for one in answers) - asked for when in ("opened", "inside"))
    team.tell("close")
    time.sleep(HEAD_START)
    asked = leading.ask(CLOSE, "breakout.close", countdown=0)
    closed = max(leading.hear(team)) - asked
    return {
        "told_of_opening_ms": round(opened * 1000, 1),
        "in_their_rooms_ms": round(inside * 1000, 1),
        "told_of_close_ms": round(closed * 1000, 1),
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--rooms", type=int, default=ROOMS)
    parser.add_argument("--generators", type=int, default=GENERATORS)
    print(json.dumps(run(**vars(parser.parse_args()))))


if __name__ == "__main__":
    command(main)
