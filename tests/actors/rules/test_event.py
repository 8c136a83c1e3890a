"""The event: its program as four ways in (rule 3), its companies, and whom it keeps out."""

from copy import deepcopy
from datetime import timedelta
from itertools import pairwise

import attrs
import pytest

from actors.errors import Refused
from actors.rules import program
from actors.rules.base import Look, Person
from actors.rules.company import Create as CreateCompany
from actors.rules.event_model import (
    Admit,
    Banish,
    Bans,
    Change,
    Companies,
    Create,
    Get,
    Lobby,
    Readmit,
    Revoke,
)
from actors.rules.program import Program
from actors.rules.program_model import LOBBY_LIMIT
from actors.rules.records import iso
from actors.rules.session import planning, presence, registration, running
from tests.actors.rules.workshop import (
    ADMIN,
    RULES,
    START,
    Workshop,
    ana,
    ben,
    cem,
    dora,
    hana,
    hugo,
    olga,
    refused,
    tried,
)

FAIR = "event/fair"


@pytest.fixture
def workshop():
    return Workshop(capacity=2)


def plan(workshop, session, start, **more):
    workshop.run(
        planning.Create(
            by=ADMIN,
            session=session,
            event="fair",
            title=session.upper(),
            kind="coffee_chat",
            start=start,
            minutes=30,
            **more,
        )
    )


def listed(workshop, person, **params):
    return workshop.run(Program(by=person, **params))["sessions"]


def card(workshop, person, session="ux"):
    return next(card for card in listed(workshop, person) if card["id"] == session)


# Rule 3


def test_rule_3_lobby_program_and_company_list_the_same_card(workshop):
    plan(workshop, "talk", START + timedelta(hours=2), company="acme")
    snapshot = RULES["event"].snapshot(workshop.state(FAIR), ana, workshop.now)
    by_day = listed(workshop, ana, day="2026-12-01")
    by_company = listed(workshop, ana, company="acme")
    assert snapshot["sessions"] == by_day == listed(workshop, ana)
    assert by_company == [each for each in by_day if each["id"] == "talk"]
    assert listed(workshop, ana, day="2026-12-02") == []


def test_rule_3_a_card_has_state_and_seats(workshop):
    shown = card(workshop, ana)
    assert shown["state"] == "live"
    assert shown["live"]
    assert (shown["capacity"], shown["registered"], shown["seats_left"]) == (2, 0, 2)
    workshop.run(running.End(by=hana, session="ux"))
    assert card(workshop, ana)["state"] == "ended"


def test_rule_3_seats_follow_registrations_and_the_waiting_list(workshop):
    for person in (ana, ben, cem):
        wait = registration.Register(by=person, session="ux", wait=True)
        workshop.run(wait)
    shown = card(workshop, ana)
    assert (shown["registered"], shown["waiting"], shown["seats_left"]) == (2, 1, 0)
    assert [card(workshop, person)["mine"] for person in (ana, ben, cem, hana, olga)] == [
        "registered",
        "registered",
        "waiting",
        "host",
        None,
    ]


def test_rule_3_the_join_right_is_each_persons_own(workshop):
    plan(workshop, "soon", START + timedelta(minutes=30), hosts=["hana"])
    assert card(workshop, ana)["join"] == "register"
    workshop.run(registration.Register(by=ana, session="ux"))
    assert card(workshop, ana)["join"] == "now"
    workshop.run(registration.Register(by=ben, session="ux"))
    assert card(workshop, cem)["join"] == "waiting_list"
    assert card(workshop, ana, "soon")["join"] == "soon"
    workshop.now = START + timedelta(minutes=15)
    assert card(workshop, hana, "soon")["join"] == "now"
    assert card(workshop, ana, "soon")["join"] == "soon"
    assert card(workshop, ana, "soon")["opens_at"] == "2026-12-01T09:25:00.000Z"


def test_rule_3_after_ten_minutes_seats_go_to_whoever_comes(workshop):
    for person in (ana, ben):
        workshop.run(registration.Register(by=person, session="ux"))
    workshop.wait(10 * 60)
    assert card(workshop, cem)["join"] == "now"
    workshop.join(cem)
    workshop.join(ana)
    stranger = Person(id="eve", name="Eve", event="fair")
    assert card(workshop, stranger)["join"] == "full"


@pytest.mark.parametrize("limited", ["from the start", "with people inside"])
@pytest.mark.parametrize("minutes", [-20, -14, -4, 1, 9, 10, 11])
def test_rule_3_a_card_says_now_to_exactly_those_who_may_enter(minutes, limited):
    """Ana has a seat and is inside, Ben has one and is not, Cem waits for one, Dora has none."""
    workshop = Workshop(capacity=2 if limited == "from the start" else None)
    plan(workshop, "next", START + timedelta(hours=1), capacity=2)
    session = "next" if minutes < 0 else "ux"
    for person in (ana, ben, cem):
        workshop.run(registration.Register(by=person, session=session, wait=True))
    workshop.wait(60 * (minutes + 60 * (minutes < 0)))
    if minutes >= 0:
        workshop.join(ana)
        if minutes >= 10 and limited == "from the start":
            workshop.join(dora)
    workshop.run(planning.Change(by=olga, session=session, capacity=2))
    for person in (ana, ben, cem, dora, olga, hana, hugo):
        right = card(workshop, person, session)["join"]
        copy = deepcopy(workshop)
        entered = tried(copy, presence.Join(by=person, session=session))
        assert (right == "now") == entered, (person.id, right)


