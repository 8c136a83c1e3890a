"""Feedback through the whole core, both ways: what is lost, asked for, reported and estimated."""

import itertools
import struct

import pytest

from tests.transport.media.hall import (
    ADDRESS,
    DELTA,
    KEY,
    PICTURE,
    Visitor,
    audio,
    described,
    publisher,
    video,
    viewer,
)
from tests.transport.media.test_sans_io import read_feedback
from transport.media import description, rtcp, rtp
from transport.media.dtls import Identity
from transport.media.forwarding import CATCH_UP_LIMIT
from transport.media.rtp import Packet
from transport.media.switchboard import Switchboard
from transport.media.track import KEY_FRAME_PAUSE

RTX, REPAIR_SSRC = 97, 78
TICK = 0.01


def run(board, start, end):
    for step in range(round((end - start) / TICK) + 1):
        board.tick(start + step * TICK)


def parsed(visitor):
    return [message for data in visitor.told() for message in rtcp.parse(data)]


def of(kind, messages):
    return [each for each in messages if isinstance(each, kind)]


# From the publisher


def test_what_is_lost_on_the_way_in_is_asked_for_and_passed_on_in_its_place(hall):
    board, ana, bob, _ = hall
    ana.rtp(video(100, KEY), 1.0)
    ana.rtp(video(103, DELTA), 1.0)
    run(board, 1.0, 1.02)
    (nack,) = of(rtcp.Nack, parsed(ana))
    assert (nack.ssrc, nack.lost) == (77, (101, 102))
    run(board, 1.03, 1.05)
    assert of(rtcp.Nack, parsed(ana)) == []
    run(board, 1.06, 1.09)
    assert of(rtcp.Nack, parsed(ana))[0].lost == (101, 102)
    body = (102).to_bytes(2, "big") + b"\x10\x01late"
    ana.rtp(Packet(5, 102 * 3000, REPAIR_SSRC, RTX, True, body, {}), 1.1)
    got = bob.received()
    assert [each.sequence - got[0].sequence & 0xFFFF for each in got] == [0, 3, 2]
    assert (got[2].payload, got[2].payload_type) == (b"\x10\x01late", PICTURE)
    run(board, 1.15, 1.2)
    assert of(rtcp.Nack, parsed(ana))[0].lost == (101,)


def two(accelerated, offer=None):
    facts = []
    board = Switchboard([("192.0.2.1", 5000)], lambda kind, data: facts.append((kind, data)),
                        accelerated=accelerated)  # fmt: skip
    board.allow("session/ux", "ana", frozenset({"audio", "video"}), True, 0.0)
    board.allow("session/ux", "bob", frozenset(), True, 0.0)
    ana = publisher(board, "ana", "session/ux", ADDRESS, offer)
    bob = viewer(board, facts, "bob", "session/ux", ("192.0.2.8", 9))
    return board, ana, bob, facts


def test_a_gap_too_wide_to_fill_asks_for_a_key_frame(hall):
    board, ana, _, _ = hall
    ana.rtp(video(100, KEY), 1.0)
    ana.told()
    ana.rtp(video(100 + 400, DELTA), 2.0)
    run(board, 2.0, 2.02)
    told = parsed(ana)
    assert of(rtcp.Nack, told) == []
    assert of(rtcp.KeyFrameRequest, told) == [rtcp.KeyFrameRequest(77)]


def test_loss_and_jitter_are_reported_to_the_publisher(hall):
    board, ana, _, _ = hall
    clocks = rtcp.SenderReport(77, 5 << 32 | 1 << 31, 1000, 1, 1)
    ana.rtp(video(100, KEY), 1.0)
    ana.rtcp(rtcp.pack_sender_report(clocks, "ana"), 1.0)
    board.tick(1.0)
    ana.told()
    for number in range(101, 111):
        if number not in (104, 107):
            ana.rtp(video(number, DELTA), 1.5)
    board.tick(2.5)
    (report,) = [each for one in of(rtcp.ReceiverReport, parsed(ana)) for each in one.reports]
    assert (report.ssrc, report.highest, report.lost) == (77, 110, 2)
    assert report.fraction_lost == 2 * 256 // 10
    assert report.last_report == clocks.ntp >> 16 & 0xFFFFFFFF
    assert report.delay == pytest.approx(1.5 * 65536, abs=2)
    assert report.jitter > 0


