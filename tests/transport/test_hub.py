"""The fan-out and what it keeps for those who come back."""

from datetime import UTC, datetime

import orjson
import pytest
import trio
import trio.lowlevel
from hypothesis import given
from hypothesis import strategies as st

from transport.codec import JSON, MSGPACK, payload_of
from transport.history import Frames, History
from transport.hub import Hub
from transport.limits import Limits

AT = datetime(2026, 12, 1, 10, tzinfo=UTC)


class Sink:
    """An outbox that keeps what it is given."""

    direct = -1

    def __init__(self, cost=0.0):
        self.frames = []
        self.cost = cost

    def write(self, data):
        self.frames.append(data)
        if self.cost:
            end = trio.current_time() + self.cost
            while trio.current_time() < end:
                pass

    def heard(self):
        return [orjson.loads(payload_of(frame))["params"].get("seq") for frame in self.frames]


def attach(hub, name, codec=JSON, sink=None):
    sink = sink or Sink()
    closes = []
    hub.attach(name, sink, codec, lambda code, reason: closes.append((code, reason)))
    sink.closes = closes
    return sink


def test_one_frame_serves_every_subscriber_of_a_codec():
    hub = Hub()
    sinks = [attach(hub, f"j{n}") for n in range(3)] + [
        attach(hub, f"m{n}", MSGPACK) for n in range(3)
    ]
    for name in ("j0", "j1", "j2", "m0", "m1", "m2"):
        hub.subscribe(name, "session/ux", 0, AT, None)
    hub.publish("session/ux", "chat.posted", AT, {"text": "hi"}, 1)
    frames = [sink.frames[-1] for sink in sinks]
    assert len({id(frame) for frame in frames[:3]}) == 1
    assert len({id(frame) for frame in frames[3:]}) == 1
    assert orjson.loads(payload_of(frames[0])) == MSGPACK.load(payload_of(frames[3]))


def test_a_connection_that_has_ended_is_told_nothing_and_nothing_fails():
    hub = Hub()
    sink = attach(hub, "a")
    hub.subscribe("a", "t", 0, AT, {})
    hub.detach("a")
    hub.publish("t", "x", AT, {}, 1)
    hub.subscribe("a", "t", 1, AT, {})
    hub.send("a", "t", "x", AT, {})
    hub.unsubscribe("a", "t")
    hub.close("a", 1000, "")
    assert hub.resume("a", "t", 0) is False
    assert len(sink.frames) == 1
    assert hub.statistics().subscriptions == 0


def test_too_many_topics_end_the_connection():
    hub = Hub(Limits(topics=2))
    sink = attach(hub, "a")
    for number in range(3):
        hub.subscribe("a", f"t{number}", 0, AT, None)
    assert sink.closes == [(3500, "more than 2 topics")]
    assert hub.statistics().connections == 0


def test_the_history_of_topics_nobody_listens_to_is_bounded():
    hub = Hub(Limits(history_topics=5))
    for number in range(20):
        hub.publish(f"t{number}", "x", AT, {}, 1)
    assert hub.statistics().topics == 5


def test_a_topic_without_listeners_is_kept_from_one_sweep_to_the_next():
    hub = Hub(Limits())
    attach(hub, "a")
    hub.subscribe("a", "heard", 0, AT, None)
    for topic in ("heard", "left", "quiet"):
        hub.publish(topic, "x", AT, {}, 1)
    hub.sweep()
    hub.subscribe("a", "left", 1, AT, None)
    hub.unsubscribe("a", "left")
    hub.sweep()
    assert hub.statistics().topics == 2
    assert hub.resume("a", "left", 0)
    assert not hub.resume("a", "quiet", 0)
    for _ in range(3):
        hub.sweep()
    assert hub.topics("a") == {"heard", "left"}
    assert hub.statistics().topics == 2


def test_of_what_one_person_is_told_nothing_is_kept():
    hub = Hub()
    for number in range(1, 4):  # they are not here
        hub.publish("person/fair.ana", "notification.added", AT, {"id": str(number)}, number)
    assert hub.statistics().topics == 0
    ana = attach(hub, "a")
    hub.subscribe("a", "person/fair.ana", 3, AT, None)
    for number in range(4, 7):
        hub.publish("person/fair.ana", "notification.added", AT, {"id": str(number)}, number)
    assert ana.heard() == [4, 5, 6]
    assert hub.statistics().history_bytes == 0
    attach(hub, "b")
    assert not hub.resume("b", "person/fair.ana", 4)  # the journal has what followed
    assert hub.resume("b", "person/fair.ana", 6)  # nothing did


