"""A client for trio programs: bots, load, tests, services. It resumes by itself.

::

    async with open_client("ws://127.0.0.1:8700/v1/ws", token) as client:
        await client.call("session.join", session="ux")
        async for event in client.events():
            print(event.topic, event.type, event.data)

After a drop it connects again, waits longer each time with jitter, names the last number it saw
of each topic, and sends again what was not yet answered. Every command carries an idempotency
key, so that none is carried out twice.
"""

import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import count
from random import Random
from secrets import token_hex
from typing import Any

import attrs
import trio
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    HandshakeError,
    WebSocketConnection,
)

from actors.errors import Refused
from transport.builtin import BUILTINS
from transport.client_model import ClientStatistics, Disconnected, Event, RemoteError, to_error
from transport.closing import may_reconnect, retry_after
from transport.codec import JSON, MSGPACK, Codec, Unreadable
from transport.dialing import AnyStream, check_address, dial, shake_hands

DEPTH = 1000
"""Levels an answer may have; the server is trusted further than a client is."""

EVENTS_KEPT = 10_000
"""Events kept for a reader that is behind; the oldest are dropped and counted."""

CALLS_WAITING = 1_000
"""Calls that may be without an answer."""

TOPICS_RESUMED = 64
"""Topics that a server takes, by default. Whoever has been in more rooms and chats than that
resumes those heard of last."""

ENTRY_SECONDS = 15.0
"""Time a connection attempt may take, up to the answer to ``connect``."""

FIRST_PAUSE, LONGEST_PAUSE = 0.3, 10.0
"""Seconds before the first new attempt, and at most."""

CODECS: Mapping[str, Codec] = {"json": JSON, "msgpack": MSGPACK}


@attrs.define(eq=False)
class _Call:
    message: dict[str, Any]
    answered: trio.Event = attrs.field(factory=trio.Event)
    reply: Mapping[str, Any] | None = None
    again: bool = True


