"""A value that is not there yet: awaited in trio and asyncio, waited for in plain threads.

Pykka's stock future yields None when awaited and then blocks, which trio takes for an error.
This one parks the task. Its values are set in the event loop's thread; the two fields that other
threads touch are written in an order that needs no lock under the interpreter's: a waiter first
registers and then looks again, a setter first writes and then calls the waiters.
"""

import asyncio
import functools
import queue
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from threading import get_ident
from types import TracebackType
from typing import Any, TypeVar, cast

import outcome
import pykka
import trio
from trio.lowlevel import (
    Abort,
    Task,
    TrioToken,
    current_task,
    current_trio_token,
    in_trio_task,
    reschedule,
    wait_task_rescheduled,
)

from actors.kernel.context import current, waits_for
from actors.kernel.errors import AskCycleError, AskTimeoutError, FutureNotReadyError

T = TypeVar("T")
ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]

PENDING: Any = object()
"""Stands for the value that is not there yet."""

_FAILED: Any = object()
_WITHDRAWN: Any = object()


class Future(pykka.Future[T]):
    """The handle ``ask``, ``stop`` and proxies return.

    ``await`` it in trio or asyncio; call :meth:`get` in a plain thread.

    :raises AskCycleError: (on await) the actor asked is waiting for the one that asks.
    :raises AskTimeoutError: (on await) the ``timeout`` given to ``ask`` has passed.
    """

    # Pykka's class has no slots: without one of its own the hook alone would cost a dictionary.
    __slots__ = (
        "_callbacks",
        "_error",
        "_get_hook",
        "_ident",
        "_timeout",
        "_token",
        "_value",
        "_waiter",
        "target",
    )

    def __init__(self) -> None:  # not the base's: two attributes and an object for nothing
        self._value: Any = PENDING
        self._error: BaseException | None = None
        self._waiter: Task | None = None
        self._callbacks: list[Callable[[], object]] | None = None
        self.target: Any = None
        self._timeout: float | None = None
        self._get_hook = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'done' if self.done else 'pending'}>"

    @property
    def done(self) -> bool:
        """Whether a value or an exception is there, or the request was withdrawn."""
        return self._value is not PENDING

    def set(self, value: T | None = None) -> None:
        """Resolve with a value.

        :raises queue.Full: it is resolved already.
        """
        if self._value is not PENDING or self._get_hook is not None:
            raise queue.Full
        self._value = value
        if self._waiter is not None or self._callbacks is not None:
            self._wake()

    def set_exception(self, exc_info: BaseException | ExcInfo | None = None) -> None:
        """Resolve with an exception: an instance, an ``exc_info`` triple, or the one in hand.

        :raises queue.Full: it is resolved already.
        """
        if self._value is not PENDING or self._get_hook is not None:
            raise queue.Full
        if exc_info is None:
            exc_info = sys.exc_info()
        if isinstance(exc_info, tuple):
            kind, error, traceback = exc_info
            if error is None:
                error = kind() if kind is not None else RuntimeError("no exception in hand")
            exc_info = error.with_traceback(traceback)
        self._error = exc_info
        self._value = _FAILED
        self._wake()

    def withdraw(self) -> None:
        """Take the request back: whoever finds it in a mailbox passes over it."""
        if self._value is PENDING:
            self._value = _WITHDRAWN

    def on_done(self, callback: Callable[[], object]) -> None:
        """Call back once it is resolved, in the resolver's thread; it may be called twice."""
        callbacks = self._callbacks
        if callbacks is None:
            callbacks = self._callbacks = []
        callbacks.append(callback)
        if self.done:
            self._callbacks = None
            callback()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            if self._ident == get_ident():
                reschedule(waiter)
            else:
                self._token.run_sync_soon(reschedule, waiter)
        callbacks, self._callbacks = self._callbacks, None
        if callbacks is not None:  # they may lead back to this, and were a circle if it kept them
            for callback in callbacks:
                callback()

    def _result(self) -> T:
        if self._value is _FAILED:
            error = cast("BaseException", self._error)
            try:
                raise error
            finally:
                # No cycle: traceback -> frame -> future -> exception -> traceback. A refusal is
                # as common as an answer, and the collector would come round to it hours later.
                del error, self
        if self._value is _WITHDRAWN:
            raise AskCycleError("this request was withdrawn")
        return cast("T", self._value)

    def get(self, *, timeout: float | None = None) -> T:
        """Return the value, blocking if this is a plain thread.

        :param timeout: seconds to wait; None waits as long as ``ask``'s ``timeout`` says.
        :raises FutureNotReadyError: this is the event loop's thread and there is no value yet.
        :raises AskTimeoutError: the time has passed.
        """
        if self._get_hook is not None:
            return super_get(self, timeout)
        if not self.done:
            if trio.lowlevel.in_trio_run() or _asyncio_runs():
                raise FutureNotReadyError("get() would block the event loop: await the future")
            ready = threading.Event()
            self.on_done(ready.set)
            seconds = self._timeout if timeout is None else timeout
            if not ready.wait(seconds):
                raise AskTimeoutError(f"{seconds} seconds")
        return self._result()

    @property
    def error(self) -> BaseException | None:
        """What it failed with; None as long as it has not. Unlike :meth:`get` it raises nothing."""
        return self._error if self._value is _FAILED else None

    def set_get_hook(self, func: Callable[[float | None], T]) -> None:
        """Compute the value with ``func(timeout)`` when it is first wanted.

        :raises queue.Full: it is resolved already.
        """
        if self._value is not PENDING:
            raise queue.Full
        self._get_hook = func

    def __await__(self) -> Generator[Any, Any, T]:
        # The common case by itself, with no coroutine in between: it is what an ask costs.
        plain = self._value is PENDING and self._waiter is None and self._get_hook is None
        if plain and (self._timeout is None or self._timeable()) and in_trio_task():
            cell = None if self.target is None else current.get()
            if cell is not None:
                self._enter(cell)
            self._ident = get_ident()
            self._token: TrioToken = current_trio_token()
            self._waiter = current_task()
            timer = None
            if self._timeout is not None:  # a cancel scope would cost five times as much
                timer = self.target.system.timers.call_after(self._timeout, self._late)
            try:
                yield from wait_task_rescheduled(  # noqa: ASYNC105  awaited, by hand
                    self._abort
                ).__await__()
            finally:
                if timer is not None:
                    timer.cancel()
                if cell is not None:
                    cell.leave(self)
            try:
                return self._result()
            finally:
                del self  # see there
        waiting = self._wait()
        del self
        return (yield from waiting.__await__())

    __iter__ = __await__

    def _enter(self, cell: Any) -> None:
        """Enter the wait in the cell's books, unless it would never end."""
        if waits_for(self.target, cell):
            self.withdraw()
            raise AskCycleError(
                f"{cell.path} asks {self.target.path}, which is waiting for {cell.path}"
            )
        cell.enter(self)

    def _timeable(self) -> bool:
        """Whether the actor's system can see to the timeout: its timers are of its thread."""
        return self.target is not None and self.target.system.thread == get_ident()

    def _late(self) -> None:
        """Let whoever waits know that the time is up. The message may still be handled."""
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            error = outcome.Error(AskTimeoutError(f"{self._timeout} seconds"))
            reschedule(waiter, error)

    def _abort(self, _: object) -> Abort:
        if self._waiter is None:  # another thread's setter has it: its wake-up is under way
            return Abort.FAILED
        self._waiter = None
        return Abort.SUCCEEDED

    async def _wait(self) -> T:
        if self._get_hook is not None:
            return self.get()
        if not in_trio_task():
            return await self._wait_in_asyncio()
        if self._value is not PENDING:
            await trio.lowlevel.checkpoint()
            try:
                return self._result()
            finally:
                del self  # see there
        cell = None if self.target is None else current.get()
        if cell is not None:
            self._enter(cell)
        try:
            await self._park_until(self._timeout)
        finally:
            if cell is not None:
                cell.leave(self)
        try:
            return self._result()
        finally:
            del self  # see there

    async def _park_until(self, seconds: float | None) -> None:
        if seconds is None:
            await self._park()
            return
        with trio.move_on_after(seconds):
            await self._park()
        if self._value is PENDING:
            raise AskTimeoutError(f"{seconds} seconds")

    async def _park(self) -> None:
        """Park the task through the list of callbacks, which takes any number of waiters."""
        task = current_task()
        token = current_trio_token()
        ident = get_ident()

        def wake() -> None:
            if ident == get_ident():
                reschedule(task)
            else:
                token.run_sync_soon(reschedule, task)

        def abort(_: object) -> Abort:
            if self.done:  # a setter in another thread has it
                return Abort.FAILED
            cast("list[Callable[[], object]]", self._callbacks).remove(wake)
            return Abort.SUCCEEDED

        self._callbacks = self._callbacks or []
        self._callbacks.append(wake)
        await wait_task_rescheduled(abort)

    async def _wait_in_asyncio(self) -> T:
        if not self.done:
            loop = asyncio.get_running_loop()
            ready = asyncio.Event()
            self.on_done(lambda: loop.call_soon_threadsafe(ready.set))
            try:
                await asyncio.wait_for(ready.wait(), self._timeout)
            except TimeoutError:
                raise AskTimeoutError(f"{self._timeout} seconds") from None
        return self._result()

    def map(self, func: Callable[[T], Any]) -> "Future[Any]":
        """Return a future of ``func(value)``."""
        return Derived([self], lambda values: func(values[0]))

    def filter(self, func: Callable[[Any], bool]) -> "Future[Any]":
        """Return a future of the items of the value for which ``func(item)`` is true."""
        return Derived([self], lambda values: list(filter(func, values[0])))

    def reduce(self, func: Callable[[Any, Any], Any], *args: Any) -> "Future[Any]":
        """Return a future of the items of the value folded from left to right."""
        return Derived([self], lambda values: functools.reduce(func, values[0], *args))

    def join(self, *futures: pykka.Future[Any]) -> "Future[Any]":
        """Return a future of the list of this value and the others'."""
        return Derived([self, *futures], list)