WIDE = f"a=extmap:4 {description.TRANSPORT_NUMBER}\na=rtcp-fb:96 transport-cc\n"


def test_a_publisher_is_told_when_each_packet_came(accelerated):
    offer = described().replace("a=rtcp-fb:96 nack\n", WIDE + "a=rtcp-fb:96 nack\n", 1)
    board, ana, _, _ = two(accelerated, offer)
    for number in range(5):
        packet = video(100 + number, KEY)
        packet.extensions = {4: struct.pack("!H", 65_533 + number & 0xFFFF)}
        ana.rtp(packet, 1.0 + number * 0.01)
    board.tick(1.1)
    told = {}
    for data in ana.told():
        at = 0
        while at < len(data):
            end = at + 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")
            if data[at] & 31 == rtcp.TWCC_FORMAT and data[at + 1] == rtcp.TRANSPORT_FEEDBACK:
                told |= read_feedback(data[at:end])
            at = end
    assert list(told) == [65_533, 65_534, 65_535, 0, 1]
    assert told[1] - told[65_533] == pytest.approx(40, abs=0.6)
    assert of(rtcp.BandwidthEstimate, [m for d in ana.told() for m in rtcp.parse(d)]) == []


def test_a_publisher_without_it_is_told_a_bitrate_that_falls_with_loss(hall):
    board, ana, _, _ = hall
    ana.rtp(video(100), 1.0)
    board.tick(1.0)
    (before,) = of(rtcp.BandwidthEstimate, parsed(ana))
    for number in range(101, 200, 2):
        ana.rtp(video(number, DELTA), 1.5)
    board.tick(2.5)
    (after,) = of(rtcp.BandwidthEstimate, parsed(ana))
    assert before.ssrcs == after.ssrcs == (77,)
    assert after.bitrate < before.bitrate / 2


# From the viewer


