"""Bursts towards narrow lines: spread, in order, never for long, and at nobody else's cost."""

import itertools

import attrs
from hypothesis import given
from hypothesis import strategies as st

from tests.transport.media.hall import DELTA, KEY, video, viewer
from transport.media import rtcp
from transport.media.forwarding import Written
from transport.media.pacing import LONGEST_WAIT, PACE, WAITING_LIMIT, Pacer

TICK = 0.01
SIZE = 1200


@attrs.define
class Gate:
    """A table that writes down what was sent."""

    sent: list = attrs.field(factory=list)

    def send(self, written):
        self.sent.append(written.sequence)
        return 1


def packet(number, size=SIZE):
    return Written(0, bytes(size - 12), size, number, 0, 20)


def paced(bitrate):
    pacer = Pacer({}, 0.0)
    pacer.estimated(bitrate)
    return pacer


def test_a_burst_leaves_at_the_pace_of_the_line():
    pacer, gate, bitrate = paced(1_000_000), Gate(), 1_000_000
    for number in range(25):
        pacer.offer(gate, packet(number), 1.0)
    at_once, now = len(gate.sent), 1.0
    assert 1 <= at_once * SIZE <= pacer.bucket + SIZE
    while len(pacer):
        before, now = len(gate.sent), now + TICK
        pacer.tick(now)
        assert (len(gate.sent) - before) * SIZE <= PACE * bitrate / 8 * TICK + SIZE
    assert gate.sent == list(range(25))


def test_nothing_waits_for_long_however_narrow_the_line():
    register, gate = {}, Gate()
    pacer = Pacer(register, 0.0)
    pacer.estimated(30_000)
    for number in range(100):
        pacer.offer(gate, packet(number), 1.0)
    assert register
    pacer.tick(1.0 + LONGEST_WAIT)
    assert gate.sent == list(range(100))
    assert not register


def test_what_waits_is_bounded_and_nothing_is_dropped():
    pacer, gate = paced(30_000), Gate()
    for number in range(3 * WAITING_LIMIT):
        pacer.offer(gate, packet(number), 1.0)
        assert len(pacer) <= WAITING_LIMIT
    pacer.flush()
    assert gate.sent == list(range(3 * WAITING_LIMIT))


@given(
    st.integers(30_000, 10_000_000),
    st.lists(st.tuples(st.floats(0, 0.05), st.integers(60, 1400)), max_size=60),
)
def test_order_and_bound_hold_for_any_traffic(bitrate, traffic):
    pacer, now, since = paced(bitrate), 0.0, {}
    late = []

    class Watch(Gate):
        def send(self, written):
            late.append(now - since[written.sequence])
            return Gate.send(self, written)

    gate = Watch()
    for number, (wait, size) in enumerate(traffic):
        for _ in range(int(wait / TICK)):
            now += TICK
            pacer.tick(now)
        since[number] = now
        pacer.offer(gate, packet(number, size), now)
    while len(pacer):
        now += TICK
        pacer.tick(now)
    assert gate.sent == list(range(len(traffic)))
    assert all(wait <= LONGEST_WAIT + TICK + 1e-6 for wait in late)


# In the room


FRAME = 40
"""Packets of a large key frame."""


def frame(ana, first, now):
    for number in range(first, first + FRAME):
        ana.rtp(video(number, (KEY if number == first else DELTA) + bytes(1000)), now)


def narrow(board, person, bitrate, now):
    subscription = board.subscriptions[f"c-{person}"]
    subscription.report(rtcp.BandwidthEstimate(bitrate, ()), now)
    return subscription


def until(board, start, end):
    for step in range(round((end - start) / TICK)):
        board.tick(start + step * TICK)


def test_a_key_frame_is_spread_for_a_narrow_line_and_for_no_other(hall):
    board, ana, bob, facts = hall
    board.allow("session/ux", "carl", frozenset(), True, 1.0)
    carl = viewer(board, facts, "carl", "session/ux", ("192.0.2.9", 9))
    narrow(board, "carl", 50_000_000, 1.0)
    frame(ana, 1000, 1.0)
    until(board, 1.0, 1.3)
    assert len(bob.received()) == len(carl.received()) == FRAME
    narrow(board, "bob", 400_000, 1.3)
    until(board, 1.3, 1.6)
    frame(ana, 1000 + FRAME, 1.6)
    assert len(carl.received()) == FRAME
    got = bob.received()
    assert 0 < len(got) < FRAME / 2
    assert board.counters["paced"] == FRAME - len(got)
    until(board, 1.6, 1.6 + LONGEST_WAIT + 2 * TICK)
    got += bob.received()
    assert len(got) == FRAME
    steps = [b.sequence - a.sequence & 0xFFFF for a, b in itertools.pairwise(got)]
    assert set(steps) == {1}


def test_a_line_that_has_become_wide_is_paced_no_more(hall):
    board, ana, bob, _ = hall
    frame(ana, 1000, 1.0)
    narrow(board, "bob", 400_000, 1.0)
    until(board, 1.0, 1.3)
    (output,) = [each for each in board.subscriptions["c-bob"].outputs() if each.layer]
    assert output.pacer is not None
    narrow(board, "bob", 40_000_000, 1.3)
    until(board, 1.3, 1.6)
    assert output.pacer is None
    bob.received()
    frame(ana, 1000 + FRAME, 1.6)
    assert len(bob.received()) == FRAME


def test_a_switch_overtakes_nothing_that_waits(hall):
    board, ana, bob, _ = hall
    frame(ana, 1000, 1.0)
    narrow(board, "bob", 400_000, 1.0)
    until(board, 1.0, 1.3)
    bob.received()
    frame(ana, 1000 + FRAME, 1.3)
    (output,) = [each for each in board.subscriptions["c-bob"].outputs() if each.layer]
    layer = output.layer
    output.pause()
    output.want(layer)
    ana.rtp(video(1000 + 2 * FRAME), 1.31)
    until(board, 1.31, 1.45)
    got = bob.received()
    assert [each.sequence - got[0].sequence & 0xFFFF for each in got] == list(range(FRAME + 1))
    assert output.packets == 2 * FRAME + 1
