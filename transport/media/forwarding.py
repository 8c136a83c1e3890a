"""One packet to many viewers: the place where the forwarding unit spends its time.

A packet is written once; for each viewer it is copied, four numbers are put in, libsrtp encrypts in
place, and the kernel takes it. Whatever does not change from packet to packet stands ready in a
table, made anew when somebody comes, goes, moves or is shown something else.
"""

import struct
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import attrs

from transport.media import payload, rtp
from transport.media.negotiation import LEVEL_NUMBER, SEND_TIME_NUMBER
from transport.media.pacing import Pacer
from transport.media.payload import NO_PICTURE, Picture
from transport.media.peer import Address, Socket
from transport.media.rtp import Packet
from transport.media.srtp import TRAILER, Buffer, protect_at
from transport.media.track import Layer

if TYPE_CHECKING:
    from transport.media.output import Output

CATCH_UP_LIMIT = 256
"""Packets that may have come before the first one of a key frame, for a viewer to begin with it."""

HEADER = 12
FIRST = 0x90
"""The first byte of what is sent: RTP version 2 with header extensions."""

_PUT = struct.Struct("!BBHLL").pack_into
_NUMBERED = ("VP8", "VP9")
_ONE_WORD, _TWO_WORDS = struct.Struct("!HHL"), struct.Struct("!HHLBB2x")
_SEND_TIME = (SEND_TIME_NUMBER << 4 | 2) << 24
_LEVEL = LEVEL_NUMBER << 4
"""Heads of one-byte-header elements (RFC 8285): an id, and a length less one."""


class Row(NamedTuple):
    """What one viewer's copies of a layer's packets need.

    :param keys: keeps the session alive for as long as somebody may send with it.
    """

    session: Any
    payload_type: int
    sequence_shift: int
    timestamp_shift: int
    ssrc: int
    first_in: int
    picture_shift: int
    base_shift: int
    socket: Socket
    address: Address
    output: "Output"
    keys: Any


@attrs.define
class Written:
    """A packet as it goes to everybody, but for the numbers each viewer has of its own.

    :param marker: 0x80 or 0.
    :param rest: what follows the fixed header: extensions and payload.
    :param size: octets of the whole packet, before encryption.
    :param sequence: extended, as it came; ``timestamp`` as it came.
    :param payload_at: where the payload begins, from the packet's first byte.
    :param numbers: where VP8 and VP9 carry picture numbers.
    """

    marker: int
    rest: bytes
    size: int
    sequence: int
    timestamp: int
    payload_at: int
    numbers: Picture = NO_PICTURE


class Table(Protocol):
    """Those a layer's packets go to, ready to be sent to."""

    def send(self, written: Written) -> int:
        """Send to everybody; return to how many it was sent. Never raises."""


class TableMaker(Protocol):
    """Makes tables: in Python or with :class:`transport.media.accelerator.Accelerator`."""

    def __call__(self, rows: Sequence[Row]) -> Table:
        """Make a table of these."""


class PythonTable:
    """A table that needs nothing but Python.

    :param scratch: where packets are put together.
    """

    def __init__(self, rows: Sequence[Row], scratch: Buffer) -> None:
        self._rows = [(*row[:8], row.socket.sendto, row.address, row.output) for row in rows]
        self._keys = [row.keys for row in rows]
        self._scratch = scratch

    def send(self, written: Written) -> int:
        """Send to everybody; return to how many it was sent. Never raises."""
        scratch, size, numbers = self._scratch, written.size, written.numbers
        data, view, pointer, length = scratch.data, scratch.view, scratch.pointer, scratch.length
        whole, span, put, protect = bytes(HEADER) + written.rest, slice(size), _PUT, protect_at
        marker, sent = written.marker, 0
        sequence, timestamp = written.sequence, written.timestamp
        for row in self._rows:
            session, kind, shift, ticks, ssrc, first_in, pictures, bases, sendto, address, out = row
            if sequence < first_in:
                out.missed(size)
                continue
            view[span] = whole
            put(
                data, 0, FIRST, kind | marker, sequence + shift & 0xFFFF,
                timestamp + ticks & 0xFFFFFFFF, ssrc,
            )  # fmt: skip
            if pictures or bases:
                payload.renumber(data, written.payload_at, numbers, pictures, bases)
            length[0] = size
            if protect(session, pointer, length):
                out.missed(size, "dropped_protect")
                continue
            try:
                sendto(view[: length[0]], address)
            except OSError:
                out.missed(size, "dropped_send")
                continue
            sent += 1
        return sent


