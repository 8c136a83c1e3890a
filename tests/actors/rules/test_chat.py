import pytest

from actors.errors import Refused
from actors.rules.base import SYSTEM
from actors.rules.chat import Delete, History, Mute, Post, React, Search, Slow
from actors.rules.chat_model import TEXT_LIMIT
from actors.rules.message_log import KEPT
from actors.rules.session.presence import Leave
from tests.actors.rules.hall import ANA, BEN, CEM, HANA, OLGA, copied, live

TOPIC = "session/ux"


def say(hall, by, text="Hello", **more):
    return hall.do(by, Post, topic=TOPIC, text=text, **more)["message"]


def test_rule_21_all_in_the_session_chat_and_nobody_else():
    hall = live(ANA, BEN)
    message = say(hall, ANA)
    assert hall.told("chat.posted") == [
        {
            "id": message["id"],
            "person": "ana",
            "name": "Ana",
            "role": "participant",
            "text": "Hello",
            "reply_to": None,
        }
    ]
    assert say(hall, HANA)["role"] == "host"
    for kind, params in [(Post, {"text": "?"}), (History, {}), (Search, {"query": "?"})]:
        assert hall.refused(CEM, kind, topic=TOPIC, **params).reason == "forbidden"
    hall.do(ANA, Leave)
    assert hall.refused(ANA, Post, topic=TOPIC, text="?").reason == "wrong_state"
    assert len(hall.do(ANA, History, topic=TOPIC)["messages"]) == 2


def test_rule_21_replies_name_a_message_that_was_said():
    hall = live(ANA, BEN)
    first = say(hall, ANA)["id"]
    assert say(hall, BEN, reply_to=first)["reply_to"] == first
    for bad in ("99", "x", "01", "-1"):
        assert hall.refused(BEN, Post, topic=TOPIC, text="?", reply_to=bad).reason == "not_found"


def test_rule_21_deleting_leaves_a_tombstone():
    hall = live(ANA, BEN)
    id_ = say(hall, ANA, "Oops")["id"]
    hall.do(BEN, React, topic=TOPIC, id=id_, emoji="👍")
    assert hall.refused(BEN, Delete, topic=TOPIC, id=id_).reason == "forbidden"
    hall.do(ANA, Delete, topic=TOPIC, id=id_)
    (stone,) = hall.do(BEN, History, topic=TOPIC)["messages"]
    assert (stone["id"], stone["deleted"], stone["text"], stone["reactions"]) == (
        id_,
        True,
        "",
        {},
    )
    assert hall.refused(BEN, React, topic=TOPIC, id=id_, emoji="👍").reason == "wrong_state"
    other = say(hall, BEN)["id"]
    hall.do(HANA, Delete, topic=TOPIC, id=other)
    hall.do(HANA, Delete, topic=TOPIC, id=other)
    assert [told["by"] for told in hall.told("chat.deleted")] == ["ana", "hana"]


def test_rule_21_reactions_count_people():
    hall = live(ANA, BEN)
    id_ = say(hall, ANA)["id"]
    for by in (ANA, BEN, BEN):
        message = hall.do(by, React, topic=TOPIC, id=id_, emoji="👍")["message"]
    assert message["reactions"] == {"👍": {"count": 2, "mine": True}}
    assert [told["count"] for told in hall.told("chat.reacted")] == [1, 2]
    hall.do(BEN, React, topic=TOPIC, id=id_, emoji="👍", on=False)
    assert hall.view(BEN)["chat"]["messages"][0]["reactions"] == {"👍": {"count": 1, "mine": False}}
    hall.do(ANA, React, topic=TOPIC, id=id_, emoji="👍", on=False)
    assert hall.state.chat.messages.get(id_).reactions == {}
    for number in range(20):
        hall.do(ANA, React, topic=TOPIC, id=id_, emoji=str(number))
    assert hall.refused(ANA, React, topic=TOPIC, id=id_, emoji="x").reason == "too_large"


