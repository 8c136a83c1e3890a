"""Keeping the garbage collector from holding the loop while thousands connect.

CPython's defaults look at every object each time the number of new ones has grown by a quarter;
with some hundred objects a connection that was two fifths of a reconnect storm's time, and the
longest stall. Larger thresholds trade a little memory for it.
"""

import gc

THRESHOLDS = (50_000, 50, 100)
"""New objects before a young collection, and how many of each before the next older one."""


def calm() -> None:
    """Collect less often, and leave alone what was there before the first connection."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
