"""A role belongs to the session, never to a room; so does a ban (rules 24, 29)."""

import pytest

from actors.rules import chat_model, media
from actors.rules.breakout import commands as ask
from actors.rules.session import moderation, planning
from tests.actors.rules.workshop import Workshop, ana, ben, cem, durable, hana, olga, refused


@pytest.fixture
def workshop():
    return Workshop(people=[ana, ben, cem])


def groups(*people_of_rooms):
    return [[person.id for person in people] for people in people_of_rooms]


def say(by, text="Hello", room="1"):
    return chat_model.Post(by=by, topic=f"room/ux.{room}", text=text)


def history(by, room="1"):
    return chat_model.History(by=by, topic=f"room/ux.{room}")


def test_rule_29_whoever_becomes_a_host_is_one_in_every_open_room(workshop):
    workshop.open(assign="list", groups=groups([ana, ben], [cem]))
    written = workshop.run(say(ana))["message"]["id"]
    workshop.run(planning.Change(by=olga, session="ux", hosts=["hana", "cem"]))
    workshop.enter(cem, "1")
    workshop.run(media.Block(by=cem, topic="room/ux.1", person="ana", mic=True))
    workshop.run(chat_model.Delete(by=cem, topic="room/ux.1", id=written))
    assert workshop.room("1").role_of(cem) == "host"


def test_rule_29_whoever_is_a_host_no_longer_is_none_in_any_room(workshop):
    workshop.open(assign="list", groups=groups([ana, ben], [cem]))
    written = workshop.run(say(ana))["message"]["id"]
    workshop.enter(hana, "2")
    workshop.run(planning.Change(by=olga, session="ux", hosts=["cem"]))
    refused("forbidden", workshop, history(hana))
    refused("forbidden", workshop, chat_model.Delete(by=hana, topic="room/ux.1", id=written))
    assert workshop.room("2").role_of(hana) == "employee"
    assert workshop.room("2").members["hana"].role == "employee"


def test_rule_24_a_banned_person_sees_nothing_more_of_the_rooms(workshop):
    workshop.open(assign="list", groups=groups([ana, ben], [cem]))
    workshop.run(moderation.BanPerson(by=hana, session="ux", person="ana"))
    workshop.run(say(ben, "Among us"))
    refused("forbidden", workshop, history(ana))
    refused("banned", workshop, ask.Get(by=ana, session="ux"))
    workshop.close(countdown=0)
    refused("forbidden", workshop, history(ana))
    workshop.run(moderation.UnbanPerson(by=hana, session="ux", person="ana"))
    assert len(workshop.run(history(ana))["messages"]) == 1
    assert workshop.run(ask.Get(by=ana, session="ux"))["breakout"]


def test_rule_24_nobody_who_is_banned_is_given_a_room(workshop):
    workshop.run(moderation.BanPerson(by=hana, session="ux", person="ana"))
    workshop.open(assign="list", groups=groups([ana, ben], [cem]))
    assert workshop.rooms.assigned == {"ben": "1", "cem": "2"}
    workshop.run(say(ben))
    refused("forbidden", workshop, history(ana))


def test_rule_24_the_rooms_know_hosts_and_bans_after_a_crash(workshop):
    workshop.open(assign="list", groups=groups([ana, ben], [cem]))
    workshop.run(moderation.BanPerson(by=hana, session="ux", person="ana"))
    workshop.run(planning.Change(by=olga, session="ux", hosts=["hana", "cem"]))
    for room in ("1", "2"):
        entity = f"room/ux.{room}"
        assert durable(workshop.replayed(entity)) == durable(workshop.state(entity))
        assert durable(workshop.kept(entity)) == durable(workshop.state(entity))
