"""The fan-out: who listens to which topic, and one frame for all of them.

An event is spelled and framed once for each codec that anybody listens in; the same bytes go
straight into every subscriber's outbox, past all mailboxes. The fan-out holds the loop for at
most a slice (1 ms); what is left is sent on from a task of its own, broadcasts in their order.
Those that pile up behind a slow one leave joined: the writes are most of what a busy topic costs.
"""

from collections import OrderedDict, deque
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from secrets import token_hex
from time import perf_counter
from typing import Any

import attrs
import trio

from actors.rules.records import iso
from transport.broadcast import Audience, Broadcast, Subscription, Together, bundle
from transport.codec import Codec
from transport.history import Frames, History
from transport.limits import Limits
from transport.metrics import Metrics
from transport.outbox import Outbox
from transport.topics import resumable, spoken

CHECK_EVERY = 16
"""Recipients between two looks at the clock."""


@attrs.define(eq=False, slots=True)
class Topic:
    """A topic's listeners and its recent events."""

    name: str
    history: History
    subscriptions: dict[str, Subscription] = attrs.field(factory=dict)
    _audience: Audience | None = None

    def audience(self) -> Audience:
        """Return who listens now."""
        if self._audience is None:
            self._audience = Audience.of(self.subscriptions.values())
        return self._audience

    def changed(self) -> None:
        """Note that somebody has come or gone."""
        self._audience = None


@attrs.define(eq=False, slots=True)
class Member:
    """A connection the hub can reach."""

    outbox: Outbox
    codec: Codec
    close: Any
    topics: set[str] = attrs.field(factory=set)


@attrs.frozen
class HubStatistics:
    """How much the hub holds: numbers, and ``history_bytes`` in bytes."""

    connections: int
    topics: int
    subscriptions: int
    backlog: int
    history_bytes: int


