"""A thousand small fairs, at the lowest priority, beside tests that wait more than they work."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from bench.simulate.disk import FAULTS

SEEDS, SECONDS = 1_000, 600

TURNS = {
    "agenda.published", "breakout.closed", "breakout.moved", "chat.muted", "chat.slowed",
    "company.changed", "event.banned", "media.changed", "meeting.cancelled", "meeting.completed",
    "meeting.declined", "meeting.missed", "meeting.no_show", "meeting.rescheduled",
    "meeting.withdrawn", "people.banned", "people.kicked", "qa.voted", "room.entered",
    "session.cancelled", "session.hostless", "session.promoted", "session.resumed",
    "stage.accepted", "stage.cancelled", "stage.countdown", "stage.entered", "stage.invited",
    "stage.missed", "support.resolved",
}  # fmt: skip
"""What fairs go through."""


def gently(command: list[str]) -> tuple[int, str, str]:
    """Run a command that has to take only what others leave; return its code and what it said.

    Linux may share a processor among sessions first, and by priority only within each: so it has a
    session of its own, of the lowest priority.
    """
    with subprocess.Popen(
        ["nice", "-n", "19", *command], start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        with suppress(OSError):
            Path(f"/proc/{process.pid}/autogroup").write_text("19")
        try:
            said, complaints = process.communicate(timeout=SECONDS)
        finally:
            with suppress(ProcessLookupError):  # all of it has ended
                os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, said, complaints


@pytest.mark.timeout(SECONDS + 10)
def test_of_a_thousand_seeds_none_breaks_a_promise():
    command = [sys.executable, "-m", "engine.cli", "simulate", "--seed", "1", "--json"]
    command += ["--seeds", str(SEEDS), "--people", "3", "--days", "1"]
    code, said, complaints = gently(command)
    assert code == 0, complaints[-4_000:]
    found = [json.loads(line) for line in said.splitlines()]
    assert [outcome["seed"] for outcome in found] == list(range(1, SEEDS + 1))
    assert [outcome["seed"] for outcome in found if outcome["broken"]] == []
    faults, met = Counter[str](), Counter[str]()
    for outcome in found:
        faults.update(outcome["faults"])
        met.update(outcome["met"])
    assert faults.keys() == {*FAULTS, "restart"}
    assert met.keys() >= TURNS
    assert all(outcome["asked"] > 100 for outcome in found)
