"""Threads share one heap of the C library's, and give back its holes, unless told otherwise."""

import os
import platform
import re
import subprocess
import sys

import pytest

from engine.allocator import OPERATORS, in_use

PROGRAM = """
import ctypes, threading
from engine.allocator import give_back, share_heap
print(share_heap())
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
libc.free(libc.malloc(1 << 20))
libc.malloc(1 << 20)
together = threading.Barrier(4)
def allocate():
    together.wait()
    for _ in range(100):
        libc.malloc(2000)
    together.wait()
threads = [threading.Thread(target=allocate) for _ in range(4)]
[one.start() for one in threads]
[one.join() for one in threads]
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
blocks = [libc.malloc(60_000) for _ in range(201)]
for block in blocks:
    ctypes.memset(block, 1, 60_000)
for block in blocks[:-1]:
    libc.free(block)
before = resident()
give_back()
print(before - resident())
print(flush=True)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""
GNU = platform.libc_ver()[0] == "glibc"


@pytest.mark.skipif(not GNU, reason="another C library")
@pytest.mark.parametrize(("said", "done"), [({}, True), ({"MALLOC_ARENA_MAX": "8"}, False)])
def test_threads_share_one_heap_and_holes_go_back_unless_the_operator_says_otherwise(said, done):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**clean, **said}, text=True, capture_output=True,
        check=True,
    )  # fmt: skip
    told = ran.stdout.split("\n", 2)
    assert told[0] == str(done)
    assert (int(told[1]) > 10_000_000) is done, told[1]  # a hole of 12 MB below a block in use
    heaps = re.findall(r'<heap nr="\d+">', told[2])
    assert (len(heaps) == 1) is done, heaps
    # A large block that comes after another was freed is mapped apart, still.
    apart = re.findall(r'<total type="mmap" count="\d+" size="(\d+)"/>', told[2])
    assert (int(apart[-1]) >= 1 << 20) is done, apart


@pytest.mark.skipif(not GNU, reason="another C library")
@pytest.mark.parametrize("size", [100_000, 10_000_000], ids=["in the heap", "mapped apart"])
def test_what_is_in_use_in_the_heap_is_told(size, monkeypatch):
    for name in list(os.environ):
        if name.startswith(OPERATORS):
            monkeypatch.delenv(name)
    before = in_use()
    held = [bytes(size) for _ in range(10)]
    during = in_use()
    del held
    assert before is not None
    assert during - before > 9 * size  # other threads allocate and free beside
    assert during - in_use() > 9 * size
    monkeypatch.setenv("LD_PRELOAD", "another.so")
    assert in_use() is None


NAMES = """
import sys
import engine.daemon, engine.kinds
from engine.allocator import in_use
from transport.collector import make_room
if {made}:
    make_room()
names = [""] * 20_000
before = in_use()
for number in range(len(names)):
    names[number] = sys.intern(f"person {{number}}")
print(in_use() - before)
"""


@pytest.mark.skipif(not GNU, reason="another C library")
@pytest.mark.parametrize("made", [False, True])
def test_names_that_come_with_time_find_their_table_grown(made):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(OPERATORS)}
    done = subprocess.run(
        [sys.executable, "-c", NAMES.format(made=made)],
        capture_output=True, text=True, check=True, timeout=60, env=clean,
    )  # fmt: skip
    grown = int(done.stdout)
    assert (grown < 100_000) is made, grown
