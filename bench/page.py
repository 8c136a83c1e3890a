"""A full session in a real browser: does its page stay smooth, and its memory flat.

A daemon holds one session with a thousand bots connected over WebSocket, who together send fifty
chat messages a second. Chromium shows the session's Chat tab meanwhile; told are the lengths of
its frames (the time between two animation frames), the bytes of its JavaScript heap after a
collection, and the nodes of its document, over time. Another Chromium shows an empty page that
draws a number on each frame, in the same seconds: what it misses, the machine had no room for.

``python -m bench.page --seconds 600``
"""

import argparse
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import Any, Self

import attrs
from playwright.sync_api import CDPSession, Page, sync_playwright

from bench.load.audience import audience
from bench.load.swarm import Load, Swarm
from bench.load.target import Target, described, opened
from bench.load.wire import LoadFailed
from bench.script import command

PEOPLE = 1_000
MESSAGES_A_SECOND = 50.0
SECONDS = 20.0
FULL = 2_000
"""Messages the page keeps (``KEPT`` of ``state/chat.js``); before, its memory has to grow."""

EVERY = 5.0
"""Seconds between two looks at the memory."""

COLLECTIONS = 3
"""How often garbage is collected for a look, and the least told: nodes that were taken out of the
document go with a later one, and hold a tenth of the heap meanwhile."""

REST = 0.1
"""Seconds in which bots read nothing: they are there to be many, and the page needs a core."""

APART, ENOUGH = 20.0, 6
"""Seconds between two looks that tell of growth, and so many pairs of such looks."""

WARMUP = 2.0
LATE = 25.0
"""Milliseconds above which a frame came later than the next refresh of a screen at 60 Hz."""

FLAGS = ("--no-sandbox", "--js-flags=--expose-gc", "--enable-precise-memory-info")
NOTER = (Path(__file__).parent / "page.js").read_text("utf-8")
TEXT = "Message {number}: what would you look at first, and why just that? "


@attrs.frozen
class Look:
    """The page's memory at one moment.

    :param at: seconds since the load began.
    :param held: messages the page holds.
    """

    at: float
    heap_mb: float
    nodes: int
    held: int


MAIN_THREAD = {
    "cpu": "TaskDuration", "script": "ScriptDuration", "style": "RecalcStyleDuration",
    "layout": "LayoutDuration",
}  # fmt: skip
"""DevTools' names of the CPU seconds that the page's main thread has taken, all and in parts."""


@attrs.define
class Watcher:
    """Looks at a page now and then."""

    page: Page
    _devtools: CDPSession
    begun: float = 0.0
    next: float = 0.0
    first: int = 0
    busy: dict[str, float] = attrs.field(factory=dict)
    looks: list[Look] = attrs.field(factory=list)

    @classmethod
    def of(cls, page: Page, *, client: bool = True) -> Self:
        """Begin to note what the page does.

        :param client: whether it is the client's page; else it draws a number on each frame.
        """
        page.evaluate(NOTER, client)
        devtools = page.context.new_cdp_session(page)
        devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
        return cls(page, devtools)

    def begin(self) -> None:
        """Count from now on, when the load begins."""
        self.first = self.page.evaluate("() => noted(1e9).frames")
        self.busy = self._busy()
        self.begun = time.monotonic()

    def _busy(self) -> dict[str, float]:
        metrics = self._devtools.send("Performance.getMetrics")["metrics"]
        values = {one["name"]: float(one["value"]) for one in metrics}
        return {part: values[name] for part, name in MAIN_THREAD.items()}

    def parts_busy(self) -> dict[str, float]:
        """Return the parts of the time since the load began that the main thread was busy."""
        passed, now = time.monotonic() - self.begun, self._busy()
        return {f"page_{part}": round((now[part] - self.busy[part]) / passed, 3) for part in now}

    def look(self, part: float) -> None:
        """Look again if it is time; called often."""
        del part
        now = time.monotonic() - self.begun
        if now >= self.next:
            self.next = now + EVERY
            self.looks.append(self.memory(now))

    def memory(self, now: float) -> Look:
        """Return what the page holds once garbage is collected."""
        used, nodes = min(self._collected() for _ in range(COLLECTIONS))
        held = self.page.evaluate("() => noted(1e9).held")
        return Look(round(now, 1), round(used / 2**20, 3), nodes, held)

    def _collected(self) -> tuple[int, int]:
        """Collect garbage; return the bytes of the heap, and the document's nodes."""
        self._devtools.send("HeapProfiler.collectGarbage")
        used = self._devtools.send("Runtime.getHeapUsage")["usedSize"]
        return int(used), int(self._devtools.send("Memory.getDOMCounters")["nodes"])

    def noted(self) -> dict[str, Any]:
        """Return the frames since the load began, and the messages."""
        found: dict[str, Any] = self.page.evaluate("first => noted(first)", self.first)
        return found


