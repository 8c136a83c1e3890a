"""The table of limits names every limit, with the default it has."""

import re
from pathlib import Path

import attrs

from transport.limits import Limits, Rate

PAGE = Path(__file__).parents[2] / "docs" / "limits.md"
ELSEWHERE = {"origins", "trusted_proxies", "method_rates", "text_lengths"}
"""Named in the text: they have no one figure."""

UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "ms": 0.001}


def spelled(text: str) -> list[float]:
    """Return the figures a cell begins with, such as ``1,000 and 1 MiB``."""
    found = re.findall(r"([\d.,]*\d) ?(KiB|MiB|ms)?", text)
    return [float(number.replace(",", "")) * UNITS.get(unit, 1) for number, unit in found]


def figures(value: float | Rate) -> list[float]:
    return [value.per_second, value.burst] if isinstance(value, Rate) else [value]


def test_every_limit_stands_in_the_table_with_its_default():
    defaults = {
        name: figures(value)
        for name, value in attrs.asdict(Limits(), recurse=False).items()
        if name not in ELSEWHERE
    }
    shown = {}
    for cells, cell in re.findall(r"^\| (`[^|]+) \| ([^|]+) \|", PAGE.read_text(), re.MULTILINE):
        names = re.findall(r"`(\w+)`", cells)
        numbers = spelled(cell)
        if len(names) == 1:
            shown[names[0]] = numbers
        else:
            shown |= {name: [number] for name, number in zip(names, numbers, strict=True)}
    shown.pop("method_rates")
    assert shown == defaults
