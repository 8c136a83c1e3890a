"""Kicks, bans, drops and repeats on the wire: a real daemon, sockets that end as sockets do."""

import time

import pytest
from websockets.exceptions import ConnectionClosed

from tests.engine.daemon import token

HOST = {"sessions": frozenset({"ux"})}
ORGANIZER = {"role": "organizer"}


@pytest.fixture
def hana(daemon):
    with daemon.client("hana", **HOST) as hana:
        hana.call("session.join", session="ux")
        hana.call("session.start", session="ux")
        yield hana


def present(client):
    return {one["id"] for one in client.call("people.list", session="ux")["people"]}


def closed(client):
    with pytest.raises(ConnectionClosed) as ended:
        while True:
            client.receive()
    return ended.value.rcvd.code, ended.value.rcvd.reason


def resume(daemon, client, welcome, person):
    seen = {event["topic"]: event["seq"] for event in client.events if "seq" in event}
    resumed = {"epoch": welcome["epoch"], "topics": seen}
    return {"token": token(person), "resume": resumed}


def test_rule_24_kick_leaves_other_tabs_alone_and_an_event_ban_closes_all(daemon, hana):
    with daemon.client("ana") as ana, daemon.client("ana") as tab:
        ana.call("session.join", session="ux")
        tab.call("event.lobby")
        hana.call("people.kick", session="ux", person="ana", message="Bye")
        assert ana.wait_for("people.kicked", person="ana")["data"]["message"] == "Bye"
        hana.call("chat.send", topic="session/ux", text="without Ana")
        ana.call("ping")
        assert not [one for one in ana.events if one["type"] == "chat.posted"]
        tab.call("ping")
        ana.call("session.join", session="ux")
        with daemon.client("olga", **ORGANIZER) as olga:
            olga.call("event.ban", person="ana", message="Enough")
        assert closed(ana) == (3503, "Enough")
        assert closed(tab) == (3503, "Enough")
        assert "ana" not in present(hana)
    with daemon.client() as again:
        assert again.error("connect", token=token("ana"))["data"]["reason"] == "banned"
        assert closed(again)[0] == 3503


def test_rule_24_a_ban_from_the_session_closes_no_connection(daemon, hana):
    with daemon.client("ben") as ben:
        ben.call("session.join", session="ux")
        hana.call("people.ban", session="ux", person="ben")
        ben.wait_for("people.banned", person="ben")
        assert ben.error("session.join", session="ux")["data"]["reason"] == "banned"
        ben.call("event.program")


def test_rules_34_and_35_a_late_end_of_the_old_socket_is_nothing(daemon, hana):
    with daemon.client() as old, daemon.client() as new:
        welcome = old.call("connect", token=token("ana"))
        old.call("session.join", session="ux")
        old.wait_for("people.changed")
        back = new.call("connect", **resume(daemon, old, welcome, "ana"))
        assert back["recovered"] == {"session/ux": True}
        old.socket.socket.close()
        time.sleep(0.3)
        hana.call("chat.send", topic="session/ux", text="still there?")
        new.wait_for("chat.posted", text="still there?")
        assert "ana" in present(hana)
        gone = [one for one in hana.events if one["type"] == "people.changed"]
        assert not [one for one in gone if "ana" in one["data"]["left"]]


def test_rule_35_a_drop_and_a_resume_miss_nothing_and_show_no_leave(daemon, hana):
    with daemon.client() as first:
        welcome = first.call("connect", token=token("ana"))
        first.call("session.join", session="ux")
        first.wait_for("people.changed")
        first.socket.socket.close()
        for number in range(3):
            hana.call("chat.send", topic="session/ux", text=f"missed {number}")
        with daemon.client() as second:
            back = second.call("connect", **resume(daemon, first, welcome, "ana"))
            assert back["recovered"] == {"session/ux": True}
            texts = [second.wait_for("chat.posted")["data"]["text"] for _ in range(3)]
            assert texts == ["missed 0", "missed 1", "missed 2"]
            assert "ana" in present(hana)
            changes = [one for one in hana.events if one["type"] == "people.changed"]
            assert not [one for one in changes if one["data"]["left"]]


def test_rule_36_a_repeated_command_gets_the_first_answer_also_after_a_restart(daemon, hana):
    message = {"topic": "session/ux", "text": "Once", "key": "k1"}
    first = hana.call("chat.send", **message)
    assert hana.call("chat.send", **message) == first
    daemon.kill()
    daemon.start()
    with daemon.client("hana", **HOST) as again:
        again.call("session.join", session="ux")
        assert again.call("chat.send", **message) == first
        history = again.call("chat.history", topic="session/ux")["messages"]
        assert [one["text"] for one in history] == ["Once"]


def test_rule_8_the_end_is_told_to_everybody_and_nothing_follows(daemon, hana):
    with daemon.client("ana") as ana:
        ana.call("session.join", session="ux")
        assert ana.error("session.end", session="ux")["data"]["reason"] == "forbidden"
        hana.call("session.end", session="ux")
        assert ana.wait_for("session.ended")["data"] == {"reason": "host", "by": "hana"}
        assert ana.call("chat.history", topic="session/ux")["messages"] == []
        assert ana.error("session.join", session="ux")["data"]["reason"] == "wrong_state"
