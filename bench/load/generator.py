"""One process of a load: people who send requests at times fixed beforehand (open loop).

A team's process (:mod:`bench.load.team`) is ready when everybody is connected and has done the
opening requests; the order ``go MONOTONIC_TIME`` starts the arrivals. A request's latency counts
from the time it was meant to be sent, so that a server that stalls is charged for everything that
had to wait meanwhile (no coordinated omission).
"""

import time
from collections import Counter
from collections.abc import Sequence
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any

import attrs

from bench.load.dialects import DIALECTS, Dialect
from bench.load.latency import Latencies
from bench.load.marks import Heard, MarkedWire
from bench.load.target import Target
from bench.load.team import Orders, Share
from bench.load.wire import AT_ONCE, Address, Bank, LoadFailed, Wire

WAVE = 32
"""Connections begun before their answers are read."""

OPENING_SECONDS = 60.0
"""Time for everybody's opening requests."""

SETTLE_SECONDS = 10.0
"""Time for replies that are still missing when the last request has been sent."""

QUIET_SECONDS = 0.3
"""How long nothing may come before a load counts as over."""

FIRST = 1_000_000
"""Number of the first measured request; smaller ones belong to the opening."""


@attrs.frozen
class Plan:
    """What one generator does.

    :param people: for each, the opening requests ``[method, params]``.
    :param requests: what the arrivals take in turn; ``{person}`` and ``{number}`` are filled in.
    :param rate: arrivals a second of this generator, a Poisson process; 0: as fast as replies
        come, ``depth`` requests under way for each person (closed loop, to find saturation); who
        is refused waits first as long as the refusal says.
    :param senders: how many of the people send; 0: all.
    :param marked: whether each request's ``text`` says which it is, and who hears it first and last
        is told.
    :param rest: seconds in which nothing is read, so that a crowd that only listens costs
        little; latencies are late by as much.
    """

    url: str
    dialect: str
    people: Sequence[Sequence[tuple[str, dict[str, Any]]]]
    requests: Sequence[tuple[str, dict[str, Any]]] = ()
    rate: float = 0.0
    warmup: float = 1.0
    seconds: float = 5.0
    depth: int = 1
    senders: int = 0
    rest: float = 0.0
    marked: bool = False
    seed: int = 1


@attrs.define(eq=False)
class Tally:
    """What was measured; warm-up apart.

    :param unanswered: how long those requests were waited for in vain.
    """

    latencies: Latencies = attrs.field(factory=Latencies)
    unanswered: Latencies = attrs.field(factory=Latencies)
    lateness: Latencies = attrs.field(factory=Latencies)
    by_second: dict[int, Latencies] = attrs.field(factory=dict)
    refused: Counter[str] = attrs.field(factory=Counter)
    done: int = 0

    def note(self, intended: float, now: float, begin: float, reason: str | None) -> None:
        """Count a reply."""
        if reason is not None:
            self.refused[reason] += 1
            return
        self.done += 1
        self.latencies.record(now - intended)
        self._over_time(intended, now, begin)

    def give_up(self, intended: float, now: float, begin: float) -> None:
        """Count a request that was not answered until now."""
        self.unanswered.record(now - intended)
        self._over_time(intended, now, begin)

    def _over_time(self, intended: float, now: float, begin: float) -> None:
        self.by_second.setdefault(int(intended - begin), Latencies()).record(now - intended)


