"""The forwarding core's parts, without sockets."""

import contextlib
import math
import random
import struct

import pytest
from aiortc import rtp as reference
from hypothesis import given
from hypothesis import strategies as st

from actors.errors import Refused
from transport.media import bandwidth, description, payload, rtcp, rtp, twcc
from transport.media.bandwidth import Estimate
from transport.media.continuity import Continuity, Newest
from transport.media.ice import IceServers
from transport.media.layers import Wish, choose_layers
from transport.media.levels import Levels
from transport.media.payload import Picture
from transport.media.retransmission import (
    LAST_RETRY_AFTER,
    LAST_TRIES,
    RETRY_AFTER,
    TRIES,
    Missing,
    Ring,
)
from transport.media.room import placement
from transport.media.rtp import Malformed, Packet
from transport.media.twcc import Recorder


def packet(sequence=1, timestamp=0, body=b"x", **extensions):
    elements = {int(key[1:]): value for key, value in extensions.items()}
    return Packet(sequence, timestamp, 7, 96, False, body, elements)


# RTP


@given(
    st.integers(0, 65535),
    st.integers(0, 2**32 - 1),
    st.integers(0, 127),
    st.booleans(),
    st.binary(max_size=1200),
    st.dictionaries(st.integers(1, 14), st.binary(min_size=1, max_size=16), max_size=4),
)
def test_a_packet_survives_writing_and_reading(
    sequence, timestamp, payload_type, marker, body, elements
):
    made = Packet(sequence, timestamp, 1234, payload_type, marker, body, elements)
    assert rtp.parse(rtp.serialize(made)) == made


def test_packets_read_as_aiortc_writes_them():
    theirs = reference.RtpPacket(
        payload_type=100, marker=1, sequence_number=17, timestamp=90, ssrc=5, payload=b"hello"
    )
    theirs.csrc = [1, 2]
    theirs.padding_size = 4
    ours = rtp.parse(theirs.serialize())
    assert (ours.payload_type, ours.marker, ours.sequence, ours.payload) == (
        100,
        True,
        17,
        b"hello",
    )


@given(st.binary(max_size=80))
def test_any_bytes_are_a_packet_or_malformed(data):
    with contextlib.suppress(Malformed):
        assert len(rtp.parse(data).payload) <= len(data)


def test_a_retransmission_gives_the_original():
    wrapped = packet(9, 4, b"\x01\x02body")
    original = rtp.unwrap_retransmission(wrapped, 100, 3)
    assert (original.sequence, original.payload, original.ssrc) == (0x0102, b"body", 3)
    with pytest.raises(Malformed):
        rtp.unwrap_retransmission(packet(9, 4, b"\x01"), 100, 3)


# RTCP


def test_rtcp_is_read_by_aiortc_as_it_was_meant():
    report = rtcp.Report(5, 25, -3, 70000, 9, 11, 12)
    sender = rtcp.SenderReport(1, 2**33, 3, 4, 5)
    data = (
        rtcp.pack_sender_report(sender, "name")
        + rtcp.pack_receiver_report(1, [report])
        + rtcp.pack_nack(1, 5, [65535, 0, 3, 40])
        + rtcp.pack_key_frame_request(1, 5)
        + rtcp.pack_bandwidth_estimate(1, 1_234_567, [5, 6])
    )
    sr, sdes, rr, nack, pli, remb = reference.RtcpPacket.parse(data)
    assert sr.sender_info.ntp_timestamp == 2**33
    assert sdes.chunks[0].items == [(1, b"name")]
    assert (rr.reports[0].packets_lost, rr.reports[0].highest_sequence) == (-3, 70000)
    assert [number & 0xFFFF for number in nack.lost] == [65535, 0, 3, 40]
    assert (pli.fmt, pli.media_ssrc) == (1, 5)
    bitrate, ssrcs = reference.unpack_remb_fci(remb.fci)
    assert abs(bitrate - 1_234_567) < 10
    assert ssrcs == [5, 6]
    parsed = rtcp.parse(data)
    assert rtcp.Nack(5, (65535, 0, 3, 40)) in parsed
    assert rtcp.ReceiverReport(1, (report,)) in parsed


