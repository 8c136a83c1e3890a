"""What the engine and a media worker say to each other: msgpack objects over a unix socket.

The engine sends ``[number, order, params]`` and gets ``[number, error, result]``, error None or the
members of a refusal; the worker tells facts on its own as ``[None, kind, data]``.
"""

from typing import Any

import msgpack

from actors.errors import Refused
from actors.packing import pack

MESSAGE_LIMIT = 1 << 20
"""Bytes of the largest message either side takes."""


class ControlBroken(Exception):  # noqa: N818  said of the channel
    """The other side sent what is no message."""


class Decoder:
    """Turns a stream of bytes into messages."""

    def __init__(self) -> None:
        self._unpacker = msgpack.Unpacker(max_buffer_size=4 * MESSAGE_LIMIT, strict_map_key=False)

    def feed(self, data: bytes) -> list[list[Any]]:
        """Take bytes and return the messages they complete.

        :raises ControlBroken: the stream can no longer be understood.
        """
        try:
            self._unpacker.feed(data)
            messages = list(self._unpacker)
        except (msgpack.exceptions.UnpackException, ValueError) as error:
            raise ControlBroken(str(error)) from error
        for message in messages:
            if not isinstance(message, list) or len(message) != 3:  # noqa: PLR2004  a triple
                raise ControlBroken("not a triple")
        return messages


def encode(number: int | None, word: Any, data: Any) -> bytes:
    """Write one message."""
    return pack([number, word, data])


def refusal(error: Refused) -> dict[str, Any]:
    """Write a refusal."""
    return {"reason": error.reason, "message": error.message, "data": error.data}


def refused(error: dict[str, Any]) -> Refused:
    """Read a refusal."""
    return Refused(error["reason"], error["message"], **error["data"])
