"""Keeping the C library's heap from growing while what is in it does not.

SQLite's pages and every large string lie in that heap, not in Python's. The GNU C library gives
each thread that allocates a heap of its own, and what is free in one is no use to the others. The
journal's threads hand each other rows and snapshots all the time: of 22 MB in use the holes came to
8 MB in minutes of load and were still growing. Python's lock lets one thread allocate at a time
anyway, nearly always, so one heap for all does.

Large blocks are mapped apart from a heap, at first; once one was freed, the library takes those of
its size from the heap, where a session's snapshot of half a megabyte leaves a hole whenever
something small comes to lie behind it. A threshold that is set stays: they go back at once.

Holes are left by whatever was in memory for a while only: when many come back at once, or while the
machine is busy with something else. What lies in them is given back now and then.
"""

import ctypes
import os
from collections.abc import Callable
from functools import cache
from typing import Any

TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
"""Settings of ``malloc.h``, see mallopt(3); part of the C library's binary interface."""

LARGE = 128 << 10
"""Bytes of a block that is mapped apart, and of free space at the heap's end that is given back:
the library's own values, as long as it does not change them."""

OPERATORS = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")
"""Whoever sets a variable that begins so has chosen an allocator, or how it behaves."""


def share_heap() -> bool:
    """Let all threads share one heap without large blocks in it, before there are several.

    :return: whether it was done; it is not where the C library is another one, or where the
        operator has had a say.
    """
    setting = _function("mallopt")
    if setting is None:
        return False
    values = {ARENA_MAX: 1, MMAP_THRESHOLD: LARGE, TRIM_THRESHOLD: LARGE}
    return all(setting(number, value) == 1 for number, value in values.items())


def give_back() -> None:
    """Give the system the pages of free blocks inside the heap; some tenths of a millisecond.

    Where the C library is another one, or where the operator has had a say, nothing is done.
    """
    trim = _function("malloc_trim")
    if trim is not None:
        trim(0)


class _Heap(ctypes.Structure):
    """``struct mallinfo2`` of ``malloc.h``, see mallinfo(3)."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks",
                     "uordblks", "fordblks", "keepcost")
    )  # fmt: skip


def in_use() -> int | None:
    """Return the bytes that are in use in the C library's heap and in blocks mapped apart.

    What Python's own allocator holds lies elsewhere. None where the library is another one, or one
    older than 2.33, or where the operator has had a say.
    """
    asking: Any = _function("mallinfo2")
    if asking is None:
        return None
    asking.restype = _Heap
    heap = asking()
    return int(heap.uordblks + heap.hblkhd)


def _function(name: str) -> Callable[..., int] | None:
    if any(variable.startswith(OPERATORS) for variable in os.environ):
        return None
    return getattr(_library(), name, None)


@cache
def _library() -> ctypes.CDLL:
    """Return the C library; each loaded anew would be a class that holds itself."""
    return ctypes.CDLL(None)
