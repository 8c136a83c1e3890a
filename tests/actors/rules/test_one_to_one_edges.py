"""The edges of a 1-1 chat's steps: each of these holds one check in place."""

import pytest

from actors.rules import quota
from actors.rules.agenda import commands as agenda
from actors.rules.agenda.state import MAX_OPEN, About
from actors.rules.base import Dropped, Person, Returned
from actors.rules.event_model import Change
from actors.rules.meeting import commands as meeting
from actors.rules.meeting.record import Referral
from tests.actors.rules.fair import DAYS, Fair, ana, at, bea, ben, hana, hugo, olga, refused


@pytest.fixture
def fair():
    fair = Fair()
    fair.offer(hana)
    return fair


def offered(fair, id_, to=hugo):
    """Have the organizer ask a colleague to take a meeting over."""
    fair.offer(to)
    fair.run(meeting.Reassign(by=olga, id=id_, to=to.id))
    assert id_ in fair.state(f"agenda/fair.{to.id}").meetings


@pytest.mark.parametrize("way", ["withdraw", "decline"])
def test_rule_43_an_offer_ends_with_the_request(fair, way):
    id_ = fair.request()
    offered(fair, id_)
    fair.run(
        meeting.Withdraw(by=ana, id=id_)
        if way == "withdraw"
        else meeting.Decline(by=hana, id=id_, message="Sorry")
    )
    assert fair.meeting(id_).offer is None
    assert id_ not in fair.state("agenda/fair.hugo").meetings
    with refused("forbidden"):
        fair.run(meeting.Agree(by=hugo, id=id_))


def test_rule_43_an_offer_ends_with_the_pick_for_it_named_no_time(fair):
    id_ = fair.approved()
    offered(fair, id_)
    fair.run(meeting.Pick(by=ana, id=id_, slot=at("08:00")))
    assert fair.meeting(id_).offer is None
    assert id_ not in fair.state("agenda/fair.hugo").meetings


def test_rule_43_an_offer_and_a_proposal_end_with_the_chat(fair):
    id_ = fair.confirmed()
    offered(fair, id_)
    fair.run(meeting.Reschedule(by=ana, id=id_, slot=at("09:00")))
    fair.run(meeting.Cancel(by=hana, id=id_))
    assert fair.meeting(id_).offer is fair.meeting(id_).proposal is None
    assert id_ not in fair.state("agenda/fair.hugo").meetings


def test_rule_43_the_slot_it_has_is_no_proposal_and_no_move(fair):
    id_ = fair.confirmed(slot="08:00")
    with refused("invalid_params"):
        fair.run(meeting.Reschedule(by=ana, id=id_, slot=at("08:00")))
    with refused("invalid_params"):
        fair.run(meeting.Move(by=olga, id=id_, start=at("08:00")))


def test_rule_43_a_proposed_slot_that_has_begun_cannot_be_agreed_to(fair):
    id_ = fair.confirmed(slot="10:00")
    fair.run(meeting.Reschedule(by=ana, id=id_, slot=at("08:00")))
    fair.now = at("08:00")
    with refused("wrong_state"):
        fair.run(meeting.Agree(by=hana, id=id_))
    assert fair.meeting(id_).start == at("10:00")


def test_rule_43_what_is_only_requested_is_withdrawn_or_declined_and_not_cancelled(fair):
    id_ = fair.request()
    for by in (ana, hana):
        with refused("wrong_state"):
            fair.run(meeting.Cancel(by=by, id=id_))


@pytest.mark.parametrize("over", ["declined", "withdrawn", "cancelled"])
def test_rule_43_what_is_over_stays_as_it_is(fair, over):
    fair.offer(hugo)
    id_ = fair.confirmed() if over == "cancelled" else fair.request()
    fair.run(
        {
            "declined": meeting.Decline(by=hana, id=id_, message="Sorry"),
            "withdrawn": meeting.Withdraw(by=ana, id=id_),
            "cancelled": meeting.Cancel(by=ana, id=id_),
        }[over]
    )
    before = fair.meeting(id_)
    for command in (
        meeting.Cancel(by=olga, id=id_),
        meeting.Reassign(by=olga, id=id_, to="hugo"),
        meeting.Move(by=olga, id=id_, start=at("09:00")),
        meeting.Slots(by=ana, id=id_),
        meeting.Pick(by=ana, id=id_, slot=at("09:00")),
        meeting.Reschedule(by=ana, id=id_, slot=at("09:00")),
    ):
        with refused("wrong_state"):
            fair.run(command)
    assert fair.meeting(id_) == before


@pytest.mark.parametrize(
    "command",
    [
        lambda id_: meeting.Cancel(by=ana, id=id_),
        lambda id_: meeting.Cancel(by=olga, id=id_),
        lambda id_: meeting.Move(by=olga, id=id_, start=at("10:00")),
        lambda id_: meeting.Reassign(by=olga, id=id_, to="hugo"),
        lambda id_: meeting.Reschedule(by=hana, id=id_, slot=at("10:00")),
    ],
)
def test_rule_43_from_the_first_instant_on_it_runs(fair, command):
    fair.offer(hugo)
    id_ = fair.confirmed(slot="08:00")
    fair.now = at("08:00")
    with refused("wrong_state"):
        fair.run(command(id_))


