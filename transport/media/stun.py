"""The ICE-lite agent's half of STUN: answer authentic binding requests (RFC 8445, RFC 8489)."""

import secrets
import struct

import attrs
from aioice import stun

from transport.media.rtp import Malformed

_FRAGMENT_BYTES, _PASSWORD_BYTES = 6, 18


@attrs.frozen
class Credentials:
    """What a peer connection's STUN messages are authenticated with."""

    fragment: str = attrs.field(factory=lambda: secrets.token_hex(_FRAGMENT_BYTES))
    password: str = attrs.field(factory=lambda: secrets.token_hex(_PASSWORD_BYTES))


@attrs.frozen
class Request:
    """A binding request that is well formed, and not yet known to be authentic.

    :param fragment: our user fragment, by which the peer is found.
    :param nominates: whether the pair is to be used from now on.
    """

    message: stun.Message
    fragment: str
    nominates: bool


def parse(data: bytes) -> Request | None:
    """Read a datagram; None for STUN that is no binding request.

    :raises Malformed: it is not STUN, or lacks what a binding request of ICE must have.
    """
    try:
        message = stun.parse_message(data)
    except (ValueError, struct.error, IndexError, KeyError) as error:
        raise Malformed(f"not STUN: {error}") from None
    if (message.message_method, message.message_class) != (
        stun.Method.BINDING,
        stun.Class.REQUEST,
    ):
        return None
    fragment, colon, _ = str(message.attributes.get("USERNAME", "")).partition(":")
    if not colon or "MESSAGE-INTEGRITY" not in message.attributes:
        raise Malformed("binding request without credentials")
    return Request(message, fragment, "USE-CANDIDATE" in message.attributes)


def answer(request: Request, password: str, address: tuple[str, int]) -> bytes | None:
    """Return the response to an authentic request; None if it is not authentic.

    :param address: where it came from.
    """
    key = password.encode()
    if not request.message.check_message_integrity(key):
        return None
    response = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.RESPONSE,
        transaction_id=request.message.transaction_id,
    )
    response.attributes["XOR-MAPPED-ADDRESS"] = address
    response.add_message_integrity(key)
    return bytes(response)
