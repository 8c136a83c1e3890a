"""Packets kept to be sent again, and packets missed and asked for (RFC 4585, section 6.2.1)."""

from collections import OrderedDict
from collections.abc import Sequence

import attrs

from transport.media.rtp import Packet, distance

RING_SIZE = 1024
"""Packets kept for each video layer; a power of two. About a second of a good camera."""

RETRY_AFTER = 0.05
"""Seconds until a missing packet is asked for again."""

TRIES = 10
"""How often one packet is asked for before a key frame is asked for as well."""

LAST_TRIES, LAST_RETRY_AFTER = 20, 0.2
"""How often at most, and the seconds between the later ones: a sender may have been held up, and
some decoders wait at a hole for long, key frame or not."""

MISSING_LIMIT = 256
"""Packets of one stream waited for at once; a longer gap is given up and a key frame asked for."""

ASKED_KEPT = 1024
"""Packets a viewer has asked for that are remembered."""

REORDER_PAUSE = 0.008
"""Seconds a gap may be mere reordering before it is asked for."""


class Ring:
    """The newest packets of one stream, by sequence number."""

    def __init__(self, size: int = RING_SIZE) -> None:
        self._mask = size - 1
        self._packets: list[Packet | None] = [None] * size

    def add(self, packet: Packet) -> None:
        """Keep a packet in the place of the one ``size`` numbers before it."""
        self._packets[packet.sequence & self._mask] = packet

    def find(self, sequence: int) -> Packet | None:
        """Return the packet with this number, if it is still here."""
        packet = self._packets[sequence & self._mask]
        if packet is None or packet.sequence != sequence:
            return None
        return packet


@attrs.define
class _Missing:
    ask_at: float
    tries: int = 0


class Missing:
    """Notices what of one incoming stream is missing, duplicate or lost.

    :param wanted: whether missing packets are asked for; otherwise they are only counted.
    """

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted
        self._highest: int | None = None
        self._missing: dict[int, _Missing] = {}
        self._seen = 0
        self.cycles = 0
        self.received = 0
        self.first: int | None = None
        self.gave_up = False

    @property
    def highest(self) -> int:
        """The extended highest sequence number received."""
        return self.cycles << 16 | (self._highest or 0)

    @property
    def expected(self) -> int:
        """How many packets should have come by now."""
        return self.highest - self.first + 1 if self.first is not None else 0

    def arrived(self, sequence: int, now: float) -> bool:
        """Note a packet; False if it had come before."""
        if self._highest is None:
            self._highest = self.first = sequence
            self._seen = 1
            self.received += 1
            return True
        ahead = distance(sequence, self._highest)
        if ahead <= 0:
            return self._late(sequence, -ahead)
        self.received += 1
        # A bit for each of the newest numbers, as libsrtp's own replay window has them.
        self._seen = (self._seen << ahead | 1) & (1 << RING_SIZE) - 1 if ahead < RING_SIZE else 1
        if ahead > 1 and self._wanted:
            self._open_gap(ahead, now)
        self.cycles += sequence < self._highest
        self._highest = sequence
        return True

    def _late(self, sequence: int, behind: int) -> bool:
        if behind >= RING_SIZE or self._seen >> behind & 1:
            return False
        self._seen |= 1 << behind
        self._missing.pop(sequence, None)
        self.received += 1
        return True

    def _open_gap(self, ahead: int, now: float) -> None:
        if ahead - 1 + len(self._missing) > MISSING_LIMIT:
            self._missing.clear()
            self.gave_up = True
            return
        for step in range(1, ahead):
            number = ((self._highest or 0) + step) & 0xFFFF
            self._missing[number] = _Missing(now + REORDER_PAUSE)

    def to_ask(self, now: float) -> Sequence[int]:
        """Return the numbers to ask for at this instant, in the stream's order."""
        due = []
        for number, missing in list(self._missing.items()):
            if missing.ask_at > now:
                continue
            if missing.tries >= LAST_TRIES:
                del self._missing[number]
                continue
            self.gave_up |= missing.tries == TRIES
            missing.tries += 1
            missing.ask_at = now + (RETRY_AFTER if missing.tries <= TRIES else LAST_RETRY_AFTER)
            due.append(number)
        return due


class Asked:
    """What one viewer has asked for again, so that each packet counts once."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[int, int], None] = OrderedDict()

    def first(self, ssrc: int, lost: Sequence[int]) -> int:
        """Return how many of these had not been asked for before."""
        fresh = [key for number in lost if (key := (ssrc, number)) not in self._known]
        self._known.update(dict.fromkeys(fresh))
        while len(self._known) > ASKED_KEPT:
            self._known.popitem(last=False)
        return len(fresh)
