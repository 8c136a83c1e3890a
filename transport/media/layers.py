"""Which layers of the pictures a viewer wants fit into its line."""

from collections.abc import Sequence

import attrs

HEADROOM = 1.1
"""A layer must fit this many times before it is switched to."""

DRAIN = 0.6
"""Share of an estimate into which a lower layer must fit: what has gathered before the full line
must drain beside it, and a layer begins with a key frame. Else there are two switches for one."""

SETTLES = 2.0
"""Seconds after a switch to a lower layer in which none rises: what has gathered is still told of.
"""


@attrs.frozen
class Wish:
    """One picture a viewer wants.

    :param bitrates: bit/s of each layer that flows, lowest first.
    :param heights: pixels of each layer; 0 where unknown.
    :param height: pixels at which it is shown; 0 for not at all, None for as large as there is.
    """

    bitrates: Sequence[float]
    heights: Sequence[int]
    height: int | None = None

    def ceiling(self, pressure: int = 0) -> int:
        """Return the highest layer worth sending; -1 for none.

        :param pressure: how many layers the worker's load takes away; the lowest always stays.
        """
        top = len(self.bitrates) - 1
        if self.height == 0 or top < 0:
            return -1
        if self.height is not None:
            fits = (i for i, height in enumerate(self.heights) if height >= self.height)
            top = min(top, next(fits, top))
        return max(0, top - pressure)


def choose_layers(
    wishes: Sequence[Wish],
    current: Sequence[int],
    budget: float,
    pressure: int = 0,
    *,
    lowest: float | None = None,
) -> list[int]:
    """Return a layer for each wish, -1 for none, that together fit a budget.

    Everybody gets the lowest layer first, in the order given, then layers rise in turn. A layer
    higher than the current one must fit with some room to spare, so that choices do not flicker.
    The first picture is sent whatever the budget.

    :param lowest: what the lowest layers may need together, if that is another budget: giving up a
        picture is the last resort.
    """
    chosen = [-1] * len(wishes)
    left, left_lowest = budget, budget if lowest is None else lowest
    ceilings = [wish.ceiling(pressure) for wish in wishes]
    for level in range(max(ceilings, default=-1) + 1):
        for index, wish in enumerate(wishes):
            if level > ceilings[index] or chosen[index] != level - 1:
                continue
            below = wish.bitrates[level - 1] if level else 0.0
            cost = wish.bitrates[level] - below
            room = HEADROOM if level > current[index] else 1.0
            fits = cost * room <= (left_lowest if level == 0 else left)
            if fits or (level == 0 and index == 0):
                chosen[index] = level
                left -= cost
                left_lowest -= cost
    return chosen


class Choice:
    """One viewer's layers from choice to choice.

    A full line gets what fits it with room to spare, and nothing rises before that was seen.
    """

    def __init__(self) -> None:
        self._fell_at = float("-inf")

    def layers(
        self,
        wishes: Sequence[Wish],
        current: Sequence[int],
        budget: float,
        now: float,
        *,
        pressure: int = 0,
        lowest: float | None = None,
    ) -> list[int]:
        """Return a layer for each wish, as :func:`choose_layers`, whose parameters these are.

        :param current: the layers that are sent, or waited for.
        :param now: seconds on a steady clock.
        """
        chosen = choose_layers(wishes, current, budget, pressure, lowest=lowest)
        wanted = [
            min(level, wish.ceiling(pressure)) for level, wish in zip(current, wishes, strict=True)
        ]
        if any(level < before for level, before in zip(chosen, wanted, strict=True)):
            self._fell_at = now
            chosen = choose_layers(wishes, current, DRAIN * budget, pressure, lowest=lowest)
        if now - self._fell_at >= SETTLES:
            return chosen
        return [
            level if before < 0 else min(level, before)
            for level, before in zip(chosen, wanted, strict=True)
        ]
