"""JSON Schema (2020-12) of the commands and events, read from their classes."""

import types
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs

_SCALARS: Mapping[Any, Mapping[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    datetime: {"type": "string", "format": "date-time"},
    timedelta: {"type": "number", "description": "seconds"},
}
_LISTS = (list, tuple, set, frozenset)


def of_type(kind: Any) -> dict[str, Any]:  # noqa: PLR0911  one return a kind of type
    """Return the schema of a field's type; an unknown type may be anything."""
    if kind in _SCALARS:
        return dict(_SCALARS[kind])
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in {Union, types.UnionType}:
        return {"anyOf": [of_type(one) for one in arguments]}
    if origin in _LISTS or (origin is not None and issubclass(origin, (list, tuple))):
        return {"type": "array", "items": of_type(arguments[0]) if arguments else {}}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": of_type(arguments[1])}
    if isinstance(kind, type) and attrs.has(kind):
        return of_class(kind)
    return {}


def members(cls: type[Any], marker: str) -> dict[str, tuple[Any, bool]]:
    """Return a class's public fields: each name's type, and whether it must be given.

    :param marker: metadata that hides a field: ``wire`` (False) or ``secret`` (True).
    """
    hints = get_type_hints(cls)
    return {
        field.name: (hints[field.name], field.default is attrs.NOTHING)
        for field in attrs.fields(cls)
        if field.init and (field.metadata.get(marker) in {None, marker != "secret"})
    }


def of_class(cls: type[Any], marker: str = "wire") -> dict[str, Any]:
    """Return the schema of an attrs class."""
    fields = members(cls, marker)
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: of_type(kind) for name, (kind, _) in fields.items()},
        "additionalProperties": False,
    }
    required = [name for name, (_, needed) in fields.items() if needed]
    if required:
        schema["required"] = required
    return schema


def summary(cls: type[Any]) -> str:
    """Return the first sentence of a class's docstring."""
    text = (cls.__doc__ or "").strip().partition("\n\n")[0]
    return " ".join(text.split())
