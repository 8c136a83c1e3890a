import pytest

from actors.rules.media import Block, Set, Shares, Unblock
from actors.rules.session.moderation import Kick
from actors.rules.session.planning import Change
from actors.rules.session.stage import (
    Accept,
    Answer,
    Cancel,
    Decline,
    Invite,
    Leave,
    Ready,
    Remove,
    Request,
    Withdraw,
)
from tests.actors.rules.hall import ANA, BEN, CEM, HANA, HUGO, OLGA, Hall, live, person


def ask(hall, *people, mic=True, camera=True):
    for by in people:
        hall.do(by, Request, mic=mic, camera=camera)


def put_on_screen(hall, *people):
    for by in people:
        ask(hall, by)
        hall.do(HANA, Accept, person=by.id)
        hall.do(by, Ready)
    hall.wait(5)


def test_rule_9_from_asking_to_the_screen():
    hall = live(ANA)
    seen = [hall.place(ANA)]
    ask(hall, ANA, mic=True, camera=False)
    seen.append(hall.place(ANA))
    hall.do(HANA, Accept, person="ana")
    seen.append(hall.place(ANA))
    hall.do(ANA, Ready)
    seen.append(hall.place(ANA))
    hall.wait(5)
    seen.append(hall.place(ANA))
    hall.do(ANA, Leave)
    seen.append(hall.place(ANA))
    assert seen == ["none", "pending", "accepted", "countdown", "on_screen", "none"]
    assert hall.told("stage.entered")[0] == {
        "person": "ana",
        "name": "Ana",
        "mic": True,
        "camera": False,
    }


def test_rule_9_first_in_first_shown_and_asking_again_updates():
    hall = live(ANA, BEN)
    ask(hall, ANA, BEN)
    answer = hall.do(ANA, Request, mic=False, camera=True)
    assert answer["stage"]["position"] == 1
    assert hall.do(BEN, Request, mic=True, camera=True)["stage"]["position"] == 2
    shown = hall.view(HANA)["stage"]["requests"]
    assert [(r["person"], r["mic"]) for r in shown] == [("ana", False), ("ben", True)]
    assert [told["position"] for told in hall.told("stage.requested")] == [1, 2, 1]
    hall.do(ANA, Withdraw)
    assert hall.view(BEN)["me"]["stage"]["position"] == 1


def test_rule_9_hosts_and_absent_people_do_not_ask():
    hall = live()
    assert hall.refused(HANA, Request, mic=True, camera=True).reason == "wrong_state"
    assert hall.refused(ANA, Request, mic=True, camera=True).reason == "wrong_state"


def test_rule_9_the_stage_opens_with_the_start():
    hall = Hall()
    hall.wait(3590)
    hall.enter(HANA, ANA)
    assert hall.refused(ANA, Request, mic=True, camera=True).reason == "wrong_state"


@pytest.mark.parametrize("first", [Accept, Decline])
def test_rule_10_the_first_decision_wins(first):
    hall = live(ANA, HUGO)
    ask(hall, ANA)
    hall.do(HUGO, first, person="ana")
    for second in (Accept, Decline):
        refused = hall.refused(HANA, second, person="ana")
        assert refused.reason == "already_decided"
        assert refused.data["by"] == "hugo"
        assert refused.data["decision"] == ("accepted" if first is Accept else "declined")


def test_rule_10_only_hosts_inside_decide():
    hall = live(ANA, BEN, OLGA)
    ask(hall, ANA)
    for by in (ANA, BEN, OLGA):
        assert hall.refused(by, Accept, person="ana").reason == "forbidden"
    assert hall.refused(HUGO, Accept, person="ana").reason == "wrong_state"


def test_rule_11_withdraw_and_accept_whichever_comes_first():
    hall = live(ANA)
    ask(hall, ANA)
    hall.do(ANA, Withdraw)
    refused = hall.refused(HANA, Accept, person="ana")
    assert (refused.reason, refused.data["decision"]) == ("already_decided", "withdrawn")
    ask(hall, ANA)
    hall.do(HANA, Accept, person="ana")
    refused = hall.refused(ANA, Withdraw)
    assert (refused.reason, refused.data["by"]) == ("already_decided", "hana")
    assert hall.place(ANA) == "accepted"


def test_rule_12_the_countdown_begins_when_the_client_shows_it():
    hall = live(ANA)
    ask(hall, ANA)
    hall.do(HANA, Accept, person="ana")
    hall.wait(9.9)
    hall.do(ANA, Ready)
    hall.do(ANA, Ready)
    assert len(hall.told("stage.countdown")) == 1
    hall.wait(4.9)
    assert hall.place(ANA) == "countdown"
    hall.wait(0.1)
    assert hall.place(ANA) == "on_screen"


