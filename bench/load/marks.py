"""When each message came to the first of many, and when to the last."""

import re
import time
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from bench.load.wire import Wire

MARK = re.compile(rb'"text":"(\d+-\d+) ')
"""What a marked message's text begins with: the generator's seed and the request's number."""

Heard = dict[str, list[float]]
"""mark -> when it was heard first and last, on this machine's monotonic clock, and how often."""


@attrs.define(eq=False)
class MarkedWire(Wire):
    """A connection that notes when it hears each marked message.

    :param heard: shared by all who listen; None for who sends.
    """

    heard: Heard | None = None

    def _search(self, data: bytes) -> None:
        if self.heard is not None:
            now, before = time.monotonic(), len(self._tail)
            for match in MARK.finditer(self._tail + data):
                if match.end() > before:
                    note(self.heard, match[1].decode(), now, now, 1)
        Wire._search(self, data)  # noqa: SLF001  attrs' slots leave super() without its class


def note(heard: Heard, mark: str, first: float, last: float, times: float) -> None:
    """Add what was heard of one message."""
    one = heard.setdefault(mark, [first, last, 0])
    one[0], one[1], one[2] = min(one[0], first), max(one[1], last), one[2] + times


def merged(found: Iterable[Mapping[str, Any]]) -> tuple[Heard, dict[str, float]]:
    """Return what all generators heard, and when each message was meant to be sent."""
    heard: Heard = {}
    meant: dict[str, float] = {}
    for one in found:
        meant |= one["meant"]
        for mark, (first, last, times) in one["heard"].items():
            note(heard, mark, first, last, times)
    return heard, meant
