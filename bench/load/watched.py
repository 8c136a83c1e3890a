"""A daemon that tells how late its loop was: ``greenroom serve`` with a look at the clock.

``python -m bench.load.watched FILE serve --port 0 …`` writes, at each SIGUSR1, how long the loop
stood still at worst since the one before.
"""

import json
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import trio

from engine import daemon
from engine.cli import main as greenroom
from transport.collector import tidy

PROBE = 0.005
"""Seconds between two looks at how late the loop is."""


class Lateness:
    """How late the loop woke a task, at worst.

    Beside the time on the clock stands how much of it this process had a processor: on a machine
    with more to do than processors, the rest is waiting for one.
    """

    def __init__(self) -> None:
        self.worst = self.busiest = 0.0

    async def watch(self) -> None:
        """Look, for ever."""
        while True:
            due, worked = trio.current_time() + PROBE, time.thread_time()
            await trio.sleep_until(due)
            self.worst = max(self.worst, trio.current_time() - due)
            self.busiest = max(self.busiest, time.thread_time() - worked - PROBE)

    def report(self) -> dict[str, float]:
        """Return the worst since the last report, in milliseconds."""
        found = {
            "worst_stall_ms": round(self.worst * 1e3, 1),
            "busiest_ms": round(self.busiest * 1e3, 1),
        }
        self.worst = self.busiest = 0.0
        return found


def serve(
    file: Path, report: Callable[[], Mapping[str, Any]], beside: Callable[[], Awaitable[None]]
) -> None:
    """Serve as ``greenroom`` does, and tell something at each SIGUSR1.

    :param file: where it is told.
    :param report: returns what is to be told.
    :param beside: what runs beside the engine, for ever.
    """

    async def tell() -> None:
        with trio.open_signal_receiver(signal.SIGUSR1) as signals:
            async for _ in signals:
                file.write_text(json.dumps(report()), "utf-8")  # noqa: ASYNC240  a bench's few bytes

    async def watched(further: Callable[[], None]) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tidy, further)
            nursery.start_soon(beside)
            nursery.start_soon(tell)

    daemon.tidy = watched  # type: ignore[attr-defined,assignment]  # the daemon starts it beside the engine
    greenroom()


def main() -> None:
    """Serve, watched."""
    file, lateness = Path(sys.argv.pop(1)), Lateness()
    serve(file, lateness.report, lateness.watch)


if __name__ == "__main__":
    main()