def test_rule_21_history_by_pages():
    hall = live(ANA)
    for number in range(120):
        say(hall, ANA, str(number))
    pages, before = [], None
    while True:
        page = hall.do(ANA, History, topic=TOPIC, limit=50, before=before)
        pages.append([message["text"] for message in page["messages"]])
        if not page["more"]:
            break
        before = page["messages"][0]["id"]
    assert pages == [
        [str(number) for number in range(start, end)]
        for start, end in ((70, 120), (20, 70), (0, 20))
    ]
    assert len(hall.view(ANA)["chat"]["messages"]) == 50
    assert hall.refused(ANA, History, topic=TOPIC, before="x").data["path"] == "before"


def test_rule_21_memory_is_bounded_and_says_that_there_is_more():
    hall = live(ANA)
    for number in range(KEPT + 10):
        say(hall, ANA, str(number))
    assert len(hall.state.chat.messages) == KEPT
    page = hall.do(ANA, History, topic=TOPIC, before="15")
    assert [message["id"] for message in page["messages"]] == ["11", "12", "13", "14"]
    assert page["more"]
    assert hall.do(ANA, History, topic=TOPIC, before="5") == {"messages": [], "more": True}
    assert hall.do(ANA, History, topic=TOPIC, before="1") == {"messages": [], "more": False}
    assert hall.refused(ANA, Delete, topic=TOPIC, id="3").reason == "not_found"
    hall.do(HANA, Delete, topic=TOPIC, id="3")
    assert copied(hall.state) == hall.state


def test_rule_21_search():
    hall = live(ANA)
    for text in ("Portfolio tips", "lunch", "My portfolio"):
        say(hall, ANA, text)
    found = hall.do(ANA, Search, topic=TOPIC, query="PORTFOLIO")["messages"]
    assert [message["text"] for message in found] == ["My portfolio", "Portfolio tips"]


def test_rule_21_a_host_mutes_one_person_or_the_whole_chat():
    hall = live(ANA, BEN)
    assert hall.refused(ANA, Mute, person="ben").reason == "forbidden"
    hall.do(HANA, Mute, person="ana")
    assert hall.refused(ANA, Post, topic=TOPIC, text="?").reason == "forbidden"
    say(hall, BEN)
    assert hall.view(ANA)["chat"]["muted"] == ["ana"]
    assert hall.view(BEN)["chat"]["muted"] == []
    hall.do(HANA, Mute, person="ana", muted=False)
    say(hall, ANA)
    hall.do(OLGA, Mute)
    assert hall.refused(BEN, Post, topic=TOPIC, text="?").reason == "forbidden"
    say(hall, HANA)
    hall.do(HANA, Mute, muted=False)
    say(hall, BEN)


def test_rule_21_slow():
    hall = live(ANA, BEN)
    hall.do(HANA, Slow, seconds=10)
    say(hall, ANA)
    say(hall, BEN)
    hall.wait(4)
    refused = hall.refused(ANA, Post, topic=TOPIC, text="?")
    assert (refused.reason, refused.data["retry_after"]) == ("rate_limited", 6.0)
    say(hall, HANA)
    say(hall, HANA)
    hall.wait(6)
    say(hall, ANA)
    hall.do(HANA, Slow, seconds=0)
    say(hall, ANA)


def test_rule_21_a_server_may_speak_without_entering():
    hall = live(ANA)
    assert say(hall, SYSTEM, "Lunch is served")["name"] == "Greenroom"


@pytest.mark.parametrize(
    ("kind", "params", "path"),
    [
        (Post, {"topic": TOPIC, "text": "x" * (TEXT_LIMIT + 1)}, "text"),
        (Post, {"topic": TOPIC, "text": "\n"}, "text"),
        (Post, {"topic": "event/fair", "text": "x"}, "topic"),
        (React, {"topic": TOPIC, "id": "1", "emoji": "x" * 33}, "emoji"),
        (Slow, {"session": "ux", "seconds": -1}, "seconds"),
        (History, {"topic": TOPIC, "limit": 0}, "limit"),
    ],
)
def test_rule_21_limits(kind, params, path):
    with pytest.raises(Refused) as caught:
        kind(by=ANA, **params)
    assert (caught.value.reason, caught.value.data["path"]) == ("invalid_params", path)
