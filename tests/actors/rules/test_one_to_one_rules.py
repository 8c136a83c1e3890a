"""Rules 37 to 43: from policy and agenda to a confirmed chat."""

import pytest

from actors.rules import quota, records
from actors.rules.agenda import commands as agenda
from actors.rules.agenda.state import About
from actors.rules.base import SYSTEM
from actors.rules.bookings import RegisteredSession, UnregisteredSession
from actors.rules.meeting import commands as meeting
from actors.rules.meeting.record import Referral
from tests.actors.rules.fair import DAYS, Fair, ana, at, bea, ben, hana, hugo, olga, refused


@pytest.fixture
def fair():
    return Fair()


def limit(fair, slots, company="acme"):
    fair.state(f"company/{company}").quota.limit = slots


# Rule 37


@pytest.mark.parametrize(
    ("initiators", "participant_may", "employee_may"),
    [("both", True, True), ("participants", True, False), ("employees", False, True)],
)
def test_rule_37_only_the_sides_the_organizer_chose_may_ask(
    initiators, participant_may, employee_may
):
    for by, to, may in [(ana, hana, participant_may), (hana, ana, employee_may)]:
        fair = Fair(initiators=initiators)
        fair.offer()
        if may:
            assert fair.meeting(fair.request(by, to)).asker.id == by.id
        else:
            with refused("forbidden"):
                fair.request(by, to)


def test_rule_37_a_chat_is_between_one_participant_and_one_employee(fair):
    fair.offer()
    fair.offer(hugo)
    with refused("invalid_params"):
        fair.request(hana, hugo)
    with refused("not_found"):
        fair.request(ana, ben)
    with refused("forbidden"):
        fair.request(olga, hana)
    with refused("invalid_params"):
        fair.request(hana, hana)


def test_rule_37_nobody_else_sees_a_chat(fair):
    fair.offer()
    id_ = fair.request()
    with refused("forbidden"):
        fair.run(meeting.Get(by=ben, id=id_))
    with refused("not_found"):
        stranger = ana.__class__(id="ana", name="Ana", event="other")
        fair.run(meeting.Get(by=stranger, id=id_))
    assert fair.run(meeting.Get(by=olga, id=id_))["meeting"]["id"] == id_


def test_rule_37_without_durations_an_event_has_no_chats():
    fair = Fair(durations=[])
    with refused("invalid_params"):
        fair.offer()
    with refused("wrong_state"):
        fair.request()


# Rule 38


def test_rule_38_slots_fill_the_bookable_hours(fair):
    shown = fair.offer()
    local = [slot["local"] for slot in shown["days"][0]["slots"]]
    assert local == [
        f"2026-12-01T{time}+01:00"
        for time in ("09:00", "09:30", "10:00", "10:30", "11:00", "11:30")
    ]


def test_rule_38_each_day_may_have_hours_of_its_own():
    fair = Fair(day_hours={DAYS[1]: ["13:00", "14:00"]})
    bookable = fair.run(agenda.Get(by=hana, employee="hana"))["bookable"]
    assert [len(day["slots"]["30"]) for day in bookable] == [6, 2]


def test_rule_38_what_has_begun_can_no_longer_be_offered(fair):
    fair.now = at("08:30")
    shown = fair.run(agenda.Get(by=hana, employee="hana"))["bookable"]
    assert [len(day["slots"]["30"]) for day in shown] == [4, 6]
    for begun in ("08:00", "08:30"):
        with refused("invalid_params") as refusal:
            fair.run(agenda.Draft(by=hana, day=DAYS[0], duration=30, slots=[at(begun)]))
        assert refusal.data["path"] == "slots"
    assert fair.offer()["quota"]["mine"] == 4


def test_rule_38_what_was_offered_in_time_stays_when_more_is_added(fair):
    early = [at("08:00"), at("08:30")]
    fair.offer(slots=early)
    fair.now = at("08:15")
    shown = fair.offer(slots=[*early, at("10:00")])
    assert [slot["free"] for slot in shown["days"][0]["slots"]] == [False, True, True]
    assert len(fair.offer()["days"][0]["slots"]) == 6


