"""What one connection receives: its seats, the layers that fit its line, and its feedback."""

import secrets
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from transport.media import negotiation, rtcp
from transport.media.bandwidth import (
    LOSS_HIGH,
    PROBE_SECONDS,
    Estimate,
    Losses,
    Probe,
    ProbePlan,
)
from transport.media.description import Description
from transport.media.layers import HEADROOM, Choice, Wish
from transport.media.negotiation import Line, Transport
from transport.media.output import Output
from transport.media.pacing import Pacer
from transport.media.peer import Peer
from transport.media.retransmission import Asked
from transport.media.seat import Seat, Tracks
from transport.media.track import Layer, Track

SEATS_LIMIT = 16
"""People one viewer receives at once."""

SCREENS_LIMIT = 2
FIRST_SEATS = 2
"""Seats of the first offer, so that the first pictures need no second one."""

CHOOSE_EVERY = 0.2
REPORT_EVERY = 1.0
SOUND_BITRATE = 40_000
RESEND_SHARE, RESEND_SHARE_FULL = 0.5, 0.25
"""Of what else is sent, what may go into retransmissions, and while much is lost: more only makes
a narrow line narrower. What is sent again does not count, or each answer would allow for the next.
"""

RESEND_FLOOR = 100_000
"""Bit/s that may go into retransmissions in any case: one missing packet can hold up a picture."""

ANSWER_WITHIN = 30.0
"""Seconds an offer waits for its answer before it counts as never sent."""

KINDS: Mapping[str, tuple[str, str]] = {
    "seat": ("audio", "video"),
    "screen": ("screen_audio", "screen"),
}
"""The sources of each kind of seat: sound, then picture."""

LIMITS = {"seat": SEATS_LIMIT, "screen": SCREENS_LIMIT}


