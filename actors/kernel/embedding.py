"""An actor system inside a program that is not trio's: in a thread, or as asyncio's guest."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import trio

from actors.kernel.system import ActorSystem

Builder = Callable[[], ActorSystem]


class _Host:
    """Runs one system until it is told to leave."""

    def __init__(self, build: Builder) -> None:
        self._build = build
        self._leave: trio.Event | None = None
        self._token: trio.lowlevel.TrioToken | None = None
        self.system: ActorSystem | None = None

    async def main(self, ready: Callable[[], object]) -> None:
        self._leave = trio.Event()
        self._token = trio.lowlevel.current_trio_token()
        async with self._build() as self.system:
            ready()
            await self._leave.wait()

    def leave(self) -> None:
        """End the block, from any thread."""
        if self._token is not None and self._leave is not None:
            try:
                self._token.run_sync_soon(self._leave.set)
            except trio.RunFinishedError:
                return  # it has left by itself


@contextmanager
def run_in_thread(build: Builder = ActorSystem) -> Iterator[ActorSystem]:
    """Run a system in a thread of its own, for a program of plain threads (Flask, Django).

    ``spawn``, ``get``, ``tell``, ``ask(...).get()`` and ``stop().get()`` work from all threads.
    Leaving the block stops the tree in order.

    :param build: makes the system, in its thread.
    :raises ActorFailedError: the root failed; at the start, or noticed when leaving.
    """
    host = _Host(build)
    ready = threading.Event()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            trio.run(host.main, ready.set)
        except BaseException as error:  # noqa: BLE001  raised again in the caller's thread
            failures.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=work, name="actors", daemon=True)
    thread.start()
    ready.wait()
    if host.system is None or failures:
        thread.join()
        raise failures[0]
    try:
        yield host.system
    finally:
        host.leave()
        thread.join()
    if failures:
        raise failures[0]


@asynccontextmanager
async def run_in_asyncio(build: Builder = ActorSystem) -> AsyncIterator[ActorSystem]:
    """Run a system in the thread of a running asyncio loop, by trio's guest mode.

    Futures of ``ask`` and ``stop`` can be awaited from asyncio tasks directly.

    :param build: makes the system.
    :raises ActorFailedError: the root failed; at the start, or noticed when leaving.
    """
    loop = asyncio.get_running_loop()
    host = _Host(build)
    ready = asyncio.Event()
    done: asyncio.Future[Any] = loop.create_future()

    def finished(outcome: Any) -> None:
        ready.set()
        done.set_result(outcome)

    trio.lowlevel.start_guest_run(
        host.main,
        ready.set,
        run_sync_soon_threadsafe=loop.call_soon_threadsafe,
        done_callback=finished,
        host_uses_signal_set_wakeup_fd=True,
    )
    await ready.wait()
    if host.system is None or done.done():
        (await done).unwrap()
        raise RuntimeError("the actor system ended as it began")
    try:
        yield host.system
    finally:
        host.leave()
        outcome = await asyncio.shield(done)
    outcome.unwrap()