def test_rule_38_only_the_allowed_durations_days_and_hours(fair):
    for draft in (
        {"day": DAYS[0], "duration": 20, "slots": "all"},
        {"day": "2026-12-24", "duration": 30, "slots": "all"},
        {"day": DAYS[0], "duration": 30, "slots": [at("08:10")]},
        {"day": DAYS[0], "duration": 30, "slots": [at("11:00")]},
    ):
        with refused("invalid_params") as refusal:
            fair.run(agenda.Draft(by=hana, **draft))
        assert refusal.data["path"] in {"day", "duration", "slots"}


def test_rule_38_one_duration_a_day_and_another_on_the_next(fair):
    fair.offer(duration=30)
    fair.offer(duration=15)
    shown = fair.offer(day=DAYS[1], duration=30)
    assert [day["duration"] for day in shown["days"]] == [15, 30]


def test_rule_38_employees_see_the_quota_and_what_is_used_of_it(fair):
    limit(fair, 20)
    fair.offer(hugo, slots=[at("08:00")])
    assert fair.offer()["quota"] == {"limit": 20, "used": 7, "mine": 6}


# Rule 39


def test_rule_39_nobody_can_ask_before_the_availability_is_confirmed(fair):
    draft = agenda.Draft(by=hana, day=DAYS[0], duration=30, slots="all")
    shown = fair.run(draft)
    assert not shown["published"]
    assert shown["days"] == []
    assert len(shown["draft"]["days"][0]["slots"]) == 6
    with refused("wrong_state"):
        fair.request(ana, hana)
    with refused("wrong_state"):
        fair.request(hana, ana)
    fair.run(agenda.Publish(by=hana))
    assert fair.request(ana, hana) == "fair.ana.1"


def test_rule_39_an_empty_agenda_is_not_published(fair):
    with refused("wrong_state"):
        fair.run(agenda.Publish(by=hana))


def test_rule_39_more_slots_come_later(fair):
    fair.offer(slots=[at("08:00")])
    shown = fair.offer(slots=[at("08:00"), at("09:00")])
    assert len(shown["days"][0]["slots"]) == 2


def test_rule_39_what_others_see_is_the_published_text_not_the_draft(fair):
    about = About(background="Design", languages=["de", "en"], question="Which city?")
    fair.offer(about=about)
    changed = About(background="Sales")
    fair.run(agenda.Draft(by=hana, day=DAYS[0], duration=30, slots="all", about=changed))
    seen = fair.run(agenda.Get(by=ana, employee="hana"))
    assert seen["about"]["background"] == "Design"
    assert seen["about"]["languages"] == ["de", "en"]
    assert "draft" not in seen
    assert "quota" not in seen


def test_rule_39_the_text_informs_and_never_filters(fair):
    fair.offer(about=About(languages=["fi"], experience="10 years"))
    assert fair.request(ana, hana)


def test_rule_39_selecting_past_the_companys_quota_is_refused(fair):
    limit(fair, 8)
    fair.offer(hana)
    with refused("quota_exceeded") as refusal:
        fair.offer(hugo)
    assert refusal.data == {"limit": 8, "used": 6, "left": 2}
    fair.offer(hugo, slots=[at("08:00"), at("08:30")])
    with refused("quota_exceeded"):
        fair.offer(hugo, day=DAYS[1], slots="all")
    fair.offer(bea)


def test_rule_39_a_draft_holds_what_is_published_until_it_replaces_it(fair):
    limit(fair, 6)
    fair.offer(hana)
    fair.run(agenda.Draft(by=hana, day=DAYS[0], duration=30, slots=[at("08:00")]))
    with refused("quota_exceeded"):
        fair.offer(hugo, slots=[at("08:00")])
    fair.run(agenda.Publish(by=hana))
    fair.offer(hugo, slots=[at("08:00")])
    assert fair.state("company/acme").quota.total == 2


