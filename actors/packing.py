"""Plain data as msgpack."""

from collections.abc import Callable
from typing import Any

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