def test_rule_12_unconfirmed_in_ten_seconds_is_missed():
    hall = live(ANA)
    ask(hall, ANA)
    hall.do(HANA, Accept, person="ana")
    hall.wait(10)
    assert hall.told("stage.missed") == [{"person": "ana"}]
    assert hall.view(HANA)["stage"]["seats"] == []
    assert hall.refused(ANA, Ready).reason == "wrong_state"
    ask(hall, ANA)
    assert hall.place(ANA) == "pending"


def test_rule_12_the_asker_may_cancel_in_the_countdown():
    hall = live(ANA)
    ask(hall, ANA)
    hall.do(HANA, Accept, person="ana")
    hall.do(ANA, Ready)
    hall.wait(4)
    hall.do(ANA, Cancel)
    hall.wait(60)
    assert hall.place(ANA) == "none"
    assert hall.told("stage.entered") == []
    assert hall.refused(ANA, Cancel).reason == "wrong_state"


def test_rule_13_a_full_stage_leaves_the_request_pending():
    hall = live(ANA, BEN, CEM, stage_cap=2)
    put_on_screen(hall, ANA)
    ask(hall, BEN, CEM)
    hall.do(HANA, Accept, person="ben")
    assert hall.refused(HANA, Accept, person="cem").reason == "stage_full"
    assert hall.place(CEM) == "pending"
    hall.do(BEN, Cancel)
    hall.do(HANA, Accept, person="cem")


def test_rule_13_ten_seats_unless_a_host_says_otherwise():
    people = [person(f"p{number}") for number in range(11)]
    hall = live(*people)
    put_on_screen(hall, *people[:10])
    ask(hall, people[10])
    assert hall.refused(HANA, Accept, person="p10").reason == "stage_full"
    hall.do(HANA, Change, stage_cap=11)
    hall.do(HANA, Accept, person="p10")
    assert len(hall.state.stage.seats) == 11


def test_rule_14_nobody_is_put_on_screen_without_agreeing():
    hall = live(ANA, BEN)
    assert hall.refused(BEN, Invite, person="ana").reason == "forbidden"
    hall.do(HANA, Invite, person="ana")
    hall.wait(600)
    assert hall.place(ANA) == "invited"
    assert hall.told("stage.accepted") == []
    hall.do(ANA, Answer, accept=False)
    assert hall.place(ANA) == "none"
    assert hall.refused(ANA, Answer, accept=True).reason == "wrong_state"
    hall.do(HANA, Invite, person="ana")
    hall.do(ANA, Answer, accept=True, camera=True)
    assert hall.place(ANA) == "accepted"
    hall.do(ANA, Ready)
    hall.wait(5)
    assert hall.state.media.sending("ana") == {"camera"}


def test_rule_14_inviting_whoever_asks_accepts_them_and_an_invitation_can_be_taken_back():
    hall = live(ANA, BEN)
    ask(hall, ANA)
    hall.do(HANA, Invite, person="ana")
    assert hall.place(ANA) == "accepted"
    hall.do(HANA, Invite, person="ben")
    hall.do(HANA, Remove, person="ben")
    assert hall.refused(BEN, Answer, accept=True).reason == "wrong_state"


def test_rule_15_on_screen_everything_changes_at_will():
    hall = live(ANA, BEN)
    assert hall.refused(ANA, Set, mic=True).reason == "forbidden"
    put_on_screen(hall, ANA)
    answer = hall.do(ANA, Set, mic=False, screen=True, background="blur")
    assert answer == {
        "person": "ana",
        "mic": False,
        "camera": True,
        "screen": True,
        "background": "blur",
        "blocked": [],
    }
    assert hall.state.media.sending("ana") == {"camera", "screen"}


def test_rule_15_one_screen_at_a_time_unless_a_host_allows_more():
    hall = live(ANA, BEN)
    put_on_screen(hall, ANA, BEN)
    hall.do(ANA, Set, screen=True)
    refused = hall.refused(BEN, Set, screen=True)
    assert (refused.reason, refused.data["people"]) == ("conflict", ["ana"])
    hall.do(HANA, Shares, limit=2)
    hall.do(BEN, Set, screen=True)
    hall.do(ANA, Set, screen=False)


def test_rule_16_who_left_by_choice_returns_within_two_minutes_without_asking():
    hall = live(ANA)
    put_on_screen(hall, ANA)
    hall.do(ANA, Leave)
    assert hall.state.media.sending("ana") == frozenset()
    hall.wait(119)
    ask(hall, ANA)
    assert hall.place(ANA) == "accepted"
    hall.do(ANA, Ready)
    hall.wait(5)
    hall.do(ANA, Leave)
    hall.wait(120)
    ask(hall, ANA)
    assert hall.place(ANA) == "pending"


