"""SRTP in place: one buffer, no copies (RFC 3711, RFC 7714).

libsrtp works in place; pylibsrtp's own methods copy in and out, which is half of what protecting a
packet costs. So its binding is called directly. Its version is pinned for that.
"""

from typing import Any

from pylibsrtp import ERRORS, Error, Policy, Session
from pylibsrtp._binding import ffi, lib

TRAILER = 160
"""Bytes a buffer must have free behind a packet that is to be protected."""

REPLAY_WINDOW = 1024

_unprotect = lib.srtp_unprotect
_unprotect_rtcp = lib.srtp_unprotect_rtcp


class Buffer:
    """Memory that both Python and libsrtp see.

    :param size: bytes; a datagram and :data:`TRAILER`.
    """

    def __init__(self, size: int = 2048) -> None:
        self.data = bytearray(size)
        self.view = memoryview(self.data)
        self.pointer: Any = ffi.from_buffer(self.data)
        self.length: Any = ffi.new("int *")


def session(key: bytes, profile: int, *, inbound: bool) -> Session:
    """Make an SRTP session for one direction.

    :param key: master key and salt.
    :param profile: one of pylibsrtp's profile numbers.
    """
    kind = Policy.SSRC_ANY_INBOUND if inbound else Policy.SSRC_ANY_OUTBOUND
    policy = Policy(key=key, ssrc_type=kind, srtp_profile=profile)
    # Never the same number twice with other content: that would reuse a nonce.
    policy.allow_repeat_tx = False
    policy.window_size = REPLAY_WINDOW
    return Session(policy)


def unprotect(srtp: Session, buffer: Buffer, length: int, *, rtcp: bool) -> int:
    """Decrypt what stands at the buffer's start; return its length.

    :raises pylibsrtp.Error: it is not authentic, or was seen before.
    """
    buffer.length[0] = length
    call = _unprotect_rtcp if rtcp else _unprotect
    code = call(srtp._srtp[0], buffer.pointer, buffer.length)  # noqa: SLF001  see the module's head
    if code:
        raise Error(ERRORS[code])
    return int(buffer.length[0])


def handle(srtp: Session) -> Any:
    """Return libsrtp's own handle of a session, for callers that count nanoseconds."""
    return srtp._srtp[0]  # noqa: SLF001  see the module's head


protect_at = lib.srtp_protect
"""``protect_at(handle, pointer, length)`` encrypts in place; 0 when it went well."""

protect_rtcp_at = lib.srtp_protect_rtcp
