"""Webhooks: telling other services what happened, signed, in order, until they have heard it.

The signature is HMAC-SHA256 over timestamp, full stop and body, keyed with the endpoint's secret::

    greenroom-timestamp: 1796032800
    greenroom-signature: v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd

The messages lie in the database (the port :class:`Outbox`); at most one of each entity and
endpoint is due at a time, so order holds whatever happens.
"""

import hashlib
import hmac
import ssl
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

import attrs
import h11
import structlog
import trio

from actors.errors import GreenroomError
from actors.ports import Clock, StorageUnavailable
from transport.dialing import AnyStream
from transport.metrics import Metrics

log = structlog.get_logger("greenroom.webhooks")

TIMESTAMP, SIGNATURE = "greenroom-timestamp", "greenroom-signature"
TOLERANCE = timedelta(minutes=5)
"""How old a signed message may be; older ones may have been recorded and sent again."""

ATTEMPT_SECONDS = 10.0
"""Time an endpoint has to answer."""

AT_ONCE = 8
"""Messages under way to one endpoint at the same time, each of another entity."""

ROUND_SECONDS = 2.0
"""How long a round begins deliveries: the next finds what others are to be told meanwhile."""

LONGEST_WAIT = 30.0
"""Seconds between two looks at the outbox, at most."""

SHORTEST_WAIT = 0.5
BUSY_WAIT = 0.05
"""Seconds after a round that had something to deliver: an entity's next message may be due."""

ANSWER_BYTES = 64 << 10
"""How much of an answer is read before the connection is closed."""

_OK = range(200, 300)


class Message(Protocol):
    """A message to deliver."""

    @property
    def endpoint(self) -> str:
        """Where to: the endpoint's address."""

    @property
    def type(self) -> str:
        """What kind of thing happened."""

    @property
    def body(self) -> str:
        """The JSON text to send, the same with each attempt."""


class Outbox(Protocol):
    """Where the messages lie; the storage has it."""

    async def due(self, now: datetime, limit: int = 100) -> Sequence[Any]:
        """Return the messages to deliver now, at most one of each endpoint and entity."""

    async def next_due(self) -> datetime | None:
        """Return when the next message is due; None when nothing waits."""

    async def delivered(self, message: Any, now: datetime) -> None:
        """Mark a message as heard."""

    async def failed(self, message: Any, now: datetime, error: str) -> datetime | None:
        """Put a message off; return when it is tried again, None if it was set aside."""


class BadSignature(GreenroomError):  # noqa: N818  the signature is
    """A webhook was not signed with this secret, or too long ago."""


class DeliveryFailed(GreenroomError):  # noqa: N818  the delivery has
    """An endpoint did not take a message; the text says why."""


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """Return the signature of a body sent at a time.

    :param timestamp: seconds since the epoch.
    """
    signed = f"{timestamp}.".encode() + body
    return "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Check that a webhook is genuine and fresh; the receiving side's helper.

    :param headers: the request's headers, names in any case.
    :raises BadSignature: it is not.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    stamp, given = lower.get(TIMESTAMP, ""), lower.get(SIGNATURE, "")
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) < 12):  # noqa: PLR2004  good until the year 5138
        raise BadSignature(f"no {TIMESTAMP}")
    if abs(now.timestamp() - int(stamp)) > TOLERANCE.total_seconds():
        raise BadSignature(f"signed more than {TOLERANCE} away from now")
    wanted = sign(secret, int(stamp), body)
    candidates = (part.strip() for part in given.split(","))
    if not any(hmac.compare_digest(wanted.encode(), part.encode()) for part in candidates):
        raise BadSignature("the signature is not of this body and secret")


