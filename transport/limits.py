"""What one client, one address and one person may take of the server, and the rates."""

from collections.abc import Mapping

import attrs
import trio

from actors.errors import Refused


@attrs.frozen
class Rate:
    """A token bucket: so many a second on average, so many at once.

    :param per_second: tokens that come back each second.
    :param burst: tokens a full bucket holds.
    """

    per_second: float
    burst: float


METHOD_RATES: Mapping[str, Rate] = {
    "chat.send": Rate(10, 60),
    "chat.react": Rate(10, 60),
    "chat.search": Rate(2, 10),
    "qa.ask": Rate(1, 20),
    "stage.request": Rate(2, 20),
    "session.join": Rate(2, 20),
    "breakout.help": Rate(0.5, 5),
    "meeting.request": Rate(2, 50),
    "support.ask": Rate(0.5, 10),
    "rtc.candidate": Rate(20, 200),
    "people.list": Rate(5, 30),
}
"""Methods that have a rate of their own beside the person's."""


@attrs.frozen(kw_only=True)
class Limits:
    """Every bound of the way in and out. Sizes are bytes, times seconds.

    :param outbox_bytes: what may wait for one connection before it is a slow consumer (3008).
    :param message_bytes: longest message a client may send (1009 above it).
    :param head_bytes: longest request head.
    :param body_bytes: longest body of an HTTP request.
    :param depth: levels of arrays and objects in one message.
    :param batch: requests in one JSON-RPC batch.
    :param topics: topics one connection may hold.
    :param connections: connections in all; above it, 503.
    :param connections_per_address: connections from one client address.
    :param connections_per_person: a person's next connection replaces the oldest (3504).
    :param handshakes: connections that have not yet said ``connect``.
    :param head_seconds: time to send the request head, and to finish a TLS handshake.
    :param connect_seconds: time to send ``connect`` once the WebSocket is open.
    :param request_seconds: time the actors have to answer before ``overloaded``.
    :param ping_seconds: how often the server pings.
    :param pong_seconds: time in which something must come back after a ping (3012).
    :param closing_seconds: time for the closing handshake.
    :param idle_seconds: how long an HTTP connection may be idle.
    :param history_events: events a topic keeps for those who resume.
    :param history_bytes: bytes of frames a topic keeps for those who resume.
    :param history_topics: topics without subscribers whose history is kept.
    :param slice_seconds: longest time the fan-out holds the loop.
    :param backlog: broadcasts that may wait for the fan-out before publishing itself waits.
    :param rate: requests of one person, all methods together.
    :param api_rate: requests of one token to the server API.
    :param method_rates: requests of one person by method.
    :param text_lengths: characters of single texts where they shall be fewer than the rules allow,
        by method and member: ``chat.send.text``.
    :param origins: origins browsers may come from; ``*`` for any. The server's own always may.
    :param trusted_proxies: addresses whose ``X-Forwarded-For`` is believed.
    """

    outbox_bytes: int = 1 << 20
    message_bytes: int = 256 << 10
    head_bytes: int = 16 << 10
    body_bytes: int = 1 << 20
    depth: int = 32
    batch: int = 32
    topics: int = 64
    connections: int = 15_000
    connections_per_address: int = 10_000
    connections_per_person: int = 10
    handshakes: int = 5_000
    head_seconds: float = 10
    connect_seconds: float = 10
    request_seconds: float = 10
    ping_seconds: float = 25
    pong_seconds: float = 10
    closing_seconds: float = 5
    idle_seconds: float = 15
    history_events: int = 1_000
    history_bytes: int = 1 << 20
    history_topics: int = 10_000
    slice_seconds: float = 0.001
    backlog: int = 256
    rate: Rate = Rate(50, 200)
    api_rate: Rate = Rate(200, 400)
    method_rates: Mapping[str, Rate] = attrs.field(factory=lambda: dict(METHOD_RATES))
    text_lengths: Mapping[str, int] = attrs.field(factory=dict)
    origins: frozenset[str] = frozenset()
    trusted_proxies: frozenset[str] = frozenset()


class Buckets:
    """The token buckets of everybody connected.

    A bucket is kept as the time at which it will be full again (the generic cell rate
    algorithm, ITU-T I.371), so one that is full takes no memory after :meth:`sweep`.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._full_at: dict[tuple[str, str], float] = {}

    def take(self, person: str, method: str, overall: Rate | None = None) -> None:
        """Take a token for a request.

        :param overall: the rate of all methods together; that of people by default.
        :raises Refused: ``rate_limited``, with ``retry_after`` in seconds.
        """
        now = trio.current_time()
        wanted = [((person, ""), overall or self._limits.rate)]
        own = self._limits.method_rates.get(method)
        if own is not None:
            wanted.append(((person, method), own))
        full_at, longest = self._full_at, 0.0
        filled = []
        for key, rate in wanted:
            at = max(full_at.get(key, now), now) + 1 / rate.per_second
            longest = max(longest, at - now - rate.burst / rate.per_second)
            filled.append((key, at))
        if longest > 0:
            raise Refused(
                "rate_limited",
                f"Too many requests. Try again in {longest:.1f} s.",
                retry_after=round(longest, 2),
            )
        full_at.update(filled)

    def sweep(self) -> None:
        """Forget the buckets that are full."""
        now = trio.current_time()
        self._full_at = {key: at for key, at in self._full_at.items() if at > now}

    def __len__(self) -> int:
        return len(self._full_at)
