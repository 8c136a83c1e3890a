"""What an organizer sees of all 1-1 chats, and who can be asked for one (rules 38, 39)."""

import pytest

from actors.rules.agenda import commands as agenda
from actors.rules.base import SYSTEM, Person
from actors.rules.directory import ListAgendas, ListBookings
from actors.rules.meeting import commands as meeting
from actors.rules.meeting.record import TABS
from tests.actors.rules.fair import DAYS, Fair, ana, at, bea, ben, hana, hugo, olga, refused

service = Person(
    id="service", name="S", event="fair", role="organizer", grants=frozenset({"admin"})
)


@pytest.fixture
def fair():
    return Fair()


def employees(fair, by=ana, **more):
    return [each["id"] for each in fair.run(ListAgendas(by=by, **more))["employees"]]


def bookings(fair, by=olga, **more):
    return fair.run(ListBookings(by=by, **more))


def ids(fair, **more):
    return [each["id"] for each in bookings(fair, **more)["meetings"]]


def test_rule_39_an_employee_can_be_found_once_the_availability_is_confirmed(fair):
    fair.run(agenda.Draft(by=hana, day=DAYS[0], duration=30, slots="all"))
    assert employees(fair) == []
    fair.run(agenda.Publish(by=hana))
    fair.offer(bea)
    fair.offer(hugo)
    assert employees(fair) == ["bea", "hana", "hugo"]
    assert employees(fair, company="bolt") == ["bea"]
    # Drafting anew takes nobody out: what was confirmed holds.
    fair.run(agenda.Draft(by=hana, day=DAYS[1], duration=30, slots="all"))
    assert employees(fair) == ["bea", "hana", "hugo"]
    entry = fair.run(ListAgendas(by=ana, limit=1))
    assert entry == {
        "employees": [{"id": "bea", "name": "Bea", "company": "bolt"}],
        "next": "bea",
    }
    assert employees(fair, after="bea", limit=1) == ["hana"]
    fair.crash()
    assert employees(fair) == ["bea", "hana", "hugo"]


def test_rule_38_an_organizer_sees_every_booking_once_and_in_order_of_time(fair):
    for employee in (hana, hugo, bea):
        fair.offer(employee)
    late = fair.confirmed(ana, hana, "09:00")
    early = fair.confirmed(ben, bea, "08:00")
    fair.run(meeting.Request(by=hugo, to="ana"))
    waiting = "fair.hugo.1"
    fair.run(meeting.Reassign(by=olga, id=late, to="hugo"))
    # By the time of the slot, and until there is one by that of the request.
    assert ids(fair) == [waiting, early, late]
    assert bookings(fair)["counts"] == dict.fromkeys(TABS, 0) | {"requested": 1, "confirmed": 2}
    assert ids(fair, tab="confirmed") == [early, late]
    assert ids(fair, company="acme") == [waiting, late]
    assert ids(fair, employee="hugo") == [waiting]
    assert ids(fair, day=DAYS[0]) == [early, late]
    assert ids(fair, day=DAYS[1]) == []
    first = bookings(fair, limit=2)
    assert first["next"] == early
    assert ids(fair, limit=2, after=early) == [late]
    assert bookings(fair, by=service) == bookings(fair)


def test_rule_38_a_chat_a_colleague_took_over_unpublished_is_still_seen(fair):
    fair.offer(hana)
    fair.run(agenda.Draft(by=hugo, day=DAYS[1], duration=30, slots="all"))
    id_ = fair.confirmed(ana, hana, "08:00")
    fair.run(meeting.Reassign(by=olga, id=id_, to="hugo"))
    fair.run(meeting.Agree(by=hugo, id=id_))
    (seen,) = bookings(fair)["meetings"]
    assert (seen["employee"]["id"], seen["start"]) == ("hugo", "2026-12-01T08:00:00.000Z")


@pytest.mark.parametrize("person", [ana, hana])
def test_rule_37_only_organizers_see_everybodys_chats(fair, person):
    fair.offer(hana)
    with refused("forbidden"):
        bookings(fair, by=person)


def test_rule_38_an_event_that_was_never_created_has_no_bookings(fair):
    stranger = Person(id="olga", name="Olga", event="elsewhere", role="organizer")
    with refused("not_found"):
        bookings(fair, by=stranger)
    with refused("not_found"):
        fair.run(ListAgendas(by=stranger))


def test_rule_38_move_shows_in_the_bookings(fair):
    fair.offer(hana)
    id_ = fair.confirmed(ana, hana, "08:00")
    fair.run(meeting.Move(by=SYSTEM, id=id_, start=at("10:15")))
    (seen,) = bookings(fair)["meetings"]
    assert (seen["start"], seen["sequence"]) == ("2026-12-01T10:15:00.000Z", 1)
