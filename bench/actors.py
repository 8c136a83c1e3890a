"""The kernel beside Pykka's ThreadingActor and trio's memory channels, in one run.

Every figure is a rate or a size of the same work done in the same run, the contenders in turn in
each round: what another round's processor was worth tells nothing. Of the rates the median counts,
for a thread's turn costs two or three times as much in one round as in the next; for lateness, the
drain whose p99 is the median.
Memory is the growth of the process's resident set over the actors spawned, measured for each
contender in a fresh process.

    python -m bench.actors [--quick] [--json]
"""

import argparse
import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import psutil
import pykka
import trio

from actors.kernel import Actor, ActorSystem, AskTimeoutError
from bench.script import command

ROUNDS = 9
DRAINS = 5
TELLS = 40_000
ASKS = 5_000
SPAWNS = 1_000
CROWDS = (10_000, 50_000)
DRAINED = 100_000
THREADS = 2_000
"""Threads one process is asked to hold: beyond, the operating system's limits decide."""

TARGETS = {
    "ask": (2.0, "at least"),
    "spawn": (2.0, "at least"),
    "memory": (1 / 3, "at most"),
    "tell_channel": (2.0, "at least"),
}


class Counter(Actor):
    """Counts; answers with the count."""

    mailbox_limit = 10_000_000
    stop_grace = 60.0

    def __init__(self) -> None:
        self.count = 0

    def on_receive(self, _message: Any) -> int:
        """Count one more."""
        self.count += 1
        return self.count


class ThreadCounter(pykka.ThreadingActor):
    """The same on a thread of its own."""

    use_daemon_thread = True

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def on_receive(self, _message: Any) -> int:
        """Count one more."""
        self.count += 1
        return self.count


Work = Callable[[int], float]
"""Does something a number of times and returns how often a second."""


def _in_turn(rounds: int, number: int, contenders: Mapping[str, Work]) -> dict[str, list[float]]:
    """Return each contender's rates, round by round."""
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, work in contenders.items():
            rates[name].append(work(number))
    return rates


def _in_system(work: Callable[[ActorSystem, int], Awaitable[float]]) -> Work:
    async def main(number: int) -> float:
        async with ActorSystem() as system:
            return await work(system, number)

    def run_it(number: int) -> float:
        gc.collect()
        return trio.run(main, number)

    return run_it


async def _tell(system: ActorSystem, number: int) -> float:
    ref = system.spawn(Counter)
    await ref.ask(0)
    began = time.perf_counter()
    for index in range(number):
        ref.tell(index)
    if await ref.ask(0) != number + 2:
        raise AssertionError("messages were lost")
    return number / (time.perf_counter() - began)


async def _ask(system: ActorSystem, number: int) -> float:
    ref = system.spawn(Counter)
    began = time.perf_counter()
    for index in range(number):
        await ref.ask(index)
    return number / (time.perf_counter() - began)


async def _spawn(system: ActorSystem, number: int) -> float:
    began = time.perf_counter()
    refs = [system.spawn(Counter) for _ in range(number)]
    for ref in refs:
        ref.tell(0)
    await refs[-1].ask(0)
    return number / (time.perf_counter() - began)


def _pykka_tell(number: int) -> float:
    ref = ThreadCounter.start()
    ref.ask(0)
    began = time.perf_counter()
    for index in range(number):
        ref.tell(index)
    ref.ask(0)
    rate = number / (time.perf_counter() - began)
    ref.stop()
    return rate


def _pykka_ask(number: int) -> float:
    ref = ThreadCounter.start()
    began = time.perf_counter()
    for index in range(number):
        ref.ask(index)
    rate = number / (time.perf_counter() - began)
    ref.stop()
    return rate


def _pykka_spawn(number: int) -> float:
    began = time.perf_counter()
    refs = [ThreadCounter.start() for _ in range(number)]
    for ref in refs:
        ref.tell(0)
    refs[-1].ask(0)
    rate = number / (time.perf_counter() - began)
    for ref in refs:
        ref.stop(block=False)
    for ref in refs:
        ref.stop()
    return rate