def test_rule_16_who_was_removed_must_ask():
    hall = live(ANA)
    put_on_screen(hall, ANA)
    hall.do(ANA, Leave)
    ask(hall, ANA)
    hall.do(ANA, Ready)
    hall.wait(5)
    hall.do(HANA, Remove, person="ana")
    ask(hall, ANA)
    assert hall.place(ANA) == "pending"


def test_rule_16_who_was_put_out_meanwhile_must_ask():
    hall = live(ANA)
    put_on_screen(hall, ANA)
    hall.do(ANA, Leave)
    hall.do(HANA, Kick, person="ana", message="Enough")
    hall.enter(ANA)
    ask(hall, ANA)
    assert hall.place(ANA) == "pending"


def test_rule_16_who_was_declined_meanwhile_must_ask():
    hall = live(ANA, BEN, stage_cap=1)
    put_on_screen(hall, ANA)
    hall.do(ANA, Leave)
    put_on_screen(hall, BEN)
    ask(hall, ANA)
    hall.do(HANA, Decline, person="ana")
    hall.do(BEN, Leave)
    ask(hall, ANA)
    assert hall.place(ANA) == "pending"


def test_rule_16_a_return_to_a_full_stage_asks():
    hall = live(ANA, BEN, stage_cap=1)
    put_on_screen(hall, ANA)
    hall.do(ANA, Leave)
    put_on_screen(hall, BEN)
    ask(hall, ANA)
    assert hall.place(ANA) == "pending"


def test_rule_17_a_host_mutes_stops_a_share_and_removes():
    hall = live(ANA, BEN)
    put_on_screen(hall, ANA)
    hall.do(ANA, Set, screen=True)
    assert hall.refused(BEN, Block, person="ana", mic=True).reason == "forbidden"
    hall.do(HANA, Block, person="ana", mic=True, screen=True)
    assert hall.state.media.sending("ana") == {"camera"}
    assert hall.refused(ANA, Set, screen=True).reason == "forbidden"
    hall.do(HANA, Remove, person="ana")
    assert hall.place(ANA) == "none"


def test_rule_17_nobody_unmutes_somebody_else():
    hall = live(ANA)
    put_on_screen(hall, ANA)
    hall.do(HANA, Block, person="ana", mic=True)
    hall.do(HANA, Unblock, person="ana", mic=True)
    assert "mic" not in hall.state.media.sending("ana")
    hall.do(ANA, Set, mic=True)
    assert "mic" in hall.state.media.sending("ana")


def test_rule_17_lifting_one_flag_never_clears_the_other():
    hall = live(ANA)
    put_on_screen(hall, ANA)
    hall.do(ANA, Set, mic=False)
    hall.do(HANA, Block, person="ana", mic=True)
    hall.do(ANA, Set, mic=True)
    assert hall.state.media.of("ana").blocked == {"mic"}
    assert "mic" not in hall.state.media.sending("ana")
    hall.do(ANA, Set, mic=False)
    hall.do(HANA, Unblock, person="ana", mic=True)
    assert not hall.state.media.of("ana").mic


def test_rule_17_a_block_outlasts_going_and_coming():
    hall = live(ANA)
    put_on_screen(hall, ANA)
    hall.do(HANA, Block, person="ana", mic=True)
    hall.do(ANA, Leave)
    ask(hall, ANA)
    hall.do(ANA, Ready)
    hall.wait(5)
    assert hall.state.media.sending("ana") == {"camera"}


def test_rule_18_a_drop_on_stage_keeps_the_seat_15_seconds():
    hall = live(ANA, grace=60)
    put_on_screen(hall, ANA)
    hall.drop(ANA)
    hall.wait(14.9)
    hall.back(ANA)
    hall.wait(60)
    assert hall.place(ANA) == "on_screen"
    hall.drop(ANA)
    hall.wait(15)
    assert hall.told("stage.left") == [
        {"person": "ana", "reason": "dropped", "by": None, "may_return_until": None}
    ]
    assert hall.state.member("ana") is not None
    hall.wait(45)
    assert hall.state.member("ana") is None


def test_rule_49_the_asker_is_notified_of_the_decision():
    hall = live(ANA, BEN, CEM)
    ask(hall, ANA, BEN)
    hall.do(HANA, Accept, person="ana")
    hall.do(HANA, Decline, person="ben", message="Later")
    hall.do(HANA, Invite, person="cem")
    assert hall.notified("ana") == ["stage.accepted"]
    assert hall.notified("ben") == ["stage.declined"]
    assert hall.notified("cem") == ["stage.invited"]
