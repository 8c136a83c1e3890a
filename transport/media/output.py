"""One stream to one viewer: what an m-line of a subscribe connection carries now.

:func:`fan_out` is the place where the forwarding unit spends its time. A packet is written once as
a template; for each viewer the template is copied, four numbers are put in, and libsrtp encrypts in
place.
"""

import secrets
import struct
from collections import Counter, OrderedDict
from collections.abc import Sequence

import attrs

from transport.media import negotiation, payload, rtcp, rtp
from transport.media.continuity import (
    FIRST_SEQUENCE_HIGH,
    FIRST_SEQUENCE_LOW,
    Continuity,
    Newest,
)
from transport.media.description import Codec
from transport.media.negotiation import LEVEL_NUMBER, SEND_TIME_NUMBER, Line
from transport.media.peer import Peer
from transport.media.rtp import Packet
from transport.media.srtp import TRAILER, Buffer, protect_at
from transport.media.track import Layer, Track

RESEND_PAUSE = 0.02
"""Seconds in which one packet is not sent again twice."""

RESENT_KEPT = 256

_NUMBERS = struct.Struct("!xBHLL")
_HEADER = 12


def _first_sequence() -> int:
    return FIRST_SEQUENCE_LOW + secrets.randbelow(FIRST_SEQUENCE_HIGH - FIRST_SEQUENCE_LOW)