async def test_a_broadcast_too_long_for_its_slice_lets_others_run_and_keeps_its_order():
    hub = Hub(Limits(slice_seconds=0.001))
    sinks = [attach(hub, f"c{n}", sink=Sink(cost=0.0001)) for n in range(200)]
    for number in range(200):
        hub.subscribe(f"c{number}", "t", 0, AT, None)
    stalls = []

    async def bystander():
        while True:
            before = trio.current_time()
            await trio.lowlevel.checkpoint()
            stalls.append(trio.current_time() - before)

    async with trio.open_nursery() as nursery:
        await nursery.start(hub.run)
        nursery.start_soon(bystander)
        hub.publish("t", "x", AT, {}, 1)
        assert hub.statistics().backlog == 1
        hub.publish("t", "x", AT, {}, 2)
        late = attach(hub, "late")
        hub.subscribe("late", "t", 2, AT, {})
        with trio.fail_after(20):
            while hub.statistics().backlog:
                await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    assert all(sink.heard() == [1, 2] for sink in sinks)
    assert late.heard() == [2]
    assert len(stalls) > 10


async def test_a_connection_is_closed_after_what_was_published_to_it():
    hub = Hub(Limits(slice_seconds=0))
    sinks = [attach(hub, f"c{n}") for n in range(100)]
    for number in range(100):
        hub.subscribe(f"c{number}", "t", 0, AT, None)
    async with trio.open_nursery() as nursery:
        await nursery.start(hub.run)
        hub.publish("t", "x", AT, {}, 1)
        assert not sinks[99].frames
        hub.close("c99", 3503, "kicked")
        assert sinks[99].heard() == [1]
        assert sinks[99].closes == [(3503, "kicked")]
        nursery.cancel_scope.cancel()


@given(
    steps=st.lists(st.integers(1, 3), max_size=60),
    bound=st.integers(1, 20),
    seen=st.integers(0, 100),
)
def test_resume_gives_exactly_what_followed_or_nothing(steps, bound, seen):
    history = History(0, bound, 1 << 20)
    published, last = [], 0
    for step in steps:
        last += step  # numbers may skip: some of an entity's events are not published
        published.append(last)
        history.add(last, Frames({"seq": last}))
    missed = history.after(seen)
    wanted = [seq for seq in published if seq > seen]
    if missed is None:
        assert seen > last or len(wanted) > bound or (published and len(published) > bound)
    else:
        assert [orjson.loads(payload_of(frames.of(JSON)))["seq"] for frames in missed] == wanted


@given(sizes=st.lists(st.integers(0, 500), max_size=40), bound=st.integers(600, 2000))
def test_a_history_is_bounded_in_bytes(sizes, bound):
    history = History(0, 1000, bound)
    for seq, size in enumerate(sizes, 1):
        history.add(seq, Frames({"x": "y" * size}))
        assert history.size <= bound
        assert history.last == seq


@pytest.mark.parametrize(("one", "other"), [(JSON, MSGPACK), (MSGPACK, JSON)])
def test_a_kept_frame_can_be_told_in_the_other_codec(one, other):
    message = {"a": [1, "zwei", None, True, 2.5], "b": {"c": "ü" * 200}}
    frames = Frames(message)
    frames.of(one)
    frames.settle(1)
    spelled = payload_of(frames.of(other))
    assert other.load(spelled.decode() if other is JSON else spelled) == message


def test_what_is_told_in_another_codec_later_counts_as_it_did_when_it_was_kept():
    history = History(0, 2, 1 << 20)
    history.add(1, Frames({"x": "y" * 500}))
    size = history.size
    for frames in history.after(0):
        frames.of(MSGPACK)
    for seq in (2, 3):
        history.add(seq, Frames({"x": "y" * 500}))
    assert history.size == 2 * size


def test_a_number_that_does_not_rise_begins_a_new_history():
    history = History(10, 100, 1 << 20)
    history.add(11, Frames({}))
    history.add(5, Frames({}))
    assert history.after(10) is None
    assert len(list(history.after(4))) == 1


