"""A full house in the real page: over the wire for a moment, and its memory for long."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.figures import read
from tests.browser.conftest import Visitors

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MEMORY_GROWTH = 24 * 2**20
"""Bytes the heap may differ by between two moments at which as many messages are held."""

ROOT = Path(__file__).parents[2]
FILL = (Path(__file__).parent / "fill.js").read_text()


def heap(page: Any) -> int:
    """Return the bytes of the page's heap after a full collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used: int = session.send("Runtime.getHeapUsage")["usedSize"]
    return used


def test_a_full_session_over_the_wire_stays_smooth() -> None:
    command = [sys.executable, "-m", "bench.page", "--people", "200", "--seconds", "6"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert (result["refused"], result["hung_up"]) == ({}, 0)
    assert result["shown_percent"] == 100.0, result
    assert result["nodes_most"] < 5_000
    assert result["page_cpu"] < 0.3, result
    # On a machine without room the frames tell of the other programs.
    assert result["frames_a_second"] > 30 or result["machine_cpu"] > 0.9, result
    assert {figure.name for figure in read("page", result)} >= {"longest frame"}


def test_the_memory_of_a_full_page_is_flat(visit: Visitors) -> None:
    guest = visit.live("ana")[1]
    guest.tab("chat")
    guest.page.evaluate(FILL, {"first": 10_000, "count": 3_000})
    before = heap(guest.page)
    guest.page.evaluate(FILL, {"first": 20_000, "count": 20_000})
    after = heap(guest.page)
    assert guest.page.locator("[data-row]").count() < 60
    assert after - before < MEMORY_GROWTH