@attrs.define(eq=False)
class Output:
    """One m-line to one viewer.

    :param taken: codecs of the viewer's answer; nothing is sent before it.
    :param track: what is shown; None for an idle line.
    :param layer: the layer that flows through it.
    :param target: the layer it waits for a key frame of.
    """

    line: Line
    peer: Peer
    counters: Counter[str]
    taken: tuple[Codec, ...] = ()
    track: Track | None = None
    layer: Layer | None = None
    target: Layer | None = None
    payload_type: int = 0
    repair_type: int | None = None
    sequence_shift: int = 0
    timestamp_shift: int = 0
    picture_shift: int = 0
    base_shift: int = 0
    first_in: int = 0
    packets: int = 0
    octets: int = 0
    resent: int = 0
    asked: int = 0
    loss: float = 0.0
    continuity: Continuity[Layer] = attrs.field(
        factory=lambda: Continuity(_first_sequence(), secrets.randbits(32))
    )
    _repair_sequence: int = attrs.field(factory=_first_sequence)
    _resent_at: OrderedDict[int, float] = attrs.field(factory=OrderedDict)
    _paused_at: float = 0.0
    _reported: tuple[int, float] | None = None

    def show(self, track: Track | None) -> bool:
        """Show another track, or none; True if that is a change."""
        if track is self.track:
            return False
        self.pause()
        self.track = track
        if track is not None:
            self.want(track.layers[0])
        return True

    def want(self, layer: Layer) -> None:
        """Pass to a layer as soon as it can be begun with."""
        if layer is self.target or (layer is self.layer and self.target is None):
            return
        self._unwait()
        if layer is not self.layer:
            self.target = layer
            layer.waiting.append(self)

    def pause(self) -> None:
        """Send nothing more until the next :meth:`want`, at once."""
        self._unwait()
        layer = self.layer
        if layer is not None:
            layer.active.remove(self)
            self.continuity.close(layer.newest)
            self._paused_at = layer.newest_at
            self.layer = None

    def _unwait(self) -> None:
        if self.target is not None:
            if self in self.target.waiting:
                self.target.waiting.remove(self)
            self.target = None

    def begin(self, layer: Layer, packet: Packet, sequence: int, now: float) -> bool:
        """Begin with a layer's packet, if the viewer can decode it."""
        codec = negotiation.match(layer.codec, self.taken) if layer.codec else None
        if codec is None or not self.peer.is_connected:
            return False
        self.pause()
        self.track = layer.track
        numbers = payload.picture(codec.name, packet.payload)
        segment = self.continuity.switch(
            layer,
            Newest(sequence, packet.timestamp, numbers),
            self._ticks(layer, packet, now),
        )
        self.layer = layer
        self.payload_type, self.repair_type = codec.payload_type, codec.retransmission
        self.first_in = sequence
        self.sequence_shift = segment.sequence_shift
        self.timestamp_shift = segment.timestamp_shift
        self.picture_shift, self.base_shift = segment.picture_shift, segment.base_shift
        layer.active.append(self)
        return True

    def _ticks(self, layer: Layer, packet: Packet, now: float) -> int | None:
        last = self.continuity.last
        if last is None or layer.codec is None:
            return 0
        old = last.source
        if old is layer:
            return None
        clock = layer.codec.clock
        if old.track is layer.track and old.clocks is not None and layer.clocks is not None:
            sent = (self.continuity.timestamp - last.timestamp_shift) & 0xFFFFFFFF
            before = old.clocks.ntp / 2**32 + rtp.tick_distance(sent, old.clocks.timestamp) / clock
            after = layer.clocks.ntp / 2**32 + (
                rtp.tick_distance(packet.timestamp, layer.clocks.timestamp) / clock
            )
            if abs(after - before) < 1.0:
                return int((after - before) * clock)
        return int((now - self._paused_at) * clock)

    # Feedback of the viewer

    def resend(self, lost: Sequence[int], now: float) -> int:
        """Answer a NACK on the RTX stream; return the octets sent."""
        octets = 0
        self.asked += len(lost)
        for number in lost:
            if now - self._resent_at.get(number, float("-inf")) < RESEND_PAUSE:
                continue
            found = self.continuity.origin(number, self.layer.newest.sequence if self.layer else 0)
            if found is None:
                continue
            segment, sequence = found
            ring = segment.source.ring
            packet = ring.find(sequence & 0xFFFF) if ring is not None else None
            if packet is None or self.repair_type is None:
                continue
            self._resent_at[number] = now
            if len(self._resent_at) > RESENT_KEPT:
                self._resent_at.popitem(last=False)
            body = bytearray(packet.payload)
            if segment.source.codec is not None:
                numbers = payload.picture(segment.source.codec.name, packet.payload)
                payload.renumber(body, 0, numbers, segment.picture_shift, segment.base_shift)
            timestamp = (packet.timestamp + segment.timestamp_shift) & 0xFFFFFFFF
            octets += self._repair(number, timestamp, packet.marker, bytes(body), now)
        return octets

    def pad(self, octets: int, now: float) -> int:
        """Send the newest packets once more on the RTX stream, to fill the line; return octets."""
        layer, sent = self.layer, 0
        if layer is None or layer.ring is None or self.repair_type is None:
            return 0
        sequence = layer.newest.sequence
        while sent < octets and sequence > max(self.first_in, layer.newest.sequence - 50):
            packet = layer.ring.find(sequence & 0xFFFF)
            if packet is not None:
                body = bytearray(packet.payload)
                payload.renumber(
                    body,
                    0,
                    payload.picture(layer.codec.name if layer.codec else "", packet.payload),
                    self.picture_shift,
                    self.base_shift,
                )
                number = (sequence + self.sequence_shift) & 0xFFFF
                timestamp = (packet.timestamp + self.timestamp_shift) & 0xFFFFFFFF
                sent += self._repair(number, timestamp, packet.marker, bytes(body), now)
            sequence -= 1
        return sent

    def _repair(self, number: int, timestamp: int, marker: bool, body: bytes, now: float) -> int:
        if self.line.repair is None or self.repair_type is None:
            return 0
        self._repair_sequence = (self._repair_sequence + 1) & 0xFFFF
        packet = Packet(
            self._repair_sequence,
            timestamp,
            self.line.repair,
            self.repair_type,
            marker,
            number.to_bytes(2, "big") + body,
            {SEND_TIME_NUMBER: rtp.absolute_send_time(now)},
        )
        self.peer.send(rtp.serialize(packet))
        self.resent += 1
        return len(body) + 22

    def sender_report(self, now: float, cname: str) -> bytes:
        """Pass on the publisher's clocks in this stream's numbers; empty while unknown."""
        layer = self.layer
        if layer is None or layer.clocks is None or layer.codec is None:
            return b""
        passed = now - layer.clocks_at
        ntp = (layer.clocks.ntp + int(passed * 2**32)) & 0xFFFFFFFFFFFFFFFF
        ticks = layer.clocks.timestamp + int(passed * layer.codec.clock) + self.timestamp_shift
        self._reported = ntp, now
        report = rtcp.SenderReport(
            self.line.ssrc, ntp, ticks & 0xFFFFFFFF, self.packets, self.octets
        )
        return rtcp.pack_sender_report(report, cname)

    def round_trip(self, report: rtcp.Report, now: float) -> float | None:
        """Return the round trip a viewer's report tells of, in seconds."""
        if self._reported is None:
            return None
        ntp, at = self._reported
        trip = rtcp.round_trip(report, ntp + int((now - at) * 2**32))
        return trip if trip is not None and trip < 10 else None  # noqa: PLR2004  a stale report


