"""One stream to one viewer: what an m-line of a subscribe connection carries now."""

import secrets
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
from transport.media.forwarding import HEADER, Row
from transport.media.negotiation import SEND_TIME_NUMBER, Line
from transport.media.pacing import Pacer
from transport.media.peer import Peer
from transport.media.rtp import Packet
from transport.media.track import Layer, Track

RESEND_PAUSE = 0.02
"""Seconds in which one packet is not sent again twice."""

RESENT_KEPT = 256


def _first_sequence() -> int:
    return FIRST_SEQUENCE_LOW + secrets.randbelow(FIRST_SEQUENCE_HIGH - FIRST_SEQUENCE_LOW)


@attrs.define(eq=False)
class Output:
    """One m-line to one viewer.

    :param taken: codecs of the viewer's answer; nothing is sent before it.
    :param track: what is shown; None for an idle line.
    :param layer: the layer that flows through it.
    :param target: the layer it waits for a key frame of.
    :param pacer: spreads what the viewer's line cannot take at once; None where it can.
    """

    line: Line
    peer: Peer
    counters: Counter[str]
    taken: tuple[Codec, ...] = ()
    track: Track | None = None
    layer: Layer | None = None
    target: Layer | None = None
    pacer: Pacer | None = None
    payload_type: int = 0
    repair_type: int | None = None
    sequence_shift: int = 0
    timestamp_shift: int = 0
    picture_shift: int = 0
    base_shift: int = 0
    first_in: int = 0
    resent: int = 0
    asked: int = 0
    loss: float = 0.0
    continuity: Continuity[Layer] = attrs.field(
        factory=lambda: Continuity(_first_sequence(), secrets.randbits(32))
    )
    _repair_sequence: int = attrs.field(factory=_first_sequence)
    _resent_at: OrderedDict[int, float] = attrs.field(factory=OrderedDict)
    _paused_at: float = 0.0
    _packets: int = 0
    _octets: int = 0
    _reported: tuple[int, float] | None = None

    @property
    def packets(self) -> int:
        """Packets sent, retransmissions apart."""
        return self._packets + (self.layer.sent if self.layer is not None else 0)

    @property
    def octets(self) -> int:
        """Octets of these packets behind their fixed headers."""
        return self._octets + (self.layer.sent_octets if self.layer is not None else 0)

    def missed(self, size: int, why: str | None = None) -> None:
        """Take note of a packet of its layer that was not sent.

        :param size: its octets.
        :param why: the counter of its reason; None if it came from before this viewer's first.
        """
        self._packets -= 1
        self._octets -= size - HEADER
        if why is not None:
            self.counters[why] += 1

    def sent(self, size: int) -> None:
        """Take note of a packet that was sent to this viewer alone.

        :param size: its octets.
        """
        self._packets += 1
        self._octets += size - HEADER

    def row(self) -> Row | None:
        """Return what sending to this viewer needs; None while it is not connected."""
        peer = self.peer
        if peer.outbound is None or peer.address is None or peer.socket is None:
            return None
        return Row(
            peer.outbound,
            self.payload_type,
            self.sequence_shift,
            self.timestamp_shift,
            self.line.ssrc,
            self.first_in,
            self.picture_shift,
            self.base_shift,
            peer.socket,
            peer.address,
            self,
            peer.keys,
        )

    def pace(self, pacer: Pacer | None) -> None:
        """Send through a pacer from now on, or past it."""
        if pacer is self.pacer:
            return
        self._flush()
        self.pacer = pacer
        if self.layer is not None:
            self.layer.table = None

    def _flush(self) -> None:
        if self.pacer is not None:
            self.pacer.flush()

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
            self._flush()
            layer.active.remove(self)
            layer.table = None
            self.continuity.close(layer.newest)
            self._paused_at = layer.newest_at
            self._packets += layer.sent
            self._octets += layer.sent_octets
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
        self._packets -= layer.sent
        self._octets -= layer.sent_octets
        self.payload_type, self.repair_type = codec.payload_type, codec.retransmission
        self.first_in = sequence
        self.sequence_shift = segment.sequence_shift
        self.timestamp_shift = segment.timestamp_shift
        self.picture_shift, self.base_shift = segment.picture_shift, segment.base_shift
        layer.active.append(self)
        layer.table = None
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
        self.counters["resent"] += 1
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