class Hub:
    """Implements :class:`actors.ports.Publisher`. Nothing in it waits.

    :param epoch: names the line of sequence numbers: as long as it is the same, a number means
        the same event. Give the journal's identity, so that clients resume across a restart.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        epoch: str | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self.epoch = epoch or token_hex(8)
        self.metrics = metrics or Metrics()
        self._limits = limits or Limits()
        self._topics: dict[str, Topic] = {}
        self._deserted: OrderedDict[str, int] = OrderedDict()
        self._sweeps = 0
        self._members: dict[str, Member] = {}
        self._backlog: deque[Broadcast] = deque()
        self._pump: trio.Event | None = None
        self._held: list[Broadcast] | None = None
        self._together = Together(self.hold)

    def statistics(self) -> HubStatistics:
        """Return how much the hub holds."""
        topics = self._topics.values()
        return HubStatistics(
            connections=len(self._members),
            topics=len(self._topics),
            subscriptions=sum(len(topic.subscriptions) for topic in topics),
            backlog=len(self._backlog),
            history_bytes=sum(topic.history.size for topic in topics),
        )

    # -- the listener's side ---------------------------------------------------------------

    def attach(self, connection: str, outbox: Outbox, codec: Codec, close: Any) -> None:
        """Make a connection known.

        :param close: called with a close code and a reason to end it.
        """
        self._members[connection] = Member(outbox, codec, close)

    def detach(self, connection: str) -> None:
        """Forget a connection and its subscriptions."""
        member = self._members.pop(connection, None)
        if member is not None:
            for topic in list(member.topics):
                self._drop(member, connection, topic)

    def topics(self, connection: str) -> frozenset[str]:
        """Return the topics a connection listens to."""
        member = self._members.get(connection)
        return frozenset(member.topics) if member else frozenset()

    async def run(self, *, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        """Send on what did not fit into its slice, for ever."""
        self._pump = trio.Event()
        task_status.started()
        try:
            while True:
                await self._pump.wait()
                while self._backlog:
                    self._deliver(self._limits.slice_seconds)
                    await trio.lowlevel.checkpoint()
                self._pump = trio.Event()
        finally:
            self._pump = None
            self._flush()

    def sweep(self) -> None:
        """Forget the topics that nobody has listened to since the sweep before the last one.

        Whoever comes back to one of them is sent what they missed from the journal.
        """
        self._sweeps += 1
        while self._deserted and next(iter(self._deserted.values())) < self._sweeps - 1:
            self._forget_oldest()

    # -- the actors' side ------------------------------------------------------------------

    def publish(
        self, topic: str, type_name: str, at: datetime, data: Mapping[str, Any], seq: int | None
    ) -> None:
        """Send an event to every subscriber of a topic; ``seq`` is None for ephemeral ones."""
        self.metrics.published.inc()
        place = self._topics.get(topic)
        if place is None:
            if seq is None or not resumable(topic):
                return
            place = self._place(topic, seq - 1)
        self._broadcast(place, Frames(message(topic, type_name, at, data, seq)), seq)

    def _broadcast(self, place: Topic, frames: Frames, seq: int | None) -> None:
        audience = place.audience()
        for codec, _ in audience.parts:
            frames.of(codec)
        if seq is not None:
            place.history.add(seq, frames)
        if audience.listeners:
            broadcast = Broadcast(list(frames.spelled), audience, place.name)
            if self._held is None:
                self._spread([broadcast])
            else:
                self._held.append(broadcast)

    def together(self) -> AbstractContextManager[None]:
        """Send what is published in the block at its end, with one write a listener.

        The block must not wait for anything.
        """
        return self._together

    def hold(self, *, on: bool) -> None:
        """Keep what is published from now on, or send what was kept."""
        if on:
            self._held = []
            return
        try:
            self._send_held()
        finally:
            self._held = None

    def subscribe(
        self,
        connection: str,
        topic: str,
        seq: int,
        at: datetime,
        snapshot: Mapping[str, Any] | None,
    ) -> None:
        """Send a ``snapshot`` event standing at ``seq``, and everything after it.

        Without a snapshot only what comes after is sent: the connection knows the rest. A
        connection that has ended, or holds too many topics, gets nothing.
        """
        member = self._members.get(connection)
        if member is None or not self._room(member, connection, topic):
            return
        place = self._topics.get(topic) or self._place(topic, seq)
        place.history.stand(seq)
        self._listen(place, member, connection)
        if snapshot is not None:
            self._tell(member, message(topic, "snapshot", at, snapshot, seq))

    def unsubscribe(self, connection: str, topic: str) -> None:
        """Send nothing more of a topic to a connection."""
        member = self._members.get(connection)
        if member is not None and topic in member.topics:
            if any(one.topic == topic for one in (*self._backlog, *(self._held or ()))):
                self._flush()  # what was published before, such as why they leave, still comes
            self._drop(member, connection, topic)

    def resume(self, connection: str, topic: str, seq: int) -> bool:
        """Subscribe, sending exactly what followed ``seq``; False if that is no longer held."""
        member = self._members.get(connection)
        place = self._topics.get(topic)
        missed = place.history.after(seq) if place else None
        if member is None or place is None or missed is None:
            self.metrics.count_recovered("false")
            return False
        if not self._room(member, connection, topic):
            return False
        self.metrics.count_recovered("true")
        self._listen(place, member, connection)
        for frames in missed:
            member.outbox.write(frames.of(member.codec))
        return True

    def send(
        self,
        connection: str,
        topic: str,
        type_name: str,
        at: datetime,
        data: Mapping[str, Any],
        seq: int | None = None,
    ) -> None:
        """Send one event to one connection."""
        member = self._members.get(connection)
        if member is not None:
            if topic in member.topics:
                self._flush()  # what was published on the topic before comes before
            self._tell(member, message(topic, type_name, at, data, seq))

    def close(self, connection: str, code: int, reason: str) -> None:
        """End a connection, after what is queued for it, with a WebSocket close code."""
        member = self._members.get(connection)
        if member is not None:
            self._flush()
            member.close(code, reason)

    # -- inside ----------------------------------------------------------------------------

    def _place(self, topic: str, standing: int) -> Topic:
        limits = self._limits
        events = limits.history_events if resumable(topic) else 0
        history = History(standing, events, limits.history_bytes)
        self._topics[topic] = place = Topic(topic, history)
        self._desert(place)
        return place

    def _desert(self, place: Topic) -> None:
        self._deserted[place.name] = self._sweeps
        if len(self._deserted) > self._limits.history_topics:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        oldest, _ = self._deserted.popitem(last=False)
        del self._topics[oldest]

    def _room(self, member: Member, connection: str, topic: str) -> bool:
        if topic in member.topics or len(member.topics) < self._limits.topics:
            return True
        member.close(3500, f"more than {self._limits.topics} topics")
        self.detach(connection)
        return False

    def _listen(self, place: Topic, member: Member, connection: str) -> None:
        before = place.subscriptions.get(connection)
        if before is not None:
            before.active = False  # broadcasts under way are in what it is told now
        place.subscriptions[connection] = Subscription(member.outbox, member.codec)
        place.changed()
        member.topics.add(place.name)
        self._deserted.pop(place.name, None)

    def _drop(self, member: Member, connection: str, topic: str) -> None:
        member.topics.discard(topic)
        place = self._topics[topic]
        place.subscriptions.pop(connection).active = False
        place.changed()
        if not place.subscriptions:
            self._desert(place)

    def _tell(self, member: Member, said: Mapping[str, Any]) -> None:
        member.outbox.write(member.codec.frame(said))

    def _spread(self, broadcasts: list[Broadcast]) -> None:
        idle = not self._backlog
        self._backlog.extend(broadcasts)
        if idle:
            self._deliver(self._limits.slice_seconds)
        while len(self._backlog) > self._limits.backlog:
            self._deliver(self._limits.slice_seconds)
        if self._backlog:
            if self._pump is None:
                self._flush()
            else:
                self._pump.set()

    def _send_held(self) -> None:
        held, self._held = self._held or [], []
        self._spread(held)

    def _flush(self) -> None:
        if self._held:
            self._send_held()
        while self._backlog:
            self._deliver(self._limits.slice_seconds)

    def _deliver(self, seconds: float) -> None:
        """Write the oldest broadcasts' frames until all are out or the time is up."""
        end = perf_counter() + seconds
        while self._backlog and self._send_oldest(end):
            pass

    def _send_oldest(self, end: float) -> bool:
        """Write the oldest broadcast's frames; return whether there is time for more."""
        broadcast = self._backlog[0]
        if broadcast.at == 0:
            bundle(self._backlog)
        begin, more, in_time = broadcast.at, True, True
        while more and in_time:
            more = broadcast.send_to(CHECK_EVERY)
            in_time = perf_counter() <= end
        self.metrics.delivered.inc((broadcast.at - begin) * broadcast.events)
        if not more:
            self._backlog.popleft()
        return in_time


def message(
    topic: str, type_name: str, at: datetime, data: Mapping[str, Any], seq: int | None
) -> dict[str, Any]:
    """Return the notification that tells of an event."""
    params: dict[str, Any] = {"topic": spoken(topic)}
    if seq is not None:
        params["seq"] = seq
    params |= {"type": type_name, "at": iso(at), "data": data}
    return {"jsonrpc": "2.0", "method": "event", "params": params}
