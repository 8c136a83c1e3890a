"""What forwarding costs: on one core, beside aiortc's MediaRelay and Janus, in one run."""

import argparse
import contextlib
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench import media_janus
from bench.media_drive import apart, drive, keep
from bench.media_janus import Janus
from bench.media_load import Endpoint, Publisher, Unit
from bench.script import command
from transport.media import accelerator

LOSS_ALLOWED = 0.01
STEP = 1.2
ATTEMPTS = 3
"""How often a rate is tried before it counts as too high."""

WARM_UP = 500, 1.0
"""Packets a second, and seconds, before anything is measured."""

COST = "microseconds_per_packet"


def fan_outs() -> tuple[str, ...]:
    """Return the kinds of fan-out there are here."""
    return ("c", "python") if accelerator.load() is not None else ("python",)


def start(kind: str) -> Unit | Janus:
    """Start a forwarding unit: ``c`` or ``python``, which are ours, or ``janus``."""
    if kind == "janus":
        return Janus.start()
    return Unit.start("auto" if kind == "c" else kind)


def _measure(
    unit: Unit | Janus,
    publishers: list[Publisher],
    viewers: list[Endpoint],
    rate: float,
    seconds: float,
) -> dict[str, float]:
    cpu, own = unit.cpu(), time.process_time()
    sent, received, took = drive(publishers, viewers, rate, seconds)
    spent, load = unit.cpu() - cpu, time.process_time() - own
    # Every publisher's packets are meant for every viewer.
    wanted = max(1, sent * len(viewers))
    return {
        "in_per_second": sent / took,
        "out_per_second": received / took,
        "loss": max(0.0, 1 - received / wanted),
        "cpu_percent": 100 * spent / took,
        "load_cpu_percent": 100 * load / took,
        COST: 1e6 * spent / max(1, received),
    }


def _holds(step: Mapping[str, float], rate: float) -> bool:
    return step["loss"] <= LOSS_ALLOWED and step["in_per_second"] >= 0.9 * rate


def _step(
    unit: Unit | Janus,
    publishers: list[Publisher],
    viewers: list[Endpoint],
    rate: float,
    seconds: float,
) -> dict[str, float]:
    """Measure a rate until it holds, a few times at most: others' work may have cost packets."""
    for _ in range(ATTEMPTS):
        step = _measure(unit, publishers, viewers, rate, seconds)
        if _holds(step, rate):
            break
    return step


def forwarding(
    kind: str, publishers: int = 4, viewers: int = 20, seconds: float = 2.5, rate: float = 4000.0
) -> dict[str, Any]:
    """Raise the rate until more than 1 % is lost; return each step and the best one.

    :param rate: packets a second in, of the first step.
    """
    unit = start(kind)
    try:
        with apart(unit.process.pid):
            sources = [unit.publisher(number) for number in range(publishers)]
            sinks = [unit.viewer(number) for number in range(viewers)]
            _measure(unit, sources, sinks, *WARM_UP)
            steps: list[dict[str, float]] = []
            while True:
                step = _step(unit, sources, sinks, rate, seconds)
                steps.append(step)
                if not _holds(step, rate):
                    break
                rate *= STEP
    finally:
        unit.stop()
    good = [step for step in steps if step["loss"] <= LOSS_ALLOWED]
    best = max(good, key=lambda step: step["out_per_second"]) if good else None
    return {"publishers": publishers, "viewers": viewers, "steps": steps, "best": best}


Crowd = tuple[Publisher, list[Endpoint]]
Made = dict[str, float]


def _crowd(unit: Unit | Janus, viewers: int, before: Sequence[Crowd]) -> tuple[Crowd, Made]:
    """Let an audience in; return it and what each of its peer connections took.

    :param before: other units' audiences, which must be kept meanwhile.
    """
    assert isinstance(unit, Unit)  # noqa: S101  Janus has no share in this
    source = unit.publisher(0)
    sinks = [unit.viewer(number) for number in range(10)]
    first = len(sinks)
    memory, cpu, started = unit.memory(), unit.cpu(), time.monotonic()
    for number in range(first, viewers):
        sinks.append(unit.viewer(number))
        if number % 50 == 0:
            for publisher, watching in (*before, (source, sinks)):
                keep([publisher], watching)
    took, made = time.monotonic() - started, viewers - first
    setup = (unit.cpu() - cpu) / made
    return (source, sinks), {
        "bytes_per_connection": (unit.memory() - memory) / made,
        "setup_milliseconds": 1000 * took / made,
        "setup_cpu_milliseconds": 1000 * setup,
        "setups_per_second": 1 / setup,
    }


