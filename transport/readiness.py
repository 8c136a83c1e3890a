"""Waking the tasks whose sockets have something to read, a few at a time.

When thousands of clients drop, or speak, in the same moment, trio would wake all their tasks in
one round, and the loop would be gone for as long as that takes. Here the sockets stand in an
epoll of their own, and one task takes a handful out of it in each of trio's rounds, so that what
else is due gets its turn in between. A socket stays registered for as long as it is open: that
saves a system call for each wait, too.
"""

import os
import select

import trio

WAKE = 8
"""Tasks woken in one of trio's rounds."""

ENDS = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
"""Events after which a socket has nothing more to tell of: it is to be read to its end."""


class Readiness:
    """Waits for many sockets' input on behalf of their tasks. Linux only, as epoll is.

    :param patient: whether a task yields to the others before it is given input that was there
        already. One that reads a bounded number of times need not.
    """

    def __init__(self, *, patient: bool = True) -> None:
        self._patient = patient
        self._epoll = select.epoll()
        self._registered: set[int] = set()
        self._waiting: dict[int, trio.lowlevel.Task] = {}
        self._empty: set[int] = set()
        self._ended: set[int] = set()

    async def run(self) -> None:
        """Wake tasks, for ever."""
        while True:
            await trio.lowlevel.wait_readable(self._epoll.fileno())
            for descriptor, events in self._epoll.poll(0, WAKE):
                self._empty.discard(descriptor)
                if events & ENDS:
                    self._ended.add(descriptor)
                task = self._waiting.pop(descriptor, None)
                if task is not None:
                    trio.lowlevel.reschedule(task)

    async def read(self, descriptor: int, size: int) -> bytes:
        """Return up to ``size`` bytes from a socket; none at its end.

        One task at a time may read a socket, and it calls :meth:`forget` before it is closed.

        :raises OSError: the connection is broken.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        waited = False
        while True:
            # Edge-triggered: what came while nobody waited will not be told again. A socket is
            # looked at before each wait, unless it gave less than was asked for and nothing has
            # been heard of it since: then it is empty.
            data = None if descriptor in self._empty else _read(descriptor, size)
            if data is None:
                await self._wait(descriptor)
                waited = True
                continue
            if len(data) < size:
                self._note_empty(descriptor)
            if self._patient and not waited:  # what has been read must not get lost
                await trio.lowlevel.cancel_shielded_checkpoint()
            return data

    async def _wait(self, descriptor: int) -> None:
        if descriptor not in self._registered:
            self._epoll.register(descriptor, select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET)
            self._registered.add(descriptor)
        self._waiting[descriptor] = trio.lowlevel.current_task()

        def abort(_: object) -> trio.lowlevel.Abort:
            self._waiting.pop(descriptor, None)
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    def _note_empty(self, descriptor: int) -> None:
        # Its end may have been told together with what was read.
        if descriptor in self._registered and descriptor not in self._ended:
            self._empty.add(descriptor)

    def forget(self, descriptor: int) -> None:
        """Let go of a socket that is about to be closed."""
        if descriptor in self._registered:
            self._registered.discard(descriptor)
            self._empty.discard(descriptor)
            self._ended.discard(descriptor)
            self._epoll.unregister(descriptor)


def _read(descriptor: int, size: int) -> bytes | None:
    # Whoever waits within an except clause keeps the exception and its traceback for as long.
    try:
        return os.read(descriptor, size)
    except BlockingIOError:
        return None
