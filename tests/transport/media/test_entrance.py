"""The door for datagrams: whatever comes in, nobody but the sender is the worse for it."""

import struct
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.transport.media.hall import (
    ADDRESS,
    DELTA,
    KEY,
    PICTURE,
    STRANGER,
    Visitor,
    audio,
    described,
    publisher,
    video,
)
from transport.media import rtcp, rtp
from transport.media.dtls import Dtls, HandshakeFailed, Identity
from transport.media.peer import STREAMS_LIMIT
from transport.media.rtp import Packet
from transport.media.switchboard import Switchboard


def test_packets_reach_the_viewer_whole_and_in_order(hall):
    board, ana, bob, _ = hall
    for number in range(5000, 5020):
        ana.rtp(video(number, KEY if number == 5000 else DELTA))
    got = bob.received()
    assert [each.payload for each in got] == [KEY, *[DELTA] * 19]
    assert [each.sequence - got[0].sequence for each in got] == list(range(20))
    assert [each.timestamp - got[0].timestamp for each in got] == [at * 3000 for at in range(20)]
    assert len({each.ssrc for each in got}) == 1
    assert board.counters["faults"] == 0


def test_a_picture_begins_with_a_key_frame(hall):
    _, ana, bob, _ = hall
    ana.rtp(video(1, DELTA))
    assert bob.received() == []
    ana.rtp(video(2, KEY))
    ana.rtp(video(3, DELTA))
    assert len(bob.received()) == 2


def test_a_move_goes_on_in_the_same_streams(hall):
    board, ana, bob, facts = hall
    ana.rtp(video(10))
    (before,) = bob.received()
    for person, rights in (("ana", frozenset({"audio", "video"})), ("bob", frozenset())):
        board.allow("session/ux", person, None, False, 1.0)
        board.allow("room/ux.1", person, rights, True, 1.0)
    ana.rtp(video(11))
    (after,) = bob.received()
    assert after.ssrc == before.ssrc
    assert after.sequence == (before.sequence + 1) & 0xFFFF
    assert [kind for kind, _ in facts].count("rtc.offer") == 1
    assert facts[-1][0] == "rtc.tracks"
    assert {each["person"] for each in facts[-1][1]["tracks"]} == {"ana"}


def test_a_lost_packet_is_sent_again_as_a_retransmission(hall):
    board, ana, bob, _ = hall
    for number in range(100, 110):
        ana.rtp(video(number))
    got = bob.received()
    subscription = board.subscriptions["c-bob"]
    subscription.tick(2.0, 0)
    subscription.report(rtcp.Nack(got[0].ssrc, (got[4].sequence,)), 2.0)
    (again,) = [each for each in bob.received() if each.ssrc != got[0].ssrc]
    original = rtp.unwrap_retransmission(again, PICTURE, got[0].ssrc)
    assert (original.sequence, original.payload) == (got[4].sequence, got[4].payload)
    assert original.timestamp == got[4].timestamp


def test_only_the_loudest_voices_of_a_crowd_pass():
    facts = []
    board = Switchboard([("192.0.2.1", 5000)], lambda kind, data: facts.append((kind, data)))
    talkers = []
    for number in range(8):
        person = f"p{number}"
        board.allow("room/ux.1", person, frozenset({"audio", "video"}), True, 0.0)
        talker = publisher(board, person, "room/ux.1", (f"192.0.2.{number + 20}", 1))
        talkers.append(talker)
    now = 1.0
    for step in range(100):
        now += 0.02
        for number, talker in enumerate(talkers):
            talker.rtp(audio(step, level=10 + 8 * number, ssrc=500 + number), now)
        board.tick(now)
    room = board.rooms["room/ux.1"]
    assert room.loudest == {f"p{number}" for number in range(5)}
    seen = dict(board._visible("p7", "session/ux"))
    assert {person for person, tracks in seen.items() if "audio" in tracks} == room.loudest
    speaking = [data for kind, data in facts if kind == "rtc.speaking"][-1]["people"]
    assert [each["person"] for each in speaking] == [f"p{number}" for number in range(5)]


def test_only_the_last_speakers_cameras_pass_in_a_crowd():
    board = Switchboard([("192.0.2.1", 5000)], lambda *_: None, last_videos=3)
    for number in range(6):
        board.allow("room/ux.1", f"p{number}", frozenset({"audio", "video"}), True, 0.0)
        board.offer(f"c{number}", f"p{number}", "room/ux.1", described(), {}, 0.0)
        board.rooms["room/ux.1"].levels.heard(f"p{number}", 0, 1.0 + number)
        for _ in range(30):
            board.rooms["room/ux.1"].levels.heard(f"p{number}", 0, 1.0 + number)
    seen = board._visible("p0", "session/ux")
    assert [person for person, tracks in seen if "video" in tracks] == ["p5", "p4", "p3"]


# Strangers


def test_media_of_a_stranger_is_dropped(hall):
    board, ana, _, _ = hall
    before = board.counters["dropped_unknown"]
    ana.give(bytes([0x80, 96]) + bytes(600), address=STRANGER)
    ana.give(bytes([22]) + bytes(60), address=STRANGER)
    assert board.counters["dropped_unknown"] == before + 2


