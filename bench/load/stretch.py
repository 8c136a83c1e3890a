"""A stretch of a load in which the server is looked at: what was saturated, and its series."""

import threading
import time
from collections.abc import Mapping, Sequence
from functools import reduce
from math import ceil
from operator import or_
from typing import Any, Self

import psutil

from bench.load.target import Target
from bench.load.watch import Used, Watch, busiest, cpu_of, limit_of

EVERY = 0.25
"""Seconds between two looks. The server itself is asked less often (``watch.ASK_EVERY``)."""

MOST = 120
"""Samples kept, about: more than a plot is wide enough for would only make results large."""

KEPT = ("at", "server", "machine", "generator", "rss", "mailboxes", "deepest_mailbox")
"""What is kept of each look: what is plotted."""


class Stretch:
    """Looks at a server and at the generators from a thread, for as long as it is entered.

    :param used: tells the seconds of processor of each generator.
    """

    def __init__(self, target: Target, used: Used) -> None:
        self._target = target
        self._used = used
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="stretch", daemon=True)
        self._seen: list[Mapping[str, float]] = []

    def __enter__(self) -> Self:
        self.mark()
        self._begun = self._since
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def mark(self) -> None:
        """Judge what is saturated from now on; the series goes on."""
        psutil.cpu_percent()
        self._server, self._ours = cpu_of(self._target), self._used()
        self._since = time.monotonic()

    def _end(self) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        watch, at, before = Watch(self._target), self._begun, self._ours
        psutil.cpu_percent()  # psutil counts for each thread by itself
        first = watch.look()
        first.pop("machine")  # since a moment ago only
        self._seen.append({"at": 0.0, **first})
        while True:
            last = self._over.wait(EVERY)
            now, ours = time.monotonic(), self._used()
            own = {"at": now - self._begun, "generator": busiest(before, ours, now - at)}
            at, before = now, ours
            self._seen.append(own | watch.look())
            if last:
                return

    def told(self) -> dict[str, Any]:
        """End it; return what was saturated, and the series, as a part of a result."""
        took, ours = time.monotonic() - self._since, self._used()
        found = {
            "generator": busiest(self._ours, ours, took),
            "machine": psutil.cpu_percent() / 100,
        }
        server = cpu_of(self._target)
        if server is not None and self._server is not None:
            found["server"] = (server - self._server) / took
        return {"limit": limit_of([found]), "latency": {}, **found, "series": self.series()}

    def series(self) -> list[dict[str, float]]:
        """End it; return what was seen."""
        self._end()
        return thinned(self._seen)


def thinned(seen: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    """Return what is plotted of some looks, of many in a row the last figure of each kind."""
    step = max(1, ceil(len(seen) / MOST))
    pieces = (seen[first : first + step] for first in range(0, len(seen), step))
    joined = (reduce(or_, map(dict, piece), dict[str, float]()) for piece in pieces)
    return [{key: round(one[key], 3) for key in KEPT if key in one} for one in joined]
