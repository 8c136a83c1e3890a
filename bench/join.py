"""A session filling up: a thousand people connect and join; what it costs the server.

``python -m bench.join`` tells the server's CPU seconds for the joins alone and with connecting
(handshake, token, the person's own actor), how long each join took, whether everybody got a
snapshot, and whether People counts them all.
"""

import argparse
import json
import time
from collections.abc import Sequence
from typing import Any

import trio

from bench.load.audience import guest, host
from bench.load.dialects import GREENROOM
from bench.load.latency import Latencies
from bench.load.stretch import Stretch
from bench.load.target import Target, described, opened
from bench.load.team import GENERATORS, LEAD, Orders, Share, Team
from bench.load.watch import cpu_of
from bench.load.wire import Address, Bank, LoadFailed, Wire
from bench.script import command
from transport.client import open_client

PEOPLE = 1_000
WAVE = 50
PATIENCE = 120.0
SNAPSHOT = b'"type":"snapshot"'
JOINED = 7
FORESIGHT = 0.05
"""Seconds before the start at which the server is asked what it has used: busy, it would answer
late."""


class Crowd:
    """Those of one process who are going to join.

    :param people: their names.
    """

    def __init__(self, target: Target, session: str, people: Sequence[str]) -> None:
        self._target = target
        self._session = session
        self._people = people
        self._bank = Bank()
        self._wires: list[Wire] = []

    def connect(self) -> None:
        """Connect everybody; nobody is in the session yet.

        :raises LoadFailed: somebody was refused.
        """
        address = Address.parse(self._target.url)
        for first in range(0, len(self._people), WAVE):
            names = self._people[first : first + WAVE]
            wave = [Wire.dial(address, GREENROOM.counting(SNAPSHOT)) for _ in names]
            for name, wire in zip(names, wave, strict=True):
                wire.upgraded()
                self._bank.add(wire)
                for method, params in guest(self._target, name):
                    wire.send(GREENROOM.spell(1, method, params))
            self._wires += wave
            self._await_replies(len(names))

    def join(self, begun: float) -> Latencies:
        """Have everybody join at once; return how long each waited for the answer.

        :param begun: when, on this machine's monotonic clock.
        :raises LoadFailed: somebody was refused, or the server hung up.
        """
        time.sleep(max(0.0, begun - time.monotonic()))
        for wire in self._wires:
            wire.send(GREENROOM.spell(JOINED, "session.join", {"session": self._session}))
        return self._await_replies(len(self._wires), begun)

    def snapshots(self) -> int:
        """Return how many people have had a snapshot.

        :raises LoadFailed: the server hung up.
        """
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and not all(wire.events for wire in self._wires):
            self._bank.poll(0.1)
            if self._bank.hung_up:
                raise LoadFailed("the server hung up on those who had joined")
        return sum(wire.events > 0 for wire in self._wires)

    def _await_replies(self, count: int, begun: float = 0.0) -> Latencies:
        waits, end = Latencies(), time.monotonic() + PATIENCE
        while len(waits) < count:
            for wire in self._bank.poll(0.1):
                for _, reason in wire.take():
                    if reason is not None:
                        raise LoadFailed(f"somebody was refused: {reason}")
                    waits.record(time.monotonic() - begun if begun else 0.001)
            if self._bank.hung_up:
                done = (
                    waits.so_far()
                    if begun
                    else f"{len(self._wires) - count + len(waits):,} had connected"
                )
                raise LoadFailed(f"the server hung up; {done}")
            if time.monotonic() > end:
                raise LoadFailed(f"{count - len(waits):,} people were not let in")
        return waits

    def close(self) -> None:
        """Hang up."""
        self._bank.close()


def part(target: Target, share: Share, orders: Orders) -> None:
    """Have a share of the people connect, join and hear what is there, each when told."""
    crowd = Crowd(target, share["session"], share["people"])
    try:
        orders.hear("connect")
        crowd.connect()
        orders.say()
        _, begun = orders.hear("join")
        waits = crowd.join(float(begun))
        orders.say({"waits": waits.encode(), "done": time.monotonic()})
        orders.hear("snapshots")
        orders.say(crowd.snapshots())
        orders.hear("end")  # until then they are there to be counted
    finally:
        crowd.close()


def run(
    people: int = PEOPLE,
    generators: int = GENERATORS,
    url: str | None = None,
    token_key: str | None = None,
) -> dict[str, Any]:
    """Fill a session and return what it cost.

    :param people: who join.
    :param generators: processes that share the people.
    :raises LoadFailed: somebody was refused, or the server hung up.
    """
    names = [f"p-{number}" for number in range(people)]
    number = min(generators, people)
    with opened(url, token_key) as target:
        session = f"{target.event}-s"
        target.load(described(target.event, [session]))
        shares = [{"session": session, "people": names[one::number]} for one in range(number)]
        with Team("bench.join", target, shares) as team:
            filled = _filled(target, team)
            counted = trio.run(_counted, target, session)
            team.tell("end")
    return {
        "bench": "join",
        "people": people,
        "generators": number,
        "people_counted": counted,
        **filled,
    }


def _filled(target: Target, team: Team) -> dict[str, Any]:
    """Have everybody connect and join; return what it cost."""
    start = cpu_of(target)
    with Stretch(target, team.used) as stretch:
        team.ask("connect")
        connected = cpu_of(target)
        begun = time.monotonic() + LEAD
        team.tell(f"join {begun}")
        time.sleep(LEAD - FORESIGHT)
        stretch.mark()  # what is saturated while they join
        answers = team.hear()
        told = stretch.told()
    snapshots = sum(team.ask("snapshots"))
    return {
        "seconds": round(max(one["done"] for one in answers) - begun, 3),
        "latency": Latencies.merged(one["waits"] for one in answers).summary(),
        "snapshots": snapshots,
        "connect_cpu_seconds": _spent(start, connected),
        "join_cpu_seconds": _spent(connected, cpu_of(target)),
        "joining": told,
    }


async def _counted(target: Target, session: str) -> int:
    """Return how many people the host sees besides the host."""
    token = host(target, session)[0][1]["token"]
    async with open_client(target.url, token) as client:
        await client.call("session.join", session=session)
        seen: set[str] = set()
        after = None
        while True:
            more: dict[str, Any] = {"after": after} if after is not None else {}
            page = await client.call("people.list", session=session, limit=100, **more)
            seen |= {person["id"] for person in page["people"]}
            after = page.get("next")
            if after is None:
                return len(seen) - 1
            await trio.sleep(0.25)  # people.list has a rate of its own


def _spent(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else round(after - before, 3)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--generators", type=int, default=GENERATORS)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    result = run(given.people, given.generators)
    if given.json:
        print(json.dumps(result, indent=2))
        return
    latency = result["latency"]
    print(
        f"{result['people']} joined in {result['seconds']} s, "
        f"p50 {latency['p50_ms']:.0f} ms, p99 {latency['p99_ms']:.0f} ms; "
        f"{result['snapshots']} snapshots, People counts {result['people_counted']}; "
        f"server CPU {result['join_cpu_seconds']} s for joining, "
        f"{result['connect_cpu_seconds']} s for connecting"
    )


if __name__ == "__main__":
    command(main)