@contextmanager
def browsing(number: int) -> Iterator[Sequence[Page]]:
    """Open so many pages, each in a Chromium of its own.

    :raises LoadFailed: there is no Chromium.
    """
    chromium = shutil.which("chromium")
    if chromium is None:
        raise LoadFailed("there is no chromium on this machine")
    with sync_playwright() as playwright, ExitStack() as closing:
        pages = []
        for _ in range(number):
            browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
            closing.callback(browser.close)
            pages.append(browser.new_page(viewport={"width": 1360, "height": 820}))
        yield pages


def show(page: Page, target: Target, session: str) -> None:
    """Show a session's Chat tab."""
    origin = target.url.replace("ws", "http", 1).removesuffix("/v1/ws")
    page.goto(f"{origin}/#token={target.token('viewer')}&session={session}")
    page.locator("#panel-tab-chat").click()
    page.locator(".composer").wait_for()


def run(
    people: int = PEOPLE, rate: float = MESSAGES_A_SECOND, seconds: float = SECONDS
) -> dict[str, Any]:
    """Fill a session, let it talk, and return what its page did.

    :param people: bots in the session, the host among them.
    :param rate: chat messages a second of all together.
    :raises LoadFailed: the load could not be brought to bear.
    """
    with opened() as target:
        session = f"{target.event}-s"
        target.load(described(target.event, [session]))
        requests = [("chat.send", {"topic": f"session/{session}", "text": TEXT * (1 + size % 3)})
                    for size in range(12)]  # fmt: skip
        load = Load(audience(target, session, people), requests, rate=rate,
                    warmup=WARMUP, seconds=seconds, rest=REST, generators=1)  # fmt: skip
        with Swarm(target, load) as swarm:
            swarm.ready()
            talked, found = _watched(swarm, target, session)
    counts = ("sent", "refused", "hung_up", "limit", "generator_cpu", "server_cpu", "machine_cpu")
    return {
        "bench": "page",
        "people": people,
        "messages_a_second": rate,
        "seconds": seconds,
        **{name: talked[name] for name in counts},
        "shown_percent": round(100 * found.pop("messages") / max(1, talked["sent"]), 2),
        **found,
    }


def _watched(swarm: Swarm, target: Target, session: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run the load under the eyes of two browsers; return its figures, and the page's."""
    with browsing(2) as (page, empty):
        show(page, target, session)
        watcher, beside = Watcher.of(page), Watcher.of(empty, client=False)
        watcher.begin()
        beside.begin()
        talked = swarm.run(watcher.look)
        busy = watcher.parts_busy()
        watcher.looks.append(watcher.memory(time.monotonic() - watcher.begun))
        noted, reference = watcher.noted(), frames(beside.noted()["lengths"])
    return talked, {
        "messages": noted["messages"],
        **frames(noted["lengths"]),
        **{f"empty_{name}": value for name, value in reference.items()},
        **busy,
        **memory(watcher.looks),
        "memory": [attrs.asdict(look) for look in watcher.looks],
    }


def frames(lengths: Sequence[float]) -> dict[str, float]:
    """Return what frames of these lengths in milliseconds amount to.

    :raises LoadFailed: nothing was drawn.
    """
    if not lengths:
        raise LoadFailed("the page drew nothing")
    ordered = sorted(lengths)
    slow = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    late = sum(1 for length in lengths if length > LATE)
    return {
        "frames_late_percent": round(100 * late / len(lengths), 2),
        "frames_a_second": round(1000 * len(lengths) / sum(lengths), 1),
        "frames_a_second_p5": round(1000 / slow, 1),
        "frame_p50_ms": round(ordered[len(ordered) // 2], 1),
        "frame_p99_ms": round(ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))], 1),
        "frame_longest_ms": round(ordered[-1], 1),
    }


def memory(looks: Sequence[Look]) -> dict[str, float | None]:
    """Return how the memory went: at its end, the most nodes, and the heap's growth once full.

    Growth is the median of what any two looks from :data:`FULL` messages on say of it (Theil and
    Sen's estimator: a look that caught the page at something moves it little); None if they are
    too few, or too close to each other.
    """
    full = [look for look in looks if look.held >= FULL]
    growths = [
        (two.heap_mb - one.heap_mb) / (two.at - one.at) * 3600
        for one, two in combinations(full, 2)
        if two.at - one.at >= APART
    ]
    return {
        "heap_mb": looks[-1].heap_mb,
        "nodes_most": max(look.nodes for look in looks),
        "heap_mb_an_hour": round(median(growths), 2) if len(growths) >= ENOUGH else None,
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--rate", type=float, default=MESSAGES_A_SECOND)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    given = parser.parse_args()
    print(json.dumps(run(given.people, given.rate, given.seconds), indent=2))


if __name__ == "__main__":
    command(main)
