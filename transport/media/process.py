"""The engine's end of one media worker: start it, talk to it, notice when it hangs or dies."""

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import structlog
import trio

import transport
from actors.errors import Refused
from transport.media.control import ControlBroken, Decoder, encode, refused

HEARTBEAT_EVERY = 0.2
HANG_AFTER = 0.8
"""Seconds without an answer to a heartbeat after which a worker is killed."""

IDLE_AFTER = 0.4
"""The same for one that neither runs nor waits for a processor: it will not come to it either."""

NICENESS = 5
"""How far a worker steps back for the engine where both want a processor."""

START_WITHIN = 10.0
ORDER_WITHIN = 3.0
PENDING_LIMIT = 20_000
"""Orders waiting for an answer at once."""

_log = structlog.get_logger("greenroom.media")

FactTaker = Callable[[str, dict[str, Any]], None]


def is_idle(pid: int) -> bool:
    """Tell whether a process is asleep or stopped; False where the system does not tell (proc(5)).

    One that waits for a disk may be swapped out, and counts as busy.
    """
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] in ("S", "T", "t")


def _down() -> Refused:
    return Refused("overloaded", "The media server is starting. Try again.", retry_after=1)


@attrs.define(eq=False)
class _Pending:
    done: trio.Event = attrs.field(factory=trio.Event)
    error: Refused | None = None
    result: Any = None


class WorkerProcess:
    """One life of one worker process.

    :param on_fact: takes what the worker tells.
    """

    def __init__(self, settings: Mapping[str, Any], on_fact: FactTaker) -> None:
        self.port = 0
        self.pid = 0
        self.alive = False
        self._settings = settings
        self._process: trio.Process | None = None
        self._ours: socket.socket | None = None
        self._on_fact = on_fact
        self._stream: trio.SocketStream | None = None
        self._numbers = itertools.count(1)
        self._pending: dict[int, _Pending] = {}
        self._out: deque[bytes] = deque()
        self._wake = trio.Event()

    async def prepare(self) -> None:
        """Start the process, so that it is loaded by the time it is needed."""
        self._ours, theirs = socket.socketpair()
        with theirs, trio.CancelScope(shield=True):
            self._process = await self._spawn(theirs)
        assert self._process is not None  # noqa: S101  shielded: nothing cut it short
        self.pid = self._process.pid
        self._ours.setblocking(False)

    async def discard(self) -> None:
        """End a prepared process that was never run."""
        if self._process is not None and self._ours is not None:
            self._ours.close()
            self._kill(self._process)
            with trio.CancelScope(shield=True):
                await self._process.wait()

    async def run(self, started: Callable[[], None]) -> None:
        """Live: returns once the process is gone, whatever ended it.

        :param started: called when the worker takes orders.
        """
        if self._process is None or self._process.poll() is not None:
            await self.prepare()
        process, ours = self._process, self._ours
        assert process is not None and ours is not None  # noqa: S101, PT018  prepare() made them
        self._stream = trio.SocketStream(trio.socket.from_stdlib_socket(ours))
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._read, nursery.cancel_scope)
                nursery.start_soon(self._write, nursery.cancel_scope)
                nursery.start_soon(self._begin, nursery, started)
                await process.wait()
                nursery.cancel_scope.cancel()
        finally:
            self.alive = False
            for pending in self._pending.values():
                pending.error = _down()
                pending.done.set()
            self._pending.clear()
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(self._stream)
                self._kill(process)
                await process.wait()

    async def _spawn(self, theirs: socket.socket) -> trio.Process:
        root = str(Path(transport.__file__).parent.parent)
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
        command = [sys.executable, "-m", "transport.media.worker", str(theirs.fileno())]
        process = await trio.lowlevel.open_process(
            command,
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
        )
        with contextlib.suppress(OSError, AttributeError):
            # From its first moment: loading is a second of work that the engine must not feel.
            os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
        return process

    def _kill(self, process: trio.Process) -> None:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)

    async def _begin(self, nursery: trio.Nursery, started: Callable[[], None]) -> None:
        try:
            with trio.fail_after(START_WITHIN):
                answer = await self._order("start", dict(self._settings))
        except (trio.TooSlowError, Refused) as error:
            _log.error("media worker does not start", why=str(error))
            nursery.cancel_scope.cancel()
            return
        self.port = answer["port"]
        self.alive = True
        _log.info("media worker started", port=self.port, fan_out=answer["fan_out"])
        started()
        await self._watch(nursery.cancel_scope)

    async def _watch(self, scope: trio.CancelScope) -> None:
        while True:
            await trio.sleep(HEARTBEAT_EVERY)
            pending = self._send("ping", {})
            with trio.move_on_after(IDLE_AFTER):
                await pending.done.wait()
            if not pending.done.is_set() and not is_idle(self.pid):
                with trio.move_on_after(HANG_AFTER - IDLE_AFTER):
                    await pending.done.wait()
            if not pending.done.is_set():
                # Were we the ones who slept? Then the answer is waiting to be read.
                await trio.sleep(0.01)
            if not pending.done.is_set():
                _log.error("media worker hangs", pid=self.pid)
                scope.cancel()
                return

    async def order(self, order: str, params: dict[str, Any]) -> Any:
        """Have the worker do something and return its result.

        :raises Refused: it would not, or is not there.
        """
        if not self.alive:
            raise _down()
        try:
            with trio.fail_after(ORDER_WITHIN):
                return await self._order(order, params)
        except trio.TooSlowError:
            raise _down() from None

    async def _order(self, order: str, params: dict[str, Any]) -> Any:
        pending = self._send(order, params)
        await pending.done.wait()
        if pending.error is not None:
            raise pending.error
        return pending.result

    def tell(self, order: str, params: dict[str, Any]) -> None:
        """Have the worker do something, without waiting for it."""
        if self.alive:
            self._send(order, params)

    def _send(self, order: str, params: dict[str, Any]) -> _Pending:
        if len(self._pending) >= PENDING_LIMIT:
            raise Refused("overloaded", "The media server is busy.", retry_after=1)
        number = next(self._numbers)
        pending = self._pending[number] = _Pending()
        self._out.append(encode(number, order, params))
        self._wake.set()
        return pending

    async def _write(self, scope: trio.CancelScope) -> None:
        assert self._stream is not None  # noqa: S101  run() made it
        try:
            while True:
                await self._wake.wait()
                self._wake = trio.Event()
                while self._out:
                    batch = b"".join(self._out)
                    self._out.clear()
                    await self._stream.send_all(batch)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            scope.cancel()

    async def _read(self, scope: trio.CancelScope) -> None:
        assert self._stream is not None  # noqa: S101  run() made it
        decoder = Decoder()
        try:
            while data := await self._stream.receive_some(1 << 16):
                for number, word, value in decoder.feed(bytes(data)):
                    self._take(number, word, value)
        except (trio.BrokenResourceError, trio.ClosedResourceError, ControlBroken) as error:
            _log.warning("media worker's channel ended", why=repr(error))
        scope.cancel()

    def _take(self, number: int | None, word: Any, value: Any) -> None:
        if number is None:
            self._on_fact(word, value)
            return
        pending = self._pending.pop(number, None)
        if pending is not None:
            pending.error = refused(word) if word is not None else None
            pending.result = value
            pending.done.set()
