"""JSON-RPC 2.0 (https://www.jsonrpc.org/specification) as the wire uses it."""

from collections.abc import Mapping
from typing import Any

import attrs

from actors.errors import GreenroomError, Refused
from actors.ports import StorageUnavailable

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INTERNAL_ERROR = -32603

ID_LENGTH = 128
"""Characters a request's id may have."""

METHOD_LENGTH = 64
"""Characters of a method name that are told back."""

MISSING: Any = attrs.NOTHING
"""The id of a notification: there is none."""

RequestId = str | int | None


class RpcError(GreenroomError):
    """A request that JSON-RPC itself refuses."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message

    def wire(self) -> dict[str, Any]:
        """Return the error object."""
        facts = {"reason": self.reason, "temporary": False}
        return {"code": self.code, "message": self.message, "data": facts}


@attrs.frozen
class Request:
    """One request; a notification when ``id`` is :data:`MISSING`."""

    id: Any
    method: str
    params: Mapping[str, Any]


def parse_error(problem: object) -> RpcError:
    """Return the error for a message no codec could read."""
    return RpcError(PARSE_ERROR, "parse_error", str(problem))


def invalid(problem: str) -> RpcError:
    """Return the error for something that is not a request."""
    return RpcError(INVALID_REQUEST, "invalid_request", problem)


def no_method(method: str) -> RpcError:
    """Return the error for a method nobody knows."""
    return RpcError(
        METHOD_NOT_FOUND, "method_not_found", f"there is no method {method[:METHOD_LENGTH]}"
    )


INTERNAL = RpcError(INTERNAL_ERROR, "internal_error", "Something went wrong on our side.")


def usable_id(value: Any) -> RequestId:
    """Return a request's id if it can be told back, else None."""
    if type(value) is int or (isinstance(value, str) and len(value) <= ID_LENGTH):
        return value
    return None


def parse(value: Any) -> Request:
    """Return the request that one member of a message is.

    :raises RpcError: it is none.
    """
    if not isinstance(value, dict):
        raise invalid("a request is an object")
    if value.get("jsonrpc") != "2.0":
        raise invalid('"jsonrpc" must be "2.0"')
    ident = value.get("id", MISSING)
    if ident is not MISSING and usable_id(ident) is None:
        raise invalid(f'"id" must be a whole number or text of up to {ID_LENGTH} characters')
    method, params = value.get("method"), value.get("params", {})
    if not isinstance(method, str):
        raise invalid('"method" must be text')
    if not isinstance(params, dict):
        raise Refused("invalid_params", "params must be an object", path="")
    return Request(ident, method, params)


def result(ident: RequestId, value: Any) -> dict[str, Any]:
    """Return the response to a request that succeeded."""
    return {"jsonrpc": "2.0", "id": ident, "result": value}


def failure(ident: RequestId, error: Refused | RpcError) -> dict[str, Any]:
    """Return the response to a request that did not."""
    return {"jsonrpc": "2.0", "id": ident, "error": error.wire()}


def told(error: Exception) -> Refused | RpcError | None:
    """Return what a client is told of an error; None if it is nobody's doing but ours."""
    if isinstance(error, (Refused, RpcError)):
        return error
    if isinstance(error, StorageUnavailable):
        return Refused("storage_unavailable", "Nothing can be written just now. Try again.")
    return None
