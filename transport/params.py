"""Turning a request's params into a command, and saying exactly what is wrong with them."""

import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import attrs
import cattrs
from cattrs.cols import is_sequence, list_structure_factory
from cattrs.errors import (
    AttributeValidationNote,
    ForbiddenExtraKeysError,
    IterableValidationNote,
)

from actors.errors import Refused
from actors.rules.base import Command, Person
from actors.rules.records import converter

Params = TypeVar("Params")

KEY_LENGTH = 128
"""Characters an idempotency key may have."""


def _person(value: Any, _: type) -> Person:
    if isinstance(value, Person):
        return value
    raise TypeError("a person comes from a token")


def _is_choice(kind: Any) -> bool:
    """Whether a type is a word among several, or else something of one other type."""
    if get_origin(kind) not in {Union, types.UnionType}:
        return False
    words: list[Any] = []
    others: list[Any] = []
    for one in get_args(kind):
        (words if get_origin(one) is Literal else others).append(one)
    # A word or None is no choice of this kind: cattrs knows optional members itself.
    return len(words) == len(others) == 1 and others != [types.NoneType]


def _choice(kind: Any, strict: cattrs.Converter) -> Callable[[Any, Any], Any]:
    (words,) = (get_args(one) for one in get_args(kind) if get_origin(one) is Literal)
    (other,) = (one for one in get_args(kind) if get_origin(one) is not Literal)
    structure_other = strict.get_structure_hook(other)

    def hook(value: Any, _: Any) -> Any:
        return value if isinstance(value, str) and value in words else structure_other(value, other)

    return hook


def register_choices(converter: cattrs.Converter) -> None:
    """Teach a converter fields that take one of some words, or else something of another type."""
    converter.register_structure_hook_factory(_is_choice, _choice)


def _list(kind: Any, strict: cattrs.Converter) -> Callable[[Any, Any], Any]:
    structure = list_structure_factory(kind, strict)

    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, list | tuple):  # a text would be taken for its characters
            raise TypeError("expected a list")
        return structure(value, kind)

    return hook


def _make_converter(*, detailed: bool) -> cattrs.Converter:
    strict = converter.copy(forbid_extra_keys=True, detailed_validation=detailed)
    strict.register_structure_hook_factory(is_sequence, _list)
    strict.register_structure_hook(Person, _person)
    register_choices(strict)
    return strict


_converter = _make_converter(detailed=False)

_explaining = _make_converter(detailed=True)
"""Says what is wrong and where; asked once something is."""


_HIDDEN: dict[type[Command], frozenset[str]] = {}


def hidden(cls: type[Command]) -> frozenset[str]:
    """Return the names of a command's fields that no client may fill in."""
    names = _HIDDEN.get(cls)
    if names is None:
        names = _HIDDEN[cls] = frozenset(
            field.name for field in attrs.fields(cls) if field.metadata.get("wire") is False
        )
    return names


def structure(
    cls: type[Command], params: Mapping[str, Any], by: Person, connection: str
) -> Command:
    """Return the command a request asks for.

    :param params: the request's params, as they came.
    :raises Refused: ``invalid_params``, with ``path`` naming the offending member.
    """
    unseen = hidden(cls)
    for name in unseen:
        if name in params:
            raise _refusal(name, "unknown member")
    key = params.get("key")
    if isinstance(key, str) and len(key) > KEY_LENGTH:
        raise _refusal("key", f"longer than {KEY_LENGTH} characters")
    filled = {**params}
    if "by" in unseen:
        filled["by"] = by
    if "connection" in unseen:
        filled["connection"] = connection
    return structure_plain(cls, filled)


def structure_plain(cls: type[Params], params: Mapping[str, Any]) -> Params:
    """Return params as an instance of ``cls``.

    :raises Refused: ``invalid_params``, with ``path`` naming the offending member.
    """
    try:
        return _converter.structure(params, cls)
    except Exception:  # noqa: BLE001  whatever it is, the other converter says it precisely
        return _structure_or_explain(cls, params)


def _structure_or_explain(cls: type[Params], params: Mapping[str, Any]) -> Params:
    try:
        return _explaining.structure(params, cls)
    except cattrs.BaseValidationError as error:
        raise _explain(error) from None


def check(cls: type[Any]) -> None:
    """Build the function that structures a class, so that a type it cannot know fails early."""
    for one in (_converter, _explaining):
        one.get_structure_hook(cls)


def _explain(error: BaseException) -> Refused:
    for path, leaf in _leaves(error, ""):
        if isinstance(leaf, Refused):
            return leaf
        if isinstance(leaf, ForbiddenExtraKeysError):
            name = min(leaf.extra_fields)
            return _refusal(_join(path, name), "unknown member")
        if isinstance(leaf, KeyError):
            return _refusal(path or str(leaf.args[0]), "missing")
        return _refusal(path, str(leaf) or type(leaf).__name__)
    raise AssertionError("a validation error says what it is about") from error


def _leaves(error: BaseException, path: str) -> Iterator[tuple[str, BaseException]]:
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, AttributeValidationNote):
            path = _join(path, note.name)
        elif isinstance(note, IterableValidationNote):
            path = f"{path}[{note.index}]"
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner, path)
    else:
        yield path, error


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _refusal(path: str, problem: str) -> Refused:
    return Refused("invalid_params", f"{path or 'params'}: {problem}", path=path)
