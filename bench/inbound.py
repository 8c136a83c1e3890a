"""Where the time of one chat command goes, from socket to socket.

``python -m bench.inbound`` runs each stage of the way on its own, over and over; then the whole way
from the door to the answer through a running engine (its journal in memory, nobody listening); and
then a daemon under load, from the bytes that come to the bytes that go, commits included: with one
person in the session, and with two hundred. It prints microseconds of CPU a command. A daemon that
stamps its stages then tells where they go (:mod:`bench.inbound_ways`). What fan-out costs beside
the peers is told by ``bench.fanout``.
"""

import argparse
import json
import os
import socket
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any

import trio
from websockets.protocol import Protocol, Side
from wsproto.connection import Connection, ConnectionType

from actors.clock import SystemClock
from actors.kernel import Envelope
from actors.ports import Entry, Write
from actors.rules import records
from actors.rules.base import COMMANDS, Person
from actors.rules.chat_model import Posted
from bench import inbound_paper
from bench.commands import once, ours
from bench.inbound_ways import way
from bench.load.target import described
from bench.script import command
from bench.sink import masked
from engine.config import Config, MediaOptions
from engine.engine import Engine
from engine.loading import load_steps, steps, within
from storage.codec import pack_write
from storage.memory import MemoryJournal
from transport import rpc
from transport.codec import JSON
from transport.limits import Buckets, Limits, Rate
from transport.params import structure

ROUNDS, TIMES = 7, 2_000
SESSION = "s"
ANA = Person(id="ana", name="Ana", event="bench")
TEXT = "x" * 60
REQUEST = json.dumps(
    {
        "jsonrpc": "2.0",
        "id": 7,
        "method": "chat.send",
        "params": {"topic": f"session/{SESSION}", "text": TEXT},
    }
)
PEOPLE = (1, 200)
"""In the sessions of the daemons."""

UNLIMITED = Rate(1e9, 1e9)


class NoArchive:
    """An archive without anything in it."""

    async def chat_history(self, *_: object) -> list[Any]:
        """Return nothing."""
        return []

    async def chat_search(self, *_: object) -> list[Any]:
        """Return nothing."""
        return []