def payloads(data):
    """Return the sequence numbers in a write of one or several frames."""
    numbers = []
    while data:
        payload = payload_of(data)
        size = data[1] if data[1] < 126 else int.from_bytes(data[2:4], "big")
        start = 2 if data[1] < 126 else 4
        numbers.append(orjson.loads(payload[:size])["params"].get("seq"))
        data = data[start + size :]
    return numbers


def test_what_is_published_together_is_one_write_a_listener():
    hub = Hub()
    sink = attach(hub, "a")
    hub.subscribe("a", "session/ux", 0, AT, None)
    with hub.together():
        for seq in range(1, 4):
            hub.publish("session/ux", "chat.posted", AT, {"text": "hi"}, seq)
        assert sink.frames == []
    assert [payloads(frame) for frame in sink.frames] == [[1, 2, 3]]
    assert hub.metrics.delivered._value.get() == 3


def test_together_keeps_the_order_when_listeners_come_in_between():
    hub = Hub()
    first, second = attach(hub, "a"), attach(hub, "b")
    hub.subscribe("a", "session/ux", 0, AT, None)
    with hub.together():
        hub.publish("session/ux", "chat.posted", AT, {}, 1)
        hub.subscribe("b", "session/ux", 1, AT, {"people": 2})
        hub.publish("session/ux", "chat.posted", AT, {}, 2)
        hub.send("b", "session/ux", "notice", AT, {})
        hub.publish("session/ux", "chat.posted", AT, {}, 3)
    assert [seq for frame in first.frames for seq in payloads(frame)] == [1, 2, 3]
    assert [seq for frame in second.frames for seq in payloads(frame)] == [1, 2, None, 3]


def test_who_is_made_to_leave_is_told_why_and_nothing_more():
    hub = Hub()
    gone, stays = attach(hub, "a"), attach(hub, "b")
    for name in ("a", "b"):
        hub.subscribe(name, "session/ux", 0, AT, None)
    with hub.together():
        hub.publish("session/ux", "session.ended", AT, {}, 1)
        hub.unsubscribe("a", "session/ux")
        hub.publish("session/ux", "chat.posted", AT, {}, 2)
    assert [seq for frame in gone.frames for seq in payloads(frame)] == [1]
    assert [seq for frame in stays.frames for seq in payloads(frame)] == [1, 2]


def test_a_bundle_ends_at_its_size():
    hub = Hub()
    sink = attach(hub, "a")
    hub.subscribe("a", "session/ux", 0, AT, None)
    with hub.together():
        for seq in range(1, 5):
            hub.publish("session/ux", "chat.posted", AT, {"text": "x" * 40_000}, seq)
    assert [payloads(frame) for frame in sink.frames] == [[1, 2], [3, 4]]


async def test_what_piles_up_behind_a_busy_fan_out_leaves_joined_and_in_order(nursery):
    hub = Hub(Limits(slice_seconds=0))
    sinks = [attach(hub, f"a{n}") for n in range(40)]
    for n in range(40):
        hub.subscribe(f"a{n}", "session/ux", 0, AT, None)
    await nursery.start(hub.run)
    for seq in range(1, 4):
        hub.publish("session/ux", "chat.posted", AT, {}, seq)
    late = attach(hub, "late")
    hub.subscribe("late", "session/ux", 3, AT, None)
    hub.publish("session/ux", "chat.posted", AT, {}, 4)
    hub.publish("session/ux", "chat.posted", AT, {}, 5)
    assert hub.statistics().backlog == 5
    while hub.statistics().backlog:
        await trio.lowlevel.checkpoint()
    for sink in sinks:
        assert [payloads(frame) for frame in sink.frames] == [[1], [2, 3], [4, 5]]
    assert [payloads(frame) for frame in late.frames] == [[4, 5]]
    assert hub.metrics.delivered._value.get() == 40 * 5 + 2


async def test_what_piled_up_leaves_in_bundles_of_a_bounded_size(nursery):
    hub = Hub(Limits(slice_seconds=0))
    sinks = [attach(hub, f"a{n}") for n in range(40)]
    for n in range(40):
        hub.subscribe(f"a{n}", "session/ux", 0, AT, None)
    await nursery.start(hub.run)
    for seq in range(1, 6):
        hub.publish("session/ux", "chat.posted", AT, {"text": "x" * 40_000}, seq)
    while hub.statistics().backlog:
        await trio.lowlevel.checkpoint()
    assert [payloads(frame) for frame in sinks[-1].frames] == [[1], [2, 3], [4, 5]]