@attrs.frozen
class Courier:
    """Delivers what the outbox holds.

    :param secrets: each endpoint's secret, by its address.
    :param ssl_context: how ``https`` endpoints are checked; the system's authorities by default.
    """

    outbox: Outbox
    secrets: Mapping[str, str] = attrs.field(repr=False)
    clock: Clock
    metrics: Metrics
    ssl_context: ssl.SSLContext | None = None

    async def run(self, *, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        """Deliver, for ever. What cannot be delivered is the outbox's to put off."""
        task_status.started()
        while True:
            try:
                worked = await self.round()
                wait = BUSY_WAIT if worked else await self._until_next()
            except* StorageUnavailable:  # deliveries are tasks, so it comes in a group
                wait = LONGEST_WAIT
            await trio.sleep(wait)

    async def _until_next(self) -> float:
        due = await self.outbox.next_due()
        if due is None:
            return SHORTEST_WAIT * 2
        seconds = (due - self.clock.now()).total_seconds()
        return min(max(seconds, SHORTEST_WAIT), LONGEST_WAIT)

    async def round(self) -> int:
        """Deliver what is due once; return how many there were.

        An endpoint that is slow to answer holds up the others for one attempt at most: what it
        could not be told soon stays due.
        """
        messages = await self.outbox.due(self.clock.now())
        limiters = {each.endpoint: trio.CapacityLimiter(AT_ONCE) for each in messages}
        end = trio.current_time() + ROUND_SECONDS
        async with trio.open_nursery() as nursery:
            for message in messages:
                nursery.start_soon(self._deliver, message, limiters[message.endpoint], end)
        return len(messages)

    async def _deliver(self, message: Message, limiter: trio.CapacityLimiter, end: float) -> None:
        async with limiter:
            if trio.current_time() > end:
                return
            try:
                await self._attempt(message)
            except DeliveryFailed as problem:
                self.metrics.webhooks.labels("failed").inc()
                again = await self.outbox.failed(message, self.clock.now(), str(problem))
                log.warning(
                    "webhook failed",
                    endpoint=message.endpoint,
                    type=message.type,
                    error=str(problem),
                    again=again and again.isoformat(),
                )
            else:
                self.metrics.webhooks.labels("delivered").inc()
                await self.outbox.delivered(message, self.clock.now())

    async def _attempt(self, message: Message) -> None:
        secret = self.secrets.get(message.endpoint)
        if secret is None:
            raise DeliveryFailed("the endpoint is not configured any more")
        body = message.body.encode()
        timestamp = int(self.clock.now().timestamp())
        headers = {
            "content-type": "application/json",
            "user-agent": "greenroom-webhooks/1",
            TIMESTAMP: str(timestamp),
            SIGNATURE: sign(secret, timestamp, body),
        }
        try:
            with trio.fail_after(ATTEMPT_SECONDS):
                status = await post(message.endpoint, headers, body, self.ssl_context)
        except trio.TooSlowError:
            raise DeliveryFailed(f"no answer in {ATTEMPT_SECONDS:g} s") from None
        except (OSError, trio.BrokenResourceError, h11.ProtocolError, ValueError) as error:
            raise DeliveryFailed(f"{type(error).__name__}: {error}") from None
        if status not in _OK:
            raise DeliveryFailed(f"answered {status}")


async def post(
    url: str, headers: Mapping[str, str], body: bytes, context: ssl.SSLContext | None = None
) -> int:
    """Send a POST request and return the answer's status. Redirects are not followed.

    :raises OSError: nobody listens there.
    :raises h11.ProtocolError: what came back is no HTTP.
    :raises ValueError: the URL cannot be written down as one.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    stream = await _open(parts.scheme, host, parts.port, context)
    async with stream:
        connection = h11.Connection(h11.CLIENT)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        fields = {"host": parts.netloc.rpartition("@")[2], **headers}
        fields |= {"content-length": str(len(body)), "connection": "close"}
        request = h11.Request(method="POST", target=target, headers=list(fields.items()))
        pieces = (request, h11.Data(data=body), h11.EndOfMessage())
        await stream.send_all(b"".join(connection.send(piece) or b"" for piece in pieces))
        return await _status(stream, connection)


async def _open(
    scheme: str, host: str, port: int | None, context: ssl.SSLContext | None
) -> AnyStream:
    if scheme == "https":
        context = context or ssl.create_default_context()
        return await trio.open_ssl_over_tcp_stream(
            host, port or 443, ssl_context=context, https_compatible=True
        )
    return await trio.open_tcp_stream(host, port or 80)


async def _status(stream: trio.abc.Stream, connection: h11.Connection) -> int:
    taken = 0
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Response):
            return event.status_code
        if event is h11.NEED_DATA:
            received = await stream.receive_some(4096)
            taken += len(received)
            if taken > ANSWER_BYTES:
                raise h11.RemoteProtocolError("the answer's head is too long")
            connection.receive_data(bytes(received))
        elif not isinstance(event, h11.InformationalResponse):
            raise h11.RemoteProtocolError("no answer")


__all__ = ["BadSignature", "Courier", "DeliveryFailed", "Outbox", "post", "sign", "verify"]
