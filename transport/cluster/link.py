"""A reliable, ordered stream of items between two nodes, over datagrams that may get lost.

NATS delivers at most once: a restart of the server, or a reader too slow, loses messages. A link
numbers its datagrams, keeps them until the other side has acknowledged them, and sends them again.
Items are msgpack values, written one after the other, so an item may be larger than a datagram.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from struct import Struct
from typing import Any

import attrs
import msgpack

WINDOW_BYTES = 64 << 20
"""Bytes sent and not acknowledged; with more the other side is taken for gone."""

ITEM_BYTES = 64 << 20
"""Largest item."""

RESEND_AFTER = 0.5
"""Seconds without an acknowledgement after which a datagram is sent again."""

RESEND_AT_ONCE = 64
"""Datagrams sent again in one go."""

ACKNOWLEDGE_EVERY = 32
"""Datagrams after which the sender hears of their arrival, if not sooner."""

DATA, STATUS, DEAD = 1, 2, 3

HEAD = Struct(">B8sQQ")
"""Kind, the sender's id, the number, the last number received."""


@attrs.frozen
class Datagram:
    """One datagram.

    :param number: of DATA, its own; of STATUS, the last one sent.
    :param received: the last number the sender has received without a gap.
    """

    kind: int
    sender: str
    number: int = 0
    received: int = 0
    body: bytes = b""

    def pack(self) -> bytes:
        """Return the bytes that travel."""
        head = HEAD.pack(self.kind, self.sender.encode(), self.number, self.received)
        return head + self.body

    @classmethod
    def unpack(cls, data: bytes) -> "Datagram":
        """Read a datagram.

        :raises ValueError: it is none.
        """
        if len(data) < HEAD.size:
            raise ValueError("too short for a datagram")
        kind, sender, number, received = HEAD.unpack_from(data)
        return cls(kind, sender.decode(), number, received, data[HEAD.size :])


class Link:
    """One end of a link. Does no IO: ``send`` is called with what is to travel.

    :param me: this node's id, 8 characters.
    :param size: bytes a datagram may have.
    """

    def __init__(self, me: str, size: int, send: Callable[[bytes], None]) -> None:
        self.broken = False
        self.resent = 0
        self._me = me
        self._size = size - HEAD.size
        self._send = send
        self._packer = msgpack.Packer()
        self._buffer: list[bytes] = []
        self._window: OrderedDict[int, bytes] = OrderedDict()
        self._window_bytes = 0
        self._sent = self._acknowledged = 0
        self._progress = 0.0
        self._received = self._told = 0
        self._unpacker = msgpack.Unpacker(strict_map_key=False, max_buffer_size=ITEM_BYTES)

    def put(self, item: Any) -> None:
        """Take an item to be sent with the next :meth:`flush`."""
        self._buffer.append(self._packer.pack(item))

    def flush(self, now: float) -> None:
        """Send what was put."""
        if not self._buffer:
            return
        stream = b"".join(self._buffer)
        self._buffer.clear()
        if not self._window:
            self._progress = now
        for at in range(0, len(stream), self._size):
            body = stream[at : at + self._size]
            self._sent += 1
            self._window[self._sent] = body
            self._window_bytes += len(body)
            self._send_data(self._sent, body)
        self.broken = self.broken or self._window_bytes > WINDOW_BYTES

    def receive(self, datagram: Datagram, now: float) -> Iterator[Any]:
        """Take a datagram; yield the items that are complete with it."""
        self._acknowledge(datagram.received, now)
        if datagram.kind == STATUS:
            if datagram.number > self._received or self._told < self._received:
                self._tell()
            return
        if datagram.number != self._received + 1:
            self._tell()  # a gap, or a repetition: either way the sender has to hear of it
            return
        self._received += 1
        self._unpacker.feed(datagram.body)
        yield from self._unpacker
        if self._received - self._told >= ACKNOWLEDGE_EVERY:
            self._tell()

    def tick(self, now: float) -> None:
        """Do what time makes necessary; call it a few times a second."""
        if self._window and now - self._progress > RESEND_AFTER:
            self._progress = now
            for number, body in list(self._window.items())[:RESEND_AT_ONCE]:
                self.resent += 1
                self._send_data(number, body)
        if self._window or self._told < self._received:
            self._tell()

    def _acknowledge(self, received: int, now: float) -> None:
        if received <= self._acknowledged:
            return
        self._acknowledged, self._progress = received, now
        while self._window and next(iter(self._window)) <= received:
            _, body = self._window.popitem(last=False)
            self._window_bytes -= len(body)

    def _send_data(self, number: int, body: bytes) -> None:
        self._told = self._received
        self._send(Datagram(DATA, self._me, number, self._received, body).pack())

    def _tell(self) -> None:
        self._told = self._received
        self._send(Datagram(STATUS, self._me, self._sent, self._received).pack())
