"""A NATS connection for trio programs.

nats-py needs asyncio, so it runs in a thread of its own. Messages cross in both directions in
batches: whatever has queued since the last crossing is handed over at once, and a crossing is
asked for only when none is pending. (A call per message through an asyncio bridge cost 200 us.)
"""

import asyncio
import math
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count
from secrets import token_hex
from typing import Any, Self

import attrs
import nats
import structlog
import trio
from nats.aio.client import Client
from nats.aio.msg import Msg

from actors.ports import StorageUnavailable

CONNECT_SECONDS = 5.0
"""How long the first connection may take."""

SERVER_SECONDS = 1.0
"""How long one of several servers may take to let a client in, before the next is tried."""

RECONNECT_SECONDS = 0.25
"""Pause between two attempts to come back."""

PING_SECONDS, PINGS_MISSED = 0.5, 2
"""A server that leaves more pings than that unanswered is given up for another: within 1.5 s, so
that with a second for a dead server in between a lease of 3 s outlasts it.
"""

PENDING_BYTES = 32 << 20
"""Bytes that may wait for a connection that is down; more are dropped and counted."""

INBOUND_BYTES = 256 << 20
"""Bytes received and not yet taken by the trio side; more are dropped by the NATS client."""

_log = structlog.get_logger("greenroom.nats")

Headers = Mapping[str, str]
Handler = Callable[["Message"], None]


class NatsError(StorageUnavailable):
    """NATS cannot be reached, or did not answer."""


@attrs.frozen
class Message:
    """What NATS brought."""

    subject: str
    data: bytes
    reply: str = ""
    headers: Headers = attrs.field(factory=dict)

    @property
    def status(self) -> str:
        """The status NATS itself has put on the message; empty on ordinary ones."""
        return self.headers.get("Status", "")


@attrs.frozen
class _Publication:
    subject: str
    data: bytes
    reply: str
    headers: Headers | None


@attrs.frozen
class _Subscription:
    number: int
    subject: str


@attrs.frozen
class _Cancellation:
    number: int


@attrs.define
class NatsStatistics:
    """What has passed, and what was lost."""

    sent: int = 0
    received: int = 0
    dropped: int = 0
    reconnects: int = 0