def audience(
    kinds: Sequence[str], viewers: int = 300, rate: float = 257.0, seconds: float = 3.0,
    rounds: int = 3,
) -> dict[str, Any]:  # fmt: skip
    """One publisher to a large audience: cost, loss, and what each peer connection takes.

    All kinds stand ready at once and take turns on the same core, so that they are measured under
    the same conditions.

    :param rate: packets a second of the publisher, video of about 2.3 Mbit/s.
    """
    found: dict[str, Any] = {}
    with contextlib.ExitStack() as stack:
        units: dict[str, Unit | Janus] = {}
        crowds: dict[str, Crowd] = {}
        for kind in kinds:
            units[kind] = start(kind)
            stack.callback(units[kind].stop)
        stack.enter_context(apart(*(unit.process.pid for unit in units.values())))
        for kind, unit in units.items():
            crowds[kind], made = _crowd(unit, viewers, tuple(crowds.values()))
            found[kind] = {"viewers": viewers, **made, "rounds": []}
        for number in range(rounds + 1):
            for kind, (source, sinks) in crowds.items():
                # The first round warms up.
                lasts = seconds if number else WARM_UP[1]
                step = _measure(units[kind], [source], sinks, rate, lasts)
                found[kind]["rounds"] += [step] if number else []
    return {kind: {**each, **_median(each["rounds"])} for kind, each in found.items()}


def _median(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}


def beside_janus(
    publishers: int = 4, viewers: int = 10, rate: float = 1500.0, seconds: float = 3.0,
    rounds: int = 3,
) -> dict[str, Any] | None:  # fmt: skip
    """Send the same load through a media worker and through Janus; None where there is no Janus.

    :param rate: packets a second in, low enough for both.
    """
    if not media_janus.available():
        return None
    kinds = (*fan_outs(), "janus")
    found: dict[str, list[dict[str, float]]] = {kind: [] for kind in kinds}
    for _ in range(rounds):
        for kind in kinds:
            unit = start(kind)
            try:
                with apart(unit.process.pid):
                    sources = [unit.publisher(number) for number in range(publishers)]
                    sinks = [unit.viewer(number) for number in range(viewers)]
                    _measure(unit, sources, sinks, *WARM_UP)
                    found[kind].append(_measure(unit, sources, sinks, rate, seconds))
            finally:
                unit.stop()
    median = {kind: _median(several) for kind, several in found.items()}
    theirs = median["janus"][COST]
    return {
        "publishers": publishers,
        "viewers": viewers,
        "rounds": found,
        **median,
        "ratios": {kind: median[kind][COST] / theirs for kind in fan_outs()},
    }


def run(*, quick: bool = False, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Run everything and return the figures.

    :param quick: shorter steps and fewer rounds, for a look rather than a record.
    """
    from bench.media_relay import compare

    seconds = 1.0 if quick else 2.5
    found: dict[str, Any] = {"forwarding": {}}
    for kind in fan_outs():
        found["forwarding"][kind] = forwarding(kind, seconds=seconds)
        _say_forwarding(kind, found["forwarding"][kind], say)
    found["audience"] = audience(fan_outs(), seconds=seconds, rounds=1 if quick else 3)
    for kind, crowd in found["audience"].items():
        say(
            f"audience    {crowd['viewers']} viewers, {kind}: {crowd['cpu_percent']:.0f} % of a "
            f"core, {crowd[COST]:.1f} us a packet, loss {crowd['loss']:.2%}; a peer connection: "
            f"{crowd['bytes_per_connection'] / 1000:.0f} kB, {crowd['setup_cpu_milliseconds']:.1f} "
            f"ms, {crowd['setups_per_second']:.0f} of them a second on one core"
        )
    peer = found["janus"] = beside_janus(seconds=seconds, rounds=1 if quick else 3)
    _say_janus(peer, say)
    relay = found["relay"] = compare(rounds=1 if quick else 3, seconds=2.0 if quick else 4.0)
    say(
        f"MediaRelay  {relay['relay']['percent_per_viewer']:.2f} % of a core a viewer, "
        f"here {relay['ours']['percent_per_viewer']:.3f} %: {relay['ratio']:.0f} times "
        f"({relay['ratio_low']:.0f} to {relay['ratio_high']:.0f})"
    )
    return found


def _say_forwarding(kind: str, found: Mapping[str, Any], say: Callable[[str], None]) -> None:
    best = found["best"]
    if best is None:
        say(f"forwarding  {kind}: more than {LOSS_ALLOWED:.0%} lost from the first step on")
        return
    say(
        f"forwarding  {kind}: {best['out_per_second']:.0f} packets/s out on one core, "
        f"{best[COST]:.1f} us a packet, loss {best['loss']:.2%}, "
        f"{best['cpu_percent']:.0f} % busy (the load {best['load_cpu_percent']:.0f} %)"
    )


def _say_janus(peer: Mapping[str, Any] | None, say: Callable[[str], None]) -> None:
    if peer is None:
        say("Janus       is not installed: apt-get install janus")
        return
    janus = peer["janus"]
    for kind, ratio in peer["ratios"].items():
        say(
            f"Janus       {janus[COST]:.1f} us a packet (loss {janus['loss']:.2%}), "
            f"{kind} {peer[kind][COST]:.1f} us (loss {peer[kind]['loss']:.2%}): "
            f"{ratio:.2f} of its cost"
        )


def main() -> int:
    """Measure everything; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.media", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter steps, for a look")
    options = parser.parse_args()
    run(quick=options.quick)
    return 0


if __name__ == "__main__":
    command(main)
