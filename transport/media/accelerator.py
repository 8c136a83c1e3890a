"""The fan-out in C, for those machines where it could be built; Python does the same elsewhere.

``fan_out.c`` is built by ``hatch_build.py`` when the package is installed. Nothing but speed
depends on it: without it, or told so, :class:`~transport.media.forwarding.PythonTable` sends.
"""

import ctypes
import socket
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pylibsrtp._binding import ffi, lib

from transport.media.forwarding import FIRST, Row, Table, Written
from transport.media.peer import Address

LIBRARY = Path(__file__).with_name("fan_out.so")

LATE, NOT_PROTECTED, NOT_SENT = 1, 2, 3
_REASONS = {LATE: None, NOT_PROTECTED: "dropped_protect", NOT_SENT: "dropped_send"}


class _Route(ctypes.Structure):
    _fields_ = (
        ("session", ctypes.c_void_p),
        ("first_in", ctypes.c_int64),
        ("ssrc", ctypes.c_uint32),
        ("timestamp_shift", ctypes.c_uint32),
        ("sequence_shift", ctypes.c_uint16),
        ("picture_shift", ctypes.c_uint16),
        ("base_shift", ctypes.c_uint8),
        ("payload_type", ctypes.c_uint8),
        ("outcome", ctypes.c_uint8),
        ("address_length", ctypes.c_uint8),
        ("socket", ctypes.c_int32),
        ("address", ctypes.c_uint8 * 28),
    )


class _Packet(ctypes.Structure):
    _fields_ = (
        ("rest", ctypes.c_char_p),
        ("sequence", ctypes.c_int64),
        ("timestamp", ctypes.c_uint32),
        ("size", ctypes.c_int32),
        ("picture_at", ctypes.c_int32),
        ("base_at", ctypes.c_int32),
        ("picture", ctypes.c_uint16),
        ("wide", ctypes.c_uint8),
        ("base", ctypes.c_uint8),
        ("first", ctypes.c_uint8),
        ("marker", ctypes.c_uint8),
    )


def _protect_address() -> int:
    return int(ffi.cast("uintptr_t", ffi.addressof(lib, "srtp_protect")))


def pack_address(address: Address) -> bytes:
    """Write a socket's address as the kernel has it, ``sockaddr_in`` or ``sockaddr_in6``."""
    host, port = address[0].partition("%")[0], address[1]
    if ":" not in host:
        number = socket.inet_pton(socket.AF_INET, host)
        return struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", port, number)
    flow, scope = address[2:4] if len(address) > 2 else (0, 0)  # noqa: PLR2004  host and port
    number = socket.inet_pton(socket.AF_INET6, host)
    head = struct.pack("!HL16s", port, flow, number)
    return struct.pack("=H", socket.AF_INET6) + head + struct.pack("=L", scope)


class Accelerator:
    """Makes tables that send in C.

    :param path: the shared library; the installed one when None.
    :param send: the address of ``sendmmsg`` or of what stands in for it; the system's when None.
    :raises OSError: it cannot be loaded, is of another version, or this system has no ``sendmmsg``.
    """

    def __init__(self, path: Path | None = None, send: int | None = None) -> None:
        path = path or LIBRARY
        library = ctypes.CDLL(str(path))
        try:
            sizes = library.greenroom_sizes
            self._fan_out: Callable[..., int] = library.greenroom_fan_out
            system: Any = ctypes.CDLL(None).sendmmsg if send is None else None
        except AttributeError as error:
            raise OSError(f"{path} is not of use: {error}") from None
        sizes.restype = ctypes.c_size_t
        if sizes() != ctypes.sizeof(_Route) << 16 | ctypes.sizeof(_Packet):
            raise OSError(f"{path} is of another version: install the package again")
        address = ctypes.cast(system, ctypes.c_void_p).value if send is None else send
        self._send = ctypes.c_void_p(address)
        self._protect = ctypes.c_void_p(_protect_address())
        self._packet = _Packet(first=FIRST)

    def __call__(self, rows: Sequence[Row]) -> Table:
        """Make a table of these."""
        routes = (_Route * len(rows))()
        for route, row in zip(routes, rows, strict=True):
            address = pack_address(row.address)
            route.session = int(ffi.cast("uintptr_t", row.session))
            route.first_in, route.ssrc = row.first_in, row.ssrc
            route.sequence_shift = row.sequence_shift
            route.timestamp_shift = row.timestamp_shift
            route.picture_shift, route.base_shift = row.picture_shift, row.base_shift
            route.payload_type = row.payload_type
            route.socket, route.address_length = row.socket.fileno(), len(address)
            ctypes.memmove(route.address, address, len(address))
        return _Table(self, routes, rows)

    def send(self, routes: "ctypes.Array[_Route]", written: Written) -> int:
        """Send a packet on all routes; return on how many that failed."""
        packet, numbers, at = self._packet, written.numbers, written.payload_at
        packet.rest = written.rest
        packet.sequence, packet.timestamp = written.sequence, written.timestamp
        packet.marker, packet.size = written.marker, written.size
        packet.picture_at = packet.base_at = 0
        if numbers.picture is not None:
            packet.picture_at, packet.picture = at + numbers.picture_at, numbers.picture
            packet.wide = numbers.wide
        if numbers.base is not None:
            packet.base_at, packet.base = at + numbers.base_at, numbers.base
        count = len(routes)
        return self._fan_out(self._protect, self._send, routes, count, ctypes.byref(packet))


class _Table:
    def __init__(
        self, accelerator: Accelerator, routes: "ctypes.Array[_Route]", rows: Sequence[Row]
    ) -> None:
        self._accelerator = accelerator
        self._routes = routes
        self._rows = rows

    def send(self, written: Written) -> int:
        failed = self._accelerator.send(self._routes, written)
        if failed:
            for route, row in zip(self._routes, self._rows, strict=True):
                if route.outcome:
                    row.output.missed(written.size, _REASONS[route.outcome])
        return len(self._rows) - failed


def describe(fan_out: str = "auto") -> str:
    """Say who sends to the viewers, and why not in C if Python does."""
    if fan_out == "python":
        return "in Python, as configured"
    try:
        Accelerator()
    except OSError as error:
        return f"in Python: {error}"
    return "in C"


def load(fan_out: str = "auto") -> Accelerator | None:
    """Return the accelerator, or None where there is none or ``fan_out`` is ``python``."""
    if fan_out == "python":
        return None
    try:
        return Accelerator()
    except OSError:
        return None