def test_rule_3_seats_are_counted_anew_when_somebody_becomes_a_host(workshop):
    for person in (ana, ben):
        workshop.run(registration.Register(by=person, session="ux"))
        workshop.join(person)
    workshop.wait(10 * 60)
    assert card(workshop, cem)["join"] == "full"
    workshop.run(planning.Change(by=olga, session="ux", hosts=["hana", "ben"]))
    assert card(workshop, cem)["join"] == "now"
    workshop.run(planning.Change(by=olga, session="ux", hosts=["hana"]))
    assert card(workshop, cem)["join"] == "full"


def test_rule_3_a_rush_for_seats_is_told_twice_a_second_at_most():
    workshop = Workshop(capacity=100)
    rules, state = RULES["event"], workshop.state(FAIR)
    told = []
    for index in range(60):
        person = Person(id=f"p{index}", name="P", event="fair")
        workshop.run(registration.Register(by=person, session="ux"))
        workshop.now += timedelta(milliseconds=50)
        due = rules.due(state)
        if due is not None and due <= workshop.now:
            for event in program.tick(state, workshop.now):
                rules.evolve(state, event)
                told.append(event.at)
    assert 4 <= len(told) <= 7
    assert all(later - earlier >= program.SEATS_EVERY for earlier, later in pairwise(told))
    assert not any(kind == "program.standing" for _, kind, _ in workshop.published)


def test_rule_3_the_lobby_holds_what_is_to_come_up_to_a_bound(workshop):
    for index in range(LOBBY_LIMIT + 5):
        plan(workshop, f"s{index}", START + timedelta(minutes=index))
    workshop.run(running.End(by=hana, session="ux"))
    snapshot = RULES["event"].snapshot(workshop.state(FAIR), ana, workshop.now)
    assert len(snapshot["sessions"]) == LOBBY_LIMIT
    assert snapshot["more"] == 5
    assert all(each["state"] != "ended" for each in snapshot["sessions"])


def test_rule_3_a_session_that_is_moved_or_new_stands_where_it_begins(workshop):
    def order() -> list[str]:
        return [each["id"] for each in listed(workshop, ana)]

    plan(workshop, "talk", START + timedelta(hours=2))
    assert order() == ["ux", "talk"]
    plan(workshop, "tour", START + timedelta(hours=1))
    assert order() == ["ux", "tour", "talk"]
    workshop.run(planning.Change(by=ADMIN, session="talk", start=START + timedelta(minutes=5)))
    assert order() == ["ux", "talk", "tour"]
    assert card(workshop, ana, "talk")["opens_at"] == "2026-12-01T09:00:00.000Z"


def test_rule_3_the_program_is_read_page_by_page(workshop):
    for index in range(7):
        plan(workshop, f"s{index}", START + timedelta(minutes=index + 1))
    seen, after = [], None
    while True:
        page = workshop.run(Program(by=ana, after=after, limit=3))
        seen += [each["id"] for each in page["sessions"]]
        after = page["next"]
        if after is None:
            break
    assert seen == ["ux", *(f"s{index}" for index in range(7))]


def test_rule_3_a_day_is_the_events_own():
    workshop = Workshop()
    workshop.run(Change(by=olga, id="fair", time_zone="Pacific/Auckland"))
    assert listed(workshop, ana, day="2026-12-01")
    plan(workshop, "late", START.replace(hour=12))
    assert [each["id"] for each in listed(workshop, ana, day="2026-12-02")] == ["late"]
    with pytest.raises(Refused):
        listed(workshop, ana, day="tomorrow")


# The event itself


def test_creating_an_event_again_changes_what_differs_and_nothing_else(workshop):
    again = Create(by=ADMIN, id="fair", name="Fair", time_zone="UTC", days=["2026-12-01"])
    before = len(workshop.journal[FAIR])
    workshop.run(again)
    assert len(workshop.journal[FAIR]) == before
    workshop.run(
        Create(by=ADMIN, id="fair", name="Spring Fair", time_zone="UTC", days=["2026-12-01"])
    )
    assert len(workshop.journal[FAIR]) == before + 1
    assert workshop.run(Get(by=ana))["event"]["name"] == "Spring Fair"