class Forwarder:
    """Sends layers' packets to their viewers.

    :param counters: the worker's.
    :param accelerated: makes the tables, if not Python does.
    """

    def __init__(self, counters: Counter[str], accelerated: TableMaker | None = None) -> None:
        self._counters = counters
        self._scratch = Buffer()
        self._make: TableMaker = accelerated or self._python
        self._waiting: dict[Pacer, None] = {}

    def _python(self, rows: Sequence[Row]) -> Table:
        return PythonTable(rows, self._scratch)

    def pacer(self, now: float) -> Pacer:
        """Make a pacer for one viewer."""
        return Pacer(self._waiting, now)

    def forward(self, layer: Layer, packet: Packet, sequence: int, now: float) -> None:
        """Send a packet to everybody a layer flows to, and begin with those who can begin here.

        :param sequence: the packet's extended number.
        """
        self._counters["packets_in"] += 1
        begun = _begin(layer, packet, sequence, now) if layer.waiting else ()
        if not layer.active:
            return
        written = write(layer, packet, sequence, now)
        if written.size + TRAILER > len(self._scratch.data):
            self._counters["dropped_too_long"] += len(layer.active)
            return
        if layer.table is None:
            self._lay_out(layer)
        layer.sent += 1
        layer.sent_octets += written.size - HEADER
        self._counters["packets_out"] += layer.table.send(written) if layer.table else 0
        if layer.paced:
            self._pace(layer, written, now)
        for output in begun:
            self._catch_up(output, layer, sequence, now)

    def _catch_up(self, output: "Output", layer: Layer, sequence: int, now: float) -> None:
        """Send what has overtaken the packet that a viewer began with."""
        row = output.row()
        if layer.ring is None or row is None:
            return
        table = self._make([row])
        for number in range(sequence + 1, layer.newest.sequence + 1):
            packet = layer.ring.find(number & 0xFFFF)
            if packet is None:
                continue
            written = write(layer, packet, number, now)
            output.sent(written.size)
            self._counters["packets_out"] += 1
            if output.pacer is None:
                table.send(written)
            else:
                output.pacer.offer(table, written, now)

    def _lay_out(self, layer: Layer) -> None:
        direct, layer.paced = [], []
        for output in layer.active:
            row = output.row()
            if row is None:
                continue
            if output.pacer is None:
                direct.append(row)
            else:
                layer.paced.append((output.pacer, self._make([row])))
        # One socket's rows stand together, so that batches need not be broken.
        direct.sort(key=lambda row: row.socket.fileno())
        layer.table = self._make(direct)

    def _pace(self, layer: Layer, written: Written, now: float) -> None:
        for pacer, table in layer.paced:
            if not pacer.offer(table, written, now):
                self._counters["paced"] += 1
        self._counters["packets_out"] += len(layer.paced)

    def tick(self, now: float) -> None:
        """Send what has waited long enough."""
        for pacer in tuple(self._waiting):
            pacer.tick(now)


def write(layer: Layer, packet: Packet, sequence: int, now: float) -> Written:
    """Write a packet for all its viewers, with the header extensions they get.

    :param sequence: its extended number.
    """
    time = _SEND_TIME | int(now * (1 << 18)) & 0xFFFFFF
    if layer.level is None:
        extension = _ONE_WORD.pack(rtp.ONE_BYTE_PROFILE, 1, time)
    else:
        extension = _TWO_WORDS.pack(rtp.ONE_BYTE_PROFILE, 2, time, _LEVEL, layer.level)
    numbers, codec = NO_PICTURE, layer.codec
    if codec is not None and codec.name in _NUMBERED:
        newest = layer.newest
        known = newest.sequence == sequence
        numbers = newest.numbers if known else payload.picture(codec.name, packet.payload)
    rest = extension + packet.payload
    return Written(
        0x80 if packet.marker else 0,
        rest,
        HEADER + len(rest),
        sequence,
        packet.timestamp,
        HEADER + len(extension),
        numbers,
    )


def _begin(layer: Layer, packet: Packet, sequence: int, now: float) -> "Sequence[Output]":
    """Begin with those who can begin with a packet; return them.

    On a line with jitter a key frame's first packet is seldom the first of them to come.
    """
    moving = layer.track.kind == "video"
    behind = layer.newest.sequence - sequence
    if layer.codec is None or behind > (CATCH_UP_LIMIT if moving else 0):
        return ()
    if moving and not payload.starts_key_frame(layer.codec.name, packet.payload):
        return ()
    waiting = tuple(layer.waiting)
    return [output for output in waiting if output.begin(layer, packet, sequence, now)]
