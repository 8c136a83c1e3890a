"""What forwarding costs: packets a second on one core, beside aiortc's MediaRelay, in one run."""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import media_janus
from bench.media_janus import Janus
from bench.media_load import Endpoint, Publisher, Unit, drive, keep

LOSS_ALLOWED = 0.01


def _pin(unit: Unit | Janus) -> None:
    """Give the server a core and take the others, so that neither waits for the other."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        for task in Path(f"/proc/{unit.process.pid}/task").iterdir():
            # Threads begun later are on their parent's core.
            os.sched_setaffinity(int(task.name), {cores[0]})
        os.sched_setaffinity(0, set(cores[1:]))


def _measure(
    unit: Unit | Janus,
    publishers: list[Publisher],
    viewers: list[Endpoint],
    rate: float,
    seconds: float,
) -> dict[str, float]:
    for viewer in viewers:
        viewer.received = 0
        viewer.first.clear()
        viewer.newest.clear()
    cpu = unit.cpu()
    sent, took = drive(publishers, viewers, rate, seconds)
    spent = unit.cpu() - cpu
    received = sum(viewer.received for viewer in viewers)
    # Every publisher's packets are meant for every viewer.
    wanted = max(1, sent * len(viewers))
    return {
        "in_per_second": sent / took,
        "out_per_second": received / took,
        "loss": max(0.0, 1 - received / wanted),
        "cpu_percent": 100 * spent / took,
        "microseconds_per_packet": 1e6 * spent / max(1, received),
    }


def forwarding(
    publishers: int = 4, viewers: int = 10, seconds: float = 3.0, start: float = 2000.0
) -> dict[str, Any]:
    """Raise the rate until more than 1 % is lost; return each step and the best one.

    :param start: packets a second in, of the first step.
    """
    unit = Unit.start()
    affinity = os.sched_getaffinity(0)
    try:
        _pin(unit)
        sources = [unit.publisher(number) for number in range(publishers)]
        sinks = [unit.viewer(number) for number in range(viewers)]
        _measure(unit, sources, sinks, 500, 1.0)
        steps, rate = [], start
        while True:
            step = _measure(unit, sources, sinks, rate, seconds)
            steps.append(step)
            if step["loss"] > LOSS_ALLOWED or step["in_per_second"] < 0.9 * rate:
                break
            rate *= 1.3
        good = [step for step in steps if step["loss"] <= LOSS_ALLOWED]
        best = max(good, key=lambda step: step["out_per_second"]) if good else None
        return {"publishers": publishers, "viewers": viewers, "steps": steps, "best": best}
    finally:
        os.sched_setaffinity(0, affinity)
        unit.stop()


def audience(viewers: int = 300, rate: float = 257.0, seconds: float = 4.0) -> dict[str, Any]:
    """One publisher to a large audience: cost, loss, and what each peer connection takes.

    :param rate: packets a second of the publisher, video of about 2.3 Mbit/s.
    """
    unit = Unit.start()
    affinity = os.sched_getaffinity(0)
    try:
        _pin(unit)
        source = unit.publisher(0)
        first = [unit.viewer(number) for number in range(10)]
        memory, cpu, started = unit.memory(), unit.cpu(), time.monotonic()
        sinks = list(first)
        for number in range(10, viewers):
            sinks.append(unit.viewer(number))
            if number % 50 == 0:
                keep([source], sinks)
        took, made = time.monotonic() - started, viewers - len(first)
        per_connection = (unit.memory() - memory) / made
        setup = 1000 * (unit.cpu() - cpu) / made
        _measure(unit, [source], sinks, rate, 1.0)
        result = _measure(unit, [source], sinks, rate, seconds)
        return {
            "viewers": viewers,
            **result,
            "bytes_per_connection": per_connection,
            "setups_per_second": made / took,
            "setup_cpu_milliseconds": setup,
        }
    finally:
        os.sched_setaffinity(0, affinity)
        unit.stop()


def beside_janus(
    publishers: int = 4, viewers: int = 10, rate: float = 1500.0, seconds: float = 4.0
) -> dict[str, Any] | None:
    """Send the same load through a media worker and through Janus; None where there is no Janus.

    :param rate: packets a second in, low enough for both.
    """
    if not media_janus.available():
        return None
    found: dict[str, Any] = {"publishers": publishers, "viewers": viewers}
    affinity = os.sched_getaffinity(0)
    kinds: tuple[tuple[str, type[Unit | Janus]], ...] = (("ours", Unit), ("janus", Janus))
    for name, kind in kinds:
        unit = kind.start()
        try:
            _pin(unit)
            sources = [unit.publisher(number) for number in range(publishers)]
            sinks = [unit.viewer(number) for number in range(viewers)]
            _measure(unit, sources, sinks, 500, 1.0)
            found[name] = _measure(unit, sources, sinks, rate, seconds)
        finally:
            os.sched_setaffinity(0, affinity)
            unit.stop()
    cost = "microseconds_per_packet"
    found["ratio"] = found["ours"][cost] / max(1e-9, found["janus"][cost])
    return found


def run(*, quick: bool = False, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Run everything and return the figures.

    :param quick: shorter steps, for a look rather than a record.
    """
    from bench.media_relay import compare

    seconds = 1.5 if quick else 4.0
    found: dict[str, Any] = {"forwarding": forwarding(seconds=seconds)}
    best = found["forwarding"]["best"]
    if best is not None:
        say(
            f"forwarding  {best['out_per_second']:8.0f} packets/s out on one core, "
            f"{best['microseconds_per_packet']:.1f} us a packet, loss {best['loss']:.2%}"
        )
    crowd = found["audience"] = audience(seconds=seconds)
    say(
        f"audience    {crowd['viewers']} viewers: {crowd['cpu_percent']:.0f} % of a core, "
        f"loss {crowd['loss']:.2%}; a peer connection: {crowd['bytes_per_connection'] / 1000:.0f} "
        f"kB, {crowd['setups_per_second']:.0f} set up a second"
    )
    relay = found["relay"] = compare(seconds=3.0 if quick else 8.0)
    say(
        f"MediaRelay  {relay['relay_percent_per_viewer']:.2f} % of a core a viewer, "
        f"here {relay['ours_percent_per_viewer']:.3f} %: {relay['ratio']:.0f} times"
    )
    peer = found["janus"] = beside_janus(seconds=seconds)
    if peer is None:
        say("Janus       is not installed")
    else:
        say(
            f"Janus       {peer['janus']['microseconds_per_packet']:.1f} us a packet "
            f"(loss {peer['janus']['loss']:.2%}), here "
            f"{peer['ours']['microseconds_per_packet']:.1f} us "
            f"(loss {peer['ours']['loss']:.2%}): {peer['ratio']:.2f} of its cost"
        )
    return found


def _soak(seconds: float) -> int:
    """Soak and tell of it; return the exit status: 1 if a picture froze."""
    from bench.media_soak import soak

    found = soak(seconds)
    for person, counts in found["people"].items():
        print(
            f"{person}: {counts['frames']:.0f} frames in {seconds:.0f} s, "
            f"{counts['freezes']:.0f} freezes ({counts['frozen_seconds']:.1f} s), "
            f"{counts['lost']:.0f} packets lost, "
            f"{counts['concealed'] / max(1, counts['samples']):.2%} of the sound made up"
        )
    print(f"the worker took {found['cpu_percent']:.1f} % of a core; load {found['load']:.1f}")
    return 1 if found["freezes"] else 0


def main() -> int:
    """Measure everything, or soak; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.media", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter steps, for a look")
    parser.add_argument(
        "--soak", type=float, metavar="SECONDS",
        help="let two Chromiums see each other for so long and count freezes",
    )  # fmt: skip
    options = parser.parse_args()
    if options.soak is not None:
        return _soak(options.soak)
    run(quick=options.quick)
    return 0


if __name__ == "__main__":
    sys.exit(main())