class Client:
    """A person's connection; made by :func:`open_client`.

    :param token: a token, or a function that returns a fresh one for each attempt.
    """

    def __init__(
        self,
        url: str,
        token: str | Callable[[], str],
        *,
        codec: Codec = MSGPACK,
        name: str = "greenroom-python",
        ssl_context: ssl.SSLContext | None = None,
        random: Random | None = None,
    ) -> None:
        self.url = check_address(url)
        self.welcome: Mapping[str, Any] = {}
        self.topics: dict[str, int] = {}
        self._token = token if callable(token) else lambda: token
        self._codec = codec
        self._name = name
        self._random = random or Random()  # noqa: S311  it spreads load, it keeps no secret
        self._epoch: str | None = None
        self._websocket: WebSocketConnection | None = None
        self._stream: AnyStream | None = None
        self._ssl_context = ssl_context
        self._calls: dict[int, _Call] = {}
        self._ids = count(1)
        self._prefix = token_hex(6)
        self._events: deque[Event] = deque()
        self._news = trio.Event()
        self._ended: Disconnected | Refused | None = None
        self._entered = trio.Event()
        self._connects = self._recovered = self._reloaded = self._dropped = 0

    @property
    def person(self) -> Mapping[str, Any]:
        """Who the token says this is: ``id``, ``name``, ``role``."""
        person: Mapping[str, Any] = self.welcome.get("person", {})
        return person

    def statistics(self) -> ClientStatistics:
        """Return what has happened so far."""
        return ClientStatistics(
            self._connects,
            self._recovered,
            self._reloaded,
            len(self._events),
            self._dropped,
            len(self._calls),
        )

    async def call(self, method: str, /, **params: Any) -> dict[str, Any]:
        """Carry out a method and return its result; waits through drops.

        :raises Refused: the server refused it.
        :raises RemoteError: the server knows no such method, or failed.
        :raises Disconnected: the connection ended for good.
        """
        if self._ended is not None:
            raise self._ended
        if len(self._calls) >= CALLS_WAITING:
            raise Refused("overloaded", f"{CALLS_WAITING} calls wait already.")
        ident = next(self._ids)
        if method not in BUILTINS:
            params.setdefault("key", f"{self._prefix}-{ident}")
        call = _Call(_request(ident, method, params))
        self._calls[ident] = call
        try:
            if self._websocket is not None:
                await self._send(self._websocket, call.message)
            await call.answered.wait()
        finally:
            del self._calls[ident]
        if method == "unsubscribe":
            self.topics.pop(str(params.get("topic")), None)
        return self._outcome(call)

    def _outcome(self, call: _Call) -> dict[str, Any]:
        if call.reply is None:
            raise self._ended or Disconnected(0, "closed")
        if "error" in call.reply:
            raise to_error(call.reply["error"])
        result: dict[str, Any] = call.reply["result"]
        return result

    async def refresh(self, token: str) -> dict[str, Any]:
        """Present a fresh token, also for later attempts."""
        result = await self.call("refresh", token=token)
        self._token = lambda: token
        return result

    def events(self) -> AsyncIterator[Event]:
        """Iterate over what is published to this connection, snapshots too, in order.

        Iterating raises :class:`Disconnected` when the connection has ended for good.
        """
        return _Events(self)

    async def next_event(self) -> Event:
        """Wait for the next event.

        :raises Disconnected: the connection ended for good.
        """
        while not self._events:
            if self._ended is not None:
                raise self._ended
            await self._news.wait()
        return self._events.popleft()

    def interrupt(self) -> None:
        """Drop the socket without a word, as a lost network would (for tests)."""
        if isinstance(self._stream, trio.SocketStream):
            self._stream.socket.close()

    # -- the connection's life ---------------------------------------------------------------

    async def run(self) -> None:
        """Stay connected until told not to come back."""
        failures = 0
        try:
            while True:
                before = self._connects
                pause = await self._attempt()
                failures = 1 if self._connects > before else failures + 1
                if self._ended is not None:
                    return
                if pause is None:
                    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2**failures)
                    pause = self._random.uniform(longest / 4, longest)
                await trio.sleep(pause)
        finally:
            self._finish(Disconnected(0, "closed"))

    async def entered(self) -> None:
        """Wait until the first ``connect`` has been answered.

        :raises Refused: it was refused for good.
        :raises Disconnected: the server ended the connection for good.
        """
        await self._entered.wait()
        if self._ended is not None:
            raise self._ended

    def _finish(self, why: Disconnected | Refused) -> None:
        if self._ended is None:
            self._ended = why
        for call in self._calls.values():
            call.answered.set()
        self._entered.set()
        self._tell()

    async def _attempt(self) -> float | None:
        """Connect and serve until the end; return how long to wait if the server said so."""
        try:
            with trio.move_on_after(ENTRY_SECONDS) as patience:
                self._stream = await dial(self.url, self._ssl_context)
                async with trio.open_nursery() as nursery:
                    websocket = await shake_hands(nursery, self._stream, self.url, self._codec.name)
                    await self._enter(websocket)
                    patience.deadline = float("inf")
                    await self._listen(websocket)
        except OSError:
            pass  # nobody listens there now
        except ExceptionGroup as group:
            return self._sorted_out(group)
        finally:
            self._websocket = None
            if self._stream is not None:
                await trio.aclose_forcefully(self._stream)
        return None

    def _sorted_out(self, group: ExceptionGroup[Exception]) -> float | None:
        closed, rest = group.split(ConnectionClosed)
        harmless = (HandshakeError, OSError, trio.BrokenResourceError, trio.ClosedResourceError)
        serious = rest.split(harmless)[1] if rest is not None else None
        rejected = rest.subgroup(ConnectionRejected) if rest is not None else None
        if serious is not None:
            raise serious
        if rejected is not None:
            self._rejected(rejected.exceptions[0])
        return self._closed(closed.exceptions[0]) if closed is not None else None

    def _rejected(self, rejected: BaseException) -> None:
        status = rejected.status_code if isinstance(rejected, ConnectionRejected) else 0
        if 400 <= status < 500 and status not in {408, 429}:  # noqa: PLR2004  HTTP's client errors
            self._finish(Disconnected(status, "handshake refused"))

    def _closed(self, closed: BaseException) -> float | None:
        if not isinstance(closed, ConnectionClosed):
            return None
        code = closed.reason.code if closed.reason else 1006
        reason = (closed.reason.reason if closed.reason else "") or ""
        if not may_reconnect(code):
            self._finish(Disconnected(code, reason))
        return retry_after(reason)

    async def _enter(self, websocket: WebSocketConnection) -> None:
        params: dict[str, Any] = {"token": self._token(), "client": self._name}
        if self._epoch is not None:
            self._forget_oldest()
            params["resume"] = {"epoch": self._epoch, "topics": self.topics}
        await self._send(websocket, _request(0, "connect", params))
        reply = self._codec.decode(await websocket.get_message(), DEPTH)
        if "error" in reply:
            error = to_error(reply["error"])
            if isinstance(error, Refused) and not error.wire()["data"]["temporary"]:
                self._finish(error)
            while True:
                await websocket.get_message()  # until the close that follows
        self._welcomed(reply["result"])
        self._websocket = websocket
        for call in list(self._calls.values()):
            await self._send(websocket, call.message)

    def _welcomed(self, result: Mapping[str, Any]) -> None:
        self.welcome = result
        self._connects += 1
        if self._epoch not in {None, result["epoch"]}:
            self.topics.clear()
        self._epoch = result["epoch"]
        for topic, recovered in result["recovered"].items():
            if recovered:
                self._recovered += 1
            else:
                self._reloaded += 1
                self.topics.pop(topic, None)  # it was left, or else its snapshot follows
        self._entered.set()

    def _forget_oldest(self) -> None:
        """Keep the topics that were heard of last, as many as can be resumed."""
        for topic in list(self.topics)[:-TOPICS_RESUMED]:
            del self.topics[topic]

    async def _send(self, websocket: WebSocketConnection, message: Mapping[str, Any]) -> None:
        payload = self._codec.encode(message)
        try:
            text = payload.decode() if self._codec.message_type is str else payload
            await websocket.send_message(text)
        except (ConnectionClosed, trio.BrokenResourceError, trio.ClosedResourceError):
            if websocket is not self._websocket:
                raise  # the attempt has failed; a call waits for the next one

    async def _listen(self, websocket: WebSocketConnection) -> None:
        while True:
            try:
                message = self._codec.decode(await websocket.get_message(), DEPTH)
            except Unreadable as problem:
                self._finish(Disconnected(0, str(problem)))
                return
            for one in message if isinstance(message, list) else (message,):
                self._receive(one)

    def _receive(self, message: Mapping[str, Any]) -> None:
        if message.get("method") == "event":
            self._publish(message["params"])
            return
        call = self._calls.get(message["id"]) if message.get("id") is not None else None
        if call is not None:
            call.reply = message
            call.answered.set()

    def _publish(self, params: Mapping[str, Any]) -> None:
        topic, seq = params["topic"], params.get("seq")
        if seq is not None:
            if params["type"] != "snapshot" and seq <= self.topics.get(topic, -1):
                return  # seen before the drop
            self.topics.pop(topic, None)  # those heard of last stand last
            self.topics[topic] = seq
        if len(self._events) >= EVENTS_KEPT:
            self._events.popleft()
            self._dropped += 1
        self._events.append(Event(topic, params["type"], params["at"], params["data"], seq))
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = trio.Event()


@attrs.frozen
class _Events:
    # An object, not a generator: a generator left half way must be closed by hand under trio.
    client: Client

    def __aiter__(self) -> "_Events":
        return self

    async def __anext__(self) -> Event:
        return await self.client.next_event()


def _request(ident: int, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": ident, "method": method, "params": params}


@asynccontextmanager
async def open_client(
    url: str, token: str | Callable[[], str], *, codec: str = "msgpack", **options: Any
) -> AsyncIterator[Client]:
    """Connect, and stay connected until the block ends.

    :param url: ``ws://HOST:PORT/v1/ws`` or ``wss://…``.
    :param token: a token, or a function that returns a fresh one for each attempt.
    :param codec: ``msgpack`` or ``json``.
    :raises ValueError: ``url`` is no such address.
    :raises Refused: the first ``connect`` was refused for good.
    :raises Disconnected: the server turned the connection away for good.
    """
    client = Client(url, token, codec=CODECS[codec], **options)
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.run)
        try:
            await client.entered()
            yield client
        except Exception as error:  # noqa: BLE001  raised again below, outside the nursery
            failure = error
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


__all__ = ["Client", "ClientStatistics", "Disconnected", "Event", "RemoteError", "open_client"]