def test_one_malformed_part_spoils_nothing_else():
    bad = struct.pack("!BBH", 0x80 | 5, rtcp.RECEIVER_REPORT, 1) + bytes(4)
    good = rtcp.pack_key_frame_request(1, 9)
    assert rtcp.parse(good + bad + good) == [rtcp.KeyFrameRequest(9)] * 2


def test_transport_feedback_is_not_taken_for_a_nack():
    recorder = Recorder()
    recorder.arrived(3, 1.0)
    assert rtcp.parse(recorder.feedback(1, 2)) == []


def test_what_may_only_be_late_is_not_told_of_as_lost():
    recorder = Recorder()
    for number, when in ((10, 1.0), (12, 1.01), (13, 1.02)):
        recorder.arrived(number, when)
    assert list(read_feedback(recorder.feedback(1, 2, 1.05))) == [10]
    assert recorder.feedback(1, 2, 1.06) is None
    recorder.arrived(11, 1.07)
    assert list(read_feedback(recorder.feedback(1, 2, 1.07))) == [11, 12, 13]
    recorder.arrived(15, 1.08)
    assert recorder.feedback(1, 2, 1.1) is None
    # 14 will not come.
    told = recorder.feedback(1, 2, 1.08 + twcc.REORDER_WITHIN)
    assert list(read_feedback(told)) == [15]


@given(st.binary(max_size=200))
def test_any_bytes_are_rtcp_or_nothing(data):
    for message in rtcp.parse(data):
        if isinstance(message, rtcp.Nack):
            assert len(message.lost) < rtcp.LOST_LIMIT + 17


def test_round_trip():
    ntp = rtcp.ntp_time(1000.0)
    report = rtcp.Report(1, 0, 0, 0, 0, ntp >> 16 & 0xFFFFFFFF, int(0.1 * 65536))
    assert rtcp.round_trip(report, rtcp.ntp_time(1000.15)) == pytest.approx(0.05, abs=0.001)


# Transport-wide feedback


def read_feedback(data):
    """Read transport feedback by the draft's text, independently of the writer."""
    base, count = struct.unpack_from("!HH", data, 12)
    reference_time = int.from_bytes(data[16:19], "big") * 64.0
    at, symbols = 20, []
    while len(symbols) < count:
        (chunk,) = struct.unpack_from("!H", data, at)
        at += 2
        if chunk >> 15 == 0:
            symbols += [chunk >> 13 & 3] * (chunk & 0x1FFF)
        elif chunk >> 14 & 1:
            symbols += [chunk >> shift & 3 for shift in range(12, -1, -2)]
        else:
            symbols += [chunk >> shift & 1 for shift in range(13, -1, -1)]
    times, clock = {}, reference_time
    for offset, symbol in enumerate(symbols[:count]):
        if symbol == 1:
            clock += data[at] * 0.25
            at += 1
        elif symbol == 2:
            clock += struct.unpack_from("!h", data, at)[0] * 0.25
            at += 2
        if symbol:
            times[(base + offset) & 0xFFFF] = clock
    assert len(data) % 4 == 0
    assert struct.unpack_from("!H", data, 2)[0] == len(data) // 4 - 1
    return times


@given(
    st.integers(0, 65535), st.lists(st.tuples(st.integers(1, 40), st.floats(0, 0.3)), max_size=80)
)
def test_feedback_tells_each_arrival(start, steps):
    recorder, expected, told = Recorder(), {}, {}
    number, now = start, 100.0
    for gap, wait in steps:
        number, now = number + gap, now + wait
        recorder.arrived(number & 0xFFFF, now)
        expected[number & 0xFFFF] = now * 1000
        if len(expected) % 9 == 0:
            told |= read_feedback(recorder.feedback(1, 2) or b"") if steps else {}
    while (data := recorder.feedback(1, 2)) is not None:
        told |= read_feedback(data)
    assert told.keys() == expected.keys()
    for key, when in expected.items():
        assert told[key] == pytest.approx(when, abs=0.3)