def super_get(future: Future[T], timeout: float | None) -> T:
    """Run the get hook once and keep what it returned."""
    if future._value is PENDING:  # noqa: SLF001  the same module's class
        hook = cast("Callable[[float | None], T]", future._get_hook)  # noqa: SLF001
        future._value = hook(timeout)  # noqa: SLF001
    return cast("T", future._value)  # noqa: SLF001


def _asyncio_runs() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class Derived(Future[Any]):
    """A future computed from others, when it is first wanted; the result is kept."""

    __slots__ = ("_compute", "_sources")

    def __init__(
        self, sources: Sequence[pykka.Future[Any]], compute: Callable[[list[Any]], Any]
    ) -> None:
        super().__init__()
        self._sources = sources
        self._compute = compute

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._wait().__await__()

    __iter__ = __await__

    def get(self, *, timeout: float | None = None) -> Any:
        """Return the value, waiting ``timeout`` seconds at most for all sources together."""
        if self._value is PENDING:
            end = None if timeout is None else time.monotonic() + timeout
            values = []
            for source in self._sources:
                left = None if end is None else max(0.0, end - time.monotonic())
                values.append(source.get(timeout=left))
            self._value = self._compute(values)
        return self._value

    async def _wait(self) -> Any:
        if self._value is PENDING:
            values = [await source for source in self._sources]
            if self._value is PENDING:
                self._value = self._compute(values)
        return self._value


async def get_all(
    futures: Iterable[pykka.Future[T]],
    *,
    timeout: float | None = None,  # noqa: ASYNC109  Pykka's signature
) -> list[T]:
    """Await several futures and return their values in order.

    :raises AskTimeoutError: ``timeout`` seconds have passed before the last came.
    """
    seconds = float("inf") if timeout is None else timeout
    with trio.move_on_after(seconds):
        return [await future for future in futures]
    raise AskTimeoutError(f"{timeout} seconds")
