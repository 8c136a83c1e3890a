from datetime import timedelta

import pytest

from actors.errors import Refused
from actors.rules.base import AT_ONCE, SYSTEM, Look
from actors.rules.bookings import RegisteredSession, UnregisteredSession
from actors.rules.chat import History, Post
from actors.rules.program import SessionChanged
from actors.rules.session.planning import Cancel, Change, Create
from actors.rules.session.presence import Join, Leave
from actors.rules.session.registration import Register, Unregister
from actors.rules.session.running import End, Start
from actors.rules.session.stage import Accept, Ready, Request
from actors.rules.session.views import Get
from tests.actors.rules.hall import (
    ANA,
    BEN,
    CEM,
    DORA,
    HANA,
    HUGO,
    OLGA,
    START,
    Hall,
    copied,
    hosting,
    lasting,
    live,
    person,
)

MINUTE = timedelta(minutes=1)


def test_rule_1_states_follow_one_another():
    hall = Hall()
    seen = [hall.state.status]
    hall.wait(at=START - 15 * MINUTE)
    seen.append(hall.state.status)
    hall.enter(HANA)
    hall.do(HANA, Start)
    seen.append(hall.state.status)
    hall.do(HANA, End)
    seen.append(hall.state.status)
    assert seen == ["scheduled", "backstage", "live", "ended"]


@pytest.mark.parametrize(("minutes", "ok"), [(14, False), (15, True), (240, True), (241, False)])
def test_rule_1_a_session_lasts_15_minutes_to_4_hours(minutes, ok):
    if ok:
        assert Hall(minutes=minutes).state.plan.minutes == minutes
    else:
        with pytest.raises(Refused) as caught:
            Hall(minutes=minutes)
        assert caught.value.data["path"] == "minutes"


def test_rule_1_kinds():
    for kind in ("workshop", "company_presentation", "coffee_chat"):
        assert Hall(kind=kind).view(ANA)["session"]["kind"] == kind
    with pytest.raises(Refused):
        Hall(kind="party")


def test_rule_1_a_cancelled_session_tells_all_who_booked_and_takes_nobody_in():
    hall = Hall()
    hall.do(ANA, Register)
    assert hall.refused(HANA, Cancel).reason == "forbidden"
    hall.do(OLGA, Cancel, message="Ill")
    hall.now = START
    assert hall.refused(ANA, Join).reason == "wrong_state"
    assert hall.notified("ana") == ["session.cancelled"]
    gone = [send.command for send in hall.sent if isinstance(send.command, UnregisteredSession)]
    assert {command.person for command in gone} == {"ana", "hana", "hugo"}
    assert all(command.cancelled for command in gone)


def test_rule_2_open_sessions_need_no_registration():
    hall = live()
    hall.enter(ANA)
    assert hall.view(ANA)["me"]["present"]


def test_rule_2_limited_capacity_needs_registration():
    hall = Hall(capacity=2)
    hall.now = START
    refused = hall.refused(ANA, Join)
    assert (refused.reason, refused.data["register"]) == ("forbidden", True)
    hall.do(ANA, Register)
    hall.enter(ANA)


def test_rule_2_the_last_seat_has_one_winner():
    hall = Hall(capacity=1)
    hall.do(ANA, Register)
    assert hall.refused(BEN, Register).reason == "session_full"
    assert hall.do(ANA, Register)["session"]["registered"] == 1


def test_rule_2_hosts_never_count():
    hall = Hall(capacity=1)
    hall.do(ANA, Register)
    hall.now = START
    hall.enter(HANA, HUGO, ANA)
    assert hall.state.present == 3
    assert hall.refused(HANA, Register).reason == "wrong_state"


@pytest.mark.parametrize("booked", ["a seat", "a place on the waiting list"])
def test_rule_2_whoever_becomes_a_host_gives_their_seat_back(booked):
    hall = Hall(capacity=1)
    for by in (ANA, BEN) if booked == "a seat" else (CEM, ANA, BEN):
        hall.do(by, Register, wait=True)
    before = len(hall.sent)
    hall.do(OLGA, Change, hosts=["hana", "ana"])
    assert list(hall.state.registered) == (["ben"] if booked == "a seat" else ["cem"])
    assert "ana" not in hall.state.waiting
    agenda = [send.command for send in hall.sent[before:] if send.to == "agenda/fair.ana"]
    assert [type(command) for command in agenda] == [UnregisteredSession, RegisteredSession]
    assert agenda[-1].role == "host"
    hall.do(ANA, Unregister)
    hall.do(OLGA, Change, hosts=["hana"])
    assert lasting(hall.replayed()) == lasting(hall.state)


