"""RTP packets: reading headers, writing header templates (RFC 3550, RFC 8285, RFC 4588)."""

import struct

import attrs

MAXIMUM_DATAGRAM = 1500
"""Bytes of the largest datagram taken from anybody; what libsrtp's callers must never exceed."""

HEADER = struct.Struct("!BBHLL")
_EXTENSION = struct.Struct("!HH")
ONE_BYTE_PROFILE = 0xBEDE
TWO_BYTE_PROFILE = 0x1000
_VERSION_MASK = 0xC0
_VERSION = 0x80
_STOP = 15

RTCP_FIRST, RTCP_LAST = 192, 223
"""Second bytes that mean RTCP when multiplexed with RTP (RFC 5761)."""


class Malformed(ValueError):  # noqa: N818  said of the packet
    """These bytes are not what they should be."""


@attrs.define
class Packet:
    """One RTP packet whose payload may be forwarded.

    :param sequence: 16 bits, as sent.
    :param timestamp: 32 bits, in ticks of the codec's clock.
    :param extensions: header extension elements by id.
    """

    sequence: int
    timestamp: int
    ssrc: int
    payload_type: int
    marker: bool
    payload: bytes
    extensions: dict[int, bytes]


def is_rtcp(second_byte: int) -> bool:
    """Tell RTCP from RTP by a datagram's second byte."""
    return RTCP_FIRST <= second_byte <= RTCP_LAST


def parse(data: bytes | bytearray | memoryview, length: int | None = None) -> Packet:
    """Read a decrypted RTP packet.

    :param length: bytes of ``data`` that belong to the packet; all of them when None.
    :raises Malformed: a length inside does not fit, or the version is not 2.
    """
    end = len(data) if length is None else length
    if end < HEADER.size:
        raise Malformed("shorter than an RTP header")
    first, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
    if first & _VERSION_MASK != _VERSION:
        raise Malformed("not RTP version 2")
    start = HEADER.size + 4 * (first & 0x0F)
    extensions: dict[int, bytes] = {}
    if first & 0x10:
        if start + _EXTENSION.size > end:
            raise Malformed("header extension runs past the packet")
        profile, words = _EXTENSION.unpack_from(data, start)
        start += _EXTENSION.size
        if start + 4 * words > end:
            raise Malformed("header extension runs past the packet")
        block = bytes(data[start : start + 4 * words])
        if profile == ONE_BYTE_PROFILE:
            extensions = _one_byte(block)
        elif profile & 0xFFF0 == TWO_BYTE_PROFILE:
            extensions = _two_byte(block)
        start += 4 * words
    if start > end:
        raise Malformed("contributing sources run past the packet")
    if first & 0x20:
        end = _without_padding(data, start, end)
    payload = bytes(data[start:end])
    marker = second > 127  # noqa: PLR2004  the top bit
    return Packet(sequence, timestamp, ssrc, second & 0x7F, marker, payload, extensions)


def _without_padding(data: bytes | bytearray | memoryview, start: int, end: int) -> int:
    padding = data[end - 1]
    if not 0 < padding <= end - start:
        raise Malformed("padding longer than the payload")
    return end - padding


def _one_byte(block: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at, size = 0, len(block)
    while at < size:
        head = block[at]
        if head == 0:
            at += 1
            continue
        identity = head >> 4
        if identity == _STOP:
            break
        end = at + 2 + (head & 0x0F)
        if end > size:
            raise Malformed("extension element runs past its block")
        found[identity] = block[at + 1 : end]
        at = end
    return found


def _two_byte(block: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at, size = 0, len(block)
    while at < size:
        if block[at] == 0:
            at += 1
            continue
        if at + 2 > size or at + 2 + block[at + 1] > size:
            raise Malformed("extension element runs past its block")
        end = at + 2 + block[at + 1]
        found[block[at]] = block[at + 2 : end]
        at = end
    return found


def pack_extensions(elements: dict[int, bytes]) -> bytes:
    """Write a one-byte-header extension block; empty for no elements.

    :param elements: 1 to 16 bytes for each id from 1 to 14.
    """
    if not elements:
        return b""
    body = b"".join(
        bytes([identity << 4 | len(value) - 1]) + value for identity, value in elements.items()
    )
    body += bytes(-len(body) % 4)
    return _EXTENSION.pack(ONE_BYTE_PROFILE, len(body) // 4) + body


def serialize(packet: Packet) -> bytes:
    """Write a whole packet."""
    extension = pack_extensions(packet.extensions)
    second = packet.payload_type | (0x80 if packet.marker else 0)
    first = 0x90 if extension else 0x80
    head = HEADER.pack(first, second, packet.sequence, packet.timestamp, packet.ssrc)
    return head + extension + packet.payload


def unwrap_retransmission(packet: Packet, payload_type: int, ssrc: int) -> Packet:
    """Return the original of a packet that came on an RTX stream (RFC 4588, section 4).

    :raises Malformed: there is no original sequence number in it.
    """
    if len(packet.payload) < 2:  # noqa: PLR2004  the number's two bytes
        raise Malformed("retransmission without a sequence number")
    original = int.from_bytes(packet.payload[:2], "big")
    return Packet(
        original,
        packet.timestamp,
        ssrc,
        payload_type,
        packet.marker,
        packet.payload[2:],
        packet.extensions,
    )


def distance(newer: int, older: int) -> int:
    """Return how far one 16-bit number is ahead of another, from -32768 to 32767."""
    return ((newer - older + 0x8000) & 0xFFFF) - 0x8000


def tick_distance(newer: int, older: int) -> int:
    """Return how far one 32-bit timestamp is ahead of another."""
    return ((newer - older + 0x80000000) & 0xFFFFFFFF) - 0x80000000


def absolute_send_time(now: float) -> bytes:
    """Write the 24-bit abs-send-time: seconds as 6.18 fixed point.

    :param now: seconds on a steady clock.
    """
    return (int(now * (1 << 18)) & 0xFFFFFF).to_bytes(3, "big")
