"""The errors a person may meet, with their stable reasons (protocol, "Errors")."""

from typing import Any

CODES: dict[str, int] = {
    "invalid_params": -32602,
    "internal": -32603,
    "unauthorized": 401,
    "token_expired": 401,
    "forbidden": 403,
    "not_your_room": 403,
    "banned": 403,
    "not_found": 404,
    "already_decided": 409,
    "session_full": 409,
    "stage_full": 409,
    "rooms_open": 409,
    "slot_taken": 409,
    "conflict": 409,
    "no_free_slots": 409,
    "quota_exceeded": 409,
    "wrong_state": 409,
    "too_large": 413,
    "rate_limited": 429,
    "overloaded": 503,
    "storage_unavailable": 503,
    "draining": 503,
    "moved": 503,
}
"""Each reason's code on the wire."""

TEMPORARY = frozenset({"rate_limited", "overloaded", "storage_unavailable", "draining", "moved"})
"""Reasons for which the same command may succeed a little later."""


class GreenroomError(Exception):
    """Base of every error Greenroom raises on purpose."""


class Refused(GreenroomError):  # noqa: N818  the domain's word: a command is refused
    """A command was not carried out; nothing changed.

    :param reason: a key of :data:`CODES`, stable for clients.
    :param message: one sentence for a person.
    :param data: further facts for the client (for example ``position`` or ``retry_after``).
    """

    def __init__(self, reason: str, message: str, **data: Any) -> None:
        super().__init__(message)
        self.reason = reason
        self.code = CODES[reason]
        self.message = message
        self.data = data

    def wire(self) -> dict[str, Any]:
        """Return the JSON-RPC error object."""
        facts = {"reason": self.reason, "temporary": self.reason in TEMPORARY, **self.data}
        return {"code": self.code, "message": self.message, "data": facts}

    def __reduce__(self) -> tuple[Any, ...]:
        return (_refused, (self.reason, self.message, self.data))


def _refused(reason: str, message: str, data: dict[str, Any]) -> Refused:
    return Refused(reason, message, **data)
