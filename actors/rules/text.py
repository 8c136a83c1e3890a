"""Limits on what people may write, as attrs validators that refuse in the wire's own terms."""

import re
from collections.abc import Callable, Collection
from typing import Any

import attrs

from actors.errors import Refused

ID_LIMIT = 128
"""Characters of an id, a topic's name or a cursor's parts."""

NAME_LIMIT = 200
"""Characters of a name or a title."""

MESSAGE_LIMIT = 1000
"""Characters of a message that goes with a request or a decision."""

Validator = Callable[[Any, "attrs.Attribute[Any]", Any], None]

_LIMITS: dict[Any, int] = {}
"""The characters each validator of text lets pass."""


def invalid(path: str, message: str) -> Refused:
    """Return the refusal of one param.

    :param path: the param's name, so that a client can point at it.
    """
    return Refused("invalid_params", message, path=path)


def up_to(limit: int, *, empty: bool = False) -> Validator:
    """Return a validator of text up to ``limit`` characters; None passes where it is optional.

    :param empty: whether text without a visible character is allowed.
    """

    def validate(_: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:
        if value is None:
            return
        path = attribute.name
        if len(value) > limit:
            raise invalid(path, f"{path} has {len(value)} characters; {limit} are allowed.")
        if not empty and not value.strip():
            raise invalid(path, f"{path} is empty.")
        if not is_sound(value):
            raise invalid(path, f"{path} holds characters that are not text.")

    _LIMITS[validate] = limit
    return validate


def limit_of(validator: Any) -> int | None:
    """Return the characters a field's validator lets pass; None if it is not one of text.

    :param validator: as attrs has it, of one or of several.
    """
    parts = getattr(validator, "_validators", (validator,))
    return next((_LIMITS[part] for part in parts if part in _LIMITS), None)


_UNSOUND = re.compile("[\x00\ud800-\udfff]")
"""JSON can spell half a surrogate pair, which no codec could send on."""


def is_sound(value: str) -> bool:
    """Say whether every codec can send a text on."""
    return _UNSOUND.search(value) is None


def between(lowest: int, highest: int) -> Validator:
    """Return a validator of whole numbers in a closed range; None passes where it is optional."""

    def validate(_: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:
        if value is not None and not lowest <= value <= highest:
            raise invalid(
                attribute.name, f"{attribute.name} must be from {lowest} to {highest}, not {value}."
            )

    return validate


def one_of(choices: Collection[str]) -> Validator:
    """Return a validator of a choice; None passes where it is optional."""

    def validate(_: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:
        if value is not None and value not in choices:
            raise invalid(attribute.name, f"{attribute.name} is one of {', '.join(choices)}.")

    return validate


def an_id() -> Any:
    """Return an attrs field that holds an id."""
    return attrs.field(validator=up_to(ID_LIMIT))