def extension(layer: Layer, now: float) -> bytes:
    """Return the header extensions every viewer gets with a packet."""
    elements = {SEND_TIME_NUMBER: rtp.absolute_send_time(now)}
    if layer.level is not None:
        elements[LEVEL_NUMBER] = bytes([layer.level])
    return rtp.pack_extensions(elements)


def fan_out(layer: Layer, packet: Packet, sequence: int, now: float, scratch: Buffer) -> None:
    """Send a packet to everybody a layer flows to, and begin with those who can begin here.

    :param sequence: the packet's extended number.
    :param scratch: where packets are put together.
    """
    if layer.waiting:
        _begin(layer, packet, sequence, now)
    if not layer.active:
        return
    head = extension(layer, now)
    whole = rtp.template(packet, head)
    size = len(whole)
    if size + TRAILER > len(scratch.data):
        return
    start = size - len(packet.payload)
    late = sequence < layer.newest.sequence
    codec = layer.codec.name if layer.codec is not None else ""
    numbers = payload.picture(codec, packet.payload) if codec in ("VP8", "VP9") else None
    data, view, pointer, length = scratch.data, scratch.view, scratch.pointer, scratch.length
    marker = 0x80 if packet.marker else 0
    source_sequence, source_timestamp = packet.sequence, packet.timestamp
    put, protect = _NUMBERS.pack_into, protect_at
    for output in layer.active:
        if late and sequence < output.first_in:
            continue
        view[:size] = whole
        put(
            data,
            0,
            output.payload_type | marker,
            source_sequence + output.sequence_shift & 0xFFFF,
            source_timestamp + output.timestamp_shift & 0xFFFFFFFF,
            output.line.ssrc,
        )
        data[0] = whole[0]
        if numbers is not None and (output.picture_shift or output.base_shift):
            payload.renumber(data, start, numbers, output.picture_shift, output.base_shift)
        peer = output.peer
        length[0] = size
        if peer.outbound is None or protect(peer.outbound, pointer, length):
            output.counters["dropped_protect"] += 1
            continue
        try:
            peer.sendto(view[: length[0]], peer.address)  # type: ignore[misc,arg-type]
        except OSError:
            output.counters["dropped_send"] += 1
            continue
        output.packets += 1
        output.octets += size - _HEADER


def _begin(layer: Layer, packet: Packet, sequence: int, now: float) -> None:
    if sequence < layer.newest.sequence or layer.codec is None:
        return
    moving = layer.track.kind == "video"
    if moving and not payload.starts_key_frame(layer.codec.name, packet.payload):
        return
    for output in tuple(layer.waiting):
        output.begin(layer, packet, sequence, now)