def test_a_spoofed_oversized_datagram_changes_nothing(hall):
    board, ana, bob, _ = hall
    ana.give(bytes([0x80]) + bytes(1601))
    assert board.counters["dropped_length"] == 1
    ana.rtp(video(1))
    assert len(bob.received()) == 1


def test_wrong_credentials_move_nobody(hall):
    board, ana, _bob, _ = hall
    ana.check(address=STRANGER, password="x" * 24)
    ana.check(address=STRANGER, fragment="nobody")
    assert board.publications["c-ana"].peer.address == ADDRESS
    assert board.counters["dropped_stun"] == 2


def test_a_client_whose_address_changes_goes_on(hall):
    board, ana, bob, _ = hall
    ana.check(address=STRANGER)
    ana.address = STRANGER
    assert board.publications["c-ana"].peer.address == STRANGER
    ana.rtp(video(1))
    assert len(bob.received()) == 1


def test_a_replayed_packet_is_dropped(hall):
    board, ana, bob, _ = hall
    sent = []
    give = ana.give
    ana.give = lambda data, *args: (sent.append(data), give(data, *args))
    ana.rtp(video(1))
    give(sent[-1])
    assert len(bob.received()) == 1
    assert board.counters["dropped_srtp"] == 1


@pytest.mark.parametrize("who", ["ana", "bob"])
@pytest.mark.parametrize("how", ["described", "undescribed", "repair", "feedback"])
def test_a_flood_of_streams_ends_the_flooder_and_nobody_else(hall, who, how):
    """libsrtp keeps a context for every SSRC it has authenticated."""
    board, ana, bob, _ = hall
    visitor, other = (ana, "c-bob") if who == "ana" else (bob, "c-ana")
    kinds = {"described": PICTURE, "undescribed": 120, "repair": 97}
    for number in range(STREAMS_LIMIT + 1):
        if how == "feedback":
            visitor.rtcp(rtcp.pack_receiver_report(10_000 + number, ()))
        else:
            visitor.rtp(video(1, ssrc=10_000 + number, payload_type=kinds[how]))
    for _ in range(30):
        board.tick(1.5)
    everybody = {**board.publications, **board.subscriptions}
    assert list(everybody) == [other]
    assert board.counters["dropped_flooder"] == 1


def test_a_departed_viewer_does_not_disturb_the_publisher(hall):
    board, ana, _bob, _ = hall
    ana.rtp(video(1))
    board.leave("c-bob", 1.0)
    for number in range(2, 20):
        ana.rtp(video(number))
    assert board.counters["faults"] == 0
    assert not board.publications["c-ana"].peer.failed


def test_a_socket_that_refuses_costs_that_packet_only(hall):
    board, ana, bob, _ = hall
    bob.wire.refuses = True
    ana.rtp(video(1))
    bob.wire.refuses = False
    ana.rtp(video(2, DELTA))
    assert board.counters["dropped_send"] == 1
    assert len(bob.received()) == 1


def test_a_silent_peer_is_given_up(hall):
    board, _ana, bob, facts = hall
    bob.check(now=40.0)
    board.tick(45.0)
    assert "c-ana" not in board.publications
    assert "c-bob" in board.subscriptions
    assert ("gone", {"connection": "c-ana", "side": "publish"}) in facts


def test_another_certificate_than_the_one_described_is_refused():
    server = Dtls(Identity(), {"sha-256": "00"}, client=False)
    client = Dtls(Visitor.identity, {"sha-256": server._identity.fingerprint}, client=True)
    out = client.start()
    with pytest.raises(HandshakeFailed):
        for _ in range(4):
            back = [each for data in out for each in server.receive(data)]
            out = [each for data in back for each in client.receive(data)]


datagrams = st.one_of(
    st.binary(min_size=1, max_size=200),
    st.builds(
        lambda first, rest: bytes([first]) + rest, st.integers(0, 3), st.binary(max_size=120)
    ),
    st.builds(
        lambda size, body: struct.pack("!HHI", 1, size, 0x2112A442) + body,
        st.integers(0, 100),
        st.binary(max_size=120),
    ),
    st.builds(
        lambda first, rest: bytes([first]) + rest, st.integers(20, 63), st.binary(max_size=300)
    ),
    st.builds(
        lambda second, rest: bytes([0x80, second]) + rest,
        st.integers(0, 255),
        st.binary(min_size=10, max_size=300),
    ),
)


@settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.lists(st.tuples(datagrams, st.booleans()), max_size=20))
def test_no_datagram_breaks_the_door(hall, flood):
    board, ana, _, _ = hall
    for data, known in flood:
        ana.give(data, address=ADDRESS if known else STRANGER)
    assert isinstance(board.counters, Counter)


@settings(
    max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.binary(max_size=150), st.binary(max_size=150), st.integers(0, 127), st.data())
def test_no_authentic_packet_breaks_the_core(hall, body, feedback, payload_type, data):
    board, _ana, _bob, _ = hall
    number = data.draw(st.integers(0, 65_535))
    ssrc = data.draw(st.sampled_from([77, 55, 3]))
    elements = data.draw(
        st.dictionaries(st.integers(1, 14), st.binary(min_size=1, max_size=5), max_size=3)
    )
    packet = Packet(number, 5, ssrc, payload_type, True, body, elements)
    board.publications["c-ana"].packet(packet, 1.0)
    for message in rtcp.parse(feedback):
        board.subscriptions["c-bob"].report(message, 1.0)
