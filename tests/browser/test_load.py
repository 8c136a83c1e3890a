"""A full house: a thousand people and fifty messages a second in the real page."""

import json
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

LOAD = """
async ({ people, rate, seconds, first }) => {
  const { dispatch, getState } = await import("/app/store.js");
  const topic = Object.keys(getState().topics).find((name) => name.startsWith("session/"));
  const event = (type, data) => dispatch({ type: "event", event: { topic, type, at: new Date().toISOString(), data } });
  const { revision } = getState().topics[topic].people;
  const joined = Array.from({ length: people }, (_, n) => ({
    id: `p${n}`, name: `Person ${n}`, role: "participant", company: null, host: false, on_screen: false, room: null,
  }));
  event("people.changed", { revision: revision + 1, complete: true, counts: { present: people }, joined, left: [] });
  let id = first;
  const post = () => {
    const data = { id: String(++id), person: `p${id % people}`, name: `Person ${id % people}`, role: "participant", text: `Message ${id} `.repeat(1 + (id % 9)), reply_to: null };
    event("chat.posted", data);
  };
  const began = performance.now();
  const due = () => {
    while (id - first < ((performance.now() - began) / 1000) * rate) post();
  };
  const timer = setInterval(due, 1000 / rate);
  let frames = 0;
  let longest = 0;
  await new Promise((done) => {
    let last = began;
    const frame = (now) => {
      frames += 1;
      longest = Math.max(longest, now - last);
      last = now;
      if (now - began < seconds * 1000) requestAnimationFrame(frame);
      else done();
    };
    requestAnimationFrame(frame);
  });
  clearInterval(timer);
  return {
    frames_a_second: frames / ((performance.now() - began) / 1000), longest_ms: longest, posted: id - first,
    rows: document.querySelectorAll("[data-row]").length, held: getState().topics[topic].chat.messages.length, last: id,
  };
}
"""

FILL = """
async ({ first, count }) => {
  const { dispatch, getState } = await import("/app/store.js");
  const topic = Object.keys(getState().topics).find((name) => name.startsWith("session/"));
  for (let id = first; id < first + count; id++) {
    const data = { id: String(id), person: "p1", name: "Person 1", role: "participant", text: `Message ${id}`, reply_to: null };
    dispatch({ type: "event", event: { topic, type: "chat.posted", at: new Date().toISOString(), data } });
    if (id % 100 === 0) await new Promise(requestAnimationFrame);
  }
}
"""


def heap(page: Any) -> int:
    """Return the bytes of the page's heap after a full collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used: int = session.send("Runtime.getHeapUsage")["usedSize"]
    return used


def test_a_full_house_stays_smooth_and_its_memory_flat(visit: Visitors) -> None:
    _, guest = visit.live("s22", "ana")
    guest.tab("chat")
    figures = guest.page.evaluate(
        LOAD,
        {"people": PEOPLE, "rate": MESSAGES_A_SECOND, "seconds": SECONDS, "first": 1000},
    )
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
