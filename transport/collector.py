"""Keeping the interpreter from holding the loop: its garbage collector, and its other threads.

CPython's defaults look at every object each time the number of new ones has grown by a quarter;
with some seventy objects a connection that was two fifths of a reconnect storm's time, and the
longest stall. What a connection is made of forms no cycles and goes as it ends, so older objects
need to be looked at rarely; young collections stay small, because each of them is a stall.

Each write to a socket lets go of the interpreter's lock, and the journal's thread, which projects
the read model, may take it. With CPython's default the loop would wait 5 ms to get it back.
"""

import gc
import sys
from collections.abc import Callable
from time import thread_time

import trio

TIDY_SECONDS = 60.0
"""How often everything is looked at, at most."""

GIVE_BACK_SECONDS = 10.0
"""How often free memory is given back to the system, at most."""

TIDY_PART = 0.001
"""Of the processor's time that each may take: the more there is to look at, the less often it is
done. By the clock on the wall a busy machine would put it off when there is most to clear away."""

THRESHOLDS = (5_000, 400, 100)
"""New objects before a young collection, and how many of each before the next older one."""


SWITCH_SECONDS = 0.0005
"""How long another thread may keep the interpreter when the loop wants it back."""


NAMES = 12_000
"""More than CPython's table of interned strings has free places once the daemon's modules are in
it: some 9,000."""


def calm() -> None:
    """Collect less often and not what is there already; get the interpreter back sooner."""
    sys.setswitchinterval(SWITCH_SECONDS)
    make_room()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


def make_room() -> None:
    """Have the table of interned strings grow now, which it would do within half an hour.

    msgpack interns the keys of maps, people's ids among them. A place in the table is used once,
    also if its string is soon gone; when none is left the table is made anew, for three times as
    many strings as there are: that once a megabyte more, and as large each time after.
    """
    names = [sys.intern(f"room for a name {number}") for number in range(NAMES)]
    del names


async def tidy(give_back: Callable[[], None] | None = None) -> None:
    """Collect everything now and then, for ever.

    With such thresholds what ended in a cycle (each dropped connection, each request to the HTTP
    side) would lie about for hours: a daemon grew by megabytes a minute, and grew on.

    :param give_back: gives free memory back to the system. That is done more often: between two
        times the free blocks of every busy moment add up to some megabytes.
    """
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_repeat, gc.collect, TIDY_SECONDS)
        if give_back is not None:
            nursery.start_soon(_repeat, give_back, GIVE_BACK_SECONDS)


async def _repeat(work: Callable[[], object], seconds: float) -> None:
    pause = seconds
    while True:
        await trio.sleep(pause)
        begun = thread_time()
        work()
        pause = max(seconds, (thread_time() - begun) / TIDY_PART)