def test_rule_39_slots_can_be_given_back_after_the_quota_was_lowered(fair):
    fair.offer(hana)
    limit(fair, 2)
    shown = fair.offer(hana, slots=[at("08:00"), at("08:30"), at("09:00")])
    assert shown["quota"] == {"limit": 2, "used": 3, "mine": 3}
    with refused("quota_exceeded"):
        fair.offer(hana)


def test_rule_39_only_employees_offer_slots(fair):
    for person in (ana, olga):
        with refused("forbidden"):
            fair.run(agenda.Draft(by=person, day=DAYS[0], duration=30, slots="all"))


def test_rule_39_a_slot_with_a_confirmed_chat_stays(fair):
    fair.offer()
    fair.confirmed(slot="08:30")
    with refused("conflict"):
        fair.run(agenda.Draft(by=hana, day=DAYS[0], duration=30, slots=[at("08:00")]))
    with refused("conflict"):
        fair.run(agenda.Draft(by=hana, day=DAYS[0], duration=15, slots="all"))
    fair.offer(slots=[at("08:30")])


def test_rule_39_a_slot_picked_after_the_draft_left_it_out_stays(fair):
    fair.offer()
    fair.run(agenda.Draft(by=hana, day=DAYS[0], duration=30, slots=[at("09:00")]))
    fair.confirmed(slot="08:30")
    with refused("conflict"):
        fair.run(agenda.Publish(by=hana))


def test_rule_39_hours_that_changed_since_the_draft_are_selected_again(fair):
    fair.run(agenda.Draft(by=hana, day=DAYS[0], duration=30, slots="all"))
    policy = fair.state("event/fair").policy
    policy.hours[:] = ["10:00", "12:00"]
    with refused("wrong_state"):
        fair.run(agenda.Publish(by=hana))


# Rule 40


def test_rule_40_a_request_answers_the_custom_question(fair):
    fair.offer(about=About(question="Which city?"))
    with refused("invalid_params") as refusal:
        fair.request()
    assert refusal.data == {"path": "answer", "question": "Which city?"}
    record = fair.meeting(fair.request(answer="Berlin"))
    assert (record.question, record.answer) == ("Which city?", "Berlin")


def test_rule_40_an_employees_request_may_be_answered_with_the_approval(fair):
    fair.offer(about=About(question="Which city?"))
    id_ = fair.request(hana, ana)
    fair.run(meeting.Approve(by=ana, id=id_, answer="Bonn"))
    assert fair.meeting(id_).answer == "Bonn"
    assert fair.meeting(id_).participant.name == "Ana"


def test_rule_40_one_request_between_two_people_at_a_time(fair):
    fair.offer()
    id_ = fair.request()
    with refused("wrong_state") as refusal:
        fair.request(hana, ana)
    assert refusal.data["id"] == id_
    fair.run(meeting.Withdraw(by=ana, id=id_))
    assert fair.request(hana, ana) == "fair.hana.1"
    assert fair.run(meeting.Withdraw(by=hana, id="fair.hana.1"))["meeting"]["state"] == "withdrawn"
    assert fair.request() == "fair.ana.2"


@pytest.mark.parametrize(("asker", "asked"), [(ana, hana), (hana, ana)])
def test_rule_40_the_asked_decides_and_the_asker_withdraws(fair, asker, asked):
    fair.offer()
    id_ = fair.request(asker, asked)
    for command in (
        meeting.Approve(by=asker, id=id_),
        meeting.Decline(by=asker, id=id_, message="no"),
        meeting.Withdraw(by=asked, id=id_),
    ):
        with refused("forbidden"):
            fair.run(command)
    assert fair.told(asked) == ["meeting.requested"]
    fair.run(meeting.Approve(by=asked, id=id_))
    assert fair.told(asker) == ["meeting.approved"]
    with refused("already_decided") as refusal:
        fair.run(meeting.Withdraw(by=asker, id=id_))
    assert refusal.data == {"state": "in_scheduling"}


