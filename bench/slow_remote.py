"""One client that never reads in a session of a deployment: what the others notice of it.

Some of a session chat, in rounds without and with somebody who stops reading; how late the last of
the others has each message is compared. How much the server keeps for a client before it closes it
(3008) need not be known: after a round the mute one reads what is left, and finds the end or not.
"""

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from statistics import median
from typing import Any

import attrs

from bench.load.audience import audience, guest
from bench.load.dialects import GREENROOM
from bench.load.latency import Latencies
from bench.load.swarm import Load, Swarm
from bench.load.target import Target, described, opened
from bench.load.team import GENERATORS
from bench.load.watch import ask, metrics_url
from bench.load.wire import READ, LoadFailed, Place, Wire, request, tls_context
from bench.slow import NARROW
from transport.closing import CLOSE_REASONS, Close

TEXT = 1_000
"""Characters of each message's text: as many as one may have."""

SENT_BY_ONE = 8.0
"""Messages a second of one sender; ten are allowed."""

GOODBYE = struct.pack(">H", Close.SLOW_CONSUMER) + CLOSE_REASONS[Close.SLOW_CONSUMER].encode()
"""What the last frame to a client that does not read ends with."""

PAIR = 2
"""Rounds without and with the mute client, in turn."""

ENTER_SECONDS, DRAIN_SECONDS = 30.0, 10.0
"""How long the mute client may take to get in, and to read what is left."""

STILL_SECONDS = 2.0
"""Nothing came for so long: nothing is left, and the connection stands."""


@attrs.define(eq=False)
class Mute:
    """Somebody who joins a session and never reads again.

    :param kept: bytes that the server and the machines between still had for them at the end.
    :param closed: whether the server had hung up by then.
    """

    wire: Wire
    kept: int = 0
    closed: bool = False

    @classmethod
    def enter(cls, target: Target, session: str) -> "Mute":
        """Come into a session.

        :raises LoadFailed: they were not let in.
        """
        place = Place.at(target.url)
        sock = socket.socket(place.family)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NARROW)
        sock.settimeout(ENTER_SECONDS)
        try:
            sock.connect(place.where)
            if place.address.secure:
                sock = tls_context().wrap_socket(sock, server_hostname=place.address.host)
            sock.sendall(request(place.address, place.dialect))
        except OSError as error:
            sock.close()
            raise LoadFailed(f"the mute client cannot connect: {error}") from error
        wire = Wire(sock, place.dialect)
        wire.upgraded()
        opening = guest(target, "mute", session)
        for number, (method, params) in enumerate(opening, 1):
            wire.send(GREENROOM.spell(number, method, params))
        answers: list[tuple[int, str | None]] = []
        end = time.monotonic() + ENTER_SECONDS
        while len(answers) < len(opening):
            if not wire.read() or time.monotonic() > end:
                raise LoadFailed("the mute client was not let in")
            answers += wire.take()
            time.sleep(0.01)
        refused = [reason for _, reason in answers if reason is not None]
        if refused:
            raise LoadFailed(f"the mute client was refused: {refused[0]}")
        return cls(wire)

    def drain(self) -> None:
        """Read what is left, to see whether the connection was closed meanwhile.

        The close frame itself need not come: the server waits for it to be read, but not for ever.
        """
        sock, tail = self.wire.sock, b""
        sock.settimeout(STILL_SECONDS)
        end = time.monotonic() + DRAIN_SECONDS
        while time.monotonic() < end and not self.closed:
            try:
                data = sock.recv(READ)
            except TimeoutError:
                return
            except OSError:
                data = b""
            self.kept += len(data)
            tail = (tail + data)[-len(GOODBYE) :]
            self.closed = not data or tail == GOODBYE

    def close(self) -> None:
        """Hang up."""
        self.wire.sock.close()


@contextmanager
def _somebody_mute(target: Target, session: str, mute: bool) -> Iterator[Mute | None]:
    if not mute:
        yield None
        return
    silent = Mute.enter(target, session)
    try:
        yield silent
    finally:
        silent.close()


