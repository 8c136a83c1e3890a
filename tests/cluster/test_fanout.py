"""Listeners whose topic moves to another owner are sent everything once, in order."""

from datetime import UTC, datetime

import pytest

from tests.transport.test_hub import attach
from transport.cluster.hub import LEFT, ClusterHub, node_of
from transport.limits import Limits

AT = datetime(2026, 12, 1, 10, tzinfo=UTC)
TOPIC = "session/ux"


class Net:
    """Three nodes' hubs; what they tell each other arrives when :meth:`deliver` is called."""

    def __init__(self):
        self.under_way = []
        self.hubs = {name: self._hub(name) for name in ("one", "two", "three")}
        self.sinks = {}

    def _hub(self, me):
        def put(node, item):
            self.under_way.append((me, node, item))

        return ClusterHub(Limits(), epoch="e", me=me, put=put)

    def deliver(self):
        while self.under_way:
            sender, node, item = self.under_way.pop(0)
            if item[0] == LEFT:
                self.hubs[node].left(sender, item[1])
            else:
                self.hubs[node].take(sender, item)

    def join(self, connection, owner, seq):
        self.sinks[connection] = attach(self.hubs[node_of(connection)], connection)
        self.hubs[owner].subscribe(connection, TOPIC, seq, AT, None)
        self.deliver()

    def resume(self, connection, owner, seq, standing):
        """Do what the session does at its new owner: send what was missed from the journal."""
        hub = self.hubs[owner]
        if not hub.resume(connection, TOPIC, seq):
            hub.subscribe(connection, TOPIC, standing, AT, None)
            for number in range(seq + 1, standing + 1):
                hub.send(connection, TOPIC, "x", AT, {}, number)
        self.deliver()

    def publish(self, owner, seq):
        self.hubs[owner].publish(TOPIC, "x", AT, {}, seq)
        self.deliver()

    def heard(self, connection):
        return self.sinks[connection].heard()


@pytest.fixture
def net():
    made = Net()
    for connection in ("one-a", "two-b", "two-c", "three-d"):
        made.join(connection, "one", 0)
    made.publish("one", 1)
    return made


@pytest.mark.parametrize("owner", ["two", "three"])
def test_who_has_not_resumed_at_the_new_owner_is_not_sent_the_next_event_first(net, owner):
    # The first owner dies with event 2 in the journal, published to nobody.
    for hub in net.hubs.values():
        hub.strand(TOPIC, owner)
    assert net.hubs["two"].stranded("two-b") == {TOPIC: 1}
    net.resume("two-b", owner, 1, 2)
    net.publish(owner, 3)
    net.resume("two-c", owner, 1, 3)
    net.resume("three-d", owner, 1, 3)
    net.publish(owner, 4)
    for connection in ("two-b", "two-c", "three-d"):
        assert net.heard(connection) == [1, 2, 3, 4]
    assert net.hubs["two"].stranded("two-c") == {}


def test_a_node_that_learns_late_of_the_new_owner_knows_where_its_listeners_stood(net):
    # Somebody comes back at the second node, and is led to the new owner before it knows of it.
    net.join("two-e", "three", 5)
    net.publish("three", 6)
    net.hubs["two"].strand(TOPIC, "three")
    assert net.hubs["two"].stranded("two-b") == {TOPIC: 1}
    assert net.hubs["two"].stranded("two-e") == {}
    net.resume("two-b", "three", 1, 6)
    net.publish("three", 7)
    assert net.heard("two-b") == [1, 2, 3, 4, 5, 6, 7]
    assert net.heard("two-e") == [6, 7]


def test_listeners_of_the_old_owner_itself_are_stranded_too(net):
    net.hubs["one"].disown(lambda topic: topic == TOPIC)
    net.join("one-f", "three", 2)
    assert net.hubs["one"].stranded("one-a") == {TOPIC: 1}
    net.publish("three", 3)
    net.resume("one-a", "three", 1, 3)
    assert net.heard("one-a") == [1, 2, 3]
    assert net.heard("one-f") == [3]


def test_who_is_stranded_may_end(net):
    net.hubs["two"].strand(TOPIC, "three")
    net.hubs["two"].detach("two-b")
    net.hubs["two"].unsubscribe("two-c", TOPIC)
    assert net.hubs["two"].stranded("two-b") == net.hubs["two"].stranded("two-c") == {}


def test_a_former_owner_that_speaks_late_strands_everybody_rather_than_lose_events(net):
    for hub in net.hubs.values():
        hub.strand(TOPIC, "three")
    net.resume("two-b", "three", 1, 1)
    net.join("two-e", "one", 1)
    net.publish("three", 2)
    assert net.heard("two-b") == [1]
    net.hubs["two"].strand(TOPIC, "three")
    assert net.hubs["two"].stranded("two-b") == net.hubs["two"].stranded("two-e") == {TOPIC: 1}
    for connection in ("two-b", "two-e"):
        net.resume(connection, "three", 1, 2)
    net.publish("three", 3)
    assert net.heard("two-b") == [1, 2, 3]
    assert net.heard("two-e") == [2, 3]


def test_listeners_of_a_topic_that_went_and_came_back_are_stranded_before_anybody_is_led_anew(net):
    # The second node hears nothing of it from the table of owners.
    net.hubs["one"].disown(lambda topic: topic == TOPIC)
    net.deliver()
    assert net.hubs["two"].stranded("two-b") == {TOPIC: 1}
    net.publish("three", 2)
    net.hubs["three"].disown(lambda topic: topic == TOPIC)
    net.join("two-e", "one", 2)
    net.publish("one", 3)
    net.resume("two-b", "one", 1, 3)
    net.publish("one", 4)
    assert net.heard("two-b") == [1, 2, 3, 4]
    assert net.heard("two-e") == [3, 4]


def test_who_is_led_by_the_new_owner_already_is_not_stranded_by_the_former_one(net):
    for hub in net.hubs.values():
        hub.strand(TOPIC, "three")
    net.resume("two-b", "three", 1, 1)
    assert net.hubs["two"].left("one", [TOPIC]) == []
    net.publish("three", 2)
    assert net.heard("two-b") == [1, 2]
