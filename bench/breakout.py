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
from typing import Any

import attrs

from bench.load.audience import guest, host
from bench.load.dialects import GREENROOM
from bench.load.target import Target, described, opened
from bench.load.team import GENERATORS, LEAD, Orders, Share, Team
from bench.load.watch import Stretch
from bench.load.wire import Address, Bank, LoadFailed, Wire
from bench.script import command

PEOPLE, ROOMS = 500, 25
WAVE = 50
PATIENCE = 60.0
AFTERMATH = 1.0
"""Seconds of listening on, for what should not come."""

JOINED, OPEN, CLOSE = 7, 8, 9
TOLD = re.compile(rb'"type":"(breakout\.\w+|snapshot)"')


@attrs.define(eq=False)
class Ear(Wire):
    """One person's connection.

    :param told: how often each type of event came.
    :param last: when each type came last, on this machine's monotonic clock.
    """

    told: Counter[str] = attrs.field(factory=Counter)
    last: dict[str, float] = attrs.field(factory=dict)

    def _search(self, data: bytes) -> None:
        before = len(self._tail)
        for match in TOLD.finditer(self._tail + data):
            if match.end() > before:
                name = match[1].decode()
                self.told[name] += 1
                self.last[name] = time.monotonic()
        Wire._search(self, data)  # noqa: SLF001  attrs' slots leave super() without its class


class Crowd:
    """The host, or one process's people in the session.

    :raises LoadFailed: somebody was refused.
    """

    def __init__(self, target: Target, session: str) -> None:
        self._target = target
        self._address = Address.parse(target.url)
        self._bank = Bank()
        self._session = session
        self._told = "nobody had been moved"
        self.people: list[Ear] = []

    def start(self) -> None:
        """Have the host come in and start the session."""
        ear = self._dial()
        self.people.append(ear)
        for number, (method, params) in enumerate(host(self._target, self._session), 1):
            ear.send(GREENROOM.spell(number, method, params))
            self._until(lambda: bool(ear.take()))

    def enter(self, names: Sequence[str]) -> None:
        """Have people come in, some at a time."""
        for first in range(0, len(names), WAVE):
            wave = {name: self._dial() for name in names[first : first + WAVE]}
            for name, ear in wave.items():
                for method, params in guest(self._target, name, self._session):
                    ear.send(GREENROOM.spell(JOINED, method, params))
            self.people += wave.values()
            self._until(lambda: all(ear.told["snapshot"] for ear in self.people))

    def _dial(self) -> Ear:
        ear = Ear.dial(self._address, GREENROOM)
        ear.upgraded()
        self._bank.add(ear)
        assert isinstance(ear, Ear)  # noqa: S101  dial builds its own class
        return ear

    def ask(self, number: int, method: str, **params: Any) -> float:
        """Have the host ask for something; return when it was asked."""
        asked = time.monotonic()
        self.people[0].send(GREENROOM.spell(number, method, {"session": self._session, **params}))
        return asked

    def until_told(self, name: str, times: int = 1) -> float:
        """Wait until everybody was told of a type so often; return when the last was."""
        self._until(lambda: all(ear.told[name] >= times for ear in self.people))
        self._told = f"everybody had been told {name}"
        return max(ear.last[name] for ear in self.people)

    def moved_once(self) -> int:
        """Return how many were told of each move once, and are where they were."""
        once = {"breakout.opened": 1, "breakout.closed": 1, "breakout.moved": 0, "snapshot": 2}
        return sum(
            all(ear.told[name] == times for name, times in once.items()) for ear in self.people
        )

    def listen(self, seconds: float) -> None:
        """Take in what comes for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._bank.poll(end - time.monotonic())

    def _until(self, done: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while not done():
            for wire in self._bank.poll(0.05):
                refused = [reason for _, reason in wire.found if reason is not None]
                if refused:
                    raise LoadFailed(f"somebody was refused: {refused[0]}")
            if self._bank.hung_up:
                raise LoadFailed(f"the server hung up; {self._told}")
            if time.monotonic() > end:
                raise LoadFailed(f"somebody was never told; {self._told}")

    def close(self) -> None:
        """Hang up."""
        self._bank.close()


def part(target: Target, share: Share, orders: Orders) -> None:
    """Have one process's people be moved, and tell when each was told."""
    crowd = Crowd(target, share["session"])
    orders.say()
    try:
        orders.hear("enter")
        crowd.enter(share["people"])
        orders.say()
        while (order := orders.hear("told", "listen", "leave"))[0] != "leave":
            if order[0] == "told":
                orders.say(crowd.until_told(order[1], int(order[2])))
            else:
                crowd.listen(AFTERMATH)
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
        shares = [{"session": session, "people": names[one::number]} for one in range(number)]
        with Team("bench.breakout", target, shares) as team:
            target.load(described(target.event, [session]))
            team.hear()
            crowd = Crowd(target, session)
            try:
                crowd.start()
                team.ask("enter")
                stretch = Stretch.begin(target, team.used)
                moved = _moved(crowd, team, rooms)
                told = stretch.told()
                team.tell("leave")
            finally:
                crowd.close()
    sizes = {"people": people, "rooms": rooms, "generators": number}
    return {"bench": "breakout", **sizes, **moved, "moving": told}


def _moved(crowd: Crowd, team: Team, rooms: int) -> dict[str, Any]:
    team.tell("told breakout.opened 1")
    time.sleep(LEAD)  # they listen when the host asks
    asked = crowd.ask(OPEN, "breakout.open", rooms=rooms)
    told_open = max(team.hear()) - asked
    inside = max(team.ask("told snapshot 2")) - asked
    team.tell("told breakout.closed 1")
    time.sleep(LEAD)
    asked = crowd.ask(CLOSE, "breakout.close", countdown=0)
    told_closed = max(team.hear()) - asked
    return {
        "told_of_opening_ms": round(told_open * 1000, 1),
        "in_their_rooms_ms": round(inside * 1000, 1),
        "told_of_close_ms": round(told_closed * 1000, 1),
        "moved_exactly_once": sum(team.ask("listen")),
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
