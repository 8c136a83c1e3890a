"""Messages between actors of different nodes as plain data, and back."""

import sys
from collections.abc import Collection, Iterator
from datetime import datetime
from functools import cache
from typing import Any

import attrs
import cattrs

from actors import packing
from actors.entity import Resume
from actors.errors import GreenroomError, Refused
from actors.holding import Hold, Peek
from actors.kernel import MailboxFullError
from actors.participant import Call, Connect, Expel, Gone
from actors.ports import StorageUnavailable
from actors.rules.base import Command
from actors.rules.records import converter as records_converter
from transport.codec import foreign
from transport.params import register_choices

Plain = list[Any]


class UnknownMessage(GreenroomError):  # noqa: N818  said of the message
    """A message of a kind that this node does not know: another version sent it."""


@attrs.frozen
class Book:
    """A transaction to be carried out where its entities live."""

    command: Command


CARRIED = (Resume, Connect, Gone, Expel)
"""What travels besides commands."""

WRAPPED: dict[str, Any] = {"call": Call, "book": Book}
"""What travels around a command."""

LOCAL = (Hold, Peek)
"""What does not travel: a state is lent within a node only, and a transaction whose entities
have moved meanwhile begins anew."""


def _make_converter() -> cattrs.Converter:
    made = records_converter.copy()
    register_choices(made)
    # To the microsecond: the journal and the wire cut instants to milliseconds, and a command
    # must not change because its entity lives elsewhere.
    made.register_unstructure_hook(datetime, datetime.isoformat)
    made.register_structure_hook_func(_is_collection, lambda value, _: tuple(value))
    return made


def _is_collection(kind: Any) -> bool:
    return bool(kind == Collection[str])


_converter = _make_converter()


@cache
def _classes() -> dict[str, type[Any]]:
    found: dict[str, type[Any]] = {cls.__name__: cls for cls in CARRIED}
    for cls in _subclasses(Command):
        name = cls.method or cls.__name__
        if found.setdefault(name, cls) is not cls:
            raise TypeError(f"{name} is both {found[name]} and {cls}")
    return found


def _subclasses(cls: type[Command]) -> Iterator[type[Command]]:
    for subclass in cls.__subclasses__():
        # attrs makes a class anew to give it slots; the first make lingers among the subclasses.
        ours = subclass.__module__.startswith("actors.") and not subclass.__name__.startswith("_")
        if ours and getattr(sys.modules[subclass.__module__], subclass.__name__, 0) is subclass:
            yield subclass
        yield from _subclasses(subclass)


def pack(message: Any) -> Plain:
    """Return a message as plain data."""
    for name, wrapper in WRAPPED.items():
        if type(message) is wrapper:
            return [name, pack(message.command)]
    if isinstance(message, Resume):
        message = attrs.evolve(message, along=tuple(message.along))
    name = getattr(message, "method", "") or type(message).__name__
    return [name, _converter.unstructure(message)]


def unpack(plain: Plain) -> Any:
    """Return the message that :func:`pack` made plain.

    :raises UnknownMessage: no such message is known here.
    """
    name, data = plain
    if name in WRAPPED:
        return WRAPPED[name](unpack(data))
    try:
        return _converter.structure(data, _classes()[name])
    except Exception as error:
        raise UnknownMessage(f"{name}: {error!r}") from error


def answer(value: Any) -> bytes:
    """Return an actor's answer as bytes, spelled as clients get it."""
    return packing.pack(value, foreign)


def refusal(error: BaseException) -> Refused:
    """Return what the asker on another node is told of an error."""
    match error:
        case Refused():
            return error
        case MailboxFullError():
            return Refused("overloaded", "Too much at once. Please try again.")
        case StorageUnavailable():
            return Refused("storage_unavailable", "The storage does not answer.")
        case _:
            return Refused("internal", "Something went wrong on our side.")