@pytest.mark.parametrize("kind", ["PLI", "FIR"])
def test_a_viewers_wish_for_a_key_frame_reaches_the_publisher_but_not_too_often(hall, kind):
    board, ana, bob, _facts = hall
    ana.rtp(video(100), 1.0)
    (got,) = bob.received()
    run(board, 2.0, 2.02)
    ana.told()

    def ask(now):
        if kind == "PLI":
            bob.rtcp(rtcp.pack_key_frame_request(1, got.ssrc), now)
        else:
            body = struct.pack("!LLLBxxx", 1, 0, got.ssrc, 7)
            bob.rtcp(struct.pack("!BBH", 0x84, rtcp.PAYLOAD_FEEDBACK, len(body) // 4) + body, now)

    for step in range(10):
        ask(3.0 + step * KEY_FRAME_PAUSE / 11)
    assert of(rtcp.KeyFrameRequest, parsed(ana)) == [rtcp.KeyFrameRequest(77)]
    ask(3.01 + KEY_FRAME_PAUSE)
    assert of(rtcp.KeyFrameRequest, parsed(ana)) == [rtcp.KeyFrameRequest(77)]
    # Somebody else's stream, or none: nothing happens.
    bob.rtcp(rtcp.pack_key_frame_request(1, 12345), 9.0)
    assert parsed(ana) == []


def test_a_key_frame_is_asked_for_again_until_it_comes_or_nobody_sends(hall):
    board, ana, bob, _ = hall
    ana.rtp(video(100), 1.0)
    (got,) = bob.received()
    ana.told()
    bob.rtcp(rtcp.pack_key_frame_request(1, got.ssrc), 2.0)
    for number in range(4):
        ana.rtp(video(101 + number, DELTA), 2.0 + number * 0.2)
        run(board, 2.0 + number * 0.2, 2.19 + number * 0.2)
    # One of the client's, two of our own.
    assert len(of(rtcp.KeyFrameRequest, parsed(ana))) == 3
    ana.rtp(video(105, KEY), 2.8)
    run(board, 2.8, 3.5)
    assert of(rtcp.KeyFrameRequest, parsed(ana)) == []
    bob.rtcp(rtcp.pack_key_frame_request(1, got.ssrc), 4.0)
    run(board, 4.0, 8.0)
    assert len(of(rtcp.KeyFrameRequest, parsed(ana))) == 1


def test_a_viewer_begins_with_a_key_frame_whose_first_packet_came_late(accelerated):
    board, ana, bob, _ = two(accelerated)
    ana.rtp(video(100), 1.0)
    first = bob.received()[0].sequence
    board.allow("session/ux", "ana", frozenset({"audio"}), True, 1.1)
    board.allow("session/ux", "ana", frozenset({"audio", "video"}), True, 1.2)
    for number in (102, 103, 104):
        ana.rtp(video(number, DELTA + bytes([number])), 1.3)
    assert bob.received() == []
    ana.rtp(video(101, KEY), 1.31)
    ana.rtp(video(105, DELTA), 1.32)
    got = bob.received()
    assert [each.sequence - first for each in got] == [1, 2, 3, 4, 5]
    assert [each.payload for each in got[1:4]] == [DELTA + bytes([n]) for n in (102, 103, 104)]
    (output,) = [o for o in board.subscriptions["c-bob"].outputs() if o.layer and o.packets]
    assert output.packets == 6
    # A key frame that all the world has gone past is none to begin with.
    board.allow("session/ux", "ana", frozenset({"audio"}), True, 1.4)
    board.allow("session/ux", "ana", frozenset({"audio", "video"}), True, 1.5)
    ana.rtp(video(107 + CATCH_UP_LIMIT, DELTA), 1.6)
    ana.rtp(video(106, KEY), 1.7)
    assert bob.received() == []


def test_a_viewers_nack_is_answered_once_and_within_its_budget(hall):
    board, ana, bob, _ = hall
    for number in range(100, 130):
        ana.rtp(video(number, (KEY if number == 100 else DELTA) + bytes(1000)), 1.0)
    got = bob.received()
    run(board, 1.0, 1.3)
    bob.told()
    lost = [each.sequence for each in got[5:8]]
    for _ in range(3):
        bob.rtcp(rtcp.pack_nack(1, got[0].ssrc, lost), 1.3)
    again = bob.received()
    assert len(again) == 3
    assert {each.payload_type for each in again} == {RTX}
    originals = [rtp.unwrap_retransmission(each, PICTURE, got[0].ssrc) for each in again]
    assert [each.sequence for each in originals] == lost
    assert [each.payload for each in originals] == [each.payload for each in got[5:8]]
    # A number never sent, and a stream that is not this viewer's.
    bob.rtcp(rtcp.pack_nack(1, got[0].ssrc, [got[-1].sequence + 500 & 0xFFFF]), 1.4)
    bob.rtcp(rtcp.pack_nack(1, 4242, lost), 1.4)
    assert bob.received() == []
    # A narrow line is not made narrower by answers.
    bob.rtcp(rtcp.pack_bandwidth_estimate(1, 30_000, ()), 1.5)
    run(board, 1.5, 1.8)
    bob.received()
    everything = [each.sequence for each in got]
    for step in range(20):
        bob.rtcp(rtcp.pack_nack(1, got[0].ssrc, everything), 1.8 + step * 0.03)
    assert 0 < len(bob.received()) <= len(everything)


def test_a_viewer_gets_the_publishers_clock_in_its_own_numbers(hall):
    board, ana, bob, _ = hall
    for number in range(100, 103):
        ana.rtp(video(number), 1.0)
    got = bob.received()
    shift = got[0].timestamp - 100 * 3000
    ana.rtcp(rtcp.pack_sender_report(rtcp.SenderReport(77, 9 << 32, 300_000, 3, 9), "ana"), 1.0)
    run(board, 2.0, 2.3)
    (report,) = of(rtcp.SenderReport, parsed(bob))
    assert report.ssrc == got[0].ssrc
    assert (report.packets, report.octets) == (3, sum(len(each.payload) + 8 for each in got))
    passed = (report.ntp - (9 << 32)) / 2**32
    assert 1.0 <= passed <= 1.31
    assert report.timestamp == pytest.approx((300_000 + shift + passed * 90_000) % 2**32, abs=2)


def test_the_round_trip_and_the_loss_of_a_viewer_are_known(hall):
    board, ana, bob, _ = hall
    ana.rtp(video(100), 1.0)
    (got,) = bob.received()
    ana.rtcp(rtcp.pack_sender_report(rtcp.SenderReport(77, 9 << 32, 300_000, 3, 9), "ana"), 1.0)
    subscription = board.subscriptions["c-bob"]
    subscription.tick(2.5, 0)
    (report,) = of(rtcp.SenderReport, parsed(bob))
    middle = report.ntp >> 16 & 0xFFFFFFFF
    seen = rtcp.Report(got.ssrc, 128, 1, 100, 0, middle, int(0.2 * 65536))
    bob.rtcp(rtcp.pack_receiver_report(1, [seen]), 2.8)
    assert subscription.round_trip == pytest.approx(0.1, abs=0.001)
    assert subscription.loss == 0.5


def test_malformed_feedback_spoils_neither_its_neighbours_nor_anybody(hall):
    board, ana, bob, _ = hall
    ana.rtp(video(100), 1.0)
    (got,) = bob.received()
    run(board, 2.0, 2.02)
    ana.told()
    bad = struct.pack("!BBH", 0x9F, rtcp.RECEIVER_REPORT, 1) + bytes(4)
    bad += struct.pack("!BBHLL", 0x81, rtcp.TRANSPORT_FEEDBACK, 2, 1, got.ssrc)
    bad += struct.pack("!BBHLL4s", 0x8F, rtcp.PAYLOAD_FEEDBACK, 3, 1, 0, b"REMB")
    bob.rtcp(bad + rtcp.pack_key_frame_request(1, got.ssrc), 3.0)
    assert of(rtcp.KeyFrameRequest, parsed(ana)) == [rtcp.KeyFrameRequest(77)]
    assert board.counters["faults"] == 0


# Layers and codecs


SIMULCAST = {"q": (0x100, 180, 150_000), "f": (0x200, 720, 1_200_000)}
"""Name, SSRC, height and bit/s of each layer."""


def simulcast_offer():
    text = described().replace("a=rid:f send\n", "a=rid:f send\na=simulcast:send q;f\n")
    extensions = f"a=extmap:5 {description.RID}\na=extmap:6 {description.MID}\n"
    return text.replace("a=rid:q send\n", extensions + "a=rid:q send\n")


def vp8(height, key, picture):
    head = bytes([0x90, 0x80, 0x80 | picture >> 8, picture & 255])
    if not key:
        return head + b"\x01" + bytes(200)
    frame = b"\x9d\x01\x2a" + struct.pack("<HH", height * 16 // 9, height)
    return head + bytes(3) + frame + bytes(200)


class Camera:
    """Sends two layers, with key frames when asked."""

    def __init__(self, ana):
        self.ana, self.count = ana, 0

    def run(self, board, start, end, visitor):
        """Let time pass; return what the visitor got, with the instants."""
        got = []
        for step in range(round((end - start) / TICK)):
            now = start + step * TICK
            self.film(now)
            board.tick(now)
            got += [(now, each) for each in visitor.received()]
        return got

    def film(self, now):
        """Send what is due in one tick."""
        for name, (ssrc, height, bitrate) in SIMULCAST.items():
            for part in range(max(1, round(bitrate * TICK / 8 / 1000))):
                self._send(name, ssrc, height, part, now)
        self.count += 1

    def _send(self, name, ssrc, height, part, now):
        number = self.count * 2 + part if name == "f" else self.count
        body = vp8(height, self.count % 10 == 0 and part == 0, number) + bytes(700)
        elements = {5: name.encode(), 6: b"1"}
        self.ana.rtp(
            Packet(number & 0xFFFF, self.count * 900 + ssrc, ssrc, PICTURE, True, body, elements),
            now,
        )


def heights(got):
    return {height for _, packet in got for height in [_height(packet)] if height}


def _height(packet):
    at = packet.payload.find(b"\x9d\x01\x2a")
    return struct.unpack_from("<H", packet.payload, at + 5)[0] if 0 <= at < 10 else 0


def test_each_viewer_gets_the_layer_of_its_size_its_line_and_the_load(accelerated):
    board, ana, bob, _ = two(accelerated, simulcast_offer())
    camera = Camera(ana)
    bob.rtcp(rtcp.pack_bandwidth_estimate(1, 5_000_000, ()), 1.0)
    camera.run(board, 1.0, 3.0, bob)
    assert heights(camera.run(board, 3.0, 4.0, bob)) == {720}
    (mid,) = [each.line.mid for each in board.subscriptions["c-bob"].outputs()
              if each.layer and each.line.kind == "video"]  # fmt: skip
    now = 4.0
    for height, pressure, bitrate, expected in (
        (160, 0, None, {180}),
        (720, 0, None, {720}),
        (0, 0, None, set()),
        (720, 1, None, {180}),
        (720, 0, None, {720}),
        (720, 0, 300_000, {180}),
    ):
        board.view("c-bob", {mid: height})
        board.pressure = pressure
        if bitrate is not None:
            bob.rtcp(rtcp.pack_bandwidth_estimate(1, bitrate, ()), now)
        camera.run(board, now, now + 0.7, bob)
        assert heights(camera.run(board, now + 0.7, now + 1.3, bob)) == expected
        now += 1.3


def test_a_switch_of_layers_goes_on_in_numbers_and_time(accelerated):
    board, ana, bob, _ = two(accelerated, simulcast_offer())
    camera = Camera(ana)
    camera.run(board, 1.0, 3.0, bob)
    (mid,) = [each.line.mid for each in board.subscriptions["c-bob"].outputs()
              if each.layer and each.line.kind == "video"]  # fmt: skip
    got, now = [], 3.0
    for want in (160, 720, 160, 720):
        board.view("c-bob", {mid: want})
        got += camera.run(board, now, now + 1.0, bob)
        now += 1.0
    assert heights(got) == {180, 720}
    media = [(now, each) for now, each in got if each.payload_type == PICTURE]
    assert len({each.ssrc for _, each in media}) == 1
    for (before, one), (after, two_) in itertools.pairwise(media):
        assert two_.sequence == one.sequence + 1 & 0xFFFF
        ticks = rtp.tick_distance(two_.timestamp, one.timestamp)
        assert ticks == pytest.approx((after - before) * 90_000, abs=1000)
        pictures = [int.from_bytes(each.payload[2:4], "big") & 0x7FFF for each in (one, two_)]
        assert pictures[1] - pictures[0] & 0x7FFF == 1


CODECS = {
    "VP9": ("VP9/90000", "profile-id=0", bytes([0x08, 1]), bytes([0x40 | 0x08, 1]), 98),
    "H264": ("H264/90000", "packetization-mode=1;profile-level-id=42e01f",
             bytes([0x65, 1]), bytes([0x61, 1]), 102),
    "AV1": ("AV1/90000", "", bytes([0x18, 1]), bytes([0x10, 1]), 106),
}  # fmt: skip
"""Mapping, parameters, a key frame, another frame, and the viewer's payload type."""


@pytest.mark.parametrize("codec", sorted(CODECS))
def test_other_codecs_pass_from_their_key_frame_on(accelerated, codec):
    mapping, parameters, key, other, number = CODECS[codec]
    line = f"a=rtpmap:96 {mapping}\n" + (f"a=fmtp:96 {parameters}\n" if parameters else "")
    _board, ana, bob, _ = two(accelerated, described().replace("a=rtpmap:96 VP8/90000\n", line))
    ana.rtp(video(1, other))
    assert bob.received() == []
    ana.rtp(video(2, key))
    ana.rtp(video(3, other))
    got = bob.received()
    assert [each.payload for each in got] == [key, other]
    assert {each.payload_type for each in got} == {number}


def test_sound_passes_with_its_level(hall):
    _board, ana, bob, _ = hall
    for number in range(3):
        ana.rtp(audio(number, level=0x80 | 30))
    got = bob.received()
    assert [each.payload for each in got] == [b"sound"] * 3
    assert {each.payload_type for each in got} == {111}
    assert {each.extensions[2] for each in got} == {bytes([0x80 | 30])}
    assert [each.timestamp - got[0].timestamp for each in got] == [0, 960, 1920]


# Transceivers, addresses


def test_seats_are_added_left_and_taken_again(hall):
    board, _ana, bob, facts = hall
    facts.clear()
    for number, person in enumerate(("carl", "dora")):
        board.allow("session/ux", person, frozenset({"audio", "video"}), False, 1.0)
        publisher(board, person, "session/ux", (f"192.0.2.{40 + number}", 1))
    # Two seats were there; the third needs an offer, and gets one only.
    offers = [data for kind, data in facts if kind == "rtc.offer"]
    assert len(offers) == 1
    assert {each["person"] for each in offers[0]["tracks"]} == {"ana", "carl", "dora"}
    lines = offers[0]["sdp"].count("m=")
    facts.clear()
    board.leave("c-carl", 2.0)
    board.allow("session/ux", "carl", None, False, 2.0)
    assert {each["person"] for each in facts[-1][1]["tracks"]} == {"ana", "dora"}
    board.allow("session/ux", "eva", frozenset({"audio", "video"}), False, 3.0)
    eva = publisher(board, "eva", "session/ux", ("192.0.2.50", 1))
    assert {each["person"] for each in facts[-1][1]["tracks"]} == {"ana", "dora", "eva"}
    assert [kind for kind, _ in facts if kind == "rtc.offer"] == []
    assert len(list(board.subscriptions["c-bob"].outputs())) == lines
    eva.rtp(video(9, KEY), 3.0)
    assert len(bob.received()) == 1


def test_packets_pass_while_ice_begins_anew(hall):
    board, ana, bob, _facts = hall
    ana.rtp(video(1))
    old = board.publications["c-ana"].peer.credentials
    again = described().replace("abcd", "efgh")
    board.offer("c-ana", "ana", "session/ux", again, {}, 2.0)
    board.restart("session/ux", "c-bob", "bob", 2.0)
    ana.rtp(video(2))
    assert len(bob.received()) == 2
    refused = board.counters["dropped_stun"]
    ana.check(fragment=old.fragment, password=old.password)
    assert board.counters["dropped_stun"] == refused + 1
    for visitor, peer in ((ana, board.publications["c-ana"].peer),
                          (bob, board.subscriptions["c-bob"].peer)):  # fmt: skip
        visitor.credentials = peer.credentials
        visitor.address = (visitor.address[0], 5)
        visitor.check()
        assert peer.address == visitor.address
    bob.wire.sent.clear()
    ana.rtp(video(3))
    assert len(bob.received()) == 1


def sent_anew(hall, monkeypatch, offer):
    """Let Ana send over a new peer connection; return what Bob got before and after, by SSRC."""
    board, ana, bob, _facts = hall
    ana.rtp(audio(1))
    ana.rtp(video(1))
    before = {packet.ssrc: packet for packet in bob.received()}
    monkeypatch.setattr(Visitor, "identity", Identity())
    again = offer().replace("abcd", "efgh")
    ana = publisher(board, "ana", "session/ux", ("192.0.2.7", 4001), again)
    ana.rtp(audio(40_000, ssrc=56))
    layer = {5: b"q", 6: b"1"} if offer is simulcast_offer else {}
    ana.rtp(Packet(40_000, 9000, 79, PICTURE, True, KEY, layer))
    return before, {packet.ssrc: packet for packet in bob.received()}


@pytest.mark.parametrize("offer", [described, simulcast_offer])
def test_who_sends_over_a_new_peer_connection_is_seen_and_heard_on(hall, monkeypatch, offer):
    before, after = sent_anew(hall, monkeypatch, offer)
    assert after.keys() == before.keys()
    assert len(after) == 2
    for ssrc, packet in after.items():
        assert packet.sequence == before[ssrc].sequence + 1


def test_clients_are_told_the_announced_addresses_of_both_families():
    board = Switchboard([("203.0.113.7", 40000), ("2001:db8::7", 40000)], lambda *_: None)
    board.allow("session/ux", "ana", frozenset({"video"}), True, 0.0)
    answer = board.offer("c-ana", "ana", "session/ux", described(), {}, 0.0)
    for address in ("203.0.113.7 40000 typ host", "2001:db8::7 40000 typ host"):
        assert answer.count(address) == 2
