"""A track and its layers: what is known of each incoming stream."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from transport.media import payload, rtcp
from transport.media.continuity import Newest
from transport.media.description import Codec, Section
from transport.media.payload import NO_PICTURE
from transport.media.peer import Peer
from transport.media.retransmission import Missing, Ring
from transport.media.rtp import Packet

if TYPE_CHECKING:
    from transport.media.forwarding import Table
    from transport.media.output import Output
    from transport.media.pacing import Pacer

KEY_FRAME_PAUSE = 0.3
"""Seconds between two key frame requests for one layer."""

KEY_FRAME_TRIES = 5
"""How often a key frame is asked for on its own account: requests may be lost as anything else."""

PEAK_DECAY = 0.9993
"""Of the largest burst, at each tick: half of it is left after ten seconds."""

RATE_WINDOW = 0.5
FLOWING = 1.0
"""Seconds without a packet after which a layer counts as not sent."""

OUR_SSRC = 1
"""The SSRC of the server's own feedback."""


@attrs.define(eq=False)
class Layer:
    """One encoding of a track.

    :param rid: its name in simulcast, else empty.
    :param table: who gets its packets; None when it must be made anew.
    :param paced: those who get them at the pace of their line.
    :param sent: packets handed to the viewers; ``sent_octets`` likewise.
    :param peak: octets of the largest burst of late.
    """

    track: "Track"
    rid: str
    ssrc: int | None = None
    repair: int | None = None
    codec: Codec | None = None
    height: int = 0
    level: int | None = None
    ring: Ring | None = None
    missing: Missing = attrs.field(init=False)
    newest: Newest = Newest(0, 0)
    newest_at: float = float("-inf")
    active: "list[Output]" = attrs.field(factory=list)
    waiting: "list[Output]" = attrs.field(factory=list)
    table: "Table | None" = None
    paced: "list[tuple[Pacer, Table]]" = attrs.field(factory=list)
    sent: int = 0
    sent_octets: int = 0
    peak: float = 0.0
    clocks: rtcp.SenderReport | None = None
    clocks_at: float = 0.0
    jitter: float = 0.0
    bitrate: float = 0.0
    packets: int = 0
    key_frames_asked: int = 0
    asked_again: int = 0
    _transit: float | None = None
    _octets: int = 0
    _burst: int = 0
    _rate_at: float = 0.0
    _asked_at: float = float("-inf")
    _tries: int = 0
    _told: tuple[int, int] = (0, 0)

    def __attrs_post_init__(self) -> None:
        self.missing = Missing(wanted=self.track.kind == "video")

    def flows(self, now: float) -> bool:
        """Whether packets have come lately."""
        return now - self.newest_at < FLOWING

    @property
    def is_awaited(self) -> bool:
        """Whether somebody who can be sent to waits for a key frame."""
        return any(output.peer.is_connected for output in self.waiting)

    def note(self, packet: Packet, sequence: int, now: float) -> None:
        """Take a new packet's facts.

        :param sequence: its extended number.
        """
        self.packets += 1
        size = len(packet.payload) + 12
        self._octets += size
        self._burst += size
        codec = self.codec
        if sequence > self.newest.sequence or not self.packets > 1:
            numbers = payload.picture(codec.name, packet.payload) if codec else NO_PICTURE
            self.newest = Newest(sequence, packet.timestamp, numbers)
            self.height = payload.height(codec.name, packet.payload) or self.height if codec else 0
        self.newest_at = now
        if codec is not None:
            if self._tries and payload.starts_key_frame(codec.name, packet.payload):
                self._tries = 0
            transit = now * codec.clock - packet.timestamp
            if self._transit is not None:
                change = abs((transit - self._transit + 2**31) % 2**32 - 2**31)
                self.jitter += (change - self.jitter) / 16
            self._transit = transit

    def ask_key_frame(self, now: float, peer: Peer) -> None:
        """Ask the publisher for a key frame, not too often."""
        if self.ssrc is None or self.track.kind != "video":
            return
        if now - self._asked_at < KEY_FRAME_PAUSE:
            return
        self._asked_at = now
        self._tries += 1
        self.key_frames_asked += 1
        peer.send_control(
            rtcp.pack_receiver_report(OUR_SSRC, ())
            + rtcp.pack_key_frame_request(OUR_SSRC, self.ssrc)
        )

    def ask_on(self, now: float, peer: Peer) -> None:
        """Ask again for a key frame that was asked for and has not come."""
        if 0 < self._tries < KEY_FRAME_TRIES and self.flows(now):
            self.ask_key_frame(now, peer)

    def measure(self, now: float) -> None:
        """Close a window of the bitrate."""
        span = now - self._rate_at
        if span < RATE_WINDOW:
            return
        rate = 8 * self._octets / span
        self.bitrate = (
            rate if not self.bitrate or span > 4 * RATE_WINDOW else (self.bitrate + rate) / 2
        )
        self._octets, self._rate_at = 0, now

    def close_burst(self) -> None:
        """Take what has come since the last time as one burst; to be called every tick."""
        self.peak = max(self._burst, self.peak * PEAK_DECAY)
        self._burst = 0

    def end(self) -> None:
        """Let go of every viewer."""
        for output in tuple(self.active):
            output.pause()
        self.waiting.clear()

    def receiver_report(self, now: float) -> rtcp.Report | None:
        """Tell the publisher how its stream arrives."""
        if self.ssrc is None or self.missing.first is None:
            return None
        expected, received = self.missing.expected, self.missing.received
        new, came = expected - self._told[0], received - self._told[1]
        self._told = expected, received
        lost = max(0, new - came)
        fraction = min(255, 256 * lost // new) if new > 0 else 0
        last, delay = 0, 0
        if self.clocks is not None:
            last = self.clocks.ntp >> 16 & 0xFFFFFFFF
            delay = int((now - self.clocks_at) * 65536)
        return rtcp.Report(
            self.ssrc,
            fraction,
            expected - received,
            self.missing.highest,
            int(self.jitter),
            last,
            delay,
        )


@attrs.define(eq=False)
class Track:
    """One microphone, camera or screen.

    :param source: ``audio``, ``video``, ``screen`` or ``screen_audio``.
    """

    person: str
    connection: str
    source: str
    section: Section
    peer: Peer
    layers: list[Layer] = attrs.field(factory=list)
    codecs: dict[int, Codec] = attrs.field(factory=dict)
    repairs: dict[int, Codec] = attrs.field(factory=dict)

    @property
    def kind(self) -> str:
        """``audio`` or ``video``."""
        return self.section.kind

    def codec(self) -> Codec | None:
        """Return the codec that flows, or will."""
        flowing = next((layer.codec for layer in self.layers if layer.codec), None)
        return flowing or next(iter(self.codecs.values()), None)

    def describe(self, section: Section) -> None:
        """Take the section of an offer."""
        self.section = section
        self.codecs = {each.payload_type: each for each in section.codecs}
        self.repairs = {
            each.retransmission: each for each in section.codecs if each.retransmission is not None
        }
        wanted = section.rids or ("",)
        if tuple(layer.rid for layer in self.layers) != wanted:
            before, self.layers = self.layers, [Layer(self, rid) for rid in wanted]
            _pass(before, self.layers[0])
        if not section.rids and section.ssrcs:
            layer = self.layers[0]
            if layer.ssrc not in (None, section.ssrcs[0]):
                layer = self.replace(layer)
            layer.ssrc = section.ssrcs[0]
            layer.repair = next(
                (rtx for rtx, ssrc in section.repairs.items() if ssrc == layer.ssrc), None
            )

    def replace(self, layer: Layer) -> Layer:
        """Begin a layer anew whose stream has begun anew; its viewers follow."""
        new = Layer(self, layer.rid, repair=layer.repair)
        self.layers[self.layers.index(layer)] = new
        _pass([layer], new)
        return new


def _pass(ended: Sequence[Layer], new: Layer) -> None:
    """End layers and let their viewers follow to another."""
    viewers = [output for layer in ended for output in (*layer.active, *layer.waiting)]
    for layer in ended:
        layer.end()
    for output in viewers:  # as it paused, each let go of whatever it wanted
        output.want(new)