def test_rule_2_a_freed_seat_goes_to_the_head_of_the_waiting_list():
    hall = Hall(capacity=1)
    hall.do(ANA, Register)
    hall.do(BEN, Register, wait=True)
    hall.do(CEM, Register, wait=True)
    assert hall.do(CEM, Get)["me"]["waiting"] == 2
    hall.do(ANA, Unregister)
    assert hall.do(BEN, Get)["me"]["registered"]
    assert hall.do(CEM, Get)["me"]["waiting"] == 1
    assert hall.notified("ben") == ["session.promoted"]
    assert hall.notified("cem") == []
    hall.do(OLGA, Change, capacity=2)
    assert hall.do(CEM, Get)["me"]["registered"]


def test_rule_2_whoever_waits_for_a_seat_waits_no_longer_once_the_session_is_over():
    hall = Hall(capacity=1)
    hall.do(ANA, Register)
    hall.do(BEN, Register, wait=True)
    hall.now = START
    hall.enter(HANA)
    hall.do(HANA, Start)
    hall.sent.clear()
    hall.do(HANA, End)
    out = [send.command for send in hall.sent if isinstance(send.command, UnregisteredSession)]
    assert [(each.person, each.cancelled) for each in out] == [("ben", False)]
    (told,) = [
        send.command
        for send in hall.sent
        if isinstance(send.command, SessionChanged) and send.command.person
    ]
    assert (told.person, told.standing) == ("ben", "none")


def test_rule_2_seats_are_held_until_ten_minutes_after_the_start():
    hall = Hall(capacity=1)
    hall.do(ANA, Register)
    hall.do(BEN, Register, wait=True)
    hall.now = START
    hall.enter(HANA)
    hall.wait(at=START + 10 * MINUTE - timedelta(milliseconds=1))
    assert hall.refused(CEM, Join).reason == "session_full"
    hall.wait(at=START + 10 * MINUTE)
    assert hall.told("session.released") == [{}]
    assert hall.notified("ben") == ["session.released"]
    hall.enter(CEM)
    assert hall.refused(ANA, Join).reason == "session_full"
    hall.do(CEM, Leave)
    hall.enter(ANA)


def test_rule_2_seats_are_let_go_on_time_even_if_the_tick_is_late():
    hall = Hall(capacity=1)
    hall.do(ANA, Register)
    hall.now = START + 11 * MINUTE
    hall.enter(CEM)
    assert hall.refused(ANA, Join).reason == "session_full"


def test_rule_2_whoever_sits_on_a_seat_cannot_give_it_to_another():
    hall = Hall(capacity=1)
    hall.do(ANA, Register)
    hall.now = START
    hall.enter(ANA)
    assert hall.refused(ANA, Unregister).reason == "wrong_state"
    hall.do(ANA, Leave)
    hall.do(ANA, Unregister)


def test_rule_3_the_program_and_agendas_hear_of_everything_they_show():
    hall = Hall(capacity=5)
    hall.do(ANA, Register)
    hall.now = START
    hall.enter(HANA, ANA)
    hall.do(HANA, Start)
    hall.do(ANA, Leave)
    hall.do(HANA, End)
    told = [send.command for send in hall.sent if isinstance(send.command, SessionChanged)]
    assert [command.state for command in told if command.state] == [
        "scheduled",
        "backstage",
        "live",
        "ended",
    ]
    assert [command.about.title for command in told if command.about] == ["UX"]
    assert [(c.person, c.standing) for c in told if c.person] == [("ana", "registered")]
    assert [command.occupied for command in told if command.occupied is not None] == [1, 0]
    booked = [send.command for send in hall.sent if isinstance(send.command, RegisteredSession)]
    assert {(c.person, c.role) for c in booked} == {
        ("hana", "host"),
        ("hugo", "host"),
        ("ana", "registered"),
    }


def test_rule_3_loading_a_plan_again_changes_what_differs_and_nothing_else():
    hall = Hall()
    plan = {"event": "fair", "kind": "workshop", "start": START, "minutes": 60}
    before = len(hall.journal)
    hall.do(SYSTEM, Create, title="UX", hosts=["hugo", "hana"], **plan)
    assert len(hall.journal) == before
    hall.do(SYSTEM, Create, title="UX 2", hosts=["hana", "ina"], **plan)
    (changed,) = hall.told("session.changed")
    assert changed["session"]["title"] == "UX 2"
    roles = [(c.person, type(c).__name__) for s in hall.sent[-3:] for c in [s.command]]
    assert ("hugo", "UnregisteredSession") in roles
    assert ("ina", "RegisteredSession") in [
        (s.command.person, type(s.command).__name__)
        for s in hall.sent
        if isinstance(s.command, RegisteredSession)
    ]


def test_rule_3_moving_a_session_tells_those_who_booked():
    hall = Hall()
    hall.do(ANA, Register)
    hall.do(OLGA, Change, start=START + 60 * MINUTE)
    assert hall.notified("ana") == ["session.moved"]
    assert hall.refused(HANA, Change, title="Mine").reason == "forbidden"
    assert hall.state.backstage_at == START + 45 * MINUTE