class Subscription:
    """One connection's subscribe peer connection for one place.

    :param pacer: for when its line is narrow.
    :param now: seconds on a steady clock.
    """

    def __init__(
        self,
        person: str,
        connection: str,
        counters: Counter[str],
        pacer: Pacer,
        now: float,
        place: str = "",
    ) -> None:
        self.person = person
        self.connection = connection
        self.place = place
        self.peer: Peer = None  # type: ignore[assignment]  # both ends need each other
        self.seats: list[Seat] = []
        self.views: dict[str, int] = {}
        self.estimate = Estimate(now)
        self._losses = Losses()
        self.cname = secrets.token_hex(8)
        self.version = 0
        self.round_trip: float | None = None
        self.loss = 0.0
        self.offered_at: float | None = None
        self.needs_offer = True
        self.changed = False
        self._counters = counters
        self._pacer = pacer
        self._outputs: dict[int, Output] = {}
        self._repairs: set[int] = set()
        self._plan = ProbePlan(now)
        self._probe: Probe | None = None
        self._resend_budget = 0.0
        self._asked = Asked()
        self._ticked_at = self._chosen_at = self._reported_at = now
        self._choice = Choice()
        self._sent = (0, 0)

    def outputs(self) -> Collection[Output]:
        """Every m-line, in order."""
        return self._outputs.values()

    # Seats

    def show(self, people: Sequence[tuple[str, Tracks]]) -> None:
        """Show these people, the most important first, as far as there are seats.

        Whoever has a seat keeps it. ``changed`` and ``needs_offer`` tell what follows.
        """
        if not self.seats:
            for _ in range(FIRST_SEATS):
                self._add("seat")
        for kind, sources in KINDS.items():
            wanted = {
                person: tracks
                for person, tracks in people
                if any(source in tracks for source in sources)
            }
            self._seat(kind, dict(list(wanted.items())[: LIMITS[kind]]))

    def _seat(self, kind: str, wanted: Mapping[str, Tracks]) -> None:
        seats = [seat for seat in self.seats if seat.kind == kind]
        seated = {seat.person for seat in seats if seat.person in wanted}
        free = [seat for seat in seats if seat.person not in seated]
        newcomers = [person for person in wanted if person not in seated]
        for seat in seats:
            if seat.person in seated and seat.person is not None:
                self.changed |= seat.show(seat.person, wanted[seat.person])
        for person in newcomers:
            seat = free.pop(0) if free else self._add(kind)
            self.changed |= seat.show(person, wanted[person])
        for seat in free:
            self.changed |= seat.show(None, {})

    def _add(self, kind: str) -> Seat:
        number = sum(seat.kind == kind for seat in self.seats)
        seat = Seat(kind, {})
        for source, medium in zip(KINDS[kind], ("audio", "video"), strict=True):
            line = Line(
                mid=str(2 * len(self.seats) + len(seat.outputs)),
                kind=medium,
                stream=f"{kind}-{number}",
                ssrc=self._free_ssrc(),
                repair=self._free_ssrc() if medium == "video" else None,
            )
            output = Output(line, self.peer, self._counters)
            seat.outputs[source] = output
            self._outputs[line.ssrc] = output
            if line.repair is not None:
                self._repairs.add(line.repair)
        self.seats.append(seat)
        self.needs_offer = True
        return seat

    def _free_ssrc(self) -> int:
        while True:
            ssrc = secrets.randbits(32)
            if ssrc > 1 and ssrc not in self._outputs:
                return ssrc

    def tracks(self) -> list[dict[str, Any]]:
        """Tell who is on which m-line."""
        return [
            {"mid": output.line.mid, "person": seat.person, "source": source}
            for seat in self.seats
            for source, output in seat.outputs.items()
            if output.track is not None
        ]

    # Negotiation

    def offer(self, transport: Transport, now: float) -> str:
        """Write the offer; its answer is expected next."""
        self.version += 1
        self.needs_offer = self.changed = False
        self.offered_at = now
        lines = [output.line for output in self.outputs()]
        return negotiation.offer(lines, transport, self.version, self.cname)

    def accept(self, answer: Description) -> None:
        """Take the answer to the last offer."""
        self.offered_at = None
        sections = {section.mid: section for section in answer.sections}
        for output in self.outputs():
            section = sections.get(output.line.mid)
            usable = section is not None and not section.rejected and section.receives
            output.taken = section.codecs if section is not None and usable else ()
            if not output.taken:
                output.pause()
                if output.track is not None:
                    output.want(output.track.layers[0])

    def connected(self, now: float) -> None:
        """Ask for the pictures that wait."""
        for output in self.outputs():
            if output.target is not None:
                output.target.ask_key_frame(now, output.target.track.peer)

    def moved(self) -> None:
        """Have packets sent where the client is now."""
        for output in self.outputs():
            if output.layer is not None:
                output.layer.table = None

    def replaced(self) -> None:
        """Begin anew with another peer connection of the same client."""
        for output in self.outputs():
            layer = output.target or output.layer
            output.pause()
            if layer is not None:
                output.want(layer)

    # Feedback

    def packet(self, packet: object, now: float) -> None:  # noqa: ARG002  a handler's signature
        """Take a packet from somebody who should only receive."""
        self._counters["dropped_stream"] += 1

    def report(self, message: rtcp.Message, now: float) -> None:
        """Take the viewer's RTCP."""
        if isinstance(message, rtcp.ReceiverReport | rtcp.SenderReport):
            for report in message.reports:
                self._reported(report, now)
        elif isinstance(message, rtcp.BandwidthEstimate):
            if self.estimate.told(message.bitrate, now) and self._probe is not None:
                self._probe.report(1.0)
        elif isinstance(message, rtcp.Nack):
            self._nacked(message, now)
        elif isinstance(message, rtcp.KeyFrameRequest):
            output = self._outputs.get(message.ssrc)
            layer = (output.target or output.layer) if output is not None else None
            if layer is not None:
                layer.ask_key_frame(now, layer.track.peer)

    def _reported(self, report: rtcp.Report, now: float) -> None:
        if self._probe is not None and report.ssrc in self._repairs:
            self._probe.repairs(report.fraction_lost / 256)
        output = self._outputs.get(report.ssrc)
        if output is None:
            return
        trip = output.round_trip(report, now)
        if trip is not None:
            self.round_trip = trip if self.round_trip is None else (self.round_trip + trip) / 2
        output.loss = report.fraction_lost / 256
        self.loss = self._losses.reported(report, now)
        if output.line.kind == "video":
            self.estimate.reported(self.loss, now)
            if self._probe is not None:
                self._probe.report(self.loss)

    def _nacked(self, message: rtcp.Nack, now: float) -> None:
        output = self._outputs.get(message.ssrc)
        if output is None:
            return
        fresh = self._asked.first(message.ssrc, message.lost)
        self.estimate.nacked(fresh)
        if self._probe is not None:
            self._probe.asked(fresh)
        self._counters["nacked"] += len(message.lost)
        if self._resend_budget > 0:
            octets = output.resend(message.lost, now)
            self._resend_budget -= octets
            self.estimate.sent(octets, 0)

    @property
    def is_probing(self) -> bool:
        """Whether it must be ticked often."""
        return self._probe is not None and self.peer.is_connected

    # Time

    def tick(self, now: float, pressure: int) -> None:
        """Choose layers, probe, report.

        :param pressure: how many layers the worker's load takes away.
        """
        passed = now - self._ticked_at
        self._ticked_at = now
        is_full = self.loss > LOSS_HIGH or self.estimate.is_full(now)
        share = RESEND_SHARE_FULL if is_full else RESEND_SHARE
        allowance = max(RESEND_FLOOR, share * self.estimate.media_rate) / 8
        self._resend_budget = min(allowance, self._resend_budget + passed * allowance)
        if not self.peer.is_connected:
            return
        if self._probe is not None:
            self._probing(self._probe, now, passed)
        if now - self._chosen_at >= CHOOSE_EVERY:
            self._chosen_at = now
            self._meter()
            self.estimate.tick(now)
            self._choose(now, pressure)
            self._pace()
        if now - self._reported_at >= REPORT_EVERY:
            self._reported_at = now
            out = [output.sender_report(now, self.cname) for output in self.outputs()]
            for at in range(0, len(out), 16):
                if compound := b"".join(out[at : at + 16]):
                    self.peer.send_control(compound)

    def _meter(self) -> None:
        octets = sum(output.octets for output in self.outputs())
        packets = sum(output.packets for output in self.outputs())
        self.estimate.sent(octets - self._sent[0], packets - self._sent[1])
        if self._probe is not None:
            self._probe.sent(packets - self._sent[1])
        self._sent = octets, packets

    def _choose(self, now: float, pressure: int) -> None:
        pictures = [
            each for each in self.outputs() if each.line.kind == "video" and each.track is not None
        ]
        if not pictures:
            return
        options = [_flowing(each.track, now) for each in pictures if each.track is not None]
        wishes = [
            Wish(
                [layer.bitrate for layer in layers],
                [layer.height for layer in layers],
                self.views.get(output.line.mid),
            )
            for output, layers in zip(pictures, options, strict=True)
        ]
        current = [_level(output, layers) for output, layers in zip(pictures, options, strict=True)]
        sounds = sum(each.line.kind == "audio" and bool(each.layer) for each in self.outputs())
        budget = self.estimate.bitrate - SOUND_BITRATE * sounds
        lowest = self.estimate.last_resort
        chosen = self._choice.layers(wishes, current, budget, now, pressure=pressure, lowest=lowest)
        for output, layers, level in zip(pictures, options, chosen, strict=True):
            self._apply(output, layers, level, now)
        if self._probe is None:
            self._plan_probe(wishes, chosen, pressure, now)

    def _apply(self, output: Output, layers: Sequence[Layer], level: int, now: float) -> None:
        if output.layer in layers and level < layers.index(output.layer):
            self._plan.fell(now)
            self._losses.fell(now)
        if level < 0:
            if layers:
                output.pause()
            return
        before = output.target
        output.want(layers[level])
        if output.target is not None and output.target is not before:
            output.target.ask_key_frame(now, output.target.track.peer)

    def _pace(self) -> None:
        self._pacer.estimated(self.estimate.bitrate)
        for output in self.outputs():
            layer = output.layer
            if layer is not None and output.line.kind == "video":
                output.pace(self._pacer if self._pacer.is_needed(layer.peak) else None)

    # Probing

    def _plan_probe(
        self, wishes: Sequence[Wish], chosen: Sequence[int], pressure: int, now: float
    ) -> None:
        if not self._plan.ready(now):
            return
        missing = [
            wish.bitrates[level + 1] - (wish.bitrates[level] if level >= 0 else 0)
            for wish, level in zip(wishes, chosen, strict=True)
            if level < wish.ceiling(pressure)
        ]
        if missing:
            base = self.estimate.send_rate
            target = HEADROOM * (base + HEADROOM * max(0.0, min(missing)))
            self._probe = Probe(base, target, now + PROBE_SECONDS, self.estimate.nack_share)

    def _probing(self, probe: Probe, now: float, passed: float) -> None:
        if now < probe.until:
            extra = max(0.0, probe.target - probe.base) * passed / 8
            pictures = [each for each in self.outputs() if each.layer and each.line.repair]
            if pictures:
                sent = pictures[0].pad(int(extra), now)
                self._counters["probe_octets"] += sent
                self.estimate.sent(sent, 0)
        if now < probe.settles_at and probe.succeeded:
            return
        self._probe = None
        self._plan.ended(now, succeeded=probe.succeeded)
        if probe.succeeded:
            self.estimate.carried(probe.target)


def _flowing(track: Track, now: float) -> list[Layer]:
    """Return the layers that come, lowest first."""
    layers = [layer for layer in track.layers if layer.flows(now)]
    return sorted(layers, key=lambda layer: layer.height)


def _level(output: Output, layers: Sequence[Layer]) -> int:
    """Return the layer that is sent or waited for; -1 for none that flows."""
    layer = output.target if output.target in layers else output.layer
    return layers.index(layer) if layer in layers else -1
