"""One figure of a bench, beside a peer or a target."""

from collections.abc import Mapping
from typing import Any, Literal

import attrs

Sense = Literal["at least", "at most"]


@attrs.frozen
class Figure:
    """One figure.

    :param peer: whose figure it is held against, empty if nobody's.
    :param target: what ``value`` must reach, or ``ratio`` if ``of_ratio``.
    :param higher: whether more is better.
    """

    name: str
    value: float
    unit: str
    peer: str = ""
    theirs: float | None = None
    target: float | None = None
    sense: Sense = "at least"
    of_ratio: bool = False
    higher: bool = True

    @property
    def ratio(self) -> float | None:
        """Ours over theirs, so that above 1 is better; None without a peer."""
        if not self.theirs or not self.value:
            return None
        return self.value / self.theirs if self.higher else self.theirs / self.value

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.target is None:
            return None
        held = self.ratio if self.of_ratio else self.value
        if held is None:
            return False
        return held >= self.target if self.sense == "at least" else held <= self.target


Result = Mapping[str, Any]
