"""How much a viewer's line carries.

The estimate follows the loss-based controller of draft-ietf-rmcat-gcc-02 (section 6), capped by
the receiver's REMB (its delay-based controller). A receiver never reports much more than what it
gets, so before a higher layer is sent the line is probed with retransmissions at that rate.
"""

from collections import deque

import attrs

from transport.media.rtcp import Report

START = 4_000_000
"""Bit/s assumed while no REMB tells more or less: loss lowers it within half a second."""

FLOOR = 30_000
CEILING = 100_000_000

LOSS_HIGH, LOSS_LOW = 0.10, 0.02
LOSS_HEAVY = 0.25
"""Loss from which a line takes less than it is sent. Radio loses some at any rate, and jitter makes
packets late when a report is written: a picture less would not bring them back."""

INCREASE = 1.08
REMB_FALLS = 0.97
"""Share of the REMB before below which it tells of a full line and not of noise."""

FIRST_REMB_FALLS = 0.85
"""The same of a receiver's first REMB, against what it is sent: that may just have grown."""

LOWER_EVERY = 1.0
"""Seconds between two times that reported loss lowers an estimate, as most of it is the same, and
after a fall to a lower layer in which losses are those of the layer before."""

FIRST_REPORT = 20
"""Packets that a stream's first report counts for: it tells a share only."""

WRAP = 1 << 16
"""A stream whose numbers leap further has begun anew."""

REMB_LIFE = 10.0
"""Seconds after which a REMB no longer counts: a receiver repeats it at least each second."""

NACK_WINDOW = 0.5
NACKS_ALONE = 0.6
"""Share of packets asked for again, in two windows on end, from which a line is too narrow. Jitter
alone makes viewers ask for a third of them, because packets overtake each other."""

CALM_AFTER = 2.0
"""Seconds after a complaint in which what is sent proves nothing: a lower layer takes a while."""

GROWTH = 1.25
"""How far what is sent may grow past what the line is known to carry."""

LOSS_WINDOW = 2.5
"""Seconds of reports over which loss is reckoned: a single one speaks of some ten packets."""

PROBE_SECONDS = 0.8
PROBE_ASKED = 8
"""Packets asked for again during a probe that prove nothing."""

PROBE_SETTLES = 0.5
"""Seconds after a probe in which its losses are still reported."""
PROBE_FIRST_WAIT, PROBE_LONGEST_WAIT = 2.0, 16.0


class Estimate:
    """One viewer's downstream bandwidth, in bit/s.

    :param now: seconds on a steady clock, as everywhere here.
    """

    def __init__(self, now: float) -> None:
        self._loss_based = float(CEILING)
        self._delivered = float(CEILING)
        self._remb = float(START)
        self._remb_at = now
        self._proven = 0.0
        self._sent = 0
        self._window_at = now
        self._nacked = 0
        self._packets = 0
        self._raised_at = self._lowered_at = now
        self._told = False
        self.nack_share = 0.0
        self._full_at = float("-inf")
        self._media = 0
        self.send_rate = 0.0
        self.media_rate = 0.0

    @property
    def bitrate(self) -> float:
        """What may be sent now."""
        return max(FLOOR, self._proven, min(self._loss_based, self._remb, CEILING))

    def is_full(self, now: float) -> bool:
        """Whether the line was found too full lately."""
        return now - self._full_at < CALM_AFTER

    @property
    def last_resort(self) -> float:
        """Above what a picture is given up altogether.

        Heavy loss decides. A REMB begins far below what a line carries, grows slowly, and jitter
        lowers it again and again.
        """
        return max(FLOOR, self._proven, self._delivered)

    def sent(self, octets: int, packets: int) -> None:
        """Note what was sent; retransmissions and probes as octets of no packet."""
        self._sent += octets
        self._media += octets if packets else 0
        self._packets += packets

    def nacked(self, packets: int) -> None:
        """Note packets the viewer asked for again."""
        self._nacked += packets

    def told(self, bitrate: int, now: float) -> bool:
        """Take a REMB; True if the receiver found its line too full."""
        before, self._remb = self._remb, max(FLOOR, float(bitrate))
        self._remb_at = now
        enough = REMB_FALLS * before if self._told else FIRST_REMB_FALLS * self.media_rate
        fuller = self._remb < enough
        self._told = True
        if fuller:
            self._proven = 0.0
            self._full_at = now
        return fuller

    def reported(self, fraction_lost: float, now: float) -> None:
        """Take the loss lately reported, 0 to 1."""
        if fraction_lost > LOSS_HIGH:
            if now - self._lowered_at >= LOWER_EVERY:
                self._lower(fraction_lost, now)
        elif now - self._raised_at >= 1.0:
            self._raised_at = now
            self._delivered = self._raised(self._delivered)
            if fraction_lost < LOSS_LOW:
                self._loss_based = self._raised(self._loss_based)

    def _raised(self, bitrate: float) -> float:
        # What probes add is no proof: they end before the reports of what they cost have come.
        ceiling = max(bitrate, 1.5 * self.media_rate + 10_000)
        return min(CEILING, ceiling, bitrate * INCREASE + 1_000)

    def _lower(self, loss: float, now: float) -> None:
        sent = self.send_rate or self._loss_based
        self._full_at = self._lowered_at = now
        self._loss_based = max(FLOOR, min(self._loss_based, sent) * (1 - 0.5 * loss))
        if loss > LOSS_HEAVY:
            self._proven = 0.0
            self._delivered = max(FLOOR, sent * (1 - loss))
            self._loss_based = min(self._loss_based, self._delivered)

    def tick(self, now: float) -> None:
        """Close a window of :data:`NACK_WINDOW`; to be called several times a second."""
        if now - self._remb_at > REMB_LIFE:
            self._remb = max(START, self.send_rate)
        span = now - self._window_at
        if span < NACK_WINDOW:
            return
        self.send_rate = 8 * self._sent / span
        self.media_rate = 8 * self._media / span
        loss = self._nacked / self._packets if self._packets else 0.0
        before, self.nack_share = self.nack_share, loss
        if min(before, loss) > NACKS_ALONE:
            # A line that has become too narrow shows in NACKs long before the next report.
            self._lower(min(0.9, loss), now)
        elif loss < NACKS_ALONE and not self.is_full(now):
            # What goes through without complaint is carried. Of a probe that is not known yet.
            self._proven = max(self._proven, min(GROWTH * self.media_rate, CEILING))
        self._sent = self._media = self._packets = self._nacked = 0
        self._window_at = now

    def carried(self, bitrate: float) -> None:
        """Take the outcome of a probe: the line carried this much.

        It holds against a REMB, which after a bad time rises by a thousandth a second only, until
        the receiver lowers its REMB or packets are lost.
        """
        # A layer may have risen meanwhile, and more than was tried be carried by now.
        self._proven = max(self._proven, min(bitrate, CEILING))
        self._loss_based = max(self._loss_based, min(bitrate, CEILING))
        self._delivered = max(self._delivered, self._proven)


