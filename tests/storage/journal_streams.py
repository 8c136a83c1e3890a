"""Journals full of every durable event there is, for properties of the read model."""

import importlib
import pkgutil
from datetime import UTC, datetime, timedelta
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import attrs
from hypothesis import strategies as st

import actors.rules
from actors.ports import Entry, Write
from actors.rules import records
from actors.rules.base import EVENTS

for module in pkgutil.walk_packages(actors.rules.__path__, "actors.rules."):
    importlib.import_module(module.name)

DURABLE = {
    name: cls
    for name, cls in sorted(EVENTS.items())
    if cls.durable and not name.startswith("test.")  # other tests' own events
}

instants = st.datetimes(
    datetime(2026, 12, 1),  # noqa: DTZ001  hypothesis wants the zone apart
    datetime(2026, 12, 3),  # noqa: DTZ001
    timezones=st.just(UTC),
)
ids = st.sampled_from(["1", "2", "3"])
"""Few, so that events meet the things that other events made; digits, as chats count them."""
words = st.sampled_from(["", "hello", "Grüße", "2026-12-01", "left", "removed"])
fields = {"text": words, "title": st.just("UX"), "message": words, "info": words, "reason": words}

KINDS = {
    "event": ("event", "program", "company.listed"),
    "company": ("company", "quota"),
    "chat": ("meeting",),
    "agenda": ("agenda",),
    "person": ("notification", "notifications"),
    "support": ("support",),
    "room": ("room",),
}


def entity_of(type_name: str, number: int) -> str:
    for kind, prefixes in KINDS.items():
        if type_name in prefixes or type_name.partition(".")[0] in prefixes:
            scoped = kind in {"agenda", "person", "room"}
            return f"{kind}/{number}.{number}" if scoped else f"{kind}/{number}"
    return f"session/{number}"


PLAIN = {
    str: ids,
    int: st.integers(0, 200),
    float: st.floats(0, 100),
    bool: st.booleans(),
    datetime: instants,
    timedelta: st.just(timedelta(minutes=15)),
    type(None): st.none(),
    Any: words,
}


def value_of(kind: Any) -> st.SearchStrategy[Any]:
    """Return values of a field's type, as events have them."""
    if kind in PLAIN:
        return PLAIN[kind]
    if attrs.has(kind):
        return st.deferred(lambda: object_of(kind))
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (Union, UnionType):
        return st.one_of(*map(value_of, arguments))
    if origin is dict:
        return st.dictionaries(*map(value_of, arguments), max_size=2)
    if origin in (set, frozenset):
        return st.frozensets(value_of(arguments[0]), max_size=2)
    assert origin is list, kind
    return st.lists(value_of(arguments[0]), max_size=2)


def object_of(cls: type) -> st.SearchStrategy[Any]:
    attrs.resolve_types(cls)
    return st.builds(
        cls,
        **{
            field.alias: fields.get(field.name, value_of(field.type))
            if field.type is str
            else value_of(field.type)
            for field in attrs.fields(cls)
            if field.init
        },
    )


@st.composite
def journals(draw) -> list[Write]:
    """Return appends, in order, of events of all types to a few entities."""
    heads: dict[str, int] = {}
    writes = []
    for type_name in draw(st.lists(st.sampled_from(sorted(DURABLE)), min_size=1, max_size=40)):
        event = draw(object_of(DURABLE[type_name]))
        entity = entity_of(type_name, draw(st.integers(1, 2)))
        seq = heads.get(entity, 0) + 1
        heads[entity] = seq
        entry = Entry(seq, type_name, event.at, records.record(event), {"by": "1"})
        writes.append(Write(entity, seq - 1, [entry]))
    return writes
