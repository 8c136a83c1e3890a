"""Logs and traces: who did what, without saying who it was."""

from collections.abc import Mapping
from hashlib import blake2s
from secrets import token_bytes
from typing import TYPE_CHECKING, Any

import attrs

from actors.errors import Refused
from actors.rules.base import Command, Person

if TYPE_CHECKING:
    from transport.context import Context

_SALT = token_bytes(8)  # a pseudonym can be followed through one run's log, and no further

NAMED_AFTER_PEOPLE = frozenset({"person", "agenda", "chat"})
"""Kinds of entities whose ids hold a person's: a 1-1 chat bears that of whoever asked for it."""

_named = False


def name_people(named: bool) -> None:
    """Say whether logs name people by their ids, for an operator who is after a fault."""
    global _named  # noqa: PLW0603  one process has one log
    _named = named


def pseudonym(person: Person) -> str:
    """Return a name for a person that a log may hold."""
    return pseudonym_of(person.event, person.id)


def nameless(entity: str) -> str:
    """Return an entity's name; only its kind, where it is named after a person."""
    kind = entity.partition("/")[0]
    return kind if kind in NAMED_AFTER_PEOPLE else entity


def pseudonym_of(event: str, person: str) -> str:
    """Return a name for a person, known by an event and an id, that a log may hold."""
    name = f"{event}/{person}"
    if _named:
        return name
    return blake2s(name.encode(), digest_size=6, key=_SALT).hexdigest()


async def call(context: "Context", command: Command, **attributes: str) -> Mapping[str, Any]:
    """Carry out a command, and trace it where traces are wanted.

    :param attributes: what the trace says of where it came from.
    """
    if context.tracer is None:
        return await context.door.call(command)
    span = context.tracer.begin(command.method, **attributes)
    try:
        result = await context.door.call(attrs.evolve(command, trace=span.id))
    except Refused as refused:
        span.end(refused.reason)
        raise
    except BaseException as error:
        span.end(type(error).__name__)
        raise
    span.end()
    return result