class Losses:
    """The share of packets lost on one line lately, over all its streams."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[int, int]] = {}
        self._window: deque[tuple[float, int, int]] = deque()
        self._counts_from = float("-inf")

    def reported(self, report: Report, now: float) -> float:
        """Take a receiver report and return the share, 0 to 1."""
        before = self._last.get(report.ssrc)
        self._last[report.ssrc] = report.highest, report.lost
        if now < self._counts_from:
            return 0.0
        if before is None:
            share = report.fraction_lost / 256
            self._window.append((now, FIRST_REPORT, round(FIRST_REPORT * share)))
        elif 0 < report.highest - before[0] < WRAP:
            self._window.append((now, report.highest - before[0], report.lost - before[1]))
        while self._window and now - self._window[0][0] > LOSS_WINDOW:
            self._window.popleft()
        expected = sum(each[1] for each in self._window)
        gone = sum(each[2] for each in self._window)
        return min(1.0, max(0, gone) / expected) if expected else 0.0

    def fell(self, now: float) -> None:
        """Take note that a lower layer was chosen: what was lost of the other says nothing."""
        self._window.clear()
        self._counts_from = now + LOWER_EVERY


@attrs.define
class Probe:
    """Tries whether a line carries more, by sending more for a moment.

    :param base: bit/s of the media sent when it began.
    :param target: bit/s to reach, media included.
    :param usual: share of packets that is asked for again anyway, 0 to 1.
    """

    base: float
    target: float
    until: float
    usual: float = 0.0
    worst: float = 0.0
    _packets: int = 0
    _asked: int = 0
    _repairs_told: bool = False

    def sent(self, packets: int) -> None:
        """Note packets of media sent meanwhile."""
        self._packets += packets

    def asked(self, packets: int) -> None:
        """Note packets asked for again meanwhile: far more than usual tell of a full line."""
        self._asked += packets
        if self._asked > PROBE_ASKED + (self.usual + LOSS_HIGH) * self._packets:
            self.worst = 1.0

    def report(self, loss: float) -> None:
        """Note the loss seen meanwhile, 0 to 1."""
        self.worst = max(self.worst, loss)

    def repairs(self, loss: float) -> None:
        """Note the loss seen on the stream it is sent on, 0 to 1.

        The first report still tells of what the probe before it lost last.
        """
        if self._repairs_told:
            self.report(loss)
        self._repairs_told = True

    @property
    def settles_at(self) -> float:
        """When its outcome is known."""
        return self.until + PROBE_SETTLES

    @property
    def succeeded(self) -> bool:
        """Whether the loss stayed below what lowers an estimate."""
        return self.worst < LOSS_HIGH


class ProbePlan:
    """Says when to probe: soon at first, ever later while it fails."""

    def __init__(self, now: float) -> None:
        self._wait = PROBE_FIRST_WAIT
        self._next = now + PROBE_FIRST_WAIT

    def ready(self, now: float) -> bool:
        """Tell whether a probe may begin."""
        return now >= self._next

    def ended(self, now: float, *, succeeded: bool) -> None:
        """Take the outcome of a probe."""
        longer = min(PROBE_LONGEST_WAIT, self._wait * 1.5)
        self._wait = PROBE_FIRST_WAIT if succeeded else longer
        self._next = now + self._wait

    def fell(self, now: float) -> None:
        """Take note that a lower layer had to be chosen."""
        self._next = max(self._next, now + self._wait)
