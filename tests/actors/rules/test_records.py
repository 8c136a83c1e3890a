"""What a snapshot keeps is plain data, and builds the same state again."""

from datetime import datetime
from zoneinfo import ZoneInfo

import attrs
import msgpack

from actors.rules import records


@attrs.define
class Sets:
    several: set[str] = attrs.field(factory=set)
    fixed: frozenset[str] = frozenset()
    by_key: dict[str, set[str]] = attrs.field(factory=dict)
    perhaps: set[str] | None = None


def test_sets_are_sorted_lists_wherever_they_stand():
    state = Sets({"c", "b"}, frozenset("ba"), {"x": {"n", "m"}}, {"q"})
    kept = records.plain(state)
    assert kept == {
        "several": ["b", "c"],
        "fixed": ["a", "b"],
        "by_key": {"x": ["m", "n"]},
        "perhaps": ["q"],
    }
    assert records.build(msgpack.unpackb(msgpack.packb(kept)), Sets) == state


def test_rule_46_both_times_of_a_repeated_hour_are_spelt_as_they_are():
    first = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    second = first.replace(fold=1)
    assert first == second  # as Python has it, and a cache by these would
    assert [records.iso(at) for at in (first, second, first)] == [
        "2026-10-25T00:30:00.000Z",
        "2026-10-25T01:30:00.000Z",
        "2026-10-25T00:30:00.000Z",
    ]
