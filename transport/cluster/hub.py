"""The fan-out of a node among others.

The owner of a topic encodes an event once, for all listeners at all nodes: a node that has some
gets the frame once and spreads it. Only the owner keeps a topic's recent events; elsewhere a topic
is *foreign* and known by the last number seen. When it moves to another owner, its listeners are
*stranded*: each is sent nothing before it has resumed at the new owner from where it stood, for the
new owner's next event may come before what it missed.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from transport.codec import JSON, Codec
from transport.history import Frames, History
from transport.hub import Hub, Member, Topic, message
from transport.limits import Limits

FRAME, SUBSCRIBE, UNSUBSCRIBE, MESSAGE, CLOSE, LEFT = "f", "s", "u", "m", "c", "l"
"""What an owner tells a node that has listeners."""

SEEN_KEPT = 10_000
"""Foreign topics whose last number is remembered beyond those that have listeners."""

Put = Callable[[str, list[Any]], None]
"""Sends an item to a node."""


def node_of(connection: str) -> str:
    """Return the node that a connection's client is connected to."""
    return connection.partition("-")[0]


class ClusterHub(Hub):
    """A hub whose listeners may be connected to other nodes.

    :param me: this node's id; its connections' names begin with it.
    :param put: sends an item to another node, in order.
    """

    def __init__(self, limits: Limits, *, epoch: str, me: str, put: Put) -> None:
        super().__init__(limits, epoch=epoch)
        self._me = me
        self._put = put
        self._abroad: dict[str, dict[str, set[str]]] = {}
        self._followed: dict[str, set[str]] = {}
        self._seen: dict[str, int] = {}
        self._source: dict[str, str] = {}

    def is_here(self, connection: str) -> bool:
        """Whether a client of this node is on the connection, still."""
        return connection in self._members

    # -- the owner's side ------------------------------------------------------------------

    def publish(
        self, topic: str, type_name: str, at: datetime, data: Mapping[str, Any], seq: int | None
    ) -> None:
        """Send an event to every subscriber of a topic, at whichever node."""
        self.metrics.published.inc()
        place, nodes = self._owned(topic, seq), self._abroad.get(topic)
        if place is None and not nodes:
            return
        frames = Frames(message(topic, type_name, at, data, seq))
        if nodes:
            frame = frames.of(JSON)
            for node in nodes:
                self._put(node, [FRAME, topic, seq, frame])
        if place is not None:
            self._broadcast(place, frames, seq)

    def _owned(self, topic: str, seq: int | None) -> Topic | None:
        """Return a topic's place here, with no past but what this node published itself."""
        place = self._topics.get(topic)
        if place is None and seq is not None:
            place = self._place(topic, seq - 1)
        if seq is not None and place is not None and topic in self._seen:
            self._strand(place)
            del self._seen[topic]
            self._source.pop(topic, None)
            place.history = self._blank(seq - 1)
        return place

    def subscribe(
        self,
        connection: str,
        topic: str,
        seq: int,
        at: datetime,
        snapshot: Mapping[str, Any] | None,
    ) -> None:
        """Send a ``snapshot`` event standing at ``seq``, and everything after it."""
        self._owned(topic, seq + 1)
        if node_of(connection) == self._me:
            super().subscribe(connection, topic, seq, at, snapshot)
            return
        frame = None
        if snapshot is not None:
            frame = JSON.frame(message(topic, "snapshot", at, snapshot, seq))
        self._topics[topic].history.stand(seq)
        self._follow_abroad(connection, topic, seq, frame)

    def _follow_abroad(self, connection: str, topic: str, seq: int, frame: bytes | None) -> None:
        node = node_of(connection)
        self._abroad.setdefault(topic, {}).setdefault(node, set()).add(connection)
        self._followed.setdefault(connection, set()).add(topic)
        self._put(node, [SUBSCRIBE, connection, topic, seq, frame])

    def unsubscribe(self, connection: str, topic: str) -> None:
        """Send nothing more of a topic to a connection."""
        if node_of(connection) == self._me:
            super().unsubscribe(connection, topic)
        elif self._drop_abroad(connection, topic):
            self._put(node_of(connection), [UNSUBSCRIBE, connection, topic])

    def _drop_abroad(self, connection: str, topic: str) -> bool:
        nodes, node = self._abroad.get(topic, {}), node_of(connection)
        if connection not in nodes.get(node, ()):
            return False
        nodes[node].discard(connection)
        if not nodes[node]:
            del nodes[node]
        if not nodes:
            del self._abroad[topic]
        followed = self._followed[connection]
        followed.discard(topic)
        if not followed:
            del self._followed[connection]
        return True

    def resume(self, connection: str, topic: str, seq: int) -> bool:
        """Subscribe, sending exactly what followed ``seq``; False if that is no longer held."""
        if topic in self._seen:
            self.metrics.recovered.labels("false").inc()
            return False
        if node_of(connection) == self._me:
            return super().resume(connection, topic, seq)
        place = self._topics.get(topic)
        missed = place.history.after(seq) if place else None
        self.metrics.recovered.labels("false" if missed is None else "true").inc()
        if place is None or missed is None:
            return False
        self._follow_abroad(connection, topic, place.history.last, None)
        for frames in missed:
            self._put(node_of(connection), [MESSAGE, connection, topic, frames.of(JSON)])
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
        if node_of(connection) == self._me:
            super().send(connection, topic, type_name, at, data, seq)
            return
        frame = JSON.frame(message(topic, type_name, at, data, seq))
        self._put(node_of(connection), [MESSAGE, connection, topic, frame])

    def close(self, connection: str, code: int, reason: str) -> None:
        """End a connection, after what is queued for it, with a WebSocket close code."""
        if node_of(connection) == self._me:
            super().close(connection, code, reason)
        else:
            self._put(node_of(connection), [CLOSE, connection, code, reason])

    def forget(self, connection: str) -> None:
        """Send nothing more to a connection at another node: it has ended."""
        for topic in list(self._followed.get(connection, ())):
            self._drop_abroad(connection, topic)

    def abroad(self) -> frozenset[str]:
        """Return the connections at other nodes that follow something here."""
        return frozenset(self._followed)

    def disown(self, lost: Callable[[str], bool]) -> None:
        """Note that topics are another node's from now on.

        Nodes with listeners are told: who misses that a topic went and came back would wait for
        what nobody sends.

        :param lost: says of a topic whether it is.
        """
        left: dict[str, list[str]] = {}
        for topic in [topic for topic in self._abroad if lost(topic)]:
            for node, connections in list(self._abroad[topic].items()):
                left.setdefault(node, []).append(topic)
                for connection in list(connections):
                    self._drop_abroad(connection, topic)
        for node, topics in left.items():
            self._put(node, [LEFT, topics])
        for topic, place in self._topics.items():
            if topic not in self._seen and lost(topic):
                self._seen[topic] = place.history.last
                place.history = self._blank(place.history.last)

    # -- the listeners' side ---------------------------------------------------------------

    def strand(self, topic: str, owner: str) -> None:
        """Send a topic's listeners nothing more until they have resumed at its new owner.

        Those who listen to the new owner already go on.
        """
        place = self._topics.get(topic)
        led = topic not in self._seen if owner == self._me else self._source.get(topic) == owner
        if place is not None and not led:
            self._source.pop(topic, None)
            self._strand(place)

    def left(self, node: str, topics: Iterable[str]) -> list[str]:
        """Strand the listeners of topics that a node owned; return those it led here until now."""
        led = [topic for topic in topics if self._source.get(topic) == node]
        for topic in led:
            del self._source[topic]
            if topic in self._topics:
                self._strand(self._topics[topic])
        return led

    def _strand(self, place: Topic) -> None:
        self._flush()
        standing = self._standing(place)
        for subscription in place.subscriptions.values():
            if subscription.active:
                subscription.active, subscription.stranded = False, standing

    def _standing(self, place: Topic) -> int:
        return self._seen.get(place.name, place.history.last)

    def stranded(self, connection: str) -> dict[str, int]:
        """Return the topics a connection has to resume, with the last number it was sent."""
        found = {}
        for topic in self.topics(connection):
            standing = self._topics[topic].subscriptions[connection].stranded
            if standing is not None:
                found[topic] = standing
        return found

    def take(self, node: str, item: list[Any]) -> str | None:
        """Do what the owner of a topic says; return a connection it should forget."""
        match item:
            case [str(kind), str(topic), seq, bytes(frame)] if kind == FRAME:
                self._relay(node, topic, seq, frame)
            case [str(kind), str(connection), str(topic), int(seq), frame] if kind == SUBSCRIBE:
                return self._listen_abroad(node, connection, topic, seq, frame)
            case [str(kind), str(connection), str(topic)] if kind == UNSUBSCRIBE:
                super().unsubscribe(connection, topic)
            case [str(kind), str(connection), str(topic), bytes(frame)] if kind == MESSAGE:
                self._pass_on(connection, topic, frame)
            case [str(kind), str(connection), int(code), str(reason)] if kind == CLOSE:
                super().close(connection, code, reason)
        return None

    def _relay(self, node: str, topic: str, seq: int | None, frame: bytes) -> None:
        place = self._topics.get(topic)
        if place is None or self._source.get(topic) != node:
            return
        if seq is not None:
            if seq <= self._seen.get(topic, -1):
                return
            self._seen[topic] = seq
        self._broadcast(place, Frames(None, (frame, None)), None)

    def _listen_abroad(
        self, node: str, connection: str, topic: str, seq: int, frame: bytes | None
    ) -> str | None:
        member = self._members.get(connection)
        if member is None:
            return connection
        if not self._room(member, connection, topic):
            return None
        place = self._topics.get(topic) or self._place(topic, seq)
        if self._source.get(topic) != node:
            self._strand(place)
        place.history = self._blank(seq)
        self._seen[topic], self._source[topic] = seq, node
        self._listen(place, member, connection)
        if frame is not None:
            self._write(member, frame)
        self._prune()
        return None

    def _pass_on(self, connection: str, topic: str, frame: bytes) -> None:
        member = self._members.get(connection)
        if member is not None:
            if topic in member.topics:
                self._flush()
            self._write(member, frame)

    @staticmethod
    def _write(member: Member, frame: bytes) -> None:
        member.outbox.write(_spelled(frame, member.codec))

    def _blank(self, standing: int) -> History:
        return History(standing, self._limits.history_events, self._limits.history_bytes)

    def _prune(self) -> None:
        if len(self._seen) > len(self._topics) + SEEN_KEPT:
            for topic in [topic for topic in self._seen if topic not in self._topics]:
                del self._seen[topic]
                self._source.pop(topic, None)


def _spelled(frame: bytes, codec: Codec) -> bytes:
    return frame if codec is JSON else Frames(None, (frame, None)).of(codec)