def _channel_tell(number: int) -> float:
    """Send the same messages over a trio memory channel with room for them all."""

    async def main() -> float:
        send, receive = trio.open_memory_channel[int](number)
        count = 0

        async def consume() -> None:
            nonlocal count
            async for _ in receive:
                count += 1

        began = time.perf_counter()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(consume)
            for index in range(number):
                send.send_nowait(index)
            await send.aclose()
        return count / (time.perf_counter() - began)

    gc.collect()
    return trio.run(main)


async def _lateness(system: ActorSystem, drained: int) -> dict[str, float]:
    """How late a bystander's 1 ms timer is while another actor drains its mailbox."""
    ref = system.spawn(Counter)
    late: list[float] = []
    done = False

    async def bystander() -> None:
        while not done:
            due = trio.current_time() + 0.001
            await trio.sleep_until(due)
            late.append((trio.current_time() - due) * 1000)

    async with trio.open_nursery() as nursery:
        for index in range(drained):
            ref.tell(index)
        nursery.start_soon(bystander)
        await ref.ask(0)
        done = True
    if len(late) < 2:  # noqa: PLR2004  two are what a quantile needs
        raise AssertionError("the drain was too short to measure beside")
    return {
        "samples": len(late),
        "p50_ms": statistics.median(late),
        "p99_ms": statistics.quantiles(late, n=100, method="inclusive")[98],
        "max_ms": max(late),
    }


def memory(kind: str, number: int) -> dict[str, float]:
    """Spawn ``number`` actors in this process; return bytes each, seconds, and whether all reply.

    Meant for a fresh process: what an earlier test freed would be used again.
    """
    process = psutil.Process()

    def grown(before: int) -> float:
        return float(process.memory_info().rss - before) / number

    if kind == "pykka":
        gc.collect()
        before, began = process.memory_info().rss, time.perf_counter()
        refs = [ThreadCounter.start() for _ in range(number)]
        last = [future.get(timeout=60) for future in [ref.ask(0, block=False) for ref in refs]]
        return {"bytes": grown(before), "seconds": time.perf_counter() - began,
                "answered": sum(value == 1 for value in last)}  # fmt: skip

    async def crowd(system: ActorSystem) -> dict[str, float]:
        gc.collect()
        before, began = process.memory_info().rss, time.perf_counter()
        refs = [system.spawn(Counter) for _ in range(number)]
        futures = [ref.ask(0, timeout=60) for ref in refs]
        answered = 0
        for future in futures:
            try:
                answered += await future == 1
            except AskTimeoutError:
                break
        seconds = time.perf_counter() - began
        del futures
        gc.collect()
        return {"bytes": grown(before), "seconds": seconds, "answered": answered}

    async def main() -> dict[str, float]:
        async with ActorSystem() as system:
            return await crowd(system)

    return trio.run(main)


