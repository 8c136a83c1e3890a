"""Plain data as msgpack, at once or a piece at a time."""

from collections.abc import Callable
from typing import Any, Protocol, Self, runtime_checkable

import attrs
import msgpack

BUFFER = 1024
"""Bytes of the buffer something is packed in at first. msgpack's own choice is 256 kB for however
little; blocks of that size are mapped and given back each time, in eight times as long."""


def pack(value: Any, default: Callable[[Any], Any] | None = None) -> bytes:
    """Return plain data as msgpack.

    :param default: makes something plain of what is not.
    :raises TypeError: it holds something that is not plain.
    """
    packed: bytes = msgpack.packb(value, default=default, buf_size=BUFFER)
    return packed


def unpack(packed: bytes) -> Any:
    """Return the plain data that :func:`pack` was given."""
    return msgpack.unpackb(packed)


@attrs.frozen
class Writer:
    """Puts pieces of msgpack behind each other."""

    _written: bytearray = attrs.field(factory=bytearray, init=False)
    _packer: msgpack.Packer = attrs.field(
        factory=lambda: msgpack.Packer(buf_size=BUFFER), init=False
    )

    def open_map(self, length: int) -> None:
        """Begin a map: as many keys and values follow in turn."""
        self._written.extend(self._packer.pack_map_header(length))

    def write(self, value: Any) -> None:
        """Write plain data.

        :raises TypeError: it holds something that is not plain.
        """
        self._written.extend(self._packer.pack(value))

    def copy(self, packed: bytes) -> None:
        """Write something that is packed already."""
        self._written.extend(packed)

    def packed(self) -> bytes:
        """Return everything written."""
        return bytes(self._written)


class Reader:
    """Takes pieces of msgpack from the front.

    Every method raises :class:`ValueError` where there is something else, and
    :class:`msgpack.OutOfData` where the bytes end.

    :param packed: all of them.
    """

    def __init__(self, packed: bytes) -> None:
        self._packed = packed
        self._unpacker = msgpack.Unpacker(strict_map_key=False, max_buffer_size=len(packed))
        self._unpacker.feed(packed)

    def open_map(self) -> int:
        """Begin a map, and return its length."""
        length: int = self._unpacker.read_map_header()
        return length

    def read(self) -> Any:
        """Return the next piece as plain data."""
        return self._unpacker.unpack()

    def skip(self, count: int = 1) -> None:
        """Leave out the next pieces."""
        for _ in range(count):
            self._unpacker.skip()

    def copy(self, count: int = 1) -> bytes:
        """Return the next pieces as they are packed."""
        start = self._unpacker.tell()
        self.skip(count)
        return self._packed[start : self._unpacker.tell()]

    def rest(self) -> bytes:
        """Return all that follows as it is packed."""
        return self._packed[self._unpacker.tell() :]


@runtime_checkable
class PacksItself(Protocol):
    """A part of a state that knows how it is packed."""

    def write(self, writer: Writer) -> None:
        """Write it as one piece."""

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Return what :meth:`write` wrote."""