def run(
    clients: int = 100,
    rate: float = 160.0,
    seconds: float = 12.0,
    rounds: int = 3,
    generators: int = GENERATORS,
    url: str | None = None,
    token_key: str | None = None,
) -> dict[str, Any]:
    """Measure rounds without and with a mute client in turn.

    :param clients: who listen.
    :param rate: messages a second, each a good kilobyte for everybody.
    :param seconds: how long a round lasts: enough for what waits for the mute client to be more
        than the server keeps.
    :param rounds: of each kind.
    :param generators: processes that share the people.
    :raises LoadFailed: somebody was refused, or the server ended.
    """
    taken: dict[bool, list[dict[str, float]]] = {False: [], True: []}
    silent: list[Mute] = []
    with opened(url, token_key) as target:
        memory: list[float] = []
        session = f"{target.event}-s"
        target.load(described(target.event, [session]))
        load = _load(target, session, clients, rate, seconds, generators)
        for number in range(rounds):
            for mute in (False, True) if number % 2 else (True, False):
                with _somebody_mute(target, session, mute) as one:
                    found, figures = _round(target, load)
                    taken[mute].append(figures)
                    if one is not None:
                        one.drain()
                        silent.append(one)
                memory.append(ask(metrics_url(target.url)).get("rss", 0.0))
    return {
        **_result(clients, taken, silent),
        "memory_grown_kb": _grown(memory),
        "load": found,
    }


def _load(
    target: Target, session: str, clients: int, rate: float, seconds: float, generators: int
) -> Load:
    """Return a load that so many listen to; as many of each generator's people send."""
    senders = ceil(rate / SENT_BY_ONE / generators)
    people = audience(target, session, clients + senders * generators)
    text = ("chat.send", {"topic": f"session/{session}", "text": "x" * TEXT})
    return Load(
        people, [text], rate=rate, seconds=seconds, senders=senders, marked=True,
        generators=generators,
    )  # fmt: skip


def _grown(memory: list[float]) -> int | None:
    """Return how much more memory the last two rounds left than the first two, which warm up."""
    if len(memory) <= 2 * PAIR or not all(memory):
        return None
    return round((max(memory[-PAIR:]) - max(memory[:PAIR])) / 1024)


def _round(target: Target, load: Load) -> tuple[dict[str, Any], dict[str, float]]:
    """Return what the load was, and how late the last listener had each message."""
    with Swarm(target, load) as swarm:
        swarm.ready()
        found = swarm.run()
        begun = min(swarm.meant.values(), default=0.0) + load.warmup
        late, came, due = Latencies(), 0, 0
        listeners = len(load.people) - swarm.generators * load.senders
        for mark, meant in swarm.meant.items():
            if meant >= begun:
                due += listeners
                heard = swarm.heard.get(mark)
                if heard is not None:
                    late.record(heard[1] - meant)
                    came += int(heard[2])
    figures = {"p50_ms": late.at(50), "p99_ms": late.at(99), "messages": len(late)}
    return found, {**figures, "missed": due - came}


def _result(
    clients: int, taken: dict[bool, list[dict[str, float]]], silent: list[Mute]
) -> dict[str, Any]:
    alone, beside = taken[False], taken[True]
    usual = [median(one["p99_ms"] for one in rounds) for rounds in (alone, beside)]
    ratios = [with_["p99_ms"] / one["p99_ms"] for one, with_ in zip(alone, beside, strict=True)]
    closed = sum(one.closed for one in silent)
    why = f"{len(silent) - closed} of {len(silent)} that never read were not closed in their round"
    return {
        "bench": "slow",
        "clients": clients,
        "rounds": len(alone),
        "alone": alone,
        "beside_one_that_never_reads": beside,
        "p99_ratio": round(usual[1] / usual[0], 2),
        "p99_ratio_lowest": round(min(ratios), 2),
        "p99_ratio_highest": round(max(ratios), 2),
        "missed": sum(one["missed"] for one in (*alone, *beside)),
        "slow_consumers": closed,
        "left_for_it_kb": [one.kept >> 10 for one in silent],
        "broken": []
        if closed == len(silent)
        else [f"{why}: let it last longer (seconds) or send more (rate)"],
    }