def test_rule_43_while_it_runs_nobody_agrees_or_takes_over(fair):
    id_ = fair.confirmed(slot="08:00")
    offered(fair, id_)
    fair.run(meeting.Reschedule(by=ana, id=id_, slot=at("09:00")))
    fair.now = at("08:00")
    for by in (hana, hugo):
        with refused("wrong_state"):
            fair.run(meeting.Agree(by=by, id=id_))
    assert fair.meeting(id_).employee.id == "hana"


def test_rule_38_an_organizer_moves_no_chat_into_the_past_or_far_away(fair):
    id_ = fair.confirmed(slot="09:00")
    fair.now = at("08:00")
    with refused("wrong_state"):
        fair.run(meeting.Move(by=olga, id=id_, start=at("08:00")))
    with refused("invalid_params"):
        fair.run(meeting.Move(by=olga, id=id_, start=at("09:00").replace(year=2028)))


def test_rule_38_another_events_organizer_is_nobody_here(fair):
    id_ = fair.confirmed()
    stranger = Person(id="olga", name="Olga", event="elsewhere", role="organizer")
    for command in (
        meeting.Cancel(by=stranger, id=id_),
        meeting.Move(by=stranger, id=id_, start=at("10:00")),
        meeting.Slots(by=stranger, id=id_),
    ):
        with refused("not_found"):
            fair.run(command)


def test_rule_43_only_an_employee_of_the_same_company_is_asked_to_take_over(fair):
    fair.offer(bea)
    id_ = fair.confirmed()
    fair.request(ben)
    with refused("invalid_params"):
        fair.run(meeting.Reassign(by=olga, id=id_, to="bea"))
    with refused("not_found"):
        fair.run(meeting.Reassign(by=olga, id=id_, to="ben"))
    for by in (ana, hana, hugo):
        with refused("forbidden"):
            fair.run(meeting.Reassign(by=by, id=id_, to="hugo"))


def test_rule_40_somebody_may_wait_for_so_many_answers_and_no_more(fair):
    state = fair.state("agenda/fair.ana")
    id_ = fair.request()
    only = state.meetings[id_]
    for number in range(MAX_OPEN - 1):
        state.meetings[f"x{number}"] = only.changed(fair.now, id=f"x{number}")
    fair.offer(hugo)
    with refused("quota_exceeded") as refusal:
        fair.request(ana, hugo)
    assert refusal.data["limit"] == MAX_OPEN
    del state.meetings["x0"]
    fair.request(ana, hugo)


def test_rule_40_an_answer_of_blanks_is_none():
    fair = Fair()
    about = About(question="Which city?")
    fair.offer(hana, about=about)
    with refused("invalid_params"):
        fair.request(answer="  \n ")


def test_rule_39_slots_come_once_and_in_order_however_they_were_selected(fair):
    starts = [at("10:00"), at("08:00"), at("10:00")]
    fair.run(agenda.Draft(by=hugo, day=DAYS[0], duration=30, slots=starts))
    assert fair.state("agenda/fair.hugo").draft[DAYS[0]].starts == [at("08:00"), at("10:00")]


def test_rule_39_what_is_left_of_a_lowered_quota_is_never_less_than_nothing():
    book = quota.Quota(limit=3, used={"hana": 5})
    with refused("quota_exceeded") as refusal:
        quota.take(book, "hugo", 1, at("08:00"))
    assert (refusal.data["left"], refusal.data["used"]) == (0, 5)
    assert quota.take(quota.Quota(limit=6, used={"hana": 5}), "hugo", 1, at("08:00"))
    (event,) = quota.take(book, "hana", 0, at("08:00"))
    quota.taken(book, event)
    assert book.used == {}


def test_rule_49_who_did_it_is_not_told_of_it(fair):
    id_ = fair.request()
    assert fair.told(ana) == []
    fair.run(meeting.Approve(by=hana, id=id_))
    assert fair.told(hana) == ["meeting.requested"]
    assert fair.told(ana) == ["meeting.approved"]


def test_rule_40_a_referral_names_somebody_in_as_many_words_as_an_id_has():
    for wrong in ("", "x" * 129):
        with refused("invalid_params"):
            Referral(employee=wrong)
        with refused("invalid_params"):
            Referral(session=wrong)


def test_rule_40_the_longest_ids_make_a_meeting_that_can_be_named(fair):
    longest = Person(id="p" * 128, name="P", event="e" * 128)
    id_ = f"{longest.event}.{longest.id}.1000000"
    assert meeting.Get(by=longest, id=id_).entity == f"chat/{id_}"


