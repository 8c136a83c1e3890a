"""Events, commands and states as plain data, and back.

One converter serves the journal, the snapshots and the wire, so a field has one spelling
everywhere: times are ISO 8601 UTC with milliseconds, sets are sorted lists.
"""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar

import attrs
import cattrs
from cattrs.gen import make_dict_unstructure_fn, override

from actors.rules.base import EVENTS, Event

T = TypeVar("T")

SPELT = 1024
"""Instants whose spelling is kept. Most are spelt again within the second, for the journal and for
those who listen, and many in every snapshot; looking one up takes a twentieth of the time. Most are
read again as well, and what is read is one object then. Each is some seven objects that lie among
what stays: with eight times as many, a fifth of what a busy daemon had added since its start."""


def iso(at: datetime) -> str:
    """Return an instant as the wire spells it: UTC with milliseconds."""
    # What is remembered is UTC: of a time zone's repeated hour both times are equal, and one key.
    return _spelling(at if at.tzinfo is UTC else at.astimezone(UTC))


@lru_cache(SPELT)
def _spelling(at: datetime) -> str:
    # Given by name, the second argument takes half as long again; a snapshot spells thousands.
    return at.isoformat("T", "milliseconds")[:-6] + "Z"


@lru_cache(SPELT)
def instant(text: str) -> datetime:
    """Return the instant that ``text`` spells.

    :raises ValueError: it is not ISO 8601, or has no offset from UTC.
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time needs an offset from UTC, such as Z")
    return at if at.tzinfo is UTC else at.astimezone(UTC)


def _structure_instant(value: Any, _: type) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise TypeError("expected a time as ISO 8601 text")
    return instant(value)


def _strict(kind: type, name: str, *also: type) -> Any:
    def structure(value: Any, _: type) -> Any:
        if type(value) is kind:
            return value
        if type(value) not in also:
            raise TypeError(f"expected {name}")
        return kind(value)

    return structure


def _make_converter() -> cattrs.Converter:
    # Hooks for set and frozenset would miss fields that say what they are sets of.
    converter = cattrs.Converter(
        forbid_extra_keys=False,
        detailed_validation=False,
        unstruct_collection_overrides={AbstractSet: sorted},
    )
    converter.register_unstructure_hook(datetime, iso)
    converter.register_structure_hook(datetime, _structure_instant)
    converter.register_structure_hook(bool, _strict(bool, "true or false"))
    converter.register_structure_hook(int, _strict(int, "a whole number"))
    converter.register_structure_hook(float, _strict(float, "a number", int))
    converter.register_structure_hook(str, _strict(str, "text"))
    return converter


converter = _make_converter()
"""Lenient about unknown members: older code reads newer rows."""


_RECORD: dict[type[Event], Callable[[Event], dict[str, Any]]] = {}
_WIRE: dict[type[Event], Callable[[Event], dict[str, Any]]] = {}
_RESTORE: dict[type[Event], Callable[[Mapping[str, Any], Any], Event]] = {}
"""What the converter would look up for every event."""


def _wire_function(cls: type[Event]) -> Callable[[Event], dict[str, Any]]:
    secrets: dict[str, Any] = {
        field.name: override(omit=True)
        for field in attrs.fields(cls)
        if field.metadata.get("secret")
    }
    _WIRE[cls] = make_dict_unstructure_fn(cls, converter, **secrets)
    return _WIRE[cls]


def wire(event: Event) -> dict[str, Any]:
    """Return an event's ``data`` as subscribers receive it, without its secret fields."""
    cls = type(event)
    return (_WIRE.get(cls) or _wire_function(cls))(event)


def record(event: Event) -> dict[str, Any]:
    """Return an event as the journal keeps it."""
    cls = type(event)
    function = _RECORD.get(cls)
    if function is None:
        function = _RECORD[cls] = converter.get_unstructure_hook(cls)
    return function(event)


def restore(type_name: str, data: Mapping[str, Any]) -> Event:
    """Return the event a journal row holds.

    :raises KeyError: no event has that type.
    """
    cls = EVENTS[type_name]
    function = _RESTORE.get(cls)
    if function is None:
        function = _RESTORE[cls] = converter.get_structure_hook(cls)
    return function(data, cls)


def plain(value: Any) -> Any:
    """Return any attrs value as plain data."""
    return converter.unstructure(value)


keeping = converter.copy(omit_if_default=True)
"""What makes values plain for a snapshot: without what is as it was at first."""


def build(data: Any, cls: type[T]) -> T:
    """Return the value that :func:`plain` made ``data`` of."""
    return converter.structure(data, cls)