def test_only_the_service_creates_and_only_organizers_change(workshop):
    create = Create(by=olga, id="fair", name="Mine", time_zone="UTC", days=["2026-12-01"])
    refused("forbidden", workshop, create)
    refused("forbidden", workshop, Change(by=ana, id="fair", name="Mine"))
    stranger = Person(id="olga", name="Olga", event="other", role="organizer")
    refused("forbidden", workshop, Change(by=stranger, id="fair", name="Mine"))
    workshop.run(Change(by=olga, id="fair", one_to_one={"durations": [20]}))
    assert workshop.state(FAIR).policy.durations == [20]
    workshop.run(Change(by=olga, id="fair", name="Ours"))
    assert workshop.state(FAIR).policy.durations == [20]


@pytest.mark.parametrize(
    "change",
    [
        {"time_zone": "Mars/Olympus"},
        {"days": []},
        {"days": ["yesterday"]},
        {"one_to_one": {"hours": ["17:00", "09:00"]}},
    ],
)
def test_a_malformed_event_is_refused(workshop, change):
    refused("invalid_params", workshop, Change(by=olga, id="fair", **change))


def test_an_event_nobody_created_is_not_found(workshop):
    stranger = Person(id="ana", name="Ana", event="nowhere")
    refused("not_found", workshop, Lobby(by=stranger))


def test_companies_are_listed_by_name_and_page(workshop):
    for id_, name in (("b", "bolt"), ("a", "Acme"), ("c", "Cargo")):
        workshop.run(CreateCompany(by=ADMIN, id=id_, event="fair", name=name))
    page = workshop.run(Companies(by=ana, limit=2))
    assert [each["name"] for each in page["companies"]] == ["Acme", "bolt"]
    page = workshop.run(Companies(by=ana, after=page["next"]))
    assert page == {"companies": [{"id": "c", "name": "Cargo"}], "next": None}


def test_rule_24_a_ban_from_the_event_holds_until_it_is_lifted(workshop):
    workshop.run(Banish(by=olga, person="ana", message="Enough"))
    for command in (Admit(by=ana), Lobby(by=ana), Look(by=ana)):
        assert str(refused("banned", workshop, command, FAIR)) == "Enough"
    assert workshop.told("event.banned") == [{"person": "ana", "by": "olga"}]
    assert [data["kind"] for data in workshop.told("notification.passed")] == ["event.banned"]
    refused("forbidden", workshop, Readmit(by=ben, person="ana"))
    refused("forbidden", workshop, Banish(by=ben, person="cem"))
    workshop.run(Readmit(by=olga, person="ana"))
    workshop.run(Admit(by=ana))


def test_tokens_minted_before_a_revocation_are_no_good(workshop):
    now = workshop.now
    old, new, silent = (
        attrs.evolve(ana, issued=issued)
        for issued in (now - timedelta(seconds=1), now + timedelta(milliseconds=1), None)
    )
    assert workshop.run(Revoke(by=ADMIN, person="ana"))["person"] == "ana"
    for token in (old, silent):
        for command in (Admit(by=token), Lobby(by=token), Look(by=token)):
            refused("unauthorized", workshop, command, FAIR)
    workshop.run(Admit(by=new))
    workshop.run(Admit(by=ben))
    told = workshop.run(Revoke(by=ADMIN, person="ana", before=now - timedelta(hours=1)))
    assert told["before"] == iso(now)  # an earlier one lifts nothing
    refused("unauthorized", workshop, Admit(by=old), FAIR)


def test_a_revocation_is_the_services_and_never_of_the_future(workshop):
    refused("forbidden", workshop, Revoke(by=olga, person="ana"))
    ahead = workshop.now + timedelta(seconds=1)
    refused("invalid_params", workshop, Revoke(by=ADMIN, person="ana", before=ahead))


def test_a_services_own_tokens_can_be_revoked_too(workshop):
    service = attrs.evolve(ADMIN, id="service")
    workshop.run(Admit(by=service))
    workshop.run(Revoke(by=service, person="service"))
    refused("unauthorized", workshop, Admit(by=service), FAIR)


def test_rule_24_organizers_list_the_bans_by_page(workshop):
    for person in ("ana", "cem"):
        workshop.run(Banish(by=olga, person=person, message="Enough"))
    page = workshop.run(Bans(by=olga, limit=1))
    (ban,) = page["bans"]
    assert (ban["person"], ban["by"], ban["message"]) == ("ana", "olga", "Enough")
    rest = workshop.run(Bans(by=olga, after=page["next"]))
    assert [each["person"] for each in rest["bans"]] == ["cem"]
    assert rest["next"] is None
    refused("forbidden", workshop, Bans(by=ben))


def test_an_event_comes_back_from_its_journal(workshop):
    workshop.run(Revoke(by=ADMIN, person="cem"))
    workshop.run(registration.Register(by=ana, session="ux"))
    workshop.run(Banish(by=olga, person="ben"))
    state = workshop.state(FAIR)
    assert workshop.replayed(FAIR) == state == workshop.kept(FAIR)
