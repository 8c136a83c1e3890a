"""What one connection sends: its tracks, their layers, and the feedback they need."""

from collections import Counter
from collections.abc import Callable, Mapping

from transport.media import rtcp, rtp
from transport.media.description import (
    LEVEL,
    MID,
    REPAIRED_RID,
    RID,
    TRANSPORT_NUMBER,
    Description,
    takes,
)
from transport.media.peer import Peer
from transport.media.retransmission import Ring
from transport.media.rtp import Packet
from transport.media.track import OUR_SSRC, Layer, Track
from transport.media.twcc import Recorder

FEEDBACK_EVERY = 0.05
REPORT_EVERY = 1.0
CAMERA_CEILING = 3_000_000
"""Bit/s told to publishers that know no transport-wide feedback."""

LEVEL_UNTOLD = 64
"""-dBov taken for a microphone that does not tell: behind everybody who speaks."""


PacketTaker = Callable[["Layer", Packet, int, float], None]
LevelTaker = Callable[["Track", int, float], None]


class Publication:
    """One connection's publish peer connection for one place.

    ``on_packet`` is called with each packet's layer, the packet, its extended number and the
    instant; ``on_level`` with a microphone's track, its level (0 to 127) and the instant.
    """

    def __init__(
        self, person: str, connection: str, counters: Counter[str], place: str = ""
    ) -> None:
        self.person = person
        self.connection = connection
        self.place = place
        self.tracks: dict[str, Track] = {}
        self.peer: Peer = None  # type: ignore[assignment]  # both ends need each other
        self.version = 0
        self.fragment = ""
        self.loss = 0.0
        self.on_packet: PacketTaker = _nobody
        self.on_level: LevelTaker = _unheard
        self._counters = counters
        self._layers: dict[int, Layer] = {}
        self._repairs: dict[int, Layer] = {}
        self._extensions: dict[str, int] = {}
        self._recorder = Recorder()
        self._transport_wide = False
        self._feedback_at = self._report_at = 0.0

    def describe(self, offer: Description, sources: Mapping[str, str]) -> None:
        """Take an offer: tracks come and go."""
        self.version += 1
        self._extensions, kept = {}, {}
        for section in offer.sections:
            source = sources.get(section.mid)
            if source is None or not takes(section):
                continue
            self._extensions |= section.extensions
            if not section.sends:
                continue
            track = self.tracks.get(section.mid)
            if track is None or track.source != source:
                track = Track(self.person, self.connection, source, section, self.peer)
            track.describe(section)
            kept[section.mid] = track
        self.tracks = kept
        self._transport_wide = TRANSPORT_NUMBER in self._extensions and any(
            "transport-cc" in codec.feedback
            for track in kept.values()
            for codec in track.codecs.values()
        )
        layers = [layer for track in kept.values() for layer in track.layers]
        self._layers = {layer.ssrc: layer for layer in layers if layer.ssrc is not None}
        self._repairs = {layer.repair: layer for layer in layers if layer.repair is not None}

    # Packets

    def connected(self, now: float) -> None:
        """Begin."""

    def moved(self) -> None:
        """Take note of another path: nothing but feedback takes it."""

    def packet(self, packet: Packet, now: float) -> None:
        """Take a packet: account for it and hand it on."""
        self._note_transport(packet, now)
        layer = self._layers.get(packet.ssrc)
        if layer is None:
            layer = self._repairs.get(packet.ssrc)
            if layer is None or packet.payload_type not in layer.track.repairs:
                layer = self._bind(packet)
            if layer is None:
                self._counters["dropped_stream"] += 1
                return
        if packet.payload_type in layer.track.repairs:
            codec = layer.track.repairs[packet.payload_type]
            if len(packet.payload) <= 2 or layer.ssrc is None:  # noqa: PLR2004  padding only
                return
            packet = rtp.unwrap_retransmission(packet, codec.payload_type, layer.ssrc)
        elif packet.ssrc != layer.ssrc:
            return
        if layer.codec is None or layer.codec.payload_type != packet.payload_type:
            if packet.payload_type not in layer.track.codecs:
                self._counters["dropped_stream"] += 1
                return
            layer.codec = layer.track.codecs[packet.payload_type]
        self._accept(layer, packet, now)

    def _accept(self, layer: Layer, packet: Packet, now: float) -> None:
        if not layer.missing.arrived(packet.sequence, now):
            self._counters["duplicates"] += 1
            return
        highest = layer.missing.highest
        sequence = highest + rtp.distance(packet.sequence, highest & 0xFFFF)
        layer.note(packet, sequence, now)
        if layer.ring is not None:
            layer.ring.add(packet)
        elif layer.track.kind == "video":
            layer.ring = Ring()
            layer.ring.add(packet)
        else:
            self._level(layer, packet, now)
        self.on_packet(layer, packet, sequence, now)

    def _note_transport(self, packet: Packet, now: float) -> None:
        if not self._transport_wide:
            return
        number = packet.extensions.get(self._extensions[TRANSPORT_NUMBER])
        if number is not None and len(number) == 2:  # noqa: PLR2004  16 bits
            self._recorder.arrived(int.from_bytes(number, "big"), now)

    def _level(self, layer: Layer, packet: Packet, now: float) -> None:
        value = packet.extensions.get(self._extensions.get(LEVEL, 0))
        if value:
            layer.level = value[0]
        self.on_level(layer.track, value[0] & 0x7F if value else LEVEL_UNTOLD, now)

    def _bind(self, packet: Packet) -> Layer | None:
        track = self._track_of(packet)
        if track is None:
            return None
        rid = packet.extensions.get(self._extensions.get(RID, 0))
        repaired = packet.extensions.get(self._extensions.get(REPAIRED_RID, 0))
        name = (repaired or rid or b"").decode("ascii", "replace")
        layer = next((each for each in track.layers if each.rid == name), None)
        if layer is None:
            return None
        if repaired or packet.payload_type in track.repairs:
            self._repairs.pop(layer.repair or -1, None)
            layer.repair = packet.ssrc
            self._repairs[packet.ssrc] = layer
        else:
            if layer.ssrc is not None:
                self._layers.pop(layer.ssrc, None)
                layer = track.replace(layer)
            layer.ssrc = packet.ssrc
            self._layers[packet.ssrc] = layer
        return layer

    def _track_of(self, packet: Packet) -> Track | None:
        mid = packet.extensions.get(self._extensions.get(MID, 0))
        if mid is not None:
            return self.tracks.get(mid.decode("ascii", "replace"))
        number = packet.payload_type
        fitting = [
            each for each in self.tracks.values() if number in each.codecs or number in each.repairs
        ]
        return fitting[0] if len(fitting) == 1 else None

    # Feedback

    def report(self, message: rtcp.Message, now: float) -> None:
        """Take RTCP from the publisher."""
        if isinstance(message, rtcp.SenderReport):
            layer = self._layers.get(message.ssrc)
            if layer is not None:
                layer.clocks, layer.clocks_at = message, now

    def tick(self, now: float) -> None:
        """Send what feedback is due."""
        out = b""
        for ssrc, layer in self._layers.items():
            layer.measure(now)
            layer.close_burst()
            lost = layer.missing.to_ask(now)
            if lost:
                layer.asked_again += len(lost)
                out += rtcp.pack_nack(OUR_SSRC, ssrc, lost)
            if layer.is_awaited or layer.missing.gave_up:
                layer.missing.gave_up = False
                layer.ask_key_frame(now, self.peer)
            layer.ask_on(now, self.peer)
        if self._layers and now - self._feedback_at >= FEEDBACK_EVERY:
            self._feedback_at = now
            out += self._recorder.feedback(OUR_SSRC, next(iter(self._layers)), now) or b""
        if now - self._report_at >= REPORT_EVERY:
            self._report_at = now
            out = self._reports(now) + out
        if out:
            self.peer.send_control(out)

    def _reports(self, now: float) -> bytes:
        reports = [each.receiver_report(now) for each in self._layers.values()]
        known = [each for each in reports if each is not None]
        self.loss = max((each.fraction_lost / 256 for each in known), default=0.0)
        out = rtcp.pack_receiver_report(OUR_SSRC, known)
        videos = [ssrc for ssrc, each in self._layers.items() if each.track.kind == "video"]
        if videos and not self._transport_wide:
            ceiling = int(CAMERA_CEILING * (1 - min(0.8, 2 * max(0.0, self.loss - 0.1))))
            out += rtcp.pack_bandwidth_estimate(OUR_SSRC, ceiling, videos[:16])
        return out


def _nobody(layer: Layer, packet: Packet, sequence: int, now: float) -> None:
    """Take a packet that nobody wants."""


def _unheard(track: Track, level: int, now: float) -> None:
    """Take a level that nobody wants."""
