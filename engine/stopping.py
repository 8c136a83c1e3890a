"""Running something in the foreground until it ends, or Ctrl-C ends it in order."""

import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar, TypeVarTuple

import trio
from trio.abc import Clock

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")


def run_stoppable(
    work: Callable[[*Arguments], Awaitable[Result]],
    *arguments: *Arguments,
    clock: Clock | None = None,
) -> Result:
    """Run ``work`` in an event loop of its own and return what it returns.

    With Python's own way Ctrl-C raises an exception wherever the program happens to be, also where
    Trio or the kernel has put half a task in its books. Here it cancels the work, which ends as it
    would anyway; a second Ctrl-C ends the process at once.

    :param clock: Trio's, if not the system's.
    :raises KeyboardInterrupt: Ctrl-C was pressed, and the work has ended.
    """
    stopped = False
    failure: Exception | None = None

    async def stop(signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
        nonlocal stopped
        await anext(signals)
        stopped = True
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        scope.cancel()

    async def attempt() -> list[Result]:
        nonlocal failure
        try:
            return [await work(*arguments)]
        except Exception as error:  # noqa: BLE001  raised below, outside of the nursery's group
            failure = error
            return []

    async def main() -> list[Result]:
        with trio.open_signal_receiver(signal.SIGINT) as signals, trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stop, signals, scope)
                found = await attempt()
                nursery.cancel_scope.cancel()
                return found
        return []

    found = trio.run(main if _interruptible() else attempt, clock=clock)
    if stopped:
        raise KeyboardInterrupt
    if failure is not None:
        raise failure
    return found[0]


def _interruptible() -> bool:
    """Whether Ctrl-C is ours: a shell has what runs in its background ignore it."""
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    return ours and threading.current_thread() is threading.main_thread()
