"""RTCP: reading what clients send, writing what a forwarder sends.

Sources: RFC 3550 (SR, RR, SDES, BYE), RFC 4585 (NACK, PLI), RFC 5104 (FIR),
draft-alvestrand-rmcat-remb (REMB).
"""

import struct
from collections.abc import Iterable, Iterator, Sequence

import attrs

SENDER_REPORT, RECEIVER_REPORT, DESCRIPTION, GOODBYE = 200, 201, 202, 203
TRANSPORT_FEEDBACK, PAYLOAD_FEEDBACK = 205, 206
NACK_FORMAT, TWCC_FORMAT = 1, 15
PLI_FORMAT, FIR_FORMAT, APPLICATION_FORMAT = 1, 4, 15

LOST_LIMIT = 17 * 64
"""Sequence numbers taken from one NACK packet; more than any honest receiver asks for at once."""

_HEAD = struct.Struct("!BBH")
_REPORT = struct.Struct("!LLLLLL")
_SENDER = struct.Struct("!LQLLL")
_PAIR = struct.Struct("!LL")
_NTP_EPOCH = 2_208_988_800


@attrs.frozen
class Report:
    """One receiver's view of one stream.

    :param fraction_lost: 0 to 255, of 256, since the report before.
    :param last_report: middle 32 bits of the NTP time of the last sender report; 0 for none.
    :param delay: since that report, in 1/65536 s.
    """

    ssrc: int
    fraction_lost: int
    lost: int
    highest: int
    jitter: int
    last_report: int
    delay: int


@attrs.frozen
class SenderReport:
    """A sender's clocks, at one instant.

    :param ntp: wall clock as 32.32 fixed point since 1900.
    :param timestamp: the same instant in the stream's ticks.
    """

    ssrc: int
    ntp: int
    timestamp: int
    packets: int
    octets: int
    reports: tuple[Report, ...] = ()


@attrs.frozen
class ReceiverReport:
    """Reports of somebody who sends nothing."""

    ssrc: int
    reports: tuple[Report, ...]


@attrs.frozen
class Nack:
    """Packets that somebody misses."""

    ssrc: int
    lost: tuple[int, ...]


@attrs.frozen
class KeyFrameRequest:
    """A picture loss indication, or a full intra request."""

    ssrc: int


@attrs.frozen
class BandwidthEstimate:
    """A receiver's estimated maximum bitrate, in bit/s."""

    bitrate: int
    ssrcs: tuple[int, ...]


@attrs.frozen
class Goodbye:
    """Streams that end."""

    ssrcs: tuple[int, ...]


Message = SenderReport | ReceiverReport | Nack | KeyFrameRequest | BandwidthEstimate | Goodbye


def parse(data: bytes) -> list[Message]:
    """Read a compound packet, leaving out what is malformed or of no use here.

    One bad part spoils nothing but itself, as long as its length can be trusted.
    """
    found: list[Message] = []
    for kind, count, body in _parts(data):
        try:
            found += _read(kind, count, body)
        except (struct.error, IndexError, OverflowError):
            continue
    return found


