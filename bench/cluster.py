"""What it costs to go through NATS: the same commands with SQLite, on one node, and across two.

    python -m bench.cluster [--seconds 4] [--people 32] [--json]

Everything, the nodes and the asking, runs in this one process on one core; the NATS server is a
process of its own. So the ratios say what a command costs in Python more than elsewhere, and the
rates are lower than those of nodes with a core each.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import trio

from actors.rules.base import SYSTEM, Person
from actors.rules.chat_model import Post
from actors.rules.event_model import Create as CreateEvent
from actors.rules.session.planning import Create as CreateSession
from actors.rules.session.presence import Join
from actors.rules.session.running import Start
from engine.cluster import Node, open_node
from engine.config import ClusterOptions, Config, MediaOptions
from engine.engine import Engine
from engine.logs import configure_logs
from engine.workers import NATS_CONFIG, find_nats

EVENT, SESSION = "bench", "talk"

Call = Callable[[Any], Awaitable[Any]]


@attrs.frozen
class Measured:
    """One way's figures: commands a second, and milliseconds from command to answer."""

    way: str
    per_second: float
    median: float
    worst: float


def person(number: int) -> Person:
    """Return one of the people who chat."""
    return Person(id=f"p{number}", name=f"P {number}", event=EVENT)


async def prepare(call: Call, people: int) -> None:
    """Make a live session with people in it."""
    now = datetime.now(UTC)
    days = [now.date().isoformat()]
    await call(CreateEvent(by=SYSTEM, id=EVENT, name="Bench", time_zone="UTC", days=days))
    host = Person(id="host", name="Host", event=EVENT, sessions=frozenset({SESSION}))
    await call(
        CreateSession(
            by=SYSTEM,
            session=SESSION,
            event=EVENT,
            title="Talk",
            kind="workshop",
            start=now,
            minutes=60,
        )
    )
    await call(Join(by=host, session=SESSION))
    await call(Start(by=host, session=SESSION))
    for number in range(people):
        await call(Join(by=person(number), session=SESSION))


async def measure(way: str, call: Call, people: int, seconds: float) -> Measured:
    """Let people chat as fast as they are answered."""
    took: list[float] = []
    end = time.perf_counter() + seconds

    async def chat(number: int) -> None:
        count = 0
        while time.perf_counter() < end:
            count += 1
            begun = time.perf_counter()
            post = Post(by=person(number), topic=f"session/{SESSION}", text=f"{count}")
            await call(post)
            took.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    async with trio.open_nursery() as nursery:
        for number in range(people):
            nursery.start_soon(chat, number)
    passed = time.perf_counter() - begun
    took.sort()
    median, worst = took[len(took) // 2] * 1000, took[int(len(took) * 0.99)] * 1000
    return Measured(way, round(len(took) / passed), round(median, 2), round(worst, 2))


def config(folder: Path, nats: str = "") -> Config:
    """Return the configuration of one engine."""
    return Config(
        port=0,
        data=folder,
        key=("bench:0123456789abcdef0123456789abcdef",),
        media=MediaOptions(workers=0),
        cluster=ClusterOptions(servers=(nats,) if nats else ()),
    )


@asynccontextmanager
async def nats_server(folder: Path, port: int) -> AsyncIterator[str]:
    """Run a NATS server that syncs every write, as ``--workers`` does."""
    settings = folder / "nats.conf"
    settings.write_text(NATS_CONFIG.format(port=port, folder=folder / "jetstream"))
    process = subprocess.Popen(  # noqa: ASYNC220  it returns at once
        [find_nats(), "-c", str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with trio.fail_after(10):
            while True:
                try:
                    await (await trio.open_tcp_stream("127.0.0.1", port)).aclose()
                    break
                except OSError:
                    await trio.sleep(0.05)
        yield f"nats://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


async def settled(nodes: list[Node]) -> None:
    """Wait until every node owns its share."""
    with trio.fail_after(30):
        while any(  # noqa: ASYNC110  nodes tell nobody
            set(node.membership.table.shards) != {one.membership.me for one in nodes}
            for node in nodes
        ):
            await trio.sleep(0.1)
        await trio.sleep(3)


async def run(people: int, seconds: float) -> list[Measured]:
    """Measure each way."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with Engine.open(config(folder / "alone")) as engine:
            await prepare(engine.call, people)
            found.append(await measure("one node, SQLite", engine.call, people, seconds))
        async with (
            nats_server(folder, 24_222) as url,
            open_node(config(folder / "one", url)) as one,
        ):
            await settled([one])
            await prepare(one.engine.call, people)
            found.append(await measure("one node, NATS", one.engine.call, people, seconds))
            async with open_node(config(folder / "two", url)) as two:
                await settled([one, two])
                owner = one.membership.owner(f"session/{SESSION}")
                here, there = (one, two) if one.membership.me == owner else (two, one)
                for way, node in (("at the session's owner", here), ("at the other", there)):
                    call = node.engine.call
                    found.append(await measure(f"two nodes, {way}", call, people, seconds))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--people", type=int, default=32)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    configure_logs("error")
    found = trio.run(run, options.people, options.seconds)
    if options.json:
        json.dump([attrs.asdict(one) for one in found], sys.stdout, indent=2)
        return
    print(f"{'way':<36}{'commands/s':>12}{'of SQLite':>11}{'median ms':>11}{'99 % ms':>9}")
    for one in found:
        ratio = one.per_second / found[0].per_second
        print(f"{one.way:<36}{one.per_second:>12,.0f}{ratio:>11.2f}{one.median:>11}{one.worst:>9}")


if __name__ == "__main__":
    main()
