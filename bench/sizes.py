"""Sizes of a load that somebody chose: held against what the bench's ``run`` takes."""

import importlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import Any, get_type_hints

import attrs

from bench.load.wire import LoadMisused

SEED = "seed"
"""The one whole number that may be nought."""


def _whole(value: Any) -> bool:
    return type(value) is int and value > 0


def _number(value: Any) -> bool:
    return type(value) in {int, float} and value >= 0 and math.isfinite(value)


def _list_of(right: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and bool(value) and all(map(right, value))


@attrs.frozen
class Kind:
    """What a size may be: in words, and as a test."""

    expected: str
    holds: Callable[[Any], bool]


KINDS: Mapping[Any, Kind] = {
    int: Kind("a whole number above 0", _whole),
    float: Kind("a number, 0 or more", _number),
    bool: Kind("true or false", lambda value: isinstance(value, bool)),
    Sequence[int]: Kind("a list of whole numbers above 0, such as [100,1000]", _list_of(_whole)),
    Sequence[str]: Kind(
        'a list of names, such as ["one","other"]', _list_of(lambda one: isinstance(one, str))
    ),
}
"""By the annotation of a parameter of ``run``; parameters of other types are no sizes."""

LENGTH = Kind("a number above 0", lambda value: _number(value) and value > 0)
START = Kind("a whole number, 0 or more", lambda value: type(value) is int and value >= 0)


def usual_of(module: str) -> dict[str, Any]:
    """Return what a bench's sizes are if nobody says.

    :param module: the bench's.
    """
    parameters = signature(importlib.import_module(f"bench.{module}").run).parameters
    return {name: one.default for name, one in parameters.items()}


def sizes_of(module: str) -> dict[str, Kind]:
    """Return what sizes a bench takes, and what each may be.

    :param module: the bench's.
    """
    hints = get_type_hints(importlib.import_module(f"bench.{module}").run)
    kinds = {size: KINDS[hint] for size, hint in hints.items() if hint in KINDS}
    special = {"seconds": LENGTH, "rate": LENGTH, SEED: START}
    return kinds | {size: kind for size, kind in special.items() if size in kinds}


def checked(name: str, module: str, sizes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return sizes of a load, if the bench can take them.

    :param module: the bench's.
    :raises LoadMisused: it has no such size, or what was given is none.
    """
    kinds = sizes_of(module)
    for size, value in sizes.items():
        if size not in kinds:
            raise LoadMisused(f"{name} has no size {size!r}; it has {', '.join(kinds)}")
        if not kinds[size].holds(value):
            raise LoadMisused(f"{size}={json.dumps(value)}: expected {kinds[size].expected}")
    return sizes
