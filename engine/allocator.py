"""Keeping the C library's heap from growing while what is in it does not.

SQLite's pages and every large string lie in that heap, not in Python's. The GNU C library gives
each thread that allocates a heap of its own, and what is free in one is no use to the others. The
journal's threads hand each other rows and snapshots all the time: of 22 MB in use the holes came to
8 MB in ten minutes' load and were still growing; in one heap they stay below 1 MB. Python's lock
lets one thread allocate at a time anyway, nearly always.
"""

import ctypes
import os

ARENA_MAX = -8
"""``M_ARENA_MAX`` of ``malloc.h``, see mallopt(3); part of the C library's binary interface."""

OPERATORS = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")
"""Whoever sets a variable that begins so has chosen an allocator, or how it behaves."""


def share_heap() -> bool:
    """Let all threads of the process share one heap, before there are several.

    :return: whether it was done; it is not where the C library is another one, or where the
        operator has had a say.
    """
    if any(name.startswith(OPERATORS) for name in os.environ):
        return False
    setting = getattr(ctypes.CDLL(None), "mallopt", None)
    return setting is not None and setting(ARENA_MAX, 1) == 1
