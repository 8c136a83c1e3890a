"""Drives publishers and viewers: sends at a rate, counts what arrives.

Nobody waits at a viewer's socket. All are swept every few milliseconds, many datagrams a call, so
that the unit is slowed neither by readers it would have to wake nor by readers too slow for it.
"""

import contextlib
import ctypes
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from bench.media_load import Endpoint, Publisher

KEEP_EVERY = 3.0
SWEEP_EVERY = 0.005
LAST_WAIT = 0.3
"""Seconds in which what is on its way may still arrive."""

BURST = 32
"""Packets a publisher sends at once at most."""


@contextlib.contextmanager
def apart(*pids: int) -> Iterator[None]:
    """Give processes a core, and the load the others, so that neither waits for the other.

    :param pids: those that are measured; if several, in turn.
    """
    before = os.sched_getaffinity(0)
    cores = sorted(before)
    if len(cores) > 1:
        for task in (each for pid in pids for each in Path(f"/proc/{pid}/task").iterdir()):
            # Threads begun later are on their parent's core.
            os.sched_setaffinity(int(task.name), {cores[0]})
        os.sched_setaffinity(0, set(cores[1:]))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class _Part(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Message(ctypes.Structure):
    """A ``struct mmsghdr``."""

    _fields_ = (
        ("name", ctypes.c_void_p), ("name_length", ctypes.c_uint32),
        ("parts", ctypes.POINTER(_Part)), ("count", ctypes.c_size_t),
        ("control", ctypes.c_void_p), ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int), ("padding", ctypes.c_int), ("received", ctypes.c_uint),
    )  # fmt: skip


_NOT_MEDIA = bytes([1, *range(192, 224), 253, 254])
"""Second bytes of what is none: STUN, RTCP, DTLS."""


class Sweeper:
    """Counts what has come to many sockets, looking at two bytes of each datagram."""

    AT_ONCE = 64

    def __init__(self) -> None:
        count = self.AT_ONCE
        self._heads = ctypes.create_string_buffer(2 * count)
        start = ctypes.addressof(self._heads)
        self._parts = (_Part * count)(*[_Part(start + 2 * at, 2) for at in range(count)])
        self._messages = (_Message * count)()
        for message, part in zip(self._messages, self._parts, strict=True):
            message.parts, message.count = ctypes.pointer(part), 1
        self._receive = ctypes.CDLL(None).recvmmsg

    def sweep(self, numbers: list[int]) -> int:
        """Read these non-blocking sockets empty; return how many packets of media there were."""
        found, count, receive, messages = 0, self.AT_ONCE, self._receive, self._messages
        for number in numbers:
            got = count
            while got == count:
                got = receive(number, messages, count, socket.MSG_DONTWAIT, None)
                if got > 0:
                    found += len(self._heads.raw[1 : 2 * got : 2].translate(None, _NOT_MEDIA))
        return found


def keep(publishers: list[Publisher], viewers: list[Endpoint]) -> None:
    """Renew everybody's consent, and tell that the lines are wide."""
    for publisher in publishers:
        publisher.check()
    for viewer in viewers:
        viewer.check()
        viewer.welcome()


def drive(
    publishers: list[Publisher], viewers: list[Endpoint], rate: float, seconds: float
) -> tuple[int, int, float]:
    """Send ``rate`` packets a second in all and count what arrives.

    :param rate: packets a second over all publishers.
    :return: packets sent, packets received by all viewers together, and seconds.
    """
    sweeper, numbers = Sweeper(), [viewer.socket.fileno() for viewer in viewers]
    sweeper.sweep(numbers)
    keep(publishers, viewers)
    started = swept = checked = time.monotonic()
    sent = turn = received = 0
    while (now := time.monotonic()) - started < seconds:
        due = int((now - started) * rate) - sent
        if due > 0:
            burst = min(due, BURST)
            publishers[turn % len(publishers)].send(burst)
            turn += 1
            sent += burst
        if now - swept > SWEEP_EVERY:
            swept = now
            received += sweeper.sweep(numbers)
        elif due <= 0:
            time.sleep(0.0005)
        if now - checked > KEEP_EVERY:
            checked = now
            keep(publishers, viewers)
    took = time.monotonic() - started
    while time.monotonic() - started < took + LAST_WAIT:
        time.sleep(SWEEP_EVERY)
        received += sweeper.sweep(numbers)
    return sent, received, took
