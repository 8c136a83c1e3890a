"""The close codes of the wire, and what a client makes of them (protocol, "Errors").

3000 to 3499 except 3000 itself: reconnect. 3000 and from 3500 on: do not.
"""

from enum import IntEnum
from random import Random

import orjson

REASON_BYTES = 123
"""The longest close reason RFC 6455, 5.5.1 has room for."""


class Close(IntEnum):
    """Why a connection ends."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    BAD_TEXT = 1007
    TOO_LARGE = 1009
    INVALID_TOKEN = 3000
    SHUTTING_DOWN = 3001
    TOKEN_EXPIRED = 3005
    SLOW_CONSUMER = 3008
    UNRECOVERABLE = 3010
    NO_PONG = 3012
    BAD_REQUEST = 3500
    REMOVED = 3503
    REPLACED = 3504


CLOSE_REASONS: dict[int, str] = {
    Close.INVALID_TOKEN: "invalid token",
    Close.TOKEN_EXPIRED: "token expired",
    Close.SLOW_CONSUMER: "slow consumer",
    Close.UNRECOVERABLE: "unrecoverable",
    Close.NO_PONG: "no pong",
    Close.BAD_REQUEST: "bad request",
    Close.REMOVED: "kicked or banned",
    Close.REPLACED: "replaced",
}
"""The reason that goes with a code when nothing more is to be said."""


def may_reconnect(code: int) -> bool:
    """Return whether a client should come back after a close with ``code``.

    A connection that ended without a close frame (1006) is worth another try; so are the
    standard codes a proxy or a restart gives.
    """
    if code < Close.INVALID_TOKEN:
        return code not in {Close.NORMAL, Close.PROTOCOL_ERROR, Close.BAD_TEXT, Close.TOO_LARGE}
    return Close.INVALID_TOKEN < code < Close.BAD_REQUEST


def retry_reason(spread: float, random: Random) -> str:
    """Return a close reason that tells the client how long to wait.

    :param spread: seconds over which the returning clients are spread.
    """
    return orjson.dumps({"retry_after": round(random.uniform(0, spread), 2)}).decode()


def retry_after(reason: str) -> float | None:
    """Return the seconds a close reason names, if it names any."""
    try:
        value = orjson.loads(reason)
    except orjson.JSONDecodeError:
        return None
    seconds = value.get("retry_after") if isinstance(value, dict) else None
    return float(seconds) if isinstance(seconds, (int, float)) else None


def clip(reason: str) -> str:
    """Return a reason cut to what a close frame can carry."""
    return reason.encode()[:REASON_BYTES].decode(errors="ignore")