def test_rule_40_a_decline_says_why_and_may_point_elsewhere(fair):
    fair.offer()
    with refused("invalid_params"):
        meeting.Decline(by=hana, id="fair.ana.1", message=" ")
    id_ = fair.request()
    with refused("invalid_params"):
        fair.run(meeting.Decline(by=hana, id=id_, message="Sorry", refer=Referral()))
    told = fair.run(
        meeting.Decline(by=hana, id=id_, message="Ask Hugo", refer=Referral(employee="hugo"))
    )
    assert told["meeting"]["reason"] == "Ask Hugo"
    assert told["meeting"]["refer"] == {"employee": "hugo", "session": None}
    assert fair.told(ana) == ["meeting.declined"]
    with refused("already_decided"):
        fair.run(meeting.Approve(by=hana, id=id_))


def test_rule_40_each_side_finds_the_chat_under_the_same_tab(fair):
    fair.offer()
    id_ = fair.request()
    steps = [
        (None, "requested"),
        (meeting.Approve(by=hana, id=id_), "in_scheduling"),
        (meeting.Pick(by=ana, id=id_, slot=at("08:00")), "confirmed"),
        (meeting.Cancel(by=ana, id=id_), "declined"),
    ]
    for command, tab in steps:
        if command:
            fair.run(command)
        for person in (ana, hana):
            listed = fair.run(agenda.ListMeetings(by=person, tab=tab))
            assert [each["id"] for each in listed["meetings"]] == [id_]
            assert sum(listed["counts"].values()) == listed["counts"][tab] == 1


def test_rule_40_tabs_come_in_pages(fair):
    fair.offer()
    people = [ana.__class__(id=f"p{n}", name=f"P{n}", event="fair") for n in range(5)]
    ids = [fair.request(person) for person in people]
    first = fair.run(agenda.ListMeetings(by=hana, tab="requested", limit=3))
    rest = fair.run(agenda.ListMeetings(by=hana, tab="requested", limit=3, after=first["next"]))
    assert [each["id"] for each in first["meetings"] + rest["meetings"]] == ids
    assert rest["next"] is None


# Rule 41


def test_rule_41_approving_shows_the_free_slots(fair):
    fair.offer()
    fair.confirmed(ben, slot="08:00")
    id_ = fair.request()
    slots = fair.run(meeting.Approve(by=hana, id=id_))["slots"]
    assert [slot["start"][11:16] for slot in slots] == ["08:30", "09:00", "09:30", "10:00", "10:30"]
    assert fair.run(meeting.Slots(by=ana, id=id_))["slots"] == slots
    with refused("forbidden"):
        fair.run(meeting.Slots(by=ben, id=id_))


def test_rule_41_with_none_left_there_is_nothing_to_approve(fair):
    fair.offer(slots=[at("08:00")])
    waiting = fair.request()
    fair.confirmed(ben)
    with refused("no_free_slots"):
        fair.run(meeting.Approve(by=hana, id=waiting))
    fair.offer(slots=[at("08:00"), at("09:00")])
    fair.run(meeting.Approve(by=hana, id=waiting))


def test_rule_41_slots_that_have_begun_are_not_free(fair):
    fair.offer()
    id_ = fair.request()
    fair.wait(at("10:00"))
    slots = fair.run(meeting.Approve(by=hana, id=id_))["slots"]
    assert [slot["start"][11:16] for slot in slots] == ["10:30"]


# Rule 42


def test_rule_42_only_the_approved_participant_picks(fair):
    fair.offer()
    id_ = fair.request()
    with refused("wrong_state"):
        fair.run(meeting.Pick(by=ana, id=id_, slot=at("08:00")))
    fair.run(meeting.Approve(by=hana, id=id_))
    for person in (hana, ben):
        with refused("forbidden"):
            fair.run(meeting.Pick(by=person, id=id_, slot=at("08:00")))
    picked = fair.run(meeting.Pick(by=ana, id=id_, slot=at("08:00")))["meeting"]
    assert (picked["start"], picked["end"]) == (
        "2026-12-01T08:00:00.000Z",
        "2026-12-01T08:30:00.000Z",
    )
    assert fair.told(hana) == ["meeting.requested", "meeting.confirmed"]
    with refused("wrong_state"):
        fair.run(meeting.Pick(by=ana, id=id_, slot=at("09:00")))