def _parts(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        first, kind, words = _HEAD.unpack_from(data, at)
        end = at + 4 + 4 * words
        if first >> 6 != 2 or end > len(data):  # noqa: PLR2004  RTP version 2
            return
        body_end = end
        if first & 0x20 and words:
            body_end = max(at + 4, end - data[end - 1])
        yield kind, first & 0x1F, data[at + 4 : body_end]
        at = end


def _read(kind: int, count: int, body: bytes) -> Iterable[Message]:
    if kind == SENDER_REPORT:
        ssrc, ntp, timestamp, packets, octets = _SENDER.unpack_from(body)
        reports = _reports(body, _SENDER.size, count)
        return [SenderReport(ssrc, ntp, timestamp, packets, octets, reports)]
    if kind == RECEIVER_REPORT:
        (ssrc,) = struct.unpack_from("!L", body)
        return [ReceiverReport(ssrc, _reports(body, 4, count))]
    if kind == GOODBYE:
        return [Goodbye(struct.unpack_from(f"!{count}L", body))]
    if kind == TRANSPORT_FEEDBACK and count == NACK_FORMAT:
        return [_nack(body)]
    if kind == PAYLOAD_FEEDBACK:
        return _payload_feedback(count, body)
    return []


def _reports(body: bytes, start: int, count: int) -> tuple[Report, ...]:
    found = []
    for index in range(count):
        ssrc, loss, highest, jitter, last, delay = _REPORT.unpack_from(body, start + 24 * index)
        lost = loss & 0xFFFFFF
        lost -= (lost & 0x800000) << 1
        found.append(Report(ssrc, loss >> 24, lost, highest, jitter, last, delay))
    return tuple(found)


def _nack(body: bytes) -> Nack:
    _, ssrc = _PAIR.unpack_from(body)
    lost: list[int] = []
    for at in range(8, len(body) - 3, 4):
        first, mask = struct.unpack_from("!HH", body, at)
        lost.append(first)
        lost += [first + bit + 1 & 0xFFFF for bit in range(16) if mask >> bit & 1]
        if len(lost) >= LOST_LIMIT:
            break
    return Nack(ssrc, tuple(lost))


def _payload_feedback(form: int, body: bytes) -> list[Message]:
    _, ssrc = _PAIR.unpack_from(body)
    if form == PLI_FORMAT:
        return [KeyFrameRequest(ssrc)]
    if form == FIR_FORMAT:
        return [
            KeyFrameRequest(struct.unpack_from("!L", body, at)[0])
            for at in range(8, len(body) - 7, 8)
        ]
    if form == APPLICATION_FORMAT and body[8:12] == b"REMB":
        exponent, mantissa = body[13] >> 2, (body[13] & 3) << 16 | body[14] << 8 | body[15]
        count = min(body[12], (len(body) - 16) // 4)
        return [BandwidthEstimate(mantissa << exponent, struct.unpack_from(f"!{count}L", body, 16))]
    return []


def _part(kind: int, count: int, body: bytes) -> bytes:
    return _HEAD.pack(0x80 | count, kind, len(body) // 4) + body


def pack_sender_report(report: SenderReport, cname: str) -> bytes:
    """Write a sender report and the source description that must accompany it."""
    body = _SENDER.pack(
        report.ssrc,
        report.ntp,
        report.timestamp,
        report.packets & 0xFFFFFFFF,
        report.octets & 0xFFFFFFFF,
    )
    return _part(SENDER_REPORT, 0, body) + pack_description(report.ssrc, cname)


def pack_description(ssrc: int, cname: str) -> bytes:
    """Write a source description with one canonical name of at most 255 bytes."""
    name = cname.encode()[:255]
    item = struct.pack("!LBB", ssrc, 1, len(name)) + name
    return _part(DESCRIPTION, 1, item + bytes(4 - len(item) % 4))


def pack_receiver_report(ssrc: int, reports: Sequence[Report]) -> bytes:
    """Write a receiver report of at most 31 streams."""
    body = struct.pack("!L", ssrc)
    for report in reports[:31]:
        lost = max(-0x800000, min(0x7FFFFF, report.lost)) & 0xFFFFFF
        body += _REPORT.pack(
            report.ssrc,
            report.fraction_lost << 24 | lost,
            report.highest & 0xFFFFFFFF,
            report.jitter & 0xFFFFFFFF,
            report.last_report,
            report.delay & 0xFFFFFFFF,
        )
    return _part(RECEIVER_REPORT, min(31, len(reports)), body)


def pack_nack(sender: int, ssrc: int, lost: Sequence[int]) -> bytes:
    """Ask for packets again.

    :param lost: 16-bit numbers in ascending order of the stream.
    """
    pairs: list[list[int]] = []
    for number in lost:
        ahead = number - pairs[-1][0] & 0xFFFF if pairs else 0
        if pairs and 0 < ahead <= 16:  # noqa: PLR2004  bits of the mask
            pairs[-1][1] |= 1 << ahead - 1
        else:
            pairs.append([number, 0])
    body = _PAIR.pack(sender, ssrc) + b"".join(struct.pack("!HH", *pair) for pair in pairs)
    return _part(TRANSPORT_FEEDBACK, NACK_FORMAT, body)


def pack_key_frame_request(sender: int, ssrc: int) -> bytes:
    """Ask for a key frame with a picture loss indication."""
    return _part(PAYLOAD_FEEDBACK, PLI_FORMAT, _PAIR.pack(sender, ssrc))


def pack_bandwidth_estimate(sender: int, bitrate: int, ssrcs: Sequence[int]) -> bytes:
    """Tell a sender how many bit/s are welcome."""
    exponent = max(0, bitrate.bit_length() - 18)
    mantissa = bitrate >> exponent
    numbers = bytes([len(ssrcs), exponent << 2 | mantissa >> 16, mantissa >> 8 & 0xFF])
    body = _PAIR.pack(sender, 0) + b"REMB" + numbers + bytes([mantissa & 0xFF])
    return _part(
        PAYLOAD_FEEDBACK, APPLICATION_FORMAT, body + struct.pack(f"!{len(ssrcs)}L", *ssrcs)
    )


def ntp_time(seconds: float) -> int:
    """Return Unix seconds as 32.32 fixed point since 1900."""
    return int((seconds + _NTP_EPOCH) * (1 << 32)) & 0xFFFFFFFFFFFFFFFF


def round_trip(report: Report, ntp: int) -> float | None:
    """Return the round trip, in seconds, that a report tells of (RFC 3550, section 6.4.1).

    :param ntp: when it arrived, by the clock that wrote the sender reports.
    """
    if not report.last_report:
        return None
    ticks = (ntp >> 16) - report.delay - report.last_report & 0xFFFFFFFF
    return ticks / 65536 if ticks < 1 << 31 else None
