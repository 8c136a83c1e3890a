"""The fan-out in C with the tests' wires in the place of the kernel."""

import ctypes
import struct

from tests.transport.media.hall import Wire
from transport.media.accelerator import Accelerator


class Part(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class Message(ctypes.Structure):
    """A ``struct mmsghdr``."""

    _fields_ = [
        ("name", ctypes.c_void_p), ("name_length", ctypes.c_uint32),
        ("parts", ctypes.POINTER(Part)), ("count", ctypes.c_size_t),
        ("control", ctypes.c_void_p), ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int), ("padding", ctypes.c_int), ("sent", ctypes.c_uint),
    ]  # fmt: skip


AT_ONCE = 2
"""Datagrams taken in one call: as the kernel may, not all."""


@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.POINTER(Message), ctypes.c_uint, ctypes.c_int)
def send(number, messages, count, flags):
    """Take what ``sendmmsg`` would."""
    wire = Wire.known[number]
    if wire.refuses:
        return -1
    for message in messages[: min(count, AT_ONCE)]:
        raw = ctypes.string_at(message.name, message.name_length)
        port, host = struct.unpack_from("!H4s", raw, 2)
        part = message.parts[0]
        data = ctypes.string_at(part.base, part.length)
        wire.sendto(data, (".".join(map(str, host)), port))
    return min(count, AT_ONCE)


def in_c(library):
    return Accelerator(library, ctypes.cast(send, ctypes.c_void_p).value)
