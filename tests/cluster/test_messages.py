"""Every command there is comes over the wire as it went."""

from datetime import UTC, datetime, timedelta
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import attrs
import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import engine.kinds  # noqa: F401  brings every command into being
from actors.entity import Resume
from actors.errors import Refused
from actors.participant import Call, Connect, Expel, Gone
from actors.ports import StorageUnavailable
from actors.rules.base import COMMANDS, Command, Person
from actors.rules.records import plain
from transport.cluster import messages
from transport.cluster.messages import Book
from transport.cluster.placement import place_of, preferred, shard_of
from transport.params import structure

ANA = Person(id="ana", name="Ana", event="fair", grants=frozenset({"support"}))
NOW = datetime(2026, 12, 1, 10, 0, 0, 123456, tzinfo=UTC)


def over(message: Any) -> Any:
    """Return a message after its way over the wire."""
    return messages.unpack(msgpack.unpackb(msgpack.packb(messages.pack(message))))


@pytest.mark.parametrize(
    "message",
    [
        Resume(ANA, "n-1", 7, ("session/ux", "room/ux.1")),
        Connect(ANA, "n-1", {"me": 3, "session/ux": -1}),
        Gone(ANA, "n-1"),
        Expel("ben", "Bye."),
    ],
)
def test_what_is_no_command_travels_too(message):
    assert over(message) == message


def test_a_resume_with_a_view_of_topics_travels():
    topics = {"session/ux": 1}
    assert over(Resume(ANA, "n-1", 7, topics.keys())) == Resume(ANA, "n-1", 7, ("session/ux",))


def test_a_command_takes_its_trace_along_to_another_node():
    command = structure(COMMANDS["session.get"], {"session": "ux"}, ANA, "c1")
    traced = attrs.evolve(command, trace="00-aa-bb-01")
    assert over(Call(traced)).command.trace == "00-aa-bb-01"
    assert over(Book(traced)).command.trace == "00-aa-bb-01"


VALUES = {
    str: st.sampled_from(["ux", "1", "2026-12-01"]),
    int: st.integers(1, 50),
    bool: st.booleans(),
    float: st.floats(0, 9),
    datetime: st.just(NOW),
    timedelta: st.just(timedelta(minutes=15)),
    type(None): st.none(),
    Any: st.just("x"),
}


def value_of(kind: Any) -> st.SearchStrategy[Any]:
    if kind in VALUES:
        return VALUES[kind]
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (Union, UnionType):
        return st.one_of(*map(value_of, arguments))
    if origin is dict or str(origin).endswith("Mapping'>"):
        return st.dictionaries(*map(value_of, arguments), max_size=2)
    if origin in (list, tuple, frozenset, set):
        return st.lists(value_of(arguments[0]), max_size=2)
    return fields_of(kind)


def fields_of(cls: type) -> st.SearchStrategy[dict[str, Any]]:
    attrs.resolve_types(cls)
    return st.fixed_dictionaries(
        {
            field.name: value_of(field.type)
            for field in attrs.fields(cls)
            if field.init and field.metadata.get("wire") is not False and field.name != "key"
        }
    )


@pytest.mark.parametrize("method", sorted(COMMANDS))
@settings(max_examples=8, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_every_command_comes_as_it_went(method, data):
    cls: type[Command] = COMMANDS[method]
    params = data.draw(fields_of(cls))
    try:
        command = structure(cls, plain(params), ANA, "n-1")
    except Refused:
        return
    for message in (command, Call(command), Book(command)):
        assert over(message) == message


def test_every_command_can_be_taken_apart_and_put_together():
    for cls in messages._classes().values():
        attrs.resolve_types(cls)
        assert messages._converter.get_structure_hook(cls)


def test_an_unknown_message_is_named():
    with pytest.raises(messages.UnknownMessage, match=r"no\.such"):
        messages.unpack(["no.such", {}])


def test_a_refusal_travels_with_its_reason_and_others_with_theirs():
    refused = Refused("slot_taken", "Taken.", slot="1")
    assert messages.refusal(refused) is refused
    assert messages.refusal(StorageUnavailable("disk")).reason == "storage_unavailable"
    assert messages.refusal(ZeroDivisionError()).reason == "internal"


def test_what_takes_part_in_one_transaction_stands_together():
    companies = {"acme": "fair"}
    names = ["event/fair", "chat/fair.ana.1", "agenda/fair.a.b", "person/fair.ana", "company/acme"]
    assert {place_of(name, companies) for name in names} == {"event fair"}
    assert place_of("room/ux.2", {}) == place_of("session/ux", {}) == "session ux"
    assert place_of("media/room/ux.2", {}) == "session ux"
    assert place_of("company/new", {}) == "company new"


def test_a_node_that_goes_moves_only_its_own_shards():
    nodes = ["a", "b", "c"]
    before = [preferred(shard, nodes) for shard in range(128)]
    after = [preferred(shard, ["a", "b"]) for shard in range(128)]
    assert all(old == new for old, new in zip(before, after, strict=True) if old != "c")
    assert all(before.count(node) > 20 for node in nodes)
    assert 0 <= shard_of("event fair") < 128