# Continuity


def test_numbers_go_on_over_a_switch():
    stream = Continuity(2000, 10_000)
    first = stream.switch("high", Newest(500, 90_000, Picture(40, 0, True, 7, 2)), 0)
    assert (500 + first.sequence_shift) & 0xFFFF == 2000
    stream.close(Newest(510, 99_000, Picture(44, 0, True, 8, 2)))
    second = stream.switch("low", Newest(70_000, 5, Picture(9, 0, True, 1, 2)), 3000)
    assert (70_000 + second.sequence_shift) & 0xFFFF == 2011
    assert (5 + second.timestamp_shift) & 0xFFFFFFFF == 10_000 + 9_000 + 3000
    assert (9 + second.picture_shift) & 0x7FFF == 45
    assert (1 + second.base_shift) & 0xFF == 9


@given(st.lists(st.tuples(st.integers(0, 200_000), st.integers(0, 400)), min_size=1, max_size=30))
def test_no_number_is_ever_sent_twice_or_left_out(segments):
    stream, sent = Continuity(1024, 0), []
    for index, (first, count) in enumerate(segments):
        segment = stream.switch(index, Newest(first, 0), 1)
        numbers = range(first, first + count + 1)
        sent += [(number + segment.sequence_shift) & 0xFFFF for number in numbers]
        stream.close(Newest(first + count, 0))
    assert sent == [(1024 + at) & 0xFFFF for at in range(len(sent))]


def test_a_viewers_number_leads_back_to_the_packet():
    stream = Continuity(65_530, 0)
    stream.switch("a", Newest(100, 0), 0)
    stream.close(Newest(110, 0))
    stream.switch("b", Newest(40_000, 0), 1)
    segment, number = stream.origin(65_535, 40_020)
    assert (segment.source, number) == ("a", 105)
    segment, number = stream.origin((65_530 + 11 + 20) & 0xFFFF, 40_020)
    assert (segment.source, number) == ("b", 40_020)
    assert stream.origin((65_530 + 11 + 21) & 0xFFFF, 40_020) is None


def test_a_long_segment_still_answers_for_its_newest_packets():
    stream = Continuity(1024, 0)
    stream.switch("a", Newest(5, 0), 0)
    highest = 5 + 200_000
    _segment, number = stream.origin((1024 + 200_000 - 3) & 0xFFFF, highest)
    assert number == highest - 3


def test_sound_that_pauses_keeps_its_clock():
    stream = Continuity(1024, 50)
    first = stream.switch("mic", Newest(1, 960), 0)
    stream.close(Newest(5, 4800))
    again = stream.switch("mic", Newest(90, 96_000), None)
    assert again.timestamp_shift == first.timestamp_shift
    assert (90 + again.sequence_shift) & 0xFFFF == 1029


# Payloads


def test_vp8_numbers_are_found_and_shifted():
    body = bytes([0x90, 0xE0, 0x81, 0x05, 0x20, 0x60, 0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A])
    body += struct.pack("<HH", 640, 360)
    found = payload.picture("VP8", body)
    assert (found.picture, found.wide, found.base) == (0x105, True, 0x20)
    assert payload.starts_key_frame("VP8", body)
    assert payload.height("VP8", body) == 360
    buffer = bytearray(b"head" + body)
    payload.renumber(buffer, 4, found, 3, 250)
    again = payload.picture("VP8", bytes(buffer[4:]))
    assert (again.picture, again.base) == (0x108, (0x20 + 250) & 0xFF)
    assert buffer[4 + 5 :] == body[5:]


