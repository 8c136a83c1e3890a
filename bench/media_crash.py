"""A media worker dies, or hangs, under a live stage: how soon the picture is back, and who notices.

``python -m bench.media_crash`` kills the worker by a signal while people see each other, and pings
the engine all the while.
"""

import argparse
import json
import os
import signal
import time
from typing import Any

import psutil
import trio

from bench.load.latency import Latencies
from bench.load.pinger import pinging
from bench.load.target import Target, described, opened
from bench.load.wire import LoadFailed
from bench.media_people import played_out
from bench.media_soak import Hall, free_port, hall, on_stage, settings
from bench.script import command

BLOWS = {"SIGSEGV": signal.SIGSEGV, "SIGSTOP": signal.SIGSTOP}
BEFORE, AFTER = 4.0, 10.0
"""Seconds of pings before a blow, so that a spare worker is ready, and after it: a worker that dies
more often than three times in half a minute is restarted ever later, and that is not looked at."""


def worker(pid: int | None) -> int:
    """Return the process of a daemon's media worker: the one with a port, not its spare.

    :raises LoadFailed: there is none.
    """
    for child in psutil.Process(pid).children(recursive=True) if pid else ():
        if "transport.media.worker" in child.cmdline() and child.net_connections("udp"):
            return int(child.pid)
    raise LoadFailed("there is no media worker")


async def _blow(here: Hall, rounds: int) -> dict[str, Any]:
    target = here.target
    hana, ana, _ = await on_stage(here)
    blows: list[dict[str, Any]] = []
    quiet, meanwhile = Latencies(), Latencies()
    with pinging(target.url, target.token("pia")) as took:
        await trio.sleep(BEFORE)
        for name in [*BLOWS] * rounds:
            began = time.monotonic()
            os.kill(await trio.to_thread.run_sync(worker, target.pid), BLOWS[name])
            await ana.js("back", "hana")
            back = time.monotonic() - began
            await trio.sleep(AFTER)
            blows.append({"blow": name, "picture_back_seconds": back, "at": began})
        pings = list(took)
    for sent, seconds in pings:
        near = any(0 <= sent - blow["at"] < AFTER for blow in blows)
        (meanwhile if near else quiet).record(seconds)
    said = await hana.call("chat.send", topic=here.stage, text="Still here.")
    return {
        "blows": blows,
        "ping_quiet": quiet.summary(),
        "ping_meanwhile": meanwhile.summary(),
        "snapshots_again": int(await ana.js("snapshots")) - 1,
        "session_goes_on": said["message"]["text"] == "Still here.",
    }


async def _play(target: Target, rounds: int) -> dict[str, Any]:
    async with hall(target, 0) as here:
        return await _blow(here, rounds)


def run(rounds: int = 3) -> dict[str, Any]:
    """Let the worker die and hang so many times each.

    :raises LoadFailed: there is no Chromium, or no picture came.
    """
    with opened(settings=settings(free_port())) as target:
        event = described(target.event, [f"{target.event}-s"])
        event["session"][0]["hosts"] = ["hana", "hugo"]
        target.load(event)
        return {
            "bench": "media_crash",
            **played_out(_play, target, rounds),
            "load": os.getloadavg()[0],
        }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.media_crash", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    print(json.dumps(run(parser.parse_args().rounds), indent=2))
    return 0


if __name__ == "__main__":
    command(main)
