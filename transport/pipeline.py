"""The commands of one connection that have been asked for and not been answered yet.

A connection is read on meanwhile: whoever says two things in a row need not wait for the disk
twice. All that are under way at once are for one entity, since the mailboxes on the way to it keep
their order; what is for another one waits until these are answered. The answers leave in the order
of the requests. No task waits for them: whoever gives the answer sends it.
"""

import weakref
from collections import deque
from collections.abc import Mapping
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

import attrs
import structlog
import trio

from actors.door import refusal
from actors.errors import Refused
from actors.kernel import Future
from actors.rules.base import Command
from transport import rpc

if TYPE_CHECKING:
    from transport.connection import Connection

log = structlog.get_logger("greenroom.transport")

UNDER_WAY = 16
"""Commands of one connection that may be under way at once."""


def late() -> Refused:
    """Return what whoever waited for too long is told."""
    return Refused("overloaded", "No answer in time. It may still be carried out.")


@attrs.define(eq=False)
class _Pending:
    request: rpc.Request
    command: Command
    begun: float
    since: float
    ready: bool = False
    reply: dict[str, Any] | None = None


class Pipeline:
    """Those of one connection, the oldest first."""

    __slots__ = ("_changed", "_connection", "_pending")

    def __init__(self, connection: "Connection") -> None:
        # It holds this, and whoever answers late may hold this for long.
        self._connection: Connection = weakref.proxy(connection)
        self._pending: deque[_Pending] = deque()
        self._changed: trio.Event | None = None

    async def begin(self, request: rpc.Request, command: Command, begun: float) -> bool:
        """Have a command carried out, as soon as it may be beside the others.

        :param begun: when the request came, in seconds of the performance counter.
        :return: False if there is more to it than to ask for it.
        """
        context = self._connection.context
        if context.tracer is not None:
            return False
        while not self._room(command.entity):
            await self._change()
        future = context.door.begin(command)
        if future is None:
            return False
        pending = _Pending(request, command, begun, trio.current_time())
        self._pending.append(pending)
        context.pipelined.add(self)
        future.on_done(partial(self._done, pending, future))
        return True

    async def drained(self) -> None:
        """Wait until all are answered."""
        while self._pending:
            await self._change()

    def give_up(self, now: float) -> None:
        """Answer those that have been under way for too long."""
        ended = now - self._connection.context.limits.request_seconds
        for pending in [one for one in self._pending if one.since < ended]:
            self._settle(pending, late())

    def clear(self) -> None:
        """Forget all: nobody is there to be answered."""
        self._pending.clear()
        self._connection.context.pipelined.discard(self)

    def _room(self, entity: str) -> bool:
        if not self._pending:
            return True
        return len(self._pending) < UNDER_WAY and self._pending[0].command.entity == entity

    async def _change(self) -> None:
        if self._changed is None:
            self._changed = trio.Event()
        await self._changed.wait()

    def _done(self, pending: _Pending, future: Future[Mapping[str, Any]]) -> None:
        try:
            if pending in self._pending:
                self._take(pending, future)
        except Exception:  # the actor that answers is not to be harmed by us
            log.exception("cannot be answered", method=pending.request.method)

    def _take(self, pending: _Pending, future: Future[Mapping[str, Any]]) -> None:
        # Raised here, a refusal would hold the frames below, which hold it, until all is collected.
        error = future.error
        if error is None:
            self._settle(pending, future.get())
            return
        told = refusal(error)  # a refusal, the actor's end, or no room for it
        if told.reason == "internal" and pending.command.key is not None:
            self._connection.start_aside(partial(self._again, pending))
        else:
            self._settle(pending, told)

    async def _again(self, pending: _Pending) -> None:
        """Ask once more: what ended an actor is not the asker's fault (rule 36)."""
        try:
            again = self._connection.context.door.again
            self._settle(pending, await again(pending.command))
        except Exception as error:  # noqa: BLE001  whatever it is, the client is told
            self._settle(pending, error)

    def _settle(self, pending: _Pending, found: Mapping[str, Any] | Exception) -> None:
        if pending.ready or pending not in self._pending:  # given up, or nobody is there
            return
        request = pending.request
        value = {} if request.id is rpc.MISSING else {"id": request.id}
        if isinstance(found, Exception):
            answer = self._connection.failed(found, value.get("id"), request.method, value)
        else:
            answer = rpc.result(request.id, found) if value else None
        pending.ready, pending.reply = True, answer
        self._answer()

    def _answer(self) -> None:
        """Send what can be sent now, in the order of the requests."""
        connection = self._connection
        while self._pending and self._pending[0].ready:
            one = self._pending.popleft()
            connection.context.metrics.time_command(one.request.method, perf_counter() - one.begun)
            if one.reply is not None:
                connection.reply(one.reply)
        if not self._pending:
            connection.context.pipelined.discard(self)
        if self._changed is not None:
            self._changed.set()
            self._changed = None
