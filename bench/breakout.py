"""Breakout rooms opening and closing: hundreds of people moved out of the main call and back.

``python -m bench.breakout`` brings 500 people into a session, opens 25 rooms for them, closes
them, and tells how long it took until the last one knew, and whether each was moved exactly once.
"""

import argparse
import json
import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import attrs

from bench.load.audience import guest, host
from bench.load.dialects import GREENROOM
from bench.load.target import Target, described, opened
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
    """The host and everybody in the session.

    :raises LoadFailed: somebody was refused.
    """

    def __init__(self, target: Target, session: str, people: int) -> None:
        self._address = Address.parse(target.url)
        self._bank = Bank()
        self._session = session
        self.told = "nobody had been moved"
        self.host = self._dial()
        for number, (method, params) in enumerate(host(target, session), 1):
            self.host.send(GREENROOM.spell(number, method, params))
            self._until(lambda: bool(self.host.take()))
        self.people: list[Ear] = []
        for first in range(0, people, WAVE):
            wave = [self._dial() for _ in range(min(WAVE, people - first))]
            for number, ear in enumerate(wave, first):
                for method, params in guest(target, f"p-{number}", session):
                    ear.send(GREENROOM.spell(JOINED, method, params))
            self.people += wave
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
        self.host.send(GREENROOM.spell(number, method, {"session": self._session, **params}))
        return asked

    def until_told(self, name: str, times: int = 1) -> float:
        """Wait until everybody was told of a type so often; return when the last was."""
        self._until(lambda: all(ear.told[name] >= times for ear in self.people))
        return max(ear.at[name] for ear in self.people)

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
                raise LoadFailed(f"the server hung up; {self.told}")
            if time.monotonic() > end:
                raise LoadFailed(f"somebody was never told; {self.told}")

    def close(self) -> None:
        """Hang up."""
        self._bank.close()


def run(
    people: int = PEOPLE, rooms: int = ROOMS, url: str | None = None, token_key: str | None = None
) -> dict[str, Any]:
    """Move everybody into rooms and back; return how long it took, in milliseconds.

    :param people: who are moved, besides the host who is not.
    :param rooms: how many rooms.
    :raises LoadFailed: somebody was refused, or never told.
    """
    with opened(url, token_key) as target:
        session = f"{target.event}-s"
        target.load(described(target.event, [session]))
        crowd = Crowd(target, session, people)
        try:
            stretch = Stretch.begin(target)
            moved = _moved(crowd, people, rooms)
            return {**moved, "moving": stretch.told()}
        finally:
            crowd.close()


def _moved(crowd: Crowd, people: int, rooms: int) -> dict[str, Any]:
    asked = crowd.ask(OPEN, "breakout.open", rooms=rooms)
    told_open = crowd.until_told("breakout.opened") - asked
    crowd.told = f"everybody was told of their rooms within {told_open * 1e3:.0f} ms"
    crowd.until_told("snapshot", 2)
    inside = time.monotonic() - asked
    asked = crowd.ask(CLOSE, "breakout.close", countdown=0)
    told_closed = crowd.until_told("breakout.closed") - asked
    crowd.listen(AFTERMATH)
    once = {"breakout.opened": 1, "breakout.closed": 1, "breakout.moved": 0, "snapshot": 2}
    moved_once = sum(
        all(ear.told[name] == times for name, times in once.items()) for ear in crowd.people
    )
    return {
        "bench": "breakout",
        "people": people,
        "rooms": rooms,
        "told_of_opening_ms": round(told_open * 1000, 1),
        "in_their_rooms_ms": round(inside * 1000, 1),
        "told_of_close_ms": round(told_closed * 1000, 1),
        "moved_exactly_once": moved_once,
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--rooms", type=int, default=ROOMS)
    print(json.dumps(run(**vars(parser.parse_args()))))


if __name__ == "__main__":
    command(main)
