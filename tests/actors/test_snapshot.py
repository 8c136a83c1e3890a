"""A snapshot holds a state, is read back as it was, and is never plain data all at once."""

import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import msgpack
import pytest

from actors.rules import records
from actors.rules.chat import Mute, Post, React
from actors.rules.chat_model import ChatState
from actors.rules.message_log import KEPT, Message
from actors.snapshot import pack_snapshot, unpack_snapshot
from tests.actors.rules.workshop import Workshop, ana, hana

START = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)


@attrs.define
class Sets:
    several: set[str] = attrs.field(factory=set)
    by_key: dict[str, set[str]] = attrs.field(factory=dict)


@attrs.define
class Member:
    name: str
    since: datetime
    languages: set[str] = attrs.field(factory=set)


@attrs.define
class Room:
    title: str
    members: dict[str, Member] = attrs.field(factory=dict)
    _order: list[str] | None = attrs.field(default=None, init=False, eq=False)


@attrs.define
class House:
    rooms: Room
    kept: int = 0
    sets: Sets = attrs.field(factory=Sets)


def house():
    room = Room("Stage", {"ana": Member("Ana", START, {"en", "de"}), "ben": Member("Ben", START)})
    return House(room, sets=Sets({"b"}, {"x": set()}))


def test_a_state_is_read_back_with_what_was_kept_beside_it():
    beside = {"topic_seq": 7, "done": {"answers": [["a", b"1"]]}, "taken": None}
    state, read = unpack_snapshot(pack_snapshot(house(), beside), House)
    assert state == house()
    assert read == beside


def test_what_is_as_it_was_at_first_is_left_out():
    packed = pack_snapshot(house(), {})
    assert msgpack.unpackb(packed) == {
        "state": {
            "sets": {"several": ["b"], "by_key": {"x": []}},
            "rooms": {
                "title": "Stage",
                "members": {
                    "ana": {"name": "Ana", "since": "2026-12-01T09:00:00.000Z",
                            "languages": ["de", "en"]},
                    "ben": {"name": "Ben", "since": "2026-12-01T09:00:00.000Z"},
                },
            },
        }
    }  # fmt: skip


def test_members_that_are_plain_data_as_a_whole_are_read_as_well():
    plain: dict[str, Any] = {"state": records.plain(house()), "seq": 1}
    plain["state"]["unknown"] = [1, 2]
    state, beside = unpack_snapshot(msgpack.packb(plain), House)
    assert state == house()
    assert beside == {"seq": 1}


def test_a_snapshot_without_members_is_one_of_none():
    packed = msgpack.packb({"state": {"rooms": {"title": "Stage"}}})
    assert unpack_snapshot(packed, House)[0] == House(Room("Stage"))


@pytest.mark.parametrize("cut", [0, 1, 40, -1])
def test_a_snapshot_that_was_cut_off_is_refused(cut):
    with pytest.raises(ValueError, match="ends too early"):
        unpack_snapshot(pack_snapshot(house(), {})[:cut], House)


@pytest.mark.parametrize("data", [{"topic_seq": 1}, [1], "state", {"state": 5}])
def test_what_is_no_snapshot_is_refused(data):
    with pytest.raises(ValueError, match=r"holds no state|Unexpected type|a map"):
        unpack_snapshot(msgpack.packb(data), House)


def test_what_is_not_plain_is_refused():
    with pytest.raises(TypeError):
        pack_snapshot(house(), {"beside": object()})


def test_every_state_with_something_in_it_survives_its_snapshot():
    workshop = Workshop()
    workshop.join(ana)
    topic = "session/ux"
    workshop.run(Post(by=ana, topic=topic, text="Hello"))
    workshop.run(React(by=hana, topic=topic, id="1", emoji="👍"))
    workshop.run(Mute(by=hana, session="ux", person="ana"))
    assert workshop.states
    for entity, state in workshop.states.items():
        assert unpack_snapshot(pack_snapshot(state, {}), type(state))[0] == state, entity


def peak_of(work):
    """Return the bytes that some work held at most, and those it leaves."""
    tracemalloc.start()
    try:
        kept = work()
        left, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    del kept
    return most, left


def test_a_full_chat_is_packed_and_read_a_message_at_a_time():
    def said(number):
        name = f"Person {number % 30}"
        at = START + timedelta(milliseconds=number)
        return Message(str(number), f"p-{number % 30}", name, "participant", f"No. {number}", at)

    chat = ChatState(KEPT)
    for number in range(1, KEPT + 1):
        chat.messages.append(said(number))
    packed = pack_snapshot(chat, {})
    assert unpack_snapshot(packed, ChatState)[0] == chat
    whole, _ = peak_of(lambda: msgpack.packb(records.keeping.unstructure(list(chat.messages))))
    most, _ = peak_of(lambda: pack_snapshot(chat, {}))
    assert most < 2.5 * len(packed) < whole
    most, left = peak_of(lambda: unpack_snapshot(packed, ChatState))
    assert most - left < 1.5 * len(packed)