def test_rule_4_hosts_enter_15_and_others_5_minutes_early():
    hall = Hall()
    hall.now = START - 15 * MINUTE - timedelta(seconds=1)
    assert hall.refused(HANA, Join).data["opens_at"] == "2026-12-01T08:45:00.000Z"
    hall.now = START - 15 * MINUTE
    hall.enter(HANA)
    assert hall.state.status == "backstage"
    hall.now = START - 5 * MINUTE - timedelta(seconds=1)
    assert hall.refused(ANA, Join).data["opens_at"] == "2026-12-01T08:55:00.000Z"
    hall.now = START - 5 * MINUTE
    hall.enter(ANA)
    assert hall.view(ANA)["session"]["state"] == "backstage"
    assert hall.refused(ANA, Start).reason == "forbidden"
    assert hall.state.media_place("ana") == "wait"
    assert hall.state.media_place("hana") == "publish"
    hall.do(HANA, Start)
    assert hall.state.media_place("ana") == "watch"
    assert hall.view(ANA)["session"]["state"] == "live"


def test_rule_4_a_token_may_make_a_host():
    hall = Hall(hosts=[])
    hall.now = START - 10 * MINUTE
    hall.enter(hosting(DORA))
    hall.do(hosting(DORA), Start)
    assert hall.view(ANA)["people"]["counts"]["hosts"] == 1


def test_rule_4_nobody_starts_from_outside():
    hall = Hall()
    hall.now = START
    hall.settle()
    assert hall.refused(HANA, Start).reason == "wrong_state"
    assert hall.refused(OLGA, Start).reason == "wrong_state"


def test_rule_5_whoever_enters_is_audience_with_everything_off():
    hall = live(ANA)
    view = hall.view(ANA)
    assert view["me"]["stage"]["state"] == "none"
    assert view["media"]["people"] == {}
    assert [p["id"] for p in view["people"]["people"] if p["host"]] == ["hana"]
    assert hall.state.media.sending("ana") == frozenset()


def test_rule_6_leaving_frees_seat_and_presence_but_not_the_registration():
    hall = Hall(capacity=3)
    hall.do(ANA, Register)
    hall.wait(at=START)
    hall.enter(HANA, ANA)
    hall.do(HANA, Start)
    hall.do(ANA, Request, mic=True, camera=True)
    hall.do(HANA, Accept, person="ana")
    hall.do(ANA, Ready)
    hall.wait(5)
    hall.do(ANA, Leave)
    assert hall.state.stage.seats == {}
    assert hall.told("stage.left")[0]["reason"] == "gone"
    assert hall.state.member("ana") is None
    assert hall.do(ANA, Get)["me"]["registered"]
    assert hall.events[-1].departs() == ("ana",)
    hall.do(ANA, Leave)
    hall.enter(ANA)
    assert hall.place(ANA) == "none"


def test_rule_7_without_a_host_the_session_goes_on_and_ends_after_five_minutes():
    hall = live(ANA)
    hall.do(HANA, Leave)
    hall.settle()
    assert hall.told("session.hostless") == [{"until": "2026-12-01T09:05:01.000Z"}]
    hall.do(ANA, Post, topic="session/ux", text="Hello?")
    hall.do(ANA, Request, mic=True, camera=True)
    assert hall.place(ANA) == "pending"
    assert hall.refused(HANA, Accept, person="ana").reason == "wrong_state"
    hall.wait(299)
    assert hall.state.status == "hostless"
    hall.wait(2)
    assert (hall.state.status, hall.state.end_reason) == ("ended", "hostless")
    assert hall.state.present == 0


def test_rule_7_a_host_who_returns_ends_it():
    hall = live(ANA, hostless_minutes=1)
    hall.do(ANA, Request, mic=True, camera=True)
    hall.drop(HANA)
    hall.wait(14)
    assert hall.state.status == "live"
    hall.wait(2)
    assert hall.state.status == "hostless"
    hall.wait(58)
    hall.enter(HUGO)
    assert hall.told("session.resumed") == [{"by": "hugo"}]
    hall.wait(600)
    assert hall.state.status == "live"
    hall.do(HUGO, Accept, person="ana")


def test_rule_7_a_host_dropping_as_another_leaves_is_noticed():
    hall = live(HUGO)
    hall.drop(HUGO)
    hall.drop(HANA)
    hall.sleep(3600)
    hall.settle()
    assert hall.state.status == "hostless"
    hall.wait(301)
    assert hall.state.status == "ended"


