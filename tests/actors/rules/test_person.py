"""Rule 49: notifications are kept until they are read."""

import pytest

from actors.rules import person
from actors.rules.base import SYSTEM
from actors.rules.person import Notify, ReadNotifications
from actors.rules.session.running import Start
from tests.actors.rules.workshop import RULES, START, Workshop, ana, ben, refused

ME = "person/fair.ana"


@pytest.fixture
def workshop():
    return Workshop()


def notify(workshop, kind="moved", **params):
    workshop.run(Notify(by=SYSTEM, event="fair", person="ana", kind=kind, **params))


def unread(workshop):
    return RULES["person"].snapshot(workshop.state(ME), ana, START)["notifications"]


def test_rule_49_a_notification_waits_until_it_is_read(workshop):
    notify(workshop, data={"room": "2"})
    (note,) = unread(workshop)
    assert (note["kind"], note["data"]) == ("moved", {"room": "2"})
    assert workshop.told("notification.added", ME) == [
        {"id": note["id"], "kind": "moved", "data": {"room": "2"}}
    ]
    assert workshop.run(ReadNotifications(by=ana, ids=[note["id"]])) == {"unread": 0}
    assert unread(workshop) == []
    assert workshop.told("notifications.read", ME) == [{"ids": [note["id"]]}]


def test_rule_49_reading_again_or_what_is_not_there_changes_nothing(workshop):
    notify(workshop)
    ids = [unread(workshop)[0]["id"]]
    workshop.run(ReadNotifications(by=ana, ids=ids))
    before = len(workshop.journal[ME])
    assert workshop.run(ReadNotifications(by=ana, ids=[*ids, "x"])) == {"unread": 0}
    assert len(workshop.journal[ME]) == before


def test_rule_49_nobody_reads_for_somebody_else(workshop):
    notify(workshop)
    workshop.run(ReadNotifications(by=ben, ids=["1"]))
    assert len(unread(workshop)) == 1


def test_rule_49_the_same_matter_is_told_once_while_unread(workshop):
    notify(workshop, id="reminder.ux.10")
    notify(workshop, id="reminder.ux.10")
    assert len(unread(workshop)) == 1


def test_rule_49_the_oldest_make_room_and_are_counted(workshop):
    for index in range(person.MAX_KEPT + 3):
        notify(workshop, data={"index": index})
    assert len(unread(workshop)) == person.MAX_KEPT
    assert unread(workshop)[0]["data"] == {"index": 3}
    assert workshop.state(ME).dropped == 3


def test_rule_49_what_is_only_for_now_is_not_kept(workshop):
    notify(workshop, kept=False)
    assert unread(workshop) == []
    assert len(workshop.told("notification.passed", ME)) == 1
    assert ME not in workshop.journal


def test_rule_49_a_page_of_ids_is_bounded(workshop):
    ids = [str(index) for index in range(person.MAX_READ + 1)]
    assert refused("invalid_params", workshop, ReadNotifications(by=ana, ids=ids)).data == {
        "path": "ids"
    }


def test_a_person_takes_no_other_commands(workshop):
    refused("forbidden", workshop, Start(by=ana, session="ux"), ME)


def test_a_person_comes_back_from_the_journal(workshop):
    for _ in range(3):
        notify(workshop)
    workshop.run(ReadNotifications(by=ana, ids=["2"]))
    assert workshop.replayed(ME) == workshop.state(ME) == workshop.kept(ME)
