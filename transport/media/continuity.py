"""One unbroken stream out of several: numbers that go on when the source changes.

A viewer's SSRC may carry the high layer of one person, then the low one, then another person. Its
sequence numbers, timestamps and picture numbers must go on as if nothing had happened, or the
decoder waits for packets that never were. Viewers ask for retransmissions by their own numbers, so
the last segments are remembered. While a segment grows its shifts are constant: forwarding a
packet changes nothing here.
"""

from collections import deque
from typing import Generic, TypeVar

import attrs

from transport.media.payload import NO_PICTURE, Picture
from transport.media.rtp import distance

FIRST_SEQUENCE_LOW, FIRST_SEQUENCE_HIGH = 1024, 1 << 14
"""Where streams begin: libsrtp takes a first number near 0 or 2^16 for one that has wrapped."""

SEGMENTS_KEPT = 8
"""Sources one stream can still be asked to retransmit from."""

Source = TypeVar("Source")


@attrs.frozen
class Newest:
    """The newest packet of a source.

    :param sequence: extended: 16 bits below, wraps counted above.
    """

    sequence: int
    timestamp: int
    numbers: Picture = NO_PICTURE


@attrs.define
class Segment(Generic[Source]):
    """A stretch of the outgoing stream that came from one source.

    :param first_in: extended number of its first packet, as it came.
    :param first_out: extended number of its first packet, as it goes.
    :param last_out: its last one; None while it grows.
    :param timestamp_shift: outgoing minus incoming, modulo 2^32; picture numbers likewise.
    """

    source: Source
    first_in: int
    first_out: int
    timestamp_shift: int
    picture_shift: int = 0
    base_shift: int = 0
    last_out: int | None = None

    @property
    def sequence_shift(self) -> int:
        """What to add to an incoming sequence number, modulo 2^16."""
        return (self.first_out - self.first_in) & 0xFFFF


class Continuity(Generic[Source]):
    """The numbers of one outgoing stream.

    :param sequence: the first number to send.
    :param timestamp: where timestamps begin.
    """

    def __init__(self, sequence: int, timestamp: int) -> None:
        self._segments: deque[Segment[Source]] = deque(maxlen=SEGMENTS_KEPT)
        self._last_out = sequence - 1
        self.timestamp = timestamp
        self._picture: int | None = None
        self._base = 0

    @property
    def segment(self) -> Segment[Source] | None:
        """The segment that grows, if one does."""
        if self._segments and self._segments[-1].last_out is None:
            return self._segments[-1]
        return None

    @property
    def last(self) -> Segment[Source] | None:
        """The newest segment, growing or closed."""
        return self._segments[-1] if self._segments else None

    def switch(self, source: Source, first: Newest, ticks: int | None) -> Segment[Source]:
        """Begin a segment; the one before must be closed.

        :param first: the segment's first packet.
        :param ticks: how much later than the newest sent packet this one is, in codec ticks; None
            to go on with the timestamps of the segment before, which had the same source.
        """
        segment = Segment(
            source,
            first.sequence,
            self._last_out + 1,
            self._timestamp_shift(first.timestamp, ticks),
        )
        numbers = first.numbers
        if numbers.picture is not None and self._picture is not None:
            segment.picture_shift = (self._picture + 1 - numbers.picture) & 0x7FFF
            if numbers.base is not None:
                segment.base_shift = (self._base + 1 - numbers.base) & 0xFF
        self._segments.append(segment)
        return segment

    def _timestamp_shift(self, timestamp: int, ticks: int | None) -> int:
        if ticks is None and self._segments:
            return self._segments[-1].timestamp_shift
        later = max(1, ticks or 0) if self._segments else 0
        return (self.timestamp + later - timestamp) & 0xFFFFFFFF

    def close(self, newest: Newest) -> None:
        """End the growing segment with the newest packet its source has sent through it."""
        segment = self.segment
        if segment is None:
            return
        segment.last_out = max(
            segment.first_out - 1, newest.sequence - segment.first_in + segment.first_out
        )
        self._last_out = segment.last_out
        self.timestamp = (newest.timestamp + segment.timestamp_shift) & 0xFFFFFFFF
        if newest.numbers.picture is not None:
            modulus = 0x7FFF if newest.numbers.wide else 0x7F
            self._picture = (newest.numbers.picture + segment.picture_shift) & modulus
            if newest.numbers.base is not None:
                self._base = (newest.numbers.base + segment.base_shift) & 0xFF

    def origin(self, sequence: int, highest: int) -> tuple[Segment[Source], int] | None:
        """Return the segment and the source's extended number of an outgoing 16-bit number.

        :param highest: extended number of the newest packet of the growing segment's source.
        :return: None when it was never sent, or too long ago.
        """
        newest = self._last_out
        growing = self.segment
        if growing is not None:
            newest = highest - growing.first_in + growing.first_out
        wanted = newest + distance(sequence, newest & 0xFFFF)
        for segment in reversed(self._segments):
            last = newest if segment.last_out is None else segment.last_out
            if segment.first_out <= wanted <= last:
                return segment, wanted - segment.first_out + segment.first_in
        return None