def test_rule_42_of_two_picks_of_one_slot_the_second_gets_slot_taken(fair):
    fair.offer(slots=[at("08:00"), at("09:00")])
    first, second = fair.approved(ana), fair.approved(ben)
    fair.run(meeting.Pick(by=ana, id=first, slot=at("08:00")))
    with refused("slot_taken") as refusal:
        fair.run(meeting.Pick(by=ben, id=second, slot=at("08:00")))
    assert [slot["start"] for slot in refusal.data["slots"]] == ["2026-12-01T09:00:00.000Z"]
    assert fair.meeting(second).state == "in_scheduling"


def test_rule_42_the_participants_own_chats_are_checked(fair):
    fair.offer(hana)
    fair.offer(hugo, duration=15)
    fair.confirmed(ana, hana, "08:00")
    other = fair.approved(ana, hugo)
    with refused("conflict") as refusal:
        fair.run(meeting.Pick(by=ana, id=other, slot=at("08:15")))
    assert refusal.data["person"] == "ana"
    starts = [slot["start"][11:16] for slot in fair.run(meeting.Slots(by=ana, id=other))["slots"]]
    assert starts[0] == "08:30"


def seat(person, start, end, role="registered", session="ux"):
    return RegisteredSession(
        by=SYSTEM,
        event="fair",
        person=person.id,
        session=session,
        title="UX workshop",
        kind="workshop",
        role=role,
        start=at(start),
        end=at(end),
    )


@pytest.mark.parametrize(
    ("person", "role", "reason"),
    [
        (ana, "registered", "conflict"),
        (hana, "host", "slot_taken"),
        (hana, "registered", "slot_taken"),
        (ana, "waiting", None),
    ],
)
def test_rule_42_registrations_of_both_are_checked(fair, person, role, reason):
    fair.offer()
    id_ = fair.approved()
    fair.run(seat(person, "08:15", "09:15", role))
    pick = meeting.Pick(by=ana, id=id_, slot=at("08:30"))
    if reason is None:
        fair.run(pick)
        return
    with refused(reason):
        fair.run(pick)
    fair.run(UnregisteredSession(by=SYSTEM, event="fair", person=person.id, session="ux"))
    fair.run(pick)


def test_rule_42_neighbours_do_not_overlap(fair):
    fair.offer()
    fair.confirmed(ben, slot="08:00")
    fair.confirmed(ana, slot="08:30")
    assert {fair.meeting(f"fair.{p}.1").state for p in ("ana", "ben")} == {"confirmed"}


def test_rule_42_what_is_no_slot_cannot_be_picked(fair):
    fair.offer(slots=[at("08:00"), at("09:00")])
    id_ = fair.approved()
    with refused("not_found"):
        fair.run(meeting.Pick(by=ana, id=id_, slot=at("08:30")))
    fair.wait(at("08:00"))
    with refused("wrong_state"):
        fair.run(meeting.Pick(by=ana, id=id_, slot=at("08:00")))


# Rule 43


@pytest.mark.parametrize(("one", "other"), [(ana, hana), (hana, ana)])
def test_rule_43_a_reschedule_holds_the_old_slot_until_the_other_agrees(fair, one, other):
    fair.offer()
    id_ = fair.confirmed()
    fair.run(meeting.Reschedule(by=one, id=id_, slot=at("09:00")))
    assert fair.meeting(id_).start == at("08:00")
    assert fair.told(other)[-1] == "meeting.reschedule_proposed"
    waiting = fair.approved(ben)
    with refused("slot_taken"):
        fair.run(meeting.Pick(by=ben, id=waiting, slot=at("08:00")))
    with refused("forbidden"):
        fair.run(meeting.Agree(by=one, id=id_))
    moved = fair.run(meeting.Agree(by=other, id=id_))["meeting"]
    assert (moved["start"][11:16], moved["sequence"], moved["proposal"]) == ("09:00", 1, None)
    fair.run(meeting.Pick(by=ben, id=waiting, slot=at("08:00")))


