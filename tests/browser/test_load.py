"""A full house: a thousand people and fifty messages a second in the real page."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import ARTEFACTS, Visitors

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PEOPLE = 1000
MESSAGES_A_SECOND = 50
SECONDS = 10
FRAMES_A_SECOND = 30
MEMORY_GROWTH = 24 * 2**20
"""Bytes the heap may differ by between two moments at which as many messages are held."""

LOAD = (Path(__file__).parent / "load.js").read_text()
FILL = (Path(__file__).parent / "fill.js").read_text()


def heap(page: Any) -> int:
    """Return the bytes of the page's heap after a full collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used: int = session.send("Runtime.getHeapUsage")["usedSize"]
    return used


def test_a_full_house_stays_smooth_and_its_memory_flat(visit: Visitors) -> None:
    _, guest = visit.live("s22", "ana")
    guest.tab("chat")
    figures: dict[str, Any] = {}
    for first in (1000, 3000, 5000):  # the best of three: other programs run here as well
        plan = {"people": PEOPLE, "rate": MESSAGES_A_SECOND, "seconds": SECONDS, "first": first}
        figures = guest.page.evaluate(LOAD, plan)
        if figures["frames_a_second"] > FRAMES_A_SECOND:
            break
    guest.page.evaluate(FILL, {"first": 10_000, "count": 3_000})
    before = heap(guest.page)
    guest.page.evaluate(FILL, {"first": 20_000, "count": 30_000})
    after = heap(guest.page)
    figures |= {"heap_before": before, "heap_after": after}
    ARTEFACTS.mkdir(exist_ok=True)
    (ARTEFACTS / "full_house.json").write_text(json.dumps(figures, indent=2))
    assert figures["rows"] < 60
    assert after - before < MEMORY_GROWTH
    assert figures["frames_a_second"] > FRAMES_A_SECOND, figures
