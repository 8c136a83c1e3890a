"""People of a storm through the whole daemon: guests who drop and come back, hosts who talk."""

import time
from collections.abc import Sequence
from contextlib import closing
from random import Random
from typing import Any

import attrs
import orjson

from bench.child import BenchFailed
from bench.fanout import allow_files
from bench.load.target import Target
from bench.load.team import Orders, Share
from bench.load.wire import Place
from bench.sink import masked
from bench.storm import TICK, Crowd, StormClient, come_back
from bench.storm_tally import tally

CONNECT, ENTER, START, CHAT = 1, 2, 3, 4
"""Ids of requests; above the last one, chat messages."""

TALK = 5.0
"""Chat messages a second that a host sends at most."""

ENTERING = 200
"""People who join a second, before the storm."""

ENTRY_SECONDS = 5.0
"""How long the hosts may take to come in, and a second for each."""


def _spelled(ident: int, method: str, params: dict[str, Any]) -> bytes:
    message = {"jsonrpc": "2.0", "id": ident, "method": method, "params": params}
    return masked(orjson.dumps(message).decode())


@attrs.define(eq=False)
class Guest(StormClient):
    """Somebody in a session.

    :param number: of the last chat message heard.
    """

    number: int = 0
    epoch: str = ""

    def greet(self) -> bytes:
        """Return ``connect``, and what comes behind it: ``session.join``, or a resume."""
        params: dict[str, Any] = {"token": self.token}
        if self.epoch:
            params["resume"] = {"epoch": self.epoch, "topics": {self.topic: self.seen}}
            return _spelled(CONNECT, "connect", params)
        return _spelled(CONNECT, "connect", params) + self.entry()

    def entry(self) -> bytes:
        """Return what lets them in."""
        return _spelled(ENTER, "session.join", {"session": self.topic.partition("/")[2]})

    def hear(self, payload: bytes, now: float) -> None:
        """Note one message."""
        message = orjson.loads(payload)
        if "id" in message:
            if "error" in message:
                raise BenchFailed(str(message["error"]))
            self.answered(message["id"], message["result"], now)
        elif message["params"]["topic"] == self.topic:
            self._told(message["params"], now)

    def answered(self, ident: int, answer: dict[str, Any], now: float) -> None:
        """Take note of an answer."""
        came_back = bool(self.epoch)
        if ident == CONNECT:
            self.epoch = answer["epoch"]
        if ident == ENTER or came_back:
            self.ready = now

    def _told(self, event: dict[str, Any], now: float) -> None:
        self.seen = max(self.seen, event.get("seq", 0))
        if event["type"] == "snapshot":
            self.snapshots += 1
        elif event["type"] == "chat.posted":
            number, sent = event["data"]["text"].split()
            self._count(int(number), now - float(sent), now)

    def _count(self, number: int, late: float, now: float) -> None:
        if number <= self.number:
            self.repeated += 1
            return
        self.missed += number - self.number - 1
        self.number = number
        self.lateness.append((now, late))


@attrs.define(eq=False)
class Host(Guest):
    """A session's host, who stays and talks.

    :param sent: chat messages sent.
    :param acknowledged: of them, those that are on disk.
    """

    sent: int = 0
    acknowledged: int = 0

    def entry(self) -> bytes:
        """Return what opens the session."""
        start = _spelled(START, "session.start", {"session": self.topic.partition("/")[2]})
        return Guest.entry(self) + start

    def answered(self, ident: int, answer: dict[str, Any], now: float) -> None:
        """Take note of an answer."""
        if ident > CHAT:
            self.acknowledged += 1
        elif ident == START:
            self.ready = now
        elif ident == CONNECT:
            self.epoch = answer["epoch"]

    def talk(self, due: float) -> None:
        """Send a chat message that was meant to be sent at an instant of the monotonic clock."""
        assert self.wire is not None  # noqa: S101  a host stays
        self.sent += 1
        text = f"{self.sent} {due}"
        params = {"topic": self.topic, "text": text}
        try:
            self.wire.sendall(_spelled(CHAT + self.sent, "chat.send", params))
        except OSError as error:
            raise BenchFailed(f"the server hung up on a host ({error.strerror})") from error