def timed(work: Callable[[], Any]) -> float:
    """Return the CPU time of one call in microseconds: the least of several rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(TIMES):
            work()
        best = min(best, time.process_time() - begun)
    return best / TIMES * 1e6


def _wire() -> dict[str, float]:
    """Return what the socket and the WebSocket of one message take."""
    frame, reply = masked(REQUEST), JSON.frame(rpc.result(7, {"message": TEXT}))
    parser = Protocol(Side.SERVER)

    def parse() -> None:
        parser.receive_data(frame)
        parser.events_received()
        parser.data_to_send()

    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
    with near, far:

        def exchange() -> None:
            os.write(near.fileno(), reply)
            os.read(far.fileno(), len(reply))

        return {"a write to a socket and its read": timed(exchange), "WebSocket": timed(parse)}


def _posted() -> Posted:
    return Posted(
        at=datetime.now(UTC), id="1", person="ana", name="Ana", role="participant", text=TEXT
    )


async def _stages(engine: Engine) -> dict[str, float]:
    value = JSON.decode(REQUEST, 32)
    request = rpc.parse(value)
    buckets = Buckets(Limits(rate=UNLIMITED, method_rates={"chat.send": UNLIMITED}))
    command = structure(COMMANDS["chat.send"], request.params, ANA, "c-1")
    event, now = _posted(), datetime.now(UTC)
    entry = Entry(1, event.type, event.at, records.record(event), {"by": "ana", "number": 1})
    answer = {"message": records.wire(event)}
    actor = await engine.services.address(f"session/{SESSION}").ask(_Peek(), timeout=10)
    rules, state = actor.rules, actor.state
    topic = f"session/{SESSION}"
    # An instant is spelt in the answer first and looked up from then on: each is a new one here.
    instants = [now + timedelta(milliseconds=number) for number in range(records.SPELT + 1)]
    later = cycle(instants)

    def carry_out() -> None:
        at = next(later)
        events = rules.decide(state, command, at)  # a log takes each message once
        for one in events:
            rules.evolve(state, one)
        rules.answer(state, command, events, at)

    decide = timed(lambda: rules.decide(state, command, now))
    return {
        "decode": timed(lambda: JSON.decode(REQUEST, 32)),
        "JSON-RPC": timed(lambda: rpc.parse(value)),
        "rate limit": timed(lambda: buckets.take("bench/ana", "chat.send")),
        "structure": timed(lambda: structure(COMMANDS["chat.send"], request.params, ANA, "c-1")),
        "decide": decide,
        "evolve and answer": max(0.0, timed(carry_out) - decide),
        "record": timed(lambda: records.record(event)),
        "rows for the journal": timed(lambda: pack_write(Write("session/s", 0, [entry]))),
        "publish": timed(
            lambda: engine.services.publisher.publish(
                topic, event.type, event.at, records.wire(event), None
            )
        ),
        "effects": timed(lambda: rules.effects(topic, event)),
        "deadline": timed(lambda: rules.due(state)),
        "reply": timed(lambda: JSON.frame(rpc.result(7, answer))),
        "time limit": timed(lambda: engine.system.timers.call_after(10, _nothing).cancel()),
    }


def _nothing() -> None:
    """Stand in for what happens when the time is up."""


def _before() -> dict[str, tuple[str, float]]:
    """Return what stages cost as they were done before: in which way, and microseconds."""
    frame, wire = masked(REQUEST), Connection(ConnectionType.SERVER)

    def parse() -> None:
        wire.receive_data(frame)
        for _ in wire.events():
            pass

    def limit() -> None:
        with trio.fail_after(10):  # noqa: ASYNC100  what it costs is the question
            pass

    return {
        "WebSocket": ("with wsproto", timed(parse)),
        "time limit": ("a cancel scope", timed(limit)),
    }


class _Peek:
    """Asks an entity for itself; for measuring only."""


def _show(batch_of: Any) -> Any:
    """Let an actor answer :class:`_Peek` with itself."""

    async def on_receive_batch(self: Any, batch: Any) -> None:
        rest: list[Envelope] = []
        for envelope in batch:
            if isinstance(envelope.message, _Peek):
                envelope.reply(self)
            else:
                rest.append(envelope)
        if rest:
            await batch_of(self, rest)

    return on_receive_batch


async def _way(engine: Engine) -> float:
    """Return the CPU time of one command from the door to its answer, one at a time."""
    command = structure(COMMANDS["chat.send"], json.loads(REQUEST)["params"], ANA, "c-1")
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(TIMES // 2):
            await engine.door.call(command)
        best = min(best, time.process_time() - begun)
    return best / (TIMES // 2) * 1e6


async def measure() -> tuple[dict[str, float], dict[str, tuple[str, float]]]:
    """Return microseconds by stage, and of some what they were."""
    config = Config(key=("k:" + "s" * 32,), media=MediaOptions(workers=0))
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(
            Engine.assemble(
                config, journal=MemoryJournal(), archive=NoArchive(), epoch="e", clock=SystemClock()
            )
        )
        await load_steps(within(engine), steps(described("bench", [SESSION])))
        host = Person(id=f"host-{SESSION}", name="H", event="bench", sessions=frozenset({SESSION}))
        for by, method in ((host, "session.join"), (host, "session.start"), (ANA, "session.join")):
            await engine.door.call(structure(COMMANDS[method], {"session": SESSION}, by, ""))
        through = await _way(engine)
        stages = await _stages(engine)
        return {**_wire(), **stages, "from the door to its answer": through}, _before()


def from_socket_to_socket(people: int, seconds: float) -> float:
    """Return what a durable chat command costs a daemon, in microseconds of CPU.

    :param people: in the session; all of them send, and all are told.
    :param seconds: for which they send as fast as they are answered.
    """
    with ours(people) as contender:
        found = once(contender, rate=0.0, seconds=seconds)
    return float(found["server_cpu_us_per_command"])


def run(seconds: float = 2.0) -> dict[str, Any]:
    """Measure; return microseconds by stage.

    :param seconds: each daemon is loaded for.
    """
    from actors.session import SessionActor

    # It inherits the method, and must again: one of its own would hide what is done to the base.
    SessionActor.on_receive_batch = _show(SessionActor.on_receive_batch)  # type: ignore[method-assign]
    try:
        stages, before_stages = trio.run(measure)
    finally:
        del SessionActor.on_receive_batch
    ways = {}
    for people in PEOPLE:
        name = "one by one" if people == 1 else f"{people} people"
        stages[f"from socket to socket, {name}"] = from_socket_to_socket(people, seconds)
        ways[name] = way(people, seconds)
    stages |= inbound_paper.figures(ways)
    return {"bench": "inbound", "microseconds": stages, "before": before_stages, "ways": ways}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    result = run()
    if given.json:
        print(json.dumps(result, indent=2))
        return
    for name, cost in result["microseconds"].items():
        how, earlier = result["before"].get(name, ("", 0.0))
        print(f"  {name:50} {cost:8.2f} us" + (f"  {earlier:8.2f} {how}" if how else ""))
    print(inbound_paper.text(result))


if __name__ == "__main__":
    command(main)
