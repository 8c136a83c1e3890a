"""The last numbers of entities that were written to lately, so that few need be looked up."""

import time
from collections.abc import Callable, Mapping

import attrs

LIMIT = 50_000
"""Entities of one generation; two are held."""

SECONDS = 300.0
"""Longest time in which one generation gathers."""


@attrs.define(eq=False)
class Heads:
    """Entity -> last number, in two generations: who is not asked for in two is forgotten.

    Breakout rooms and people come, are written to, and are never heard of again; one lookup in
    the database brings back whoever is. So this holds those of a few minutes, not of a whole fair.

    :param limit: entities of one generation.
    :param clock: tells the time in seconds.
    """

    limit: int = LIMIT
    clock: Callable[[], float] = time.monotonic
    _recent: dict[str, int] = attrs.field(factory=dict, init=False)
    _older: dict[str, int] = attrs.field(factory=dict, init=False)
    _turned: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._turned = self.clock()

    def get(self, entity: str) -> int | None:
        """Return an entity's last number; None if it is not held."""
        head = self._recent.get(entity)
        if head is None:
            head = self._older.get(entity)
            if head is not None:
                self._recent[entity] = head
        return head

    def update(self, heads: Mapping[str, int]) -> None:
        """Note last numbers; begin a new generation when it is time."""
        now = self.clock()
        if len(self._recent) >= self.limit or now - self._turned >= SECONDS:
            self._older, self._recent, self._turned = self._recent, {}, now
        self._recent.update(heads)

    def clear(self) -> None:
        """Forget everything."""
        self._recent, self._older = {}, {}

    def __len__(self) -> int:
        return len(self._recent.keys() | self._older.keys())
