"""The two codecs, JSON and msgpack, and the WebSocket frames their messages travel in.

Server frames are unmasked and uncompressed (RFC 6455, 5.1 and 5.2), so the bytes of one frame
serve every connection that speaks the codec.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from math import isfinite
from struct import Struct
from types import NoneType
from typing import Any

import attrs
import msgpack
import orjson

from actors.packing import pack
from actors.rules.records import iso, plain

TEXT, BINARY, PING = 0x1, 0x2, 0x9
"""Opcodes (RFC 6455, 5.2)."""

PING_FRAME = b"\x89\x00"
"""A ping without payload; any bytes that come back prove the peer alive."""

_SHORT, _LONG = 126, 1 << 16
_WITH_16, _WITH_64 = Struct(">BBH"), Struct(">BBQ")


class Unreadable(ValueError):  # noqa: N818  said of the message, not of the program
    """A message is not what its codec can read, or is nested too deeply."""


def frame(opcode: int, payload: bytes) -> bytes:
    """Return a whole, unmasked frame around a payload."""
    size = len(payload)
    if size < _SHORT:
        return bytes((0x80 | opcode, size)) + payload
    if size < _LONG:
        return _WITH_16.pack(0x80 | opcode, 126, size) + payload
    return _WITH_64.pack(0x80 | opcode, 127, size) + payload


def payload_of(framed: bytes) -> bytes:
    """Return what :func:`frame` was given."""
    marker = framed[1]
    start = 2 if marker < _SHORT else _WITH_16.size if marker == _SHORT else _WITH_64.size
    return framed[start:]


def foreign(value: Any) -> Any:
    """Return as plain data what neither codec knows by itself."""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if attrs.has(type(value)):
        return plain(value)
    raise TypeError(f"{type(value).__name__} has no place on the wire")


def _dump_json(value: Any) -> bytes:
    return orjson.dumps(value, default=foreign, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _load_json(message: str | bytes) -> Any:
    try:
        return orjson.loads(message)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"not JSON: {error}") from None


def _dump_msgpack(value: Any) -> bytes:
    return pack(value, foreign)


def _load_msgpack(message: str | bytes) -> Any:
    try:
        return msgpack.unpackb(message, timestamp=0)
    except (ValueError, TypeError, msgpack.UnpackException, OverflowError) as error:
        raise Unreadable(f"not msgpack: {error or type(error).__name__}") from None


@attrs.frozen(eq=False)
class Codec:
    """One way of spelling the messages.

    :param name: the WebSocket subprotocol.
    :param index: its place in :data:`CODECS`, for tables with one entry a codec.
    :param message_type: what a received message is: ``str`` for text frames, ``bytes`` for binary.
    """

    name: str
    index: int
    opcode: int
    message_type: type[str] | type[bytes]
    encode: Callable[[Any], bytes]
    load: Callable[[str | bytes], Any]

    def frame(self, value: Any) -> bytes:
        """Return a message as the frame that carries it."""
        return frame(self.opcode, self.encode(value))

    def decode(self, message: str | bytes, depth: int) -> Any:
        """Return what a message says.

        :param depth: how many levels of arrays and objects may stand in each other.
        :raises Unreadable: it says nothing in this codec, or is nested more deeply.
        """
        if not isinstance(message, self.message_type):
            raise Unreadable(f"{self.name} takes {self.message_type.__name__} frames only")
        value = self.load(message)
        if not _within(value, depth):
            raise Unreadable(f"nested more than {depth} deep")
        return value


_SCALARS = (str, int, float, NoneType)  # msgpack knows more (bytes, timestamps); JSON does not


def _within(value: Any, depth: int) -> bool:
    level: Sequence[Any] = (value,)
    for number in range(depth + 1):
        below: list[Any] = []
        for item in level:
            if isinstance(item, (dict, list)):
                if number == depth:
                    return False
                below.extend(item.values() if isinstance(item, dict) else item)
            elif not isinstance(item, _SCALARS):
                raise Unreadable(f"{type(item).__name__} has no meaning here")
            elif isinstance(item, float) and not isfinite(item):
                raise Unreadable("infinity and NaN have no meaning here")  # JSON has neither
        if not below:
            break
        level = below
    return True


JSON = Codec("greenroom.v1.json", 0, TEXT, str, _dump_json, _load_json)
MSGPACK = Codec("greenroom.v1.msgpack", 1, BINARY, bytes, _dump_msgpack, _load_msgpack)
CODECS = (JSON, MSGPACK)
"""In the order of preference of a client that asks for none."""


def negotiate(offered: Sequence[str]) -> Codec | None:
    """Return the codec for the subprotocols a client offers, by its own preference.

    A client that offers none gets JSON; one that offers only unknown ones gets None.
    """
    if not offered:
        return JSON
    known = {codec.name: codec for codec in CODECS}
    return next((known[name] for name in offered if name in known), None)
