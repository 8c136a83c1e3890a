"""Rule 23: the life ring, the queue and the private thread."""

from datetime import timedelta

import pytest

from actors.errors import Refused
from actors.rules import support
from actors.rules.base import Look, Person
from actors.rules.support import Ask, Mine, Queue, Reply, Resolve
from tests.actors.rules.workshop import RULES, START, Workshop, ana, ben, olga, refused

DESK = "support/fair"
sam = Person(id="sam", name="Sam", event="fair", grants=frozenset({"support"}))
foreign = Person(id="sam", name="Sam", event="other", grants=frozenset({"support"}))


@pytest.fixture
def workshop():
    return Workshop()


def ask(workshop, person=ana, text="No sound", **params):
    return workshop.run(Ask(by=person, text=text, **params))["ticket"]


def test_rule_23_a_ticket_says_where_from_and_with_what(workshop):
    ticket = ask(workshop, where="session/ux", diagnostics={"browser": "Firefox"})
    assert ticket["where"] == "session/ux"
    assert ticket["diagnostics"] == {"browser": "Firefox"}
    assert ticket["thread"][0]["text"] == "No sound"
    assert workshop.told("support.asked", DESK) == [{"ticket": ticket}]


def test_rule_23_staff_see_the_queue_oldest_first_and_nobody_else(workshop):
    ids = [ask(workshop, person)["id"] for person in (ana, ben)]
    for person in (sam, olga):
        workshop.run(Queue(by=person))
        queue = RULES["support"].snapshot(workshop.state(DESK), person, START)
        assert [ticket["id"] for ticket in queue["tickets"]] == ids
    refused("forbidden", workshop, Queue(by=ana))
    refused("forbidden", workshop, Look(by=ana), DESK)
    refused("forbidden", workshop, Look(by=foreign), DESK)


def test_rule_23_the_thread_is_between_staff_and_whoever_asked(workshop):
    id_ = ask(workshop)["id"]
    refused("not_found", workshop, Reply(by=ben, id=id_, text="Me too"), DESK)
    refused("not_found", workshop, Resolve(by=ben, id=id_), DESK)
    answered = workshop.run(Reply(by=sam, id=id_, text="Reload the page"))["ticket"]
    assert answered["state"] == "answered"
    again = workshop.run(Reply(by=ana, id=id_, text="Still nothing"))["ticket"]
    assert again["state"] == "open"
    assert [message["staff"] for message in again["thread"]] == [False, True, False]
    assert workshop.run(Mine(by=ben)) == {"tickets": []}
    assert workshop.run(Mine(by=ana)) == {"tickets": [again]}


def test_rule_23_an_answer_waits_for_whoever_asked(workshop):
    id_ = ask(workshop)["id"]
    workshop.run(Reply(by=sam, id=id_, text="Reload the page"))
    workshop.run(Resolve(by=sam, id=id_))
    notes = workshop.notifications(ana)
    assert [note.kind for note in notes] == ["support.replied", "support.resolved"]
    assert notes[0].data["message"]["text"] == "Reload the page"
    assert not workshop.notifications(sam)


def test_rule_23_a_resolved_ticket_leaves_the_queue_and_stays_readable(workshop):
    id_ = ask(workshop)["id"]
    workshop.run(Resolve(by=ana, id=id_))
    workshop.run(Resolve(by=sam, id=id_))
    assert len(workshop.told("support.resolved")) == 1
    assert not workshop.notifications(ana)
    assert RULES["support"].snapshot(workshop.state(DESK), sam, START)["tickets"] == []
    assert workshop.run(Mine(by=ana))["tickets"][0]["state"] == "resolved"
    refused("wrong_state", workshop, Reply(by=ana, id=id_, text="Oh"))


def test_rule_23_one_person_cannot_fill_the_queue(workshop):
    for _ in range(support.OPEN_LIMIT):
        ask(workshop)
    assert refused("rate_limited", workshop, Ask(by=ana, text="Again")).data["retry_after"] == 60
    ask(workshop, ben)


def test_rule_23_old_resolved_tickets_make_room(workshop):
    for _ in range(support.KEPT_RESOLVED + 3):
        id_ = ask(workshop)["id"]
        workshop.run(Resolve(by=ana, id=id_))
    tickets = workshop.run(Mine(by=ana))["tickets"]
    assert len(tickets) == support.KEPT_RESOLVED
    assert tickets[0]["id"] == str(support.KEPT_RESOLVED + 3)


def test_rule_23_an_old_ticket_is_resolved_after_many_newer_ones(workshop):
    old = ask(workshop)["id"]
    for _ in range(support.KEPT_RESOLVED):
        workshop.run(Resolve(by=ana, id=ask(workshop)["id"]))
    workshop.now += timedelta(minutes=1)
    assert workshop.run(Resolve(by=olga, id=old))["ticket"]["state"] == "resolved"
    tickets = [ticket["id"] for ticket in workshop.run(Mine(by=ana))["tickets"]]
    assert len(tickets) == support.KEPT_RESOLVED
    assert tickets[-1] == old


def test_rule_23_diagnostics_are_bounded():
    with pytest.raises(Refused) as caught:
        Ask(by=ana, text="Help", diagnostics={"log": "x" * 1001})
    assert caught.value.data["path"] == "diagnostics"


def test_the_desk_comes_back_from_its_journal(workshop):
    id_ = ask(workshop)["id"]
    workshop.run(Reply(by=sam, id=id_, text="Reload the page"))
    ask(workshop, ben)
    state = workshop.state(DESK)
    assert workshop.replayed(DESK) == state == workshop.kept(DESK)
