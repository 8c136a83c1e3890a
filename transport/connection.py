"""One WebSocket connection: from the handshake to the close."""

from collections.abc import Awaitable, Callable, Mapping
from contextvars import copy_context
from datetime import datetime
from functools import partial
from time import perf_counter
from typing import Any

import structlog
import trio

from actors.errors import TEMPORARY, Refused
from actors.rules.base import COMMANDS, Command, Person
from transport import rpc
from transport.builtin import BUILTINS
from transport.closing import CLOSE_REASONS, Close, clip, retry_reason
from transport.codec import Codec, Unreadable
from transport.context import Context, Visit
from transport.outbox import Outbox
from transport.params import structure
from transport.pipeline import Pipeline, late
from transport.telemetry import call, pseudonym
from transport.websocket import Closed, WebSocket

log = structlog.get_logger("greenroom.transport")

CLOSES = {
    "unauthorized": Close.INVALID_TOKEN,
    "token_expired": Close.TOKEN_EXPIRED,
    "banned": Close.REMOVED,
}
"""How a connection ends whose ``connect`` was refused, by reason."""


class Connection:
    """A client's connection.

    Its requests are carried out one after the other, in the order they came; those about media
    have a line of their own, because an offer takes longer than anything else.

    :param nursery: where its tasks beside the first run. It outlives the connection; they do not.
    :param scope: around all that is done for it, but for its close.
    """

    def __init__(
        self,
        context: Context,
        nursery: trio.Nursery,
        scope: trio.CancelScope,
        outbox: Outbox,
        codec: Codec,
        websocket: WebSocket,
        visit: Visit,
    ) -> None:
        self.id = context.name_connection()
        self.context = context
        self.outbox = outbox
        self.codec = codec
        self.person: Person | None = None
        self.expires: datetime | None = None
        self.busy_since: float | None = None
        self._websocket = websocket
        self._visit = visit
        self._nursery = nursery
        self._scope = scope
        self._ending: tuple[int, str] | None = None
        self._media: trio.MemorySendChannel[rpc.Request] | None = None
        self._aside: set[trio.CancelScope] = set()
        self._pipeline = Pipeline(self)
        self._own = copy_context()

    # -- its life --------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve the connection until it ends; :meth:`close` comes after."""
        try:
            self.context.connects.begin(self)
            await self._receive(await self._websocket.get_message())
            self._visit.settle()
            self.outbox.listen_with(self.context.readiness)
            if self.person is None:
                self.end(Close.BAD_REQUEST, "connect comes first")
            while self.person is not None:
                await self._receive(await self._websocket.get_message())
        except (Closed, trio.BrokenResourceError):
            pass
        finally:
            self._leave()

    def late(self) -> None:
        """Give up on it, unless it has said something: from then on it is we who are waited for."""
        if self.person is None and self.busy_since is None:
            self.end(Close.BAD_REQUEST, "no connect in time")

    def end(self, code: int, reason: str | None = None) -> None:
        """End the connection; what is queued goes out first, unless it is a slow consumer."""
        if self._ending is None:
            self._ending = (code, CLOSE_REASONS.get(code, "") if reason is None else reason)
            self.context.metrics.disconnects.labels(str(int(code))).inc()
            self._scope.cancel()

    def told(self, code: int, reason: str) -> None:
        """End the connection for the actors; for a revoked token, only if it is this one's."""
        if code == Close.INVALID_TOKEN:
            self.start_aside(self._check_token)
        else:
            self.end(code, reason)

    async def _check_token(self) -> None:
        try:
            if self.person is not None:
                await self.context.door.admit(self.person)
        except Refused as refused:
            self._refuse_entry(refused)

    def start_aside(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do something beside the requests, for as long as the connection lasts.

        An actor that answers or closes us may be who calls. What is asked then is not that actor's
        question: if it were for that very actor, it would be refused as one that waits for itself.
        """
        scope = trio.CancelScope()
        self._aside.add(scope)
        self._own.run(self._nursery.start_soon, self._run_aside, work, scope)

    async def _run_aside(
        self, work: Callable[[], Awaitable[None]], scope: trio.CancelScope
    ) -> None:
        try:
            with scope:
                await work()
        except Exception:  # the nursery is everybody's
            log.exception("connection failed", connection=self.id)
            self._scope.cancel()
        finally:
            self._aside.discard(scope)

    def overflow(self) -> None:
        """End it: it does not read what it is sent."""
        self.end(Close.SLOW_CONSUMER)

    def _leave(self) -> None:
        if self._ending is None:
            self._ending = (Close.NORMAL, "")  # the peer's own end: nobody ends it after that
        self.context.busy.discard(self)
        self._pipeline.clear()
        self.context.hub.detach(self.id)
        for scope in self._aside:
            scope.cancel()
        person, self.person = self.person, None
        if person is not None:
            self.context.registry.dismiss(self, person)
            self.context.door.gone(person, self.id)
            log.debug("connection ended", connection=self.id, person=pseudonym(person))

    async def close(self) -> None:
        """Close the WebSocket, unless the peer has gone."""
        if self._websocket.over:
            return
        code, reason = self._ending or (Close.NORMAL, "")
        if self.outbox.overflowed:
            self.outbox.cut()
        with trio.move_on_after(self.context.limits.closing_seconds):
            await self._websocket.aclose(code, clip(reason))

    def let_go(self) -> None:
        """Leave memory with the last who holds it, not when everything is collected."""
        self._websocket.let_go()

    # -- its messages ----------------------------------------------------------------------

    async def _receive(self, message: str | bytes) -> None:
        self.busy_since = trio.current_time()
        self.context.busy.add(self)
        self.context.metrics.count_received(self.codec.name)
        try:
            value = self.codec.decode(message, self.context.limits.depth)
        except Unreadable as problem:
            self.reply(rpc.failure(None, rpc.parse_error(problem)))
        else:
            await (self._batch(value) if isinstance(value, list) else self._single(value))
        if self.outbox.holding:  # connect came as a notification: nothing was answered
            self.outbox.release()
        await self.outbox.wait_below(self.context.limits.outbox_bytes // 2)
        self.busy_since = None
        self.context.busy.discard(self)

    @property
    def reading(self) -> bool:
        """Whether what the peer sends is read now."""
        return self.busy_since is None or self._websocket.looking_ahead

    def look_ahead(self) -> None:
        """Have what comes read although a request is still being carried out."""
        if not self.reading:
            self.start_aside(self._look_ahead)

    async def _look_ahead(self) -> None:
        if self.reading:  # the request was done meanwhile
            return
        try:
            await self._websocket.look_ahead()
        except (Closed, trio.BrokenResourceError):
            self._scope.cancel()

    async def _batch(self, values: list[Any]) -> None:
        limit = self.context.limits.batch
        if not 0 < len(values) <= limit:
            problem = rpc.invalid(f"a batch holds 1 to {limit} requests")
            self.reply(rpc.failure(None, problem))
            return
        await self._pipeline.drained()
        replies = [reply for value in values if (reply := await self._answer(value)) is not None]
        if replies:
            self.reply(replies)

    async def _single(self, value: Any) -> None:
        reply = await self._answer(value, alone=True)
        if reply is not None:
            self.reply(reply)

    def reply(self, message: Any) -> None:
        """Send a response."""
        framed = self.codec.frame(message)
        if self.outbox.holding:
            self.outbox.release(framed)
        else:
            self.outbox.write(framed)

    async def _answer(self, value: Any, *, alone: bool = False) -> dict[str, Any] | None:
        """Carry out one request and return its response; None when there is none to be sent now.

        :param alone: no part of a batch: it may be answered later.
        """
        begun, method = perf_counter(), "invalid"
        ident = rpc.usable_id(value.get("id")) if isinstance(value, dict) else None
        try:
            request = rpc.parse(value)
            method = request.method if request.method in _KNOWN else "unknown"
            if request.method.startswith("rtc."):
                await self._pipeline.drained()
            if self._media_line(request):
                return None
            result = await self._carry_out(request, begun if alone else None)
        except Exception as error:  # noqa: BLE001  whatever it is, the client is told
            await self._pipeline.drained()
            self.context.metrics.time_command(method, perf_counter() - begun)
            return self.failed(error, ident, method, value)
        if result is None:
            return None
        self.context.metrics.time_command(method, perf_counter() - begun)
        return None if request.id is rpc.MISSING else rpc.result(request.id, result)

    def failed(
        self, error: Exception, ident: rpc.RequestId, method: str, value: Any
    ) -> dict[str, Any] | None:
        """Count an error; return its response, None if the request was a notification."""
        told = rpc.told(error)
        if told is None:
            log.error("request failed", method=method, connection=self.id, exc_info=error)
            told = rpc.INTERNAL
        self.context.metrics.errors.labels(method, told.reason).inc()
        if isinstance(told, Refused) and method == "connect" and self.person is None:
            self._refuse_entry(told)
        is_notification = isinstance(value, dict) and "id" not in value and method != "invalid"
        return None if is_notification else rpc.failure(ident, told)

    def _refuse_entry(self, error: Refused) -> None:
        if error.reason in TEMPORARY:
            spread = self.context.retry_spread
            self.end(Close.SHUTTING_DOWN, retry_reason(spread, self.context.random))
        else:
            self.end(CLOSES.get(error.reason, Close.BAD_REQUEST))

    async def _carry_out(
        self, request: rpc.Request, begun: float | None
    ) -> Mapping[str, Any] | None:
        """Carry out a request.

        :param begun: when it came, if it may be answered later.
        :return: its result; None if it has begun, and is answered later.
        """
        builtin = BUILTINS.get(request.method)
        if self.person is None and request.method != "connect":
            self.end(Close.BAD_REQUEST, "connect comes first")
            raise rpc.invalid("connect comes first")
        if builtin is not None:
            await self._pipeline.drained()
            return await builtin(self, request.params)
        command = self._prepare(request)
        if begun is not None and await self._pipeline.begin(request, command, begun):
            return None
        await self._pipeline.drained()
        return await self.ask(command)

    def _prepare(self, request: rpc.Request) -> Command:
        """Return the command of a request, if the person may give it now."""
        cls = COMMANDS.get(request.method)
        person = self.person
        if cls is None or person is None:
            raise rpc.no_method(request.method)
        if self.expires is not None and self.expires <= self.context.clock.now():
            raise Refused("token_expired", "The token has expired. Refresh it.")
        self.context.buckets.take(f"{person.event}/{person.id}", request.method)
        command = structure(cls, request.params, person, self.id)
        self.context.lengths.check(command)
        return command

    async def ask(self, command: Command) -> Mapping[str, Any]:
        """Carry out a command and return its result.

        :raises Refused: it was not carried out, or took too long.
        """
        ends = trio.current_time() + self.context.limits.request_seconds
        with trio.CancelScope(deadline=ends):
            return await call(self.context, command, connection=self.id)
        raise late()

    # -- the line for media ----------------------------------------------------------------

    def _media_line(self, request: rpc.Request) -> bool:
        """Put a request about media in its own line; False if it is none, or the line is full."""
        if not request.method.startswith("rtc.") or self.person is None:
            return False
        if self._media is None:
            self._media, receive = trio.open_memory_channel[rpc.Request](MEDIA_LINE)
            self.start_aside(partial(self._serve_media, receive))
        try:
            self._media.send_nowait(request)
        except trio.WouldBlock:
            raise Refused("overloaded", "Too many media requests wait.") from None
        return True

    async def _serve_media(self, requests: trio.MemoryReceiveChannel[rpc.Request]) -> None:
        async for request in requests:
            begun = perf_counter()
            value = {} if request.id is rpc.MISSING else {"id": request.id}
            try:
                result = await self.ask(self._prepare(request))
            except Exception as error:  # noqa: BLE001  whatever it is, the client is told
                reply = self.failed(error, value.get("id"), request.method, value)
            else:
                reply = rpc.result(request.id, result) if value else None
            self.context.metrics.time_command(request.method, perf_counter() - begun)
            if reply is not None:
                self.reply(reply)


MEDIA_LINE = 64
"""Requests about media that may wait on one connection."""


class _Known:
    """The methods that may become a metric's label: those that exist."""

    def __contains__(self, method: str) -> bool:
        return method in BUILTINS or method in COMMANDS


_KNOWN = _Known()