def test_rule_43_a_proposal_where_the_other_side_is_busy_is_a_conflict(fair):
    fair.offer()
    fair.confirmed(ben, slot="09:00")
    id_ = fair.confirmed(ana, slot="08:00")
    with refused("conflict") as refusal:
        fair.run(meeting.Reschedule(by=ana, id=id_, slot=at("09:00")))
    assert refusal.data["person"] == "hana"
    fair.run(seat(ana, "10:00", "11:00"))
    with refused("conflict") as refusal:
        fair.run(meeting.Reschedule(by=hana, id=id_, slot=at("10:30")))
    assert refusal.data["person"] == "ana"


def test_rule_43_the_other_side_may_have_got_busy_before_agreeing(fair):
    fair.offer()
    id_ = fair.confirmed(ana, slot="08:00")
    fair.run(meeting.Reschedule(by=ana, id=id_, slot=at("09:00")))
    fair.confirmed(ben, slot="09:00")
    with refused("conflict"):
        fair.run(meeting.Agree(by=hana, id=id_))
    assert fair.meeting(id_).start == at("08:00")


def test_rule_43_a_proposal_can_be_refused_or_taken_back(fair):
    fair.offer()
    id_ = fair.confirmed()
    for person in (hana, ana):
        fair.run(meeting.Reschedule(by=ana, id=id_, slot=at("09:00")))
        told = fair.run(meeting.Disagree(by=person, id=id_))["meeting"]
        assert (told["proposal"], told["start"][11:16]) == (None, "08:00")
    with refused("wrong_state"):
        fair.run(meeting.Agree(by=hana, id=id_))


def test_rule_43_a_shifted_slot_may_overlap_its_own_old_time():
    fair = Fair()
    fair.offer(duration=30)
    id_ = fair.confirmed(slot="08:00")
    fair.run(meeting.Move(by=olga, id=id_, start=at("08:15")))
    assert fair.meeting(id_).start == at("08:15")


@pytest.mark.parametrize("person", [ana, hana, olga])
def test_rule_43_cancel_frees_both(fair, person):
    fair.offer(slots=[at("08:00")])
    id_ = fair.confirmed()
    gone = fair.run(meeting.Cancel(by=person, id=id_, message="Ill"))["meeting"]
    assert (gone["state"], gone["reason"], gone["sequence"]) == ("cancelled", "Ill", 1)
    told = [fair.told(side)[-1] for side in (ana, hana) if side is not person]
    assert set(told) == {"meeting.cancelled"}
    fair.confirmed(ben, slot="08:00")
    fair.offer(hugo, slots=[at("08:00")])
    fair.confirmed(ana, hugo, slot="08:00")


def test_rule_43_nothing_changes_while_it_runs(fair):
    fair.offer()
    id_ = fair.confirmed(slot="08:00")
    fair.run(meeting.Reschedule(by=ana, id=id_, slot=at("10:00")))
    fair.wait(at("08:00"))
    for command in (
        meeting.Cancel(by=ana, id=id_),
        meeting.Cancel(by=olga, id=id_),
        meeting.Reschedule(by=ana, id=id_, slot=at("09:00")),
        meeting.Agree(by=hana, id=id_),
        meeting.Move(by=olga, id=id_, start=at("09:00")),
        meeting.Reassign(by=olga, id=id_, to="hugo"),
    ):
        with refused("wrong_state"):
            fair.run(command)


def test_rule_43_a_stranger_can_do_nothing(fair):
    fair.offer()
    id_ = fair.confirmed()
    for command in (
        meeting.Cancel(by=ben, id=id_),
        meeting.Reschedule(by=ben, id=id_, slot=at("09:00")),
        meeting.Agree(by=ben, id=id_),
        meeting.Disagree(by=ben, id=id_),
        meeting.Move(by=hana, id=id_, start=at("09:00")),
        meeting.Reassign(by=hana, id=id_, to="hugo"),
        meeting.Join(by=olga, id=id_),
    ):
        with refused("forbidden"):
            fair.run(command)


