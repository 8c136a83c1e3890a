"""What a snapshot keeps is plain data, and builds the same state again."""

from datetime import datetime
from zoneinfo import ZoneInfo

import attrs
import msgpack

from actors.rules import records
from actors.rules.chat import Mute, Post, React
from tests.actors.rules.workshop import Workshop, ana, hana


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


def test_what_is_as_it_was_at_first_is_left_out_of_a_snapshot():
    state = Sets({"b"}, by_key={"x": set()})
    assert records.kept(state) == {"several": ["b"], "by_key": {"x": []}}
    assert records.build(records.kept(state), Sets) == state
    assert records.kept(Sets()) == {}


def test_every_state_with_something_in_it_survives_its_snapshot():
    workshop = Workshop()
    workshop.join(ana)
    topic = "session/ux"
    workshop.run(Post(by=ana, topic=topic, text="Hello"))
    workshop.run(React(by=hana, topic=topic, id="1", emoji="👍"))
    workshop.run(Mute(by=hana, session="ux", person="ana"))
    assert workshop.states
    for entity, state in workshop.states.items():
        kept = msgpack.packb(records.kept(state))
        built = records.build(msgpack.unpackb(kept), type(state))
        assert built == state, entity


def test_rule_46_both_times_of_a_repeated_hour_are_spelt_as_they_are():
    first = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    second = first.replace(fold=1)
    assert first == second  # as Python has it, and a cache by these would
    assert [records.iso(at) for at in (first, second, first)] == [
        "2026-10-25T00:30:00.000Z",
        "2026-10-25T01:30:00.000Z",
        "2026-10-25T00:30:00.000Z",
    ]