def test_rule_8_only_a_host_or_organizer_ends_and_everybody_is_moved_out():
    hall = live(ANA, BEN)
    hall.do(ANA, Post, topic="session/ux", text="Hi")
    assert hall.refused(ANA, End).reason == "forbidden"
    hall.do(OLGA, End)
    end = hall.events[-1]
    assert set(end.departs()) == {"hana", "ana", "ben"}
    assert hall.told("session.ended") == [{"reason": "host", "by": "olga"}]
    assert hall.state.present == 0
    assert hall.do(ANA, History, topic="session/ux")["messages"][0]["text"] == "Hi"
    assert hall.refused(CEM, History, topic="session/ux").reason == "forbidden"
    assert hall.refused(ANA, Post, topic="session/ux", text="?").reason == "wrong_state"
    assert hall.refused(HANA, Post, topic="session/ux", text="?").reason == "wrong_state"
    hall.do(HANA, End)
    assert len(hall.told("session.ended")) == 1


def test_rule_8_a_session_nobody_starts_ends_with_its_time():
    hall = Hall()
    hall.wait(at=START)
    hall.enter(ANA)
    hall.wait(at=START + 60 * MINUTE)
    assert (hall.state.status, hall.state.end_reason) == ("ended", "not_started")
    assert hall.rules.due(hall.state) is None


def test_rule_35_a_drop_keeps_presence_for_its_grace():
    hall = live(ANA)
    hall.wait(1)
    before = len(hall.published)
    hall.drop(ANA)
    hall.wait(14.9)
    hall.back(ANA)
    hall.wait(60)
    assert hall.state.member("ana") is not None
    assert len(hall.published) == before
    hall.drop(ANA)
    hall.wait(15)
    assert hall.state.member("ana") is None
    hall.wait(1)
    assert hall.told("people.changed")[-1]["left"] == ["ana"]


def test_rule_35_the_grace_is_configurable_and_a_late_return_joins_anew():
    hall = live(ANA, grace=3)
    hall.drop(ANA)
    hall.wait(3)
    assert hall.state.member("ana") is None
    hall.take(Look(by=ANA))
    assert hall.state.member("ana") is not None


def test_rule_35_whoever_left_is_not_brought_back_by_a_resume():
    hall = live(ANA)
    hall.do(ANA, Leave)
    with pytest.raises(Refused, match="Enter the session first"):
        hall.take(Look(by=ANA))
    with pytest.raises(Refused):
        hall.take(Look(by=BEN))


def test_rule_35_after_a_recovery_everybody_has_the_grace_to_return():
    hall = live(ANA, BEN)
    hall.recover()
    hall.wait(10)
    hall.back(HANA)
    hall.back(ANA)
    hall.wait(10)
    assert [p["id"] for p in hall.view(OLGA)["people"]["people"]] == ["hana", "ana"]
    assert hall.told("people.changed")[-1]["left"] == ["ben"]


def test_rule_34_presence_counts_people_and_a_second_tab_changes_nothing():
    hall = live(ANA)
    before = len(hall.events)
    hall.enter(ANA)
    assert len(hall.events) == before
    hall.drop(ANA)
    hall.enter(ANA)
    hall.wait(60)
    assert hall.state.member("ana") is not None


def test_another_events_people_see_no_session():
    hall = live()
    stranger = person("ana")
    stranger = stranger.__class__(id="ana", name="Ana", event="other")
    for kind in (Get, Join, Register):
        assert hall.refused(stranger, kind).reason == "not_found"


def test_snapshot_and_journal_bring_the_same_session_back():
    hall = live(ANA, BEN, capacity=None)
    hall.do(ANA, Post, topic="session/ux", text="Hi")
    hall.do(BEN, Request, mic=False, camera=True)
    hall.drop(ANA)
    copy = copied(hall.state)
    assert copy == hall.state
    assert hall.rules.snapshot(copy, ANA, hall.now) == hall.view(ANA)
    assert lasting(hall.replayed()) == lasting(hall.state)


def test_a_tick_late_by_hours_is_no_harm():
    hall = live(ANA)
    hall.do(ANA, Request, mic=True, camera=True)
    hall.do(HANA, Accept, person="ana")
    hall.do(ANA, Ready)
    hall.recover()
    hall.sleep(5 * 3600)
    hall.settle()
    assert hall.state.present == 0
    assert hall.state.stage.seats == {}
    hall.wait(301)
    assert hall.state.status == "ended"


def test_a_session_with_people_in_it_has_to_be_back_at_once_after_a_restart():
    hall = Hall()
    assert hall.rules.wake(hall.state) == hall.rules.due(hall.state)
    hall.wait(at=START)
    hall.enter(HANA)
    assert hall.rules.wake(hall.state) == AT_ONCE
    hall.do(HANA, Leave)
    assert hall.rules.due(hall.state) < hall.state.end  # it is to be told of the leave
    assert hall.rules.wake(hall.state) == hall.state.end