@pytest.mark.parametrize("way", ["requested", "in_scheduling"])
def test_rule_43_only_what_is_confirmed_has_a_time_to_change(fair, way):
    id_ = fair.request() if way == "requested" else fair.approved()
    for command in (
        meeting.Reschedule(by=ana, id=id_, slot=at("09:00")),
        meeting.Reschedule(by=hana, id=id_, slot=at("09:00")),
        meeting.Move(by=olga, id=id_, start=at("09:00")),
        meeting.Agree(by=ana, id=id_),
        meeting.Disagree(by=hana, id=id_),
    ):
        with refused("wrong_state"):
            fair.run(command)


def test_rule_39_a_day_that_is_published_stays_when_the_hours_change(fair):
    hours = {"durations": [15, 30], "hours": ["11:00", "12:00"]}
    fair.run(Change(by=olga, id="fair", one_to_one=hours))
    # The first day's slots begin before 11:00, and it is not what is being changed.
    fair.run(agenda.Draft(by=hana, day=DAYS[1], duration=30, slots="all"))
    own = fair.run(agenda.Publish(by=hana))
    assert [len(day["slots"]) for day in own["days"]] == [6, 2]


@pytest.mark.parametrize(
    ("path", "about"),
    [
        ("about.background", {"background": "x" * 1001}),
        ("about.experience", {"experience": "x" * 1001}),
        ("about.question", {"question": "x" * 1001}),
        ("about.languages", {"languages": ["x"] * 31}),
        ("about.topics", {"topics": ["x" * 201]}),
    ],
)
def test_rule_39_what_is_said_about_whom_one_looks_for_has_bounds(fair, path, about):
    with refused("invalid_params") as refusal:
        fair.run(agenda.Draft(by=hana, day=DAYS[0], duration=30, slots="all", about=About(**about)))
    assert refusal.data["path"] == path


@pytest.mark.parametrize("person", [ana, hana])
def test_rule_37_nobody_meets_themselves(fair, person):
    with refused("invalid_params") as refusal:
        fair.request(person, person)
    assert refusal.data["path"] == "to"


def test_rule_37_an_employee_asked_by_a_colleague_stays_an_employee(fair):
    """Nothing says that Bea is one before she drafts; the request must not unsay it later."""
    id_ = fair.request(hana, bea)
    fair.offer(bea)
    assert fair.request(ana, bea)
    fair.run(meeting.Decline(by=bea, id=id_, message="Not with a colleague"))
    assert fair.state("agenda/fair.bea").role == "employee"
    assert fair.request(ben, bea)


@pytest.mark.parametrize("asked", [bea, olga])
def test_rule_37_only_a_participant_approves_an_employees_request(fair, asked):
    id_ = fair.request(hana, asked)
    with refused("forbidden"):
        fair.run(meeting.Approve(by=asked, id=id_))
    fair.run(meeting.Decline(by=asked, id=id_, message="No"))


@pytest.mark.parametrize("way", ["reschedule", "move", "reassign"])
def test_rule_45_who_met_before_the_chat_was_moved_has_not_met_in_it(fair, way):
    id_ = fair.confirmed(slot="10:00")
    fair.wait(at("09:56"))
    for person in (ana, hana):
        fair.run(meeting.Join(by=person, id=id_))
    if way == "reschedule":
        fair.run(meeting.Reschedule(by=ana, id=id_, slot=at("10:30")))
        fair.run(meeting.Agree(by=hana, id=id_))
    elif way == "move":
        fair.run(meeting.Move(by=olga, id=id_, start=at("10:30")))
    else:
        offered(fair, id_)
        fair.run(meeting.Agree(by=hugo, id=id_))
        fair.run(meeting.Leave(by=ana, id=id_))
    fair.wait(at("12:00"))
    assert fair.meeting(id_).state == ("no_show" if way == "reassign" else "missed")
    assert "hugo" in fair.meeting(id_).missing or way != "reassign"


def test_rule_45_who_was_there_is_the_same_after_a_crash(fair):
    """Somebody whose connection is gone is not there; only the events that stay say who was."""
    id_ = fair.confirmed(slot="10:00")
    fair.wait(at("09:56"))
    fair.run(meeting.Join(by=ana, id=id_))
    fair.connection(ana, id_, Dropped)
    fair.run(meeting.Join(by=hana, id=id_))
    assert fair.state(f"chat/{id_}").attended == set()
    fair.connection(ana, id_, Returned)
    fair.crash()
    assert fair.state(f"chat/{id_}").attended == set()


def test_rule_44_whoever_is_not_there_is_told_that_the_other_waits(fair):
    id_ = fair.confirmed(slot="10:00")
    fair.wait(at("09:56"))
    before = len(fair.told(hana))
    for _ in range(2):
        fair.run(meeting.Join(by=ana, id=id_))
        fair.run(meeting.Leave(by=ana, id=id_))
    assert fair.told(hana)[before:] == ["meeting.waiting"]
    fair.run(meeting.Join(by=ana, id=id_))
    fair.run(meeting.Join(by=hana, id=id_))
    assert "meeting.waiting" not in fair.told(ana)