class Nats:
    """A connection; open it with :meth:`open`, use it from the trio thread that opened it."""

    def __init__(self, servers: Sequence[str], name: str) -> None:
        self.servers = tuple(servers)
        self.statistics = NatsStatistics()
        self.connected = False
        self._name = name
        self._token = trio.lowlevel.current_trio_token()
        self._inbox = f"_INBOX.{token_hex(11)}"
        self._numbers = count(1)
        self._handlers: dict[int, Handler] = {}
        self._replies: dict[str, Handler] = {}
        self._outbound: deque[Any] = deque()
        self._inbound: deque[tuple[int, Message]] = deque()
        self._out_pending = self._in_pending = False
        self._guard = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._work: asyncio.Event | None = None
        self._problem: BaseException | None = None
        self._up = trio.Event()
        self._down = trio.Event()
        self._closing = False
        self._payload_limit = 1 << 20

    @classmethod
    @asynccontextmanager
    async def open(cls, servers: Sequence[str], name: str = "greenroom") -> AsyncIterator[Self]:
        """Connect, and stay connected for the length of the block.

        :param servers: URLs such as ``nats://127.0.0.1:4222``.
        :raises NatsError: none of them answers.
        """
        self = cls(servers, name)
        thread = threading.Thread(target=self._run_thread, name="nats", daemon=True)
        thread.start()
        await self._up.wait()
        if self._problem is not None:
            raise NatsError(f"no NATS server at {', '.join(servers)}: {self._problem}")
        self._handlers[0] = self._take_reply
        self._put(_Subscription(0, f"{self._inbox}.*"))
        try:
            yield self
        finally:
            self._closing = True
            self._wake_asyncio()
            with trio.CancelScope(shield=True), trio.move_on_after(CONNECT_SECONDS):
                await self._down.wait()

    @property
    def payload_limit(self) -> int:
        """Bytes one message may have, headers included, as the server says."""
        return self._payload_limit

    # What the trio side does

    def publish(
        self, subject: str, data: bytes, headers: Headers | None = None, reply: str = ""
    ) -> None:
        """Send a message; never waits. Without a connection it is kept until there is one."""
        self._put(_Publication(subject, data, reply, headers))

    def subscribe(self, subject: str, handler: Handler) -> Callable[[], None]:
        """Have a function called with every message of a subject; return what ends that."""
        number = next(self._numbers)
        self._handlers[number] = handler
        self._put(_Subscription(number, subject))

        def cancel() -> None:
            if self._handlers.pop(number, None) is not None:
                self._put(_Cancellation(number))

        return cancel

    async def request(
        self,
        subject: str,
        data: bytes,
        headers: Headers | None = None,
        *,
        within: float,
        again: float = math.inf,
    ) -> Message:
        """Send a message and return the first reply.

        :param within: seconds.
        :param again: seconds after which it is sent once more, as often as it takes; for requests
            that may be carried out twice.
        :raises NatsError: nobody answers, or not in time.
        """
        found: list[Message] = []
        arrived = trio.Event()

        def take(message: Message) -> None:
            found.append(message)
            arrived.set()

        with self._answering(take) as inbox, trio.move_on_after(within):
            while not found:
                self.publish(subject, data, headers, inbox)
                with trio.move_on_after(again):
                    await arrived.wait()
        if not found:
            raise NatsError(f"no answer from NATS within {within:g} s")
        if found[0].status == "503":
            raise NatsError(f"nobody answers on {subject}: is JetStream enabled?")
        return found[0]

    async def gather(self, subject: str, data: bytes, *, within: float) -> list[Message]:
        """Send a message and return all replies up to the one with a status, without that one.

        :param within: seconds between two replies.
        :raises NatsError: the last reply did not come.
        """
        send, receive = trio.open_memory_channel[Message](math.inf)
        messages: list[Message] = []
        with self._answering(send.send_nowait) as inbox:
            self.publish(subject, data, None, inbox)
            while True:
                with trio.move_on_after(within) as patience:
                    message = await receive.receive()
                if patience.cancelled_caught:
                    raise NatsError(f"no answer from NATS within {within:g} s")
                if message.status == "503":
                    raise NatsError(f"nobody answers on {subject}: is JetStream enabled?")
                if message.status:
                    return messages
                messages.append(message)

    def _answering(self, handler: Handler) -> "_Answering":
        return _Answering(self._replies, self._inbox, str(next(self._numbers)), handler)

    def _take_reply(self, message: Message) -> None:
        handler = self._replies.get(message.subject.rpartition(".")[2])
        if handler is not None:
            handler(message)

    def _put(self, item: object) -> None:
        self._outbound.append(item)
        with self._guard:
            if self._out_pending:
                return
            self._out_pending = True
        self._wake_asyncio()

    def _wake_asyncio(self) -> None:
        loop, work = self._loop, self._work
        if loop is not None and work is not None:
            with suppress(RuntimeError):  # the loop has closed: we are leaving
                loop.call_soon_threadsafe(work.set)

    def _drain_inbound(self) -> None:
        with self._guard:
            self._in_pending = False
        inbound = self._inbound
        for _ in range(len(inbound)):
            number, message = inbound.popleft()
            handler = self._handlers.get(number)
            if handler is not None:
                handler(message)

    # What the asyncio side does

    def _run_thread(self) -> None:
        try:
            asyncio.run(self._main())
        except Exception as error:  # noqa: BLE001  told to whoever opens or closes the connection
            self._problem = error if str(error) else NatsError("no answer")
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._ended)

    def _ended(self) -> None:
        self.connected = False
        self._up.set()
        self._down.set()

    async def _main(self) -> None:
        self._loop, self._work = asyncio.get_running_loop(), asyncio.Event()
        connecting = nats.connect(
            list(self.servers),
            name=self._name,
            connect_timeout=SERVER_SECONDS,
            allow_reconnect=True,
            max_reconnect_attempts=-1,
            reconnect_time_wait=RECONNECT_SECONDS,
            ping_interval=PING_SECONDS,
            max_outstanding_pings=PINGS_MISSED,
            pending_size=PENDING_BYTES,
            error_cb=self._on_error,
            disconnected_cb=self._on_disconnected,
            reconnected_cb=self._on_reconnected,
        )
        client = await asyncio.wait_for(connecting, CONNECT_SECONDS)
        self._payload_limit = client.max_payload
        self._tell(True)
        self._token.run_sync_soon(self._up.set)
        subscriptions: dict[int, Any] = {}
        try:
            while not self._closing:
                await self._work.wait()
                self._work.clear()
                with self._guard:
                    self._out_pending = False
                while self._outbound:
                    await self._carry(client, subscriptions, self._outbound.popleft())
        finally:
            with suppress(Exception):
                await asyncio.wait_for(client.flush(1), 1)
            with suppress(Exception):
                await client.close()

    async def _carry(self, client: Client, subscriptions: dict[int, Any], item: object) -> None:
        try:
            match item:
                case _Publication(subject, data, reply, headers):
                    self.statistics.sent += 1
                    await client.publish(
                        subject, data, reply=reply, headers=dict(headers) if headers else None
                    )
                case _Subscription(number, subject):
                    subscriptions[number] = await client.subscribe(
                        subject,
                        cb=self._receiver(number),
                        pending_msgs_limit=-1,
                        pending_bytes_limit=INBOUND_BYTES,
                    )
                case _Cancellation(number):
                    await subscriptions.pop(number).unsubscribe()
        except Exception as error:  # noqa: BLE001  one message's fault is not the connection's
            self.statistics.dropped += 1
            _log.warning("not sent", error=str(error) or type(error).__name__)

    def _receiver(self, number: int) -> Callable[[Msg], Any]:
        async def receive(msg: Msg) -> None:
            headers = {str(getattr(k, "value", k)): v for k, v in (msg.headers or {}).items()}
            self._inbound.append((number, Message(msg.subject, msg.data, msg.reply, headers)))
            self.statistics.received += 1
            with self._guard:
                if self._in_pending:
                    return
                self._in_pending = True
            with suppress(trio.RunFinishedError):
                self._token.run_sync_soon(self._drain_inbound)

        return receive

    async def _on_error(self, error: Exception) -> None:
        _log.debug("nats", error=str(error) or type(error).__name__)

    async def _on_disconnected(self) -> None:
        if not self._closing:
            _log.warning("disconnected")
        self._tell(False)

    async def _on_reconnected(self) -> None:
        _log.info("reconnected")
        self.statistics.reconnects += 1
        self._tell(True)

    def _tell(self, connected: bool) -> None:
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(setattr, self, "connected", connected)


@attrs.define
class _Answering:
    """A reply's address, for the length of a block."""

    replies: dict[str, Handler]
    inbox: str
    name: str
    handler: Handler

    def __enter__(self) -> str:
        self.replies[self.name] = self.handler
        return f"{self.inbox}.{self.name}"

    def __exit__(self, *_: object) -> None:
        del self.replies[self.name]
