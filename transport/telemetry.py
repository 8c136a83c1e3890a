"""Logs and traces: who did what, without saying who it was."""

from contextlib import AbstractContextManager, nullcontext
from hashlib import blake2s
from secrets import token_bytes
from typing import Any

from actors.rules.base import Person

_SALT = token_bytes(8)  # a pseudonym can be followed through one run's log, and no further


_named = False


def name_people(named: bool) -> None:
    """Say whether logs name people by their ids, for an operator who is after a fault."""
    global _named  # noqa: PLW0603  one process has one log
    _named = named


def pseudonym(person: Person) -> str:
    """Return a name for a person that a log may hold."""
    if _named:
        return f"{person.event}/{person.id}"
    digest = blake2s(f"{person.event}/{person.id}".encode(), digest_size=6, key=_SALT)
    return digest.hexdigest()


def _tracer() -> Any:
    try:
        from opentelemetry import trace  # type: ignore[import-not-found,unused-ignore]  # an extra
    except ImportError:
        return None
    return trace.get_tracer("greenroom")


_TRACER = _tracer()


_NOTHING: AbstractContextManager[Any] = nullcontext()


def span(method: str, connection: str) -> AbstractContextManager[Any]:
    """Trace a request, where the ``tracing`` extra is installed."""
    if _TRACER is None:
        return _NOTHING
    spanned: AbstractContextManager[Any] = _TRACER.start_as_current_span(
        method, attributes={"rpc.system": "jsonrpc", "greenroom.connection": connection}
    )
    return spanned