@pytest.mark.parametrize("codec", ["VP8", "VP9", "H264", "AV1"])
@given(body=st.binary(max_size=30))
def test_no_payload_breaks_the_readers(codec, body):
    payload.starts_key_frame(codec, body)
    found = payload.picture(codec, body)
    buffer = bytearray(body)
    payload.renumber(buffer, 0, found, 5, 5)
    payload.height(codec, body)
    assert len(buffer) == len(body)


def test_key_frames_of_h264():
    assert payload.starts_key_frame("H264", bytes([0x78, 0, 2, 0x67, 1, 0, 1, 0x68]))
    assert payload.starts_key_frame("H264", bytes([0x7C, 0x85, 1]))
    assert not payload.starts_key_frame("H264", bytes([0x7C, 0x05, 1]))
    assert not payload.starts_key_frame("H264", bytes([0x61, 1]))


# Loss


def test_missing_packets_are_asked_for_again_and_given_up():
    missing = Missing(wanted=True)
    missing.arrived(10, 0.0)
    missing.arrived(13, 0.0)
    assert missing.to_ask(0.0) == []
    assert list(missing.to_ask(0.01)) == [11, 12]
    assert missing.arrived(11, 0.02)
    assert list(missing.to_ask(0.01 + RETRY_AFTER)) == [12]
    now = 0.1
    for _ in range(TRIES + 1):
        now += RETRY_AFTER
        missing.to_ask(now)
    assert missing.gave_up
    # A key frame is asked for now; the packet is still wanted, for a while.
    missing.gave_up = False
    for _ in range(LAST_TRIES - TRIES - 1):
        assert list(missing.to_ask(now)) == []
        now += LAST_RETRY_AFTER
        assert list(missing.to_ask(now)) == [12]
    assert missing.to_ask(now + 1) == []
    assert not missing.gave_up


def test_a_packet_counts_once():
    missing = Missing(wanted=False)
    assert missing.arrived(65_535, 0)
    assert missing.arrived(0, 0)
    assert not missing.arrived(65_535, 0)
    assert not missing.arrived(0, 0)
    assert (missing.received, missing.expected, missing.highest) == (2, 2, 65_536)


def test_the_ring_forgets_what_is_old():
    ring = Ring(8)
    for number in range(20):
        ring.add(packet(number))
    assert ring.find(11) is None
    assert ring.find(12).sequence == 12
    assert ring.find(13 + 8) is None


# Bandwidth


def test_loss_lowers_the_estimate_and_its_absence_raises_it():
    estimate = Estimate(0.0)
    estimate.told(20_000_000, 0.0)
    estimate.sent(250_000, 200)
    estimate.tick(1.0)
    before = estimate.send_rate
    estimate.reported(0.3, 1.0)
    lower = estimate.bitrate
    assert lower < before
    for second in range(2, 6):
        estimate.sent(int(lower / 8), 100)
        estimate.tick(float(second))
        estimate.reported(0.0, float(second))
    assert estimate.bitrate > lower


def test_a_remb_caps_and_lapses():
    estimate = Estimate(0.0)
    estimate.told(300_000, 1.0)
    assert estimate.bitrate == 300_000
    estimate.tick(1.0 + bandwidth.REMB_LIFE + 0.1)
    assert estimate.bitrate == bandwidth.START


def test_many_nacks_lower_before_any_report():
    estimate = Estimate(0.0)
    for window in (1.0, 2.0):
        # One window may be chance.
        assert estimate.bitrate > 500_000
        estimate.sent(125_000, 100)
        estimate.nacked(65)
        estimate.tick(window)
    assert estimate.bitrate < 500_000


def test_jitter_alone_is_no_narrow_line():
    estimate = Estimate(0.0)
    for number in range(1, 8):
        # Packets that overtake each other are asked for again.
        estimate.sent(125_000, 100)
        estimate.nacked(40)
        estimate.tick(float(number))
    assert estimate.bitrate > 1_000_000