def _memory_apart(kind: str, number: int) -> dict[str, float]:
    code = (
        "import json, os; from bench.actors import memory; "
        f"print(json.dumps(memory({kind!r}, {number})), flush=True); os._exit(0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        return {"bytes": float("nan"), "seconds": float("nan"), "answered": 0, "error": last[0]}  # type: ignore[dict-item]  # the one text among figures
    return dict(json.loads(done.stdout))


def run(*, quick: bool = False, rounds: int = ROUNDS) -> dict[str, Any]:
    """Measure everything and return the figures, the ratios and whether the targets are met.

    :param quick: a tenth of the work, for a first look and for tests.
    :param rounds: of which the median counts.
    """
    part = 10 if quick else 1
    tells, asks, spawns = TELLS // part, ASKS // part, SPAWNS // part
    crowds = [number // part for number in CROWDS]
    taken = {
        "tell": _in_turn(
            rounds,
            tells,
            {"greenroom": _in_system(_tell), "pykka": _pykka_tell, "channel": _channel_tell},
        ),
        "ask": _in_turn(rounds, asks, {"greenroom": _in_system(_ask), "pykka": _pykka_ask}),
        "spawn": _in_turn(rounds, spawns, {"greenroom": _in_system(_spawn), "pykka": _pykka_spawn}),
    }
    rates = {
        what: {name: statistics.median(row) for name, row in contenders.items()}
        for what, contenders in taken.items()
    }
    sizes = {
        "greenroom": {str(number): _memory_apart("greenroom", number) for number in crowds},
        "pykka": {str(THREADS // part): _memory_apart("pykka", THREADS // part)},
    }
    drains = [trio.run(_late, DRAINED // part) for _ in range(min(rounds, DRAINS))]
    late = sorted(drains, key=lambda drain: drain["p99_ms"])[len(drains) // 2]
    return {
        "per_second": rates,
        "rounds": taken,
        "memory": sizes,
        "lateness": late,
        **_judge(rates, sizes, late),
    }


async def _late(drained: int) -> dict[str, float]:
    async with ActorSystem() as system:
        return await _lateness(system, drained)


def _judge(
    rates: dict[str, dict[str, float]],
    sizes: dict[str, dict[str, dict[str, float]]],
    late: dict[str, float],
) -> dict[str, Any]:
    ours = next(iter(sizes["greenroom"].values()))["bytes"]
    theirs = next(iter(sizes["pykka"].values()))["bytes"]
    ratios = {
        "tell": rates["tell"]["greenroom"] / rates["tell"]["pykka"],
        "tell_channel": rates["tell"]["greenroom"] / rates["tell"]["channel"],
        "ask": rates["ask"]["greenroom"] / rates["ask"]["pykka"],
        "spawn": rates["spawn"]["greenroom"] / rates["spawn"]["pykka"],
        "memory": ours / theirs,
    }
    met = {
        name: ratios[name] >= bound if sense == "at least" else ratios[name] <= bound
        for name, (bound, sense) in TARGETS.items()
    }
    met["tell"] = ratios["tell"] > 1
    met["lateness"] = late["p99_ms"] < 5.0  # noqa: PLR2004  the target, in milliseconds
    return {"ratios": ratios, "met": met}


def render(result: dict[str, Any]) -> str:
    """Return the figures as lines for a terminal."""
    lines = ["a second            greenroom         other"]
    for name, row in result["per_second"].items():
        ours = row["greenroom"]
        for other, rate in row.items():
            if other != "greenroom":
                rounds = result["rounds"][name]
                pairs = zip(rounds["greenroom"], rounds[other], strict=True)
                each = [one / their for one, their in pairs]
                ratio = f"{ours / rate:.2f} x ({min(each):.2f} to {max(each):.2f} by round)"
                lines.append(f"  {name:10} {ours:16,.0f}  {rate:16,.0f}  {other:8} {ratio}")
    lines.append("memory an actor, bytes")
    for kind, row in result["memory"].items():
        for number, size in row.items():
            facts = f"{size['bytes']:10,.0f}  {size['answered']} answered, {size['seconds']:.2f} s"
            lines.append(f"  {kind:10} {int(number):8,}  {facts}  {size.get('error', '')}".rstrip())
    late = result["lateness"]
    lines.append(
        f"bystander's timer late by {late['p50_ms']:.2f} ms (p50), {late['p99_ms']:.2f} (p99), "
        f"{late['max_ms']:.2f} (max), {late['samples']:.0f} samples"
    )
    lines += [f"  {'met   ' if met else 'MISSED'} {name}" for name, met in result["met"].items()]
    return "\n".join(lines)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    options = parser.parse_args()
    result = run(quick=options.quick)
    print(json.dumps(result, indent=2) if options.json else render(result))


if __name__ == "__main__":
    command(main)
