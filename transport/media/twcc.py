"""Transport-wide congestion control: telling a sender when each of its packets came.

Source: draft-holmer-rmcat-transport-wide-cc-extensions-01.
"""

import math
import struct

from transport.media.rtcp import TRANSPORT_FEEDBACK, TWCC_FORMAT
from transport.media.rtp import distance

STATUS_LIMIT = 1024
"""Packets told of in one feedback; a wider gap begins anew behind it."""

REORDER_WITHIN = 0.08
"""Seconds a packet may be overtaken before it is told of as lost: a sender takes every packet that
is not there yet for one, and on a line with jitter would send ever less."""

_REFERENCE = 0.064
_DELTA = 0.00025
_SMALL_LIMIT = 255
_LARGE_LIMIT = 0x7FFF
_MISSING, _SMALL, _LARGE = 0, 1, 2
_SYMBOLS = 7
_RUN_LIMIT = 0x1FFF


class Recorder:
    """Collects arrivals and writes the feedback about them."""

    def __init__(self) -> None:
        self._arrivals: dict[int, float] = {}
        self._highest: int | None = None
        self._next: int | None = None
        self._count = 0

    def arrived(self, number: int, now: float) -> None:
        """Note a packet.

        :param number: its 16-bit transport-wide number.
        :param now: seconds on a steady clock.
        """
        if self._highest is None:
            self._highest = number
        full = self._highest + distance(number, self._highest & 0xFFFF)
        self._highest = max(self._highest, full)
        if self._next is None:
            self._next = full
        if full < self._next and full not in self._arrivals and self._next - full > STATUS_LIMIT:
            return
        if len(self._arrivals) < 4 * STATUS_LIMIT:
            self._arrivals.setdefault(full, now)

    def feedback(self, sender: int, ssrc: int, now: float = math.inf) -> bytes | None:
        """Write what came since the last feedback; None when nothing did.

        :param sender: our own SSRC.
        :param ssrc: any of the streams told of.
        :param now: for what is missing and may only be late: it waits for the next feedback.
        """
        if not self._arrivals or self._next is None:
            return None
        first = min(self._arrivals)
        base = min(self._next, first)
        last = min(max(self._arrivals), first + STATUS_LIMIT - 1)
        if first - base >= STATUS_LIMIT:
            base = first
        last = self._settled(base, last, now)
        if last < first:
            return None
        reference = int(self._arrivals[first] / _REFERENCE)
        symbols, deltas, end = self._deltas(base, last, reference)
        for number in [known for known in self._arrivals if known < end]:
            del self._arrivals[number]
        self._next = max(self._next, end)
        head = struct.pack("!HH", base & 0xFFFF, len(symbols))
        head += (reference & 0xFFFFFF).to_bytes(3, "big") + bytes([self._count & 0xFF])
        self._count += 1
        body = struct.pack("!LL", sender, ssrc) + head + _chunks(symbols) + deltas
        body += bytes(-len(body) % 4)
        return struct.pack("!BBH", 0x80 | TWCC_FORMAT, TRANSPORT_FEEDBACK, len(body) // 4) + body

    def _settled(self, first: int, last: int, now: float) -> int:
        settled, overtaken_at = last, math.inf
        for number in range(last, first - 1, -1):
            arrival = self._arrivals.get(number)
            if arrival is not None:
                overtaken_at = min(overtaken_at, arrival)
            elif now - overtaken_at < REORDER_WITHIN:
                settled = number - 1
        return settled

    def _deltas(self, base: int, last: int, reference: int) -> tuple[list[int], bytes, int]:
        symbols: list[int] = []
        written = bytearray()
        clock = reference * 256
        for number in range(base, last + 1):
            arrival = self._arrivals.get(number)
            if arrival is None:
                symbols.append(_MISSING)
                continue
            delta = round(arrival / _DELTA) - clock
            if not -_LARGE_LIMIT <= delta <= _LARGE_LIMIT:
                # The next feedback tells of it, with a reference of its own.
                return symbols, bytes(written), number
            clock += delta
            if 0 <= delta <= _SMALL_LIMIT:
                symbols.append(_SMALL)
                written.append(delta)
            else:
                symbols.append(_LARGE)
                written += struct.pack("!h", delta)
        return symbols, bytes(written), last + 1


def _chunks(symbols: list[int]) -> bytes:
    written = bytearray()
    at = 0
    while at < len(symbols):
        run = 1
        while at + run < len(symbols) and run < _RUN_LIMIT and symbols[at + run] == symbols[at]:
            run += 1
        if run >= _SYMBOLS:
            written += struct.pack("!H", symbols[at] << 13 | run)
            at += run
            continue
        chunk = 0xC000
        for index, symbol in enumerate(symbols[at : at + _SYMBOLS]):
            chunk |= symbol << 12 - 2 * index
        written += struct.pack("!H", chunk)
        at += _SYMBOLS
    return bytes(written)