# The organizer


def test_rule_38_an_organizer_moves_a_chat_only_where_both_are_free(fair):
    fair.offer()
    id_ = fair.confirmed(slot="08:00")
    fair.confirmed(ben, slot="09:00")
    with refused("conflict"):
        fair.run(meeting.Move(by=olga, id=id_, start=at("09:15")))
    moved = fair.run(meeting.Move(by=olga, id=id_, start=at("15:00")))["meeting"]
    assert (moved["start"][11:16], moved["end"][11:16], moved["sequence"]) == ("15:00", "15:30", 1)
    assert fair.told(ana)[-1] == fair.told(hana)[-1] == "meeting.moved"
    for start, reason in [
        ("2026-11-30T11:59:59Z", "wrong_state"),
        ("9999-12-31T23:59:59Z", "invalid_params"),
    ]:
        with refused(reason):
            fair.run(meeting.Move(by=olga, id=id_, start=records.instant(start)))


def test_rule_43_a_colleague_takes_over_only_by_agreeing(fair):
    fair.offer()
    fair.offer(hugo)
    id_ = fair.confirmed(slot="08:00")
    fair.run(meeting.Reassign(by=olga, id=id_, to="hugo"))
    assert fair.meeting(id_).employee.id == "hana"
    assert fair.told(hugo) == ["meeting.reassign_offered"]
    offered = fair.run(agenda.ListMeetings(by=hugo, tab="requested"))["meetings"]
    assert [each["id"] for each in offered] == [id_]
    fair.run(meeting.Agree(by=hugo, id=id_))
    record = fair.meeting(id_)
    assert (record.employee.id, record.start, record.sequence) == ("hugo", at("08:00"), 1)
    assert fair.run(agenda.ListMeetings(by=hana, tab="confirmed"))["meetings"] == []
    assert len(fair.run(agenda.ListMeetings(by=hugo, tab="confirmed"))["meetings"]) == 1
    assert fair.told(ana)[-1] == fair.told(hana)[-1] == "meeting.reassigned"
    fair.confirmed(ben, hana, "08:00")
    with refused("forbidden"):
        fair.run(meeting.Cancel(by=hana, id=id_))


def test_rule_43_a_busy_or_unwilling_colleague_does_not_take_over(fair):
    fair.offer()
    fair.offer(hugo)
    fair.offer(bea)
    id_ = fair.confirmed(slot="08:00")
    for to, reason in [
        ("bea", "invalid_params"),
        ("hana", "invalid_params"),
        ("nemo", "not_found"),
    ]:
        with refused(reason):
            fair.run(meeting.Reassign(by=olga, id=id_, to=to))
    fair.run(meeting.Reassign(by=olga, id=id_, to="hugo"))
    fair.confirmed(ben, hugo, "08:00")
    with refused("conflict"):
        fair.run(meeting.Agree(by=hugo, id=id_))
    fair.run(meeting.Disagree(by=hugo, id=id_))
    assert fair.meeting(id_).offer is None
    assert id_ not in fair.state("agenda/fair.hugo").meetings
    with refused("conflict"):
        fair.run(meeting.Reassign(by=olga, id=id_, to="hugo"))


def test_rule_43_a_late_word_from_the_chat_never_undoes_a_newer_change(fair):
    fair.offer()
    id_ = fair.confirmed()
    old = fair.meeting(id_)
    fair.run(meeting.Cancel(by=ana, id=id_))
    fair.run(agenda.Track(by=SYSTEM, person="ana", meeting=old))
    assert fair.state("agenda/fair.ana").meetings[id_].state == "cancelled"


def test_rule_38_a_quota_without_limit_counts_all_the_same():
    book = quota.Quota(used={"hana": 3})
    (event,) = quota.take(book, "hugo", 1000, at("08:00"))
    quota.taken(book, event)
    assert book.view("hugo") == {"limit": None, "used": 1003, "mine": 1000}
    assert quota.take(book, "hugo", 1000, at("08:00")) == []