class Fair(Crowd):
    """The guests, who drop and come back, and the hosts, who talk in turn."""

    def __init__(
        self, guests: Sequence[Guest], hosts: list[Host], place: Place, rate: float
    ) -> None:
        super().__init__(list(guests), place)
        self.hosts = hosts
        self._pause = 1 / min(rate, TALK * len(hosts))
        self._due = float("inf")
        self._turn = 0

    def open_sessions(self) -> None:
        """Have the hosts come."""
        for host in self.hosts:
            self.open(host)
        end = time.monotonic() + ENTRY_SECONDS + len(self.hosts)
        while not all(host.ready for host in self.hosts):
            self.run(TICK)
            if time.monotonic() > end:
                raise BenchFailed("the hosts did not get in")

    def talk(self, *, on: bool) -> None:
        """Have the hosts begin to talk, or end."""
        self._due = time.monotonic() if on else float("inf")

    def run(self, seconds: float) -> None:
        """Read what comes and have the hosts talk, for so long."""
        end = time.monotonic() + seconds
        while True:
            now = time.monotonic()
            while self._due <= now:
                self.hosts[self._turn % len(self.hosts)].talk(self._due)
                self._turn += 1
                self._due += self._pause
            super().run(max(0.0, min(end - now, self._due - now, TICK)))
            if time.monotonic() >= end:
                return

    def run_until(self, instant: float) -> None:
        """Read what comes and have the hosts talk, until an instant of the monotonic clock."""
        self.run(max(0.0, instant - time.monotonic()))

    def heard_all(self) -> None:
        """Read until everybody has heard everything.

        :raises BenchFailed: they never do.
        """
        said = {host.topic: host.sent for host in self.hosts}
        self.await_all("caught up", lambda guest: guest.number >= said[guest.topic])


@attrs.frozen(kw_only=True)
class Storm:
    """One process's share of a storm: some of the sessions, and everybody in them.

    :param sessions: names of all.
    :param clients: guests in all of them.
    :param rate: chat messages a second, all sessions together.
    :param away: seconds everybody is gone.
    :param spread: seconds over which they come back.
    :param before: seconds of chat until they go.
    :param after: seconds of chat once they are back.
    :param index: which process this is.
    :param number: of processes.
    """

    sessions: Sequence[str]
    clients: int
    rate: float
    away: float
    spread: float
    before: float
    after: float
    seed: int
    index: int
    number: int

    def fair(self, target: Target) -> Fair:
        """Return this process's hosts and guests."""
        own = self.sessions[self.index :: self.number]
        hosts = [
            Host(f"session/{name}", target.token(f"host-{name}", sessions=frozenset({name})))
            for name in own
        ]
        places = [self.sessions[number % len(self.sessions)] for number in range(self.clients)]
        guests = [
            Guest(f"session/{place}", target.token(f"guest-{number}"))
            for number, place in enumerate(places)
            if place in own
        ]
        rate = self.rate * len(own) / len(self.sessions)
        return Fair(guests, hosts, Place.at(target.url), rate)

    def carry_out(self, fair: Fair, orders: Orders) -> None:
        """Have everybody come, drop and come back when told to; answer with what they heard."""
        random, guests = Random(self.seed * 1_000 + self.index), fair.clients
        orders.say()
        orders.hear("enter")
        fair.open_sessions()
        fair.enter(len(guests) * self.number / ENTERING, random)
        fair.await_all("got in", lambda guest: guest.ready)
        orders.say()
        _, begin = orders.hear("storm")
        fair.run_until(float(begin))
        fair.talk(on=True)
        fair.run_until(float(begin) + self.before)
        fair.leave()
        fair.run_until(float(begin) + self.before + self.away)
        returned, used = come_back(fair, lambda: None, self.spread, random)
        orders.say(used)  # the hosts go on, whatever is asked next
        fair.run(self.after)
        fair.talk(on=False)
        fair.heard_all()
        last = {host.topic: host.sent for host in fair.hosts}
        acknowledged = sum(host.acknowledged for host in fair.hosts)
        orders.hear("report")
        orders.say({**tally(guests, last, returned), "acknowledged": acknowledged})


def part(target: Target, share: Share, orders: Orders) -> None:
    """Carry out one process's share."""
    storm = Storm(**share)
    allow_files(storm.clients)
    with closing(storm.fair(target)) as fair:
        storm.carry_out(fair, orders)