class Generator:
    """Connects, opens, sends."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.dialect: Dialect = DIALECTS[plan.dialect]
        self.bank = Bank()
        self.wires: list[Wire] = []
        self.tally = Tally()
        self._random = Random(plan.seed)
        self._intended: dict[int, float] = {}
        self._sent = 0
        self._turned_away = 0
        self._read_at = 0.0
        self._heard: Heard = {}
        self._meant: dict[str, float] = {}

    # Opening

    def open(self) -> None:
        """Connect everybody and have everybody do the opening requests.

        :raises LoadFailed: somebody could not, or was refused.
        """
        address = Address.parse(self.plan.url)
        for start in range(0, len(self.plan.people), WAVE):
            wave = [self._dial(address) for _ in self.plan.people[start : start + WAVE]]
            for wire in wave:
                wire.upgraded()
                self.bank.add(wire)
            self.wires += wave
            for wire, opening in zip(wave, self.plan.people[start:], strict=False):
                for number, (method, params) in enumerate(opening, 1):
                    wire.send(self.dialect.spell(number, method, params))
            self._await_opening(wave, self.plan.people[start : start + WAVE])
        self._until_quiet()

    def _dial(self, address: Address) -> Wire:
        if not self.plan.marked:
            return Wire.dial(address, self.dialect)
        wire = MarkedWire.dial(address, self.dialect)
        assert isinstance(wire, MarkedWire)  # noqa: S101  dial builds its own class
        return wire

    def _await_opening(self, wave: Sequence[Wire], openings: Sequence[Sequence[Any]]) -> None:
        missing = {id(wire): len(opening) for wire, opening in zip(wave, openings, strict=True)}
        end = time.monotonic() + OPENING_SECONDS
        while any(missing.values()):
            if time.monotonic() > end:
                raise LoadFailed(f"{sum(map(bool, missing.values()))} people could not get in")
            for wire in self.bank.poll(0.2):
                for _, reason in wire.take():
                    if reason is not None:
                        raise LoadFailed(f"somebody was refused on the way in: {reason}")
                    missing[id(wire)] -= 1
            if self.bank.hung_up:
                raise LoadFailed("the server hung up on somebody on the way in")

    def _until_quiet(self) -> None:
        last, end = time.monotonic(), time.monotonic() + SETTLE_SECONDS
        received = -1
        while time.monotonic() < end and time.monotonic() - last < QUIET_SECONDS:
            self.bank.poll(0.05)
            total = self.received()
            if total != received:
                received, last = total, time.monotonic()

    def received(self) -> int:
        """Return the bytes all have received."""
        return sum(wire.received for wire in self.wires)

    def events(self) -> int:
        """Return the broadcasts all have received."""
        return sum(wire.events for wire in self.wires)

    # Arrivals

    def run(self, begin: float) -> dict[str, Any]:
        """Send from ``begin`` on, on the monotonic clock; return what was measured."""
        while time.monotonic() < begin:
            self.bank.poll(min(0.05, begin - time.monotonic()))
        for wire in self.wires[self.plan.senders :]:
            if isinstance(wire, MarkedWire):
                wire.heard = self._heard
        before, cpu = self.events(), time.process_time()
        measured = begin + self.plan.warmup
        end = measured + self.plan.seconds
        if self.plan.rate:
            self._open_loop(begin, measured, end)
        else:
            self._closed_loop(measured, end)
        took = time.monotonic() - begin
        busy = (time.process_time() - cpu) / took
        self._settle(measured)
        self._give_up(measured)
        self._until_quiet()
        return self._result(before, busy)

    def _open_loop(self, begin: float, measured: float, end: float) -> None:
        due = begin + self._random.expovariate(self.plan.rate)
        senders = self.wires[: self.plan.senders or None]
        while due < end and self.bank.wires:
            now = time.monotonic()
            while due <= now and due < end:
                if due >= measured:
                    self.tally.lateness.record(now - due)
                self._send(self._random.choice(senders), due)
                due += self._random.expovariate(self.plan.rate)
            self._take(measured, min(due, end) - time.monotonic())

    def _closed_loop(self, measured: float, end: float) -> None:
        senders, order = self.wires[: self.plan.senders or None], count()
        free = [(0.0, next(order), wire) for wire in senders for _ in range(self.plan.depth)]
        while (now := time.monotonic()) < end and self.bank.wires:
            while free and free[0][0] <= now:
                self._send(heappop(free)[2], time.monotonic())
            until = min(end, free[0][0]) if free else end
            for wire, pause in self._take(measured, until - now):
                heappush(free, (time.monotonic() + pause, next(order), wire))

    def _send(self, wire: Wire, intended: float) -> None:
        number = FIRST + self._sent
        method, params = self.plan.requests[self._sent % len(self.plan.requests)]
        self._sent += 1
        self._intended[number] = intended
        if self.plan.marked:
            mark = f"{self.plan.seed}-{number}"
            self._meant[mark] = intended
            params = {**params, "text": f"{mark} {params['text']}"}
        wire.send(self.dialect.spell(number, method, params))

    def _rests(self, seconds: float) -> bool:
        """Wait up to ``seconds`` for the time to read again; return whether it has not come."""
        if not self.plan.rest:
            return False
        time.sleep(max(0.0, min(seconds, self._read_at - time.monotonic())))
        if time.monotonic() < self._read_at:
            return True
        self._read_at = time.monotonic() + self.plan.rest
        return False

    def _take(self, measured: float, seconds: float) -> list[tuple[Wire, float]]:
        """Take in what comes; return who was answered, and the seconds each is asked to wait."""
        answered: list[tuple[Wire, float]] = []
        self.bank.flush()
        if self._rests(seconds):
            return answered
        for wire in self.bank.poll(min(seconds, 0.05), -1 if self.plan.rest else AT_ONCE):
            for number, reason in wire.take():
                intended = self._intended.pop(number, None)
                if intended is None:
                    continue
                self._turned_away += reason is not None
                answered.append((wire, 0.0 if reason is None else wire.retry_after))
                if intended >= measured:
                    self.tally.note(intended, wire.found_at, measured, reason)
        return answered

    def _settle(self, measured: float) -> None:
        end = time.monotonic() + SETTLE_SECONDS
        while self.bank.wires and time.monotonic() < end:
            if not self._intended and not self._unheard():
                return
            self._take(measured, 0.05)

    def _give_up(self, measured: float) -> None:
        """Count what was not answered: it took as long as it was waited for, if not longer."""
        now = time.monotonic()
        for intended in self._intended.values():
            if intended >= measured:
                self.tally.give_up(intended, now, measured)

    def _unheard(self) -> bool:
        """Whether a marked message has not come to everybody who listens here."""
        listeners = sum(
            isinstance(wire, MarkedWire) and wire.heard is not None
            for wire in self.bank.wires.values()
        )
        return any(
            mark not in self._heard or self._heard[mark][2] < listeners for mark in self._meant
        )

    def _result(self, before: int, busy: float) -> dict[str, Any]:
        tally = self.tally
        seconds = sorted(tally.by_second.items())
        return {
            "sent": self._sent,
            "accepted": self._sent - self._turned_away,
            "done": tally.done,
            "unanswered": len(self._intended),
            "refused": dict(tally.refused),
            "hung_up": self.bank.hung_up,
            "events": self.events() - before,
            "cpu": busy,
            "latency": tally.latencies.encode(),
            "in_vain": tally.unanswered.encode(),
            "lateness": tally.lateness.encode(),
            "heard": self._heard,
            "meant": self._meant,
            "by_second": [[second, found.encode()] for second, found in seconds],
        }


def part(_target: Target, plan: Share, orders: Orders) -> None:
    """Carry out one generator's plan."""
    generator = Generator(Plan(**plan))
    try:
        generator.open()
        orders.say()
        _, begin = orders.hear("go")
        orders.say(generator.run(float(begin)))
    finally:
        generator.bank.close()
