"""What a client hands out: events, statistics, errors."""

from collections.abc import Mapping
from typing import Any

import attrs

from actors.errors import CODES, GreenroomError, Refused


@attrs.frozen
class Event:
    """Something that was published.

    :param seq: its number in the topic; None for ephemeral events.
    :param at: ISO 8601, UTC.
    """

    topic: str
    type: str
    at: str
    data: Mapping[str, Any]
    seq: int | None = None


@attrs.frozen
class ClientStatistics:
    """What has happened to a client so far."""

    connects: int
    recovered: int
    reloaded: int
    waiting_events: int
    dropped_events: int
    waiting_calls: int


class Disconnected(GreenroomError):  # noqa: N818  said of the client
    """The connection has ended for good.

    :param code: the close code; 0 when it was this side that ended it.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"disconnected: {reason or 'closed'} ({code})")
        self.code = code
        self.reason = reason


class RemoteError(GreenroomError):
    """An error the server's reasons do not name, such as an unknown method.

    :param code: JSON-RPC's code.
    """

    def __init__(self, code: int, message: str, data: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.code = code
        self.reason = str(data.get("reason", ""))
        self.data = data


def to_error(error: Mapping[str, Any]) -> Refused | RemoteError:
    """Return the exception for a JSON-RPC error object."""
    data = dict(error.get("data", {}))
    reason = data.get("reason")
    if reason not in CODES:
        return RemoteError(error["code"], error["message"], data)
    data.pop("reason")
    data.pop("temporary", None)
    return Refused(str(reason), error["message"], **data)