def test_what_goes_through_without_complaint_is_carried_whatever_a_first_remb_says():
    estimate = Estimate(0.0)
    estimate.told(150_000, 0.1)
    for number in range(1, 4):
        estimate.sent(125_000, 100)
        estimate.tick(float(number))
    assert estimate.bitrate > 1_000_000


def test_loss_is_reckoned_over_all_streams_and_a_while():
    losses = bandwidth.Losses()

    def report(ssrc, highest, lost, fraction=0):
        return rtcp.Report(ssrc, fraction, lost, highest, 0, 0, 0)

    assert losses.reported(report(1, 1000, 0), -9.0) == 0.0
    assert losses.reported(report(2, 1000, 0), -9.0) == 0.0
    # Three of ten: one stream's bad second is no bad line.
    assert losses.reported(report(1, 1010, 3), 1.0) == 0.3
    assert losses.reported(report(2, 1050, 0), 1.0) == 0.05
    assert losses.reported(report(1, 1020, 3), 1.0 + bandwidth.LOSS_WINDOW + 0.1) == 0.0
    assert losses.reported(report(3, 9, 0, 128), 9.0) == 0.5


def test_whoever_comes_is_shown_on_a_line_that_has_not_complained():
    newcomer = Wish([300_000], [180])
    assert choose_layers([LAYERS, newcomer], [0, -1], 150_000) == [0, -1]
    assert choose_layers([LAYERS, newcomer], [0, -1], 150_000, lowest=math.inf) == [0, 0]


def test_a_remb_that_jitters_gives_up_no_picture_and_lost_packets_do():
    shown = [Wish([100_000], [180])] * 3
    estimate = Estimate(0.0)
    estimate.sent(37_500, 100)
    estimate.tick(1.0)
    for number, remb in enumerate((260_000, 250_000, 240_000)):
        estimate.told(remb, 1.0 + number / 10)
    lowest = estimate.last_resort
    assert choose_layers(shown, [0, 0, 0], estimate.bitrate, lowest=lowest) == [0, 0, 0]
    estimate.reported(0.5, 2.0)
    lowest = estimate.last_resort
    assert choose_layers(shown, [0, 0, 0], estimate.bitrate, lowest=lowest) == [0, -1, -1]


def test_a_line_that_loses_some_at_any_rate_keeps_its_pictures():
    shown = [Wish([100_000], [180])] * 2
    estimate = Estimate(0.0)
    for second in range(1, 60):
        estimate.sent(35_000, 100)
        estimate.nacked(30)
        estimate.tick(float(second))
        # As reported on a line with 5 % of loss and 50 ms of jitter.
        estimate.reported(0.05 + second % 5 * 0.03, float(second))
        lowest = estimate.last_resort
        assert choose_layers(shown, [0, 0], estimate.bitrate, lowest=lowest) == [0, 0]
    estimate.reported(0.6, 60.0)
    lowest = estimate.last_resort
    assert choose_layers(shown, [0, 0], estimate.bitrate, lowest=lowest) == [0, -1]


LAYERS = Wish([100_000, 300_000, 900_000], [180, 360, 720])


@pytest.mark.parametrize(
    ("budget", "chosen"), [(50_000, 0), (200_000, 0), (340_000, 1), (600_000, 1), (1_200_000, 2)]
)
def test_the_layer_fits_the_line(budget, chosen):
    assert choose_layers([LAYERS], [-1], budget) == [chosen]


def test_a_choice_does_not_flicker():
    assert choose_layers([LAYERS], [1], 310_000) == [1]
    assert choose_layers([LAYERS], [0], 310_000) == [0]


def test_the_layer_fits_the_size_and_the_load():
    assert choose_layers([Wish(LAYERS.bitrates, LAYERS.heights, 200)], [-1], 9e6) == [1]
    assert choose_layers([Wish(LAYERS.bitrates, LAYERS.heights, 0)], [-1], 9e6) == [-1]
    assert choose_layers([LAYERS], [-1], 9e6, pressure=1) == [1]
    assert choose_layers([LAYERS], [-1], 9e6, pressure=5) == [0]


