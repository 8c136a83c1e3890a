"""The reconnect storm through the whole daemon: sessions, presence, chat and the journal.

``python -m bench.storm_daemon`` lets 5,000 people join sessions, a hundred each. The hosts send 50
chat messages a second in all, each acknowledged when it is on disk. Everybody but the hosts drops,
and comes back after 2 s, while they go on. What each has heard is counted by the messages' own
numbers.
"""

import json
import signal
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import attrs
import orjson
import psutil

from bench.child import BenchFailed
from bench.fanout import allow_files
from bench.load.target import Daemon, Target, described, opened
from bench.load.watch import BUSY, ask, metrics_url
from bench.load.wire import Place
from bench.script import command
from bench.sink import masked
from bench.storm import (
    PER_TOPIC,
    TICK,
    Crowd,
    StormClient,
    come_back,
    command_line,
    processor,
    result,
)

CONNECT, ENTER, START, CHAT = 1, 2, 3, 4
"""Ids of requests; above the last one, chat messages."""

TALK = 5.0
"""Chat messages a second that a host sends at most."""

ENTERING = 200
"""People who join a second, before the storm."""

TELL_SECONDS = 5.0


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

    def talk(self) -> None:
        """Send a chat message."""
        assert self.wire is not None  # noqa: S101  a host stays
        self.sent += 1
        text = f"{self.sent} {time.monotonic()}"
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
        end = time.monotonic() + TELL_SECONDS + len(self.hosts)
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
                self.hosts[self._turn % len(self.hosts)].talk()
                self._turn += 1
                self._due += self._pause
            super().run(max(0.0, min(end - now, self._due - now, TICK)))
            if time.monotonic() >= end:
                return

    def heard_all(self) -> None:
        """Read until everybody has heard everything.

        :raises BenchFailed: they never do.
        """
        said = {host.topic: host.sent for host in self.hosts}
        self.await_all("caught up", lambda guest: guest.number >= said[guest.topic])


def run(  # noqa: PLR0913  one flag of the command line a parameter
    clients: int = 5_000,
    rate: float = 50,
    *,
    away: float = 2.0,
    spread: float = 1.0,
    before: float = 3.0,
    after: float = 5.0,
    seed: int = 1,
    url: str | None = None,
    token_key: str | None = None,
) -> dict[str, Any]:
    """Run the storm once and return what everybody received.

    :param rate: chat messages a second, all sessions together.
    :param away: seconds everybody is gone.
    :param spread: seconds over which they come back, as their jitter spreads them.
    :raises BenchFailed: somebody was refused, or never came back or caught up.
    """
    allow_files(clients)
    if url is not None:
        with opened(url, token_key) as target, closing(_open(target, clients, rate)) as fair:
            report = _storm(fair, Told(target), away, spread, (before, after), seed)
        return {"bench": "storm_daemon", **report}
    with tempfile.TemporaryDirectory(prefix="greenroom-bench-") as folder:
        file = Path(folder) / "late.json"
        daemon = Daemon(Path(folder), program=("bench.load.watched", str(file)))
        try:
            pid = daemon.start()
            url = f"ws://127.0.0.1:{daemon.port}/v1/ws"
            target = Target(url, daemon.key, "storm", pid, daemon)
            with closing(_open(target, clients, rate)) as fair:
                report = _storm(fair, Watch(daemon, file), away, spread, (before, after), seed)
        finally:
            daemon.stop()
    return {"bench": "storm_daemon", **report}


def _open(target: Target, clients: int, rate: float) -> Fair:
    sessions = [f"{target.event}-s{number}" for number in range(max(1, clients // PER_TOPIC))]
    target.load(described(target.event, sessions))
    hosts = [
        Host(f"session/{name}", target.token(f"host-{name}", sessions=frozenset({name})))
        for name in sessions
    ]
    guests = [
        Guest(f"session/{sessions[number % len(sessions)]}", target.token(f"guest-{number}"))
        for number in range(clients)
    ]
    fair = Fair(guests, hosts, Place.at(target.url), rate)
    fair.open_sessions()
    return fair


@attrs.frozen
class Watch:
    """Reads how late the daemon's loop was."""

    daemon: Daemon
    file: Path

    def read(self) -> dict[str, float]:
        """Return the worst since the last time.

        :raises BenchFailed: the daemon does not tell.
        """
        self.file.unlink(missing_ok=True)
        assert self.daemon.process is not None  # noqa: S101  it was started
        self.daemon.process.send_signal(signal.SIGUSR1)
        end = time.monotonic() + TELL_SECONDS
        while time.monotonic() < end:
            if self.file.exists() and (text := self.file.read_text("utf-8")):
                found: dict[str, float] = json.loads(text)
                return found
            time.sleep(TICK)
        raise BenchFailed("the daemon does not tell how late it was")

    def cpu(self) -> float:
        """Return the seconds of processor it has used."""
        assert self.daemon.process is not None  # noqa: S101  it was started
        return processor(self.daemon.process.pid)


@attrs.frozen
class Told:
    """What a deployment tells of itself."""

    target: Target

    def read(self) -> dict[str, float]:
        """Return nothing: only a daemon of our own tells how late its loop was."""
        return {}

    def cpu(self) -> float | None:
        """Return the seconds of processor it has used; None if it does not say."""
        return ask(metrics_url(self.target.url)).get("cpu_seconds")


def _storm(
    fair: Fair,
    watch: Watch | Told,
    away: float,
    spread: float,
    quiet: tuple[float, float],
    seed: int,
) -> dict[str, Any]:
    random, guests = Random(seed), fair.clients
    fair.enter(len(guests) / ENTERING, random)
    fair.await_all("got in", lambda guest: guest.ready)
    fair.talk(on=True)
    fair.run(quiet[0])
    watch.read()
    fair.leave()
    fair.run(away)
    psutil.cpu_percent()
    returned, used = come_back(fair, watch.cpu, spread, random)
    machine = psutil.cpu_percent() / 100
    fair.run(quiet[1])
    late = watch.read()
    fair.talk(on=False)
    fair.heard_all()
    last = {host.topic: host.sent for host in fair.hosts}
    found = result(guests, last, returned, {**used, **late})
    acknowledged = sum(host.acknowledged for host in fair.hosts)
    return {**found, "acknowledged": acknowledged, "coming_back": _limit(used, machine)}


def _limit(used: Mapping[str, Any], machine: float) -> dict[str, Any]:
    """Say what was saturated while everybody came back."""
    limit = "machine" if machine >= BUSY else "nothing"
    for who, name in (("server", "server"), ("clients", "generator")):  # the generator first of all
        if (used[who] or 0.0) >= BUSY * used["seconds"]:
            limit = name
    return {"limit": limit, "latency": {}}


if __name__ == "__main__":
    command(partial(command_line, run, __doc__))