def test_everybody_gets_the_low_layer_before_anybody_the_high_one():
    assert choose_layers([LAYERS] * 3, [-1] * 3, 600_000) == [1, 0, 0]


# Levels


def test_only_the_loudest_are_forwarded_and_the_order_is_calm():
    levels = Levels(2)
    for step in range(50):
        for name, level in (("a", 20), ("b", 30), ("c", 80)):
            levels.heard(name, level, step * 0.02)
    assert levels.forwarded(1.0) == {"a", "b"}
    assert [name for name, _ in levels.speakers(1.0)] == ["a", "b"]
    for step in range(50, 200):
        levels.heard("c", 28, step * 0.02)
        levels.heard("b", 30, step * 0.02)
        levels.heard("a", 20, step * 0.02)
    assert levels.forwarded(4.0) == {"a", "b"}
    for step in range(200, 400):
        levels.heard("c", 10, step * 0.02)
        levels.heard("a", 20, step * 0.02)
    assert levels.forwarded(8.0) == {"a", "c"}
    levels.forget("c")
    assert levels.forwarded(8.0) == {"a", "b"}


# Descriptions


@given(st.text(max_size=300))
def test_any_text_is_a_description_or_refused(text):
    with pytest.raises(Refused):
        description.parse("v=0\r\n" + text)


@given(st.data())
def test_a_damaged_description_is_read_or_refused(data):
    chance = data.draw(st.randoms(use_true_random=False))
    lines = OFFER.splitlines()
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(lines))
        lines[at] = lines[at][: chance.randint(0, len(lines[at]))] + chance.choice(["", "9", " x"])
    try:
        path = "sdp" if description.parse("\r\n".join(lines)).fingerprints else None
    except Refused as refused:
        path = refused.data["path"]
    assert path == "sdp"


OFFER = """v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=fingerprint:sha-256 AA:BB
a=setup:actpass
a=mid:0
a=sendonly
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
m=video 9 UDP/TLS/RTP/SAVPF 96 97 100
c=IN IP4 0.0.0.0
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=fingerprint:sha-256 AA:BB
a=setup:actpass
a=mid:1
a=sendonly
a=rtcp-mux
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:100 red/90000
a=rid:q send
a=rid:f send
a=simulcast:send q;f
"""


def test_a_simulcast_offer_is_understood():
    offer = description.parse(OFFER)
    sound, picture = offer.sections
    assert picture.rids == ("q", "f")
    assert [(each.name, each.retransmission) for each in picture.codecs] == [("VP8", 97)]
    assert sound.extensions == {description.LEVEL: 1}
    assert description.sources(offer, {}) == {"0": "audio", "1": "video"}
    assert description.sources(offer, {"1": "screen"}) == {"0": "audio", "1": "screen"}
    with pytest.raises(Refused, match="cannot carry"):
        description.sources(offer, {"0": "screen"})


# Placement and servers


def test_a_sessions_rooms_share_its_worker():
    assert placement("room/ux.3") == placement("session/ux")
    assert placement("chat/fair.ana.1") == "chat/fair.ana.1"


def test_turn_credentials_are_what_coturn_computes():
    servers = IceServers(turn=("turn:t.example:3478",), secret="north", life=60)
    (server,) = servers.for_person("ana", now=1000)
    assert server["username"] == "1060:ana"
    # echo -n "1060:ana" | openssl dgst -sha1 -hmac north -binary | base64
    assert server["credential"] == "ZlBtu3ANZIDvLx825gx3kT4bYo4="


def test_shuffled_packets_lose_nothing_within_the_window():
    order = list(range(200))
    chance = random.Random(4)
    shuffled = sorted(order, key=lambda number: number + chance.random() * 20)
    missing = Missing(wanted=True)
    shuffled.remove(0)
    missing.arrived(0, 0.0)
    assert all(missing.arrived(number, 0.0) for number in shuffled)
    assert missing.received == missing.expected == 200
