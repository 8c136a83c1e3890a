"""Rules 25 to 33: breakout rooms, from the announcement to the way back."""

from datetime import timedelta

import pytest

from actors.errors import Refused
from actors.rules import chat_model, media
from actors.rules.base import SYSTEM, Look
from actors.rules.breakout import commands as ask
from actors.rules.room_model import CloseRoom
from actors.rules.session import moderation, planning, running, stage
from tests.actors.rules.workshop import (
    START,
    Workshop,
    ana,
    ben,
    cem,
    dora,
    durable,
    guests,
    hana,
    hugo,
    olga,
    refused,
)


@pytest.fixture
def workshop():
    return Workshop(people=[ana, ben, cem])


def groups(*people_of_rooms):
    return [[person.id for person in people] for people in people_of_rooms]


def on_screen(workshop, person, *, mic=True, camera=True):
    workshop.run(stage.Request(by=person, session="ux", mic=mic, camera=camera))
    workshop.run(stage.Accept(by=hana, session="ux", person=person.id))
    workshop.run(stage.Ready(by=person, session="ux"))
    workshop.wait(5)
    assert workshop.session.stage.on_screen(person.id)


# Rule 25


@pytest.mark.parametrize(("people", "rooms"), [(7, 3), (500, 25), (50, 50), (2, 5), (1, 1)])
def test_rule_25_random_rooms_differ_in_size_by_one_at_most(people, rooms):
    workshop = Workshop(people=guests(people))
    workshop.open(rooms=rooms)
    sizes = [0] * rooms
    for room in workshop.rooms.assigned.values():
        sizes[int(room) - 1] += 1
    assert sum(sizes) == people
    assert max(sizes) - min(sizes) <= 1


def test_rule_25_random_rooms_leave_out_hosts_and_organizers():
    workshop = Workshop(people=[hugo, olga, ana])
    workshop.open(rooms=2)
    assert set(workshop.rooms.assigned) == {"ana"}


def test_rule_25_another_round_shuffles_anew_and_the_same_round_the_same():
    def rounds():
        workshop = Workshop(people=guests(40))
        workshop.open(rooms=4)
        first = [int(room) % 4 for _, room in sorted(workshop.rooms.assigned.items())]
        workshop.close(countdown=0)
        workshop.open(rooms=4)
        return first, [int(room) % 4 for _, room in sorted(workshop.rooms.assigned.items())]

    first, second = rounds()
    assert first != second
    assert rounds() == (first, second)


def test_rule_25_all_rooms_are_one_announcement():
    workshop = Workshop(people=guests(500))
    before = len(workshop.journal["session/ux"])
    workshop.open(rooms=25)
    assert len(workshop.journal["session/ux"]) == before + 1
    (told,) = workshop.told("breakout.opened")
    assert len(told["rooms"]) == 25
    assert sorted(told["moved"]) == sorted(told["assigned"]) == sorted(p.id for p in guests(500))
    assert not {"people", "hosts", "away", "event"} & told.keys()


def test_rule_25_a_second_open_is_refused_while_open_or_closing(workshop):
    workshop.open(rooms=2)
    refused("rooms_open", workshop, ask.Open(by=hana, session="ux", rooms=3))
    workshop.close(countdown=20)
    refused("rooms_open", workshop, ask.Open(by=hana, session="ux", rooms=3))
    workshop.wait(20)
    workshop.open(rooms=3)
    assert len(workshop.rooms.rooms) == 3


@pytest.mark.parametrize("rooms", [0, 51, -1])
def test_rule_25_there_are_one_to_fifty_rooms(rooms):
    with pytest.raises(Refused) as caught:
        ask.Open(by=hana, session="ux", rooms=rooms)
    assert caught.value.data["path"] == "rooms"


def test_rule_25_a_prepared_list_places_who_is_there_and_waits_for_the_others(workshop):
    workshop.open(assign="list", groups=groups([ana, dora], [ben]))
    assert workshop.where(ana) == "1"
    assert workshop.where(ben) == "2"
    assert workshop.where(cem) is None
    workshop.join(dora)
    assert workshop.where(dora) == "1"


def test_rule_25_by_hand_nobody_moves_before_the_host_says_so(workshop):
    workshop.open(assign="manual", rooms=2)
    assert workshop.told("breakout.opened")[0]["moved"] == []
    assert workshop.where(ana) is None
    refused("not_your_room", workshop, ask.Enter(by=ana, session="ux", room="1"))
    workshop.move(ana, "2")
    assert workshop.where(ana) == "2"


def test_rule_25_self_chosen_rooms_stay_chosen(workshop):
    workshop.open(assign="self", rooms=3)
    workshop.enter(ana, "2")
    assert workshop.rooms.assigned == {"ana": "2"}
    workshop.to_main(ana)
    refused("not_your_room", workshop, ask.Enter(by=ana, session="ux", room="3"))
    workshop.enter(ana, "2")
    assert workshop.where(ana) == "2"


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"rooms": 2, "groups": [["ana"], ["ana"]], "assign": "list"}, "groups"),
        ({"rooms": 1, "groups": [["ana"], ["ben"]], "assign": "list"}, "groups"),
        ({"rooms": 2, "assign": "list"}, "groups"),
        ({"rooms": 2, "assign": "random", "groups": [["ana"]]}, "groups"),
        ({"assign": "list", "groups": [["ana"], *[[]] * 50]}, "groups"),
        ({"rooms": 2, "names": ["One"]}, "names"),
        ({"rooms": 1, "names": [" "]}, "names"),
        ({"assign": "random"}, "rooms"),
        ({"rooms": 2, "assign": "by lot"}, "assign"),
        ({"rooms": 2, "late": "never"}, "late"),
        ({"rooms": 2, "minutes": 0}, "minutes"),
    ],
)
def test_rule_25_bad_openings_name_the_member_at_fault(workshop, params, path):
    with pytest.raises(Refused) as caught:
        workshop.open(**params)
    assert caught.value.reason == "invalid_params"
    assert caught.value.data["path"] == path
    assert workshop.rooms.status == "none"


def test_rule_25_only_hosts_open_rooms_and_only_while_live(workshop):
    refused("forbidden", workshop, ask.Open(by=ana, session="ux", rooms=2))
    workshop.run(running.End(by=hana, session="ux"))
    refused("wrong_state", workshop, ask.Open(by=hana, session="ux", rooms=2))


# Rule 26


def test_rule_26_who_is_moved_has_mic_and_camera_on(workshop):
    workshop.open(rooms=1)
    flags = workshop.room("1").media.of("ana")
    assert (flags.mic, flags.camera, flags.screen) == (True, True, False)


def test_rule_26_a_block_in_the_main_call_does_not_reach_the_room(workshop):
    on_screen(workshop, ana)
    workshop.run(media.Block(by=hana, session="ux", person="ana", mic=True, camera=True))
    workshop.open(rooms=1)
    assert workshop.room("1").media.sending("ana") == {"mic", "camera"}


def test_rule_26_what_was_on_in_the_main_call_is_off_meanwhile_and_on_again_after(workshop):
    on_screen(workshop, ana, mic=True, camera=False)
    workshop.open(rooms=1)
    assert workshop.session.media.sending("ana") == frozenset()
    assert workshop.session.media_place("ana") is None
    workshop.close(countdown=0)
    assert workshop.session.media.sending("ana") == {"mic"}
    assert workshop.session.stage.on_screen("ana")
    assert workshop.told("breakout.closed")[0]["media"] == {"ana": {"mic": True, "camera": False}}


def test_rule_26_the_audience_returns_as_audience(workshop):
    workshop.open(rooms=1)
    workshop.close(countdown=0)
    assert workshop.session.media.sending("ben") == frozenset()
    assert workshop.session.media_place("ben") == "watch"


def test_rule_26_what_a_host_blocked_meanwhile_stays_off(workshop):
    on_screen(workshop, ana)
    workshop.open(rooms=1)
    workshop.run(media.Block(by=hana, session="ux", person="ana", mic=True))
    workshop.close(countdown=0)
    assert workshop.session.media.sending("ana") == {"camera"}


def test_rule_26_who_lost_the_stage_meanwhile_gets_nothing_back(workshop):
    on_screen(workshop, ana)
    workshop.open(rooms=1)
    workshop.run(stage.Remove(by=hana, session="ux", person="ana"))
    workshop.close(countdown=0)
    assert workshop.session.media.sending("ana") == frozenset()


def test_rule_26_a_block_inside_a_room_holds_when_one_comes_back_to_it(workshop):
    workshop.open(rooms=1)
    workshop.run(media.Block(by=hana, session="ux", room="1", person="ana", mic=True))
    workshop.to_main(ana)
    workshop.enter(ana, "1")
    assert workshop.room("1").media.sending("ana") == {"camera"}


# Rule 27


def test_rule_27_a_participant_switches_between_main_call_and_their_room(workshop):
    workshop.open(assign="list", groups=groups([ana], [ben]))
    assert workshop.to_main(ana) == {"room": None, "topic": None}
    assert workshop.enter(ana, "1") == {"room": "1", "topic": "room/ux.1"}
    refusal = refused("not_your_room", workshop, ask.Enter(by=ana, session="ux", room="2"))
    assert refusal.data["assigned"] == "1"
    assert workshop.where(ana) == "1"
    assert workshop.room("1").here == ["ana"]


def test_rule_27_switching_keeps_what_one_had_on_in_the_room(workshop):
    workshop.open(rooms=1)
    workshop.run(media.Set(by=ana, session="ux", room="1", camera=False))
    workshop.to_main(ana)
    workshop.enter(ana, "1")
    assert workshop.room("1").media.sending("ana") == {"mic"}


def test_rule_27_hosts_go_anywhere_with_what_they_have_on(workshop):
    workshop.run(media.Set(by=hana, session="ux", mic=True))
    workshop.open(assign="list", groups=groups([ana], [ben]))
    workshop.enter(hana, "1")
    assert workshop.room("1").media.sending("hana") == {"mic"}
    workshop.enter(hana, "2")
    assert workshop.where(hana) == "2"
    assert workshop.room("1").here == ["ana"]
    assert "hana" not in workshop.rooms.assigned
    workshop.to_main(hana)
    assert workshop.session.media.sending("hana") == {"mic"}


def test_rule_27_without_rooms_or_presence_nobody_enters(workshop):
    refused("wrong_state", workshop, ask.Enter(by=ana, session="ux", room="1"))
    workshop.open(rooms=1)
    refused("not_found", workshop, ask.Enter(by=hana, session="ux", room="9"))
    refused("wrong_state", workshop, ask.Enter(by=dora, session="ux", room="1"))


# Rule 28


def say(person, topic, text="hello"):
    return chat_model.Post(by=person, topic=topic, text=text)


def test_rule_28_a_rooms_chat_is_the_rooms_own(workshop):
    workshop.open(assign="list", groups=groups([ana], [ben]))
    workshop.run(say(ana, "room/ux.1"))
    assert [message.text for message in workshop.room("1").chat.messages] == ["hello"]
    assert not workshop.session.chat.messages
    refused("forbidden", workshop, say(ben, "room/ux.1"))
    refused("forbidden", workshop, chat_model.History(by=ben, topic="room/ux.1"))
    refused("wrong_state", workshop, say(ana, "session/ux"))


def test_rule_28_a_room_lists_its_own_people_as_hosts_or_not(workshop):
    workshop.open(assign="list", groups=groups([ana], [ben]))
    workshop.enter(hana, "1")
    (told,) = workshop.told("room.entered", "room/ux.1")
    assert told["person"]["role"] == "host"
    assert workshop.room("1").here == ["ana", "hana"]


def test_rule_28_everybody_in_a_room_may_speak_and_share_and_nobody_outside(workshop):
    workshop.open(assign="list", groups=groups([ana], [ben]))
    workshop.run(media.Set(by=ana, session="ux", room="1", screen=True, background="blur"))
    assert workshop.room("1").media.sharers() == ["ana"]
    refused("wrong_state", workshop, media.Set(by=ben, session="ux", room="1", mic=True))
    refused("wrong_state", workshop, stage.Request(by=ana, session="ux", mic=True, camera=True))


# Rule 29


def test_rule_29_a_move_is_one_step_out_in_and_told(workshop):
    workshop.open(assign="list", groups=groups([ana], [ben]))
    workshop.move(ana, "2")
    assert workshop.room("1").here == []
    assert workshop.room("2").here == ["ben", "ana"]
    (told,) = workshop.told("breakout.moved")
    assert told == {
        "person": "ana",
        "previous": "1",
        "room": "2",
        "assigned": "2",
        "by": "hana",
        "media": None,
    }
    (note,) = workshop.notifications(ana)
    assert (note.kind, note.data) == ("breakout.moved", {"session": "ux", "room": "2"})


def test_rule_29_moved_to_the_main_call_the_room_is_theirs_no_more(workshop):
    workshop.open(rooms=1)
    workshop.move(ana, None)
    assert workshop.where(ana) is None
    refused("not_your_room", workshop, ask.Enter(by=ana, session="ux", room="1"))


def test_rule_29_only_hosts_direct_the_rooms(workshop):
    workshop.open(rooms=2)
    for command in (
        ask.Move(by=ana, session="ux", person="ben", room="1"),
        ask.Rename(by=ana, session="ux", room="1", name="Ours"),
        ask.Broadcast(by=ana, session="ux", text="hi"),
        ask.Extend(by=ana, session="ux", minutes=5),
        ask.Close(by=ana, session="ux"),
        ask.AnswerHelp(by=ana, session="ux", room="1"),
    ):
        refused("forbidden", workshop, command)
    refused("not_found", workshop, ask.Move(by=hana, session="ux", person="dora", room="1"))
    refused("not_found", workshop, ask.Move(by=hana, session="ux", person="ana", room="7"))


def test_rule_29_a_host_renames_and_tells_all_rooms(workshop):
    workshop.open(rooms=2)
    workshop.run(ask.Rename(by=hana, session="ux", room="2", name="Blue"))
    assert workshop.rooms.rooms["2"].name == workshop.room("2").name == "Blue"
    workshop.run(ask.Broadcast(by=hana, session="ux", text="Five minutes left"))
    (told,) = workshop.told("breakout.broadcast")
    assert told == {"text": "Five minutes left", "by": "hana", "by_name": "Hana"}


def test_rule_29_a_call_for_help_is_answered_once(workshop):
    workshop.join(hugo)
    workshop.open(rooms=1)
    workshop.run(ask.CallHelp(by=ana, session="ux"))
    workshop.run(ask.CallHelp(by=ben, session="ux"))
    assert len(workshop.told("breakout.help_asked")) == 1
    workshop.run(ask.AnswerHelp(by=hana, session="ux", room="1"))
    assert workshop.where(hana) == "1"
    refused("already_decided", workshop, ask.AnswerHelp(by=hugo, session="ux", room="1"))
    refused("wrong_state", workshop, ask.CallHelp(by=hugo, session="ux"))


def test_rule_29_time_is_extended_while_open_and_while_closing(workshop):
    workshop.open(rooms=1, minutes=10)
    workshop.run(ask.Extend(by=hana, session="ux", minutes=5))
    assert workshop.rooms.ends_at == START + timedelta(minutes=15)
    workshop.close(countdown=20)
    workshop.wait(10)
    workshop.run(ask.Extend(by=hana, session="ux", minutes=2))
    assert workshop.rooms.status == "open"
    assert workshop.rooms.ends_at == START + timedelta(minutes=2, seconds=20)
    workshop.wait(60)
    assert workshop.rooms.status == "open"
    workshop.wait(70)
    assert workshop.rooms.status == "closed"


# Rule 30


def test_rule_30_everybody_is_told_an_absolute_end_and_moved_at_it(workshop):
    workshop.open(rooms=2)
    answer = workshop.close()
    (told,) = workshop.told("breakout.closing")
    assert told == {"ends_at": "2026-12-01T09:00:30.000Z", "seconds": 30, "by": "hana"}
    assert answer == {"state": "closing", "ends_at": "2026-12-01T09:00:30.000Z"}
    assert workshop.room("1").status == workshop.room("2").status == "closing"
    workshop.wait(29.999)
    assert workshop.where(ana) is not None
    workshop.wait(0.001)
    assert workshop.where(ana) is None
    assert workshop.room("1").here == workshop.room("2").here == []


def test_rule_30_without_a_countdown_everybody_is_back_at_once(workshop):
    workshop.open(rooms=2)
    assert workshop.close(countdown=0)["state"] == "closed"
    assert workshop.where(ana) is None
    assert not workshop.told("breakout.closing")


def test_rule_30_when_the_time_is_up_the_countdown_comes_by_itself(workshop):
    workshop.open(rooms=1, minutes=10)
    workshop.wait(9 * 60 + 29)
    assert workshop.rooms.status == "open"
    workshop.wait(1)
    assert workshop.rooms.status == "closing"
    assert workshop.told("breakout.closing")[0]["by"] is None
    workshop.wait(30)
    assert workshop.rooms.status == "closed"


def test_rule_30_who_is_not_connected_is_moved_and_notified(workshop):
    workshop.open(rooms=1)
    workshop.drop(ana)
    workshop.close(countdown=0)
    assert workshop.where(ana) is None
    assert [note.data["room"] for note in workshop.notifications(ana)] == [None]
    assert not workshop.notifications(ben)


def test_rule_30_rooms_end_five_seconds_before_the_session(workshop):
    workshop.open(rooms=1, minutes=240)
    end = START + timedelta(minutes=60) - timedelta(seconds=5)
    assert workshop.rooms.ends_at == end
    refused("wrong_state", workshop, ask.Extend(by=hana, session="ux", minutes=1))
    workshop.wait(60 * 60)
    assert workshop.rooms.status == "closed"
    assert workshop.rooms.ends_at == end
    refused("wrong_state", workshop, ask.Open(by=hana, session="ux", rooms=1))


def test_rule_30_a_shortened_session_shortens_its_rooms():
    workshop = Workshop(minutes=120, people=[ana])
    workshop.open(rooms=1)
    workshop.run(planning.Change(by=olga, session="ux", minutes=60))
    workshop.wait(0)
    assert workshop.rooms.ends_at == START + timedelta(minutes=60) - timedelta(seconds=5)
    assert workshop.told("breakout.timed")[0]["by"] is None
    assert workshop.room("1").ends_at == workshop.rooms.ends_at


def test_rule_30_a_daemon_that_was_down_for_hours_closes_when_it_is_back(workshop):
    workshop.open(rooms=1, minutes=10)
    workshop.jump(5 * 3600)
    assert workshop.rooms.status == "closed"
    assert all(member.room is None for member in workshop.session.members.values())


def test_rule_30_closing_again_shortens_and_never_lengthens(workshop):
    workshop.open(rooms=1)
    workshop.close(countdown=60)
    workshop.close(countdown=100)
    assert workshop.rooms.ends_at == START + timedelta(seconds=60)
    workshop.close(countdown=5)
    assert workshop.rooms.ends_at == START + timedelta(seconds=5)
    assert len(workshop.told("breakout.closing")) == 2


def test_rule_30_five_hundred_are_moved_back_by_one_event():
    workshop = Workshop(people=guests(500))
    workshop.open(rooms=25)
    before = len(workshop.journal["session/ux"])
    workshop.close(countdown=0)
    assert len(workshop.journal["session/ux"]) == before + 1
    (told,) = workshop.told("breakout.closed")
    assert sorted(told["moved"]) == sorted(person.id for person in guests(500))
    assert not workshop.told("breakout.moved")
    assert len(workshop.told("breakout.opened")) == 1


def test_rule_30_the_end_of_the_session_closes_its_rooms_first(workshop):
    workshop.open(rooms=2)
    workshop.run(running.End(by=hana, session="ux"))
    kinds = [kind for kind, _ in workshop.journal["session/ux"]]
    assert kinds.index("breakout.closed") < kinds.index("session.ended")
    assert workshop.room("1").status == "closed"


def test_rule_30_a_session_that_ends_without_a_host_closes_its_rooms(workshop):
    workshop.open(rooms=1)
    workshop.leave(hana)
    workshop.wait(6 * 60)
    assert workshop.session.status == "ended"
    assert workshop.rooms.status == "closed"
    assert workshop.room("1").status == "closed"


# Rule 31


def test_rule_31_latecomers_stay_in_the_main_call_and_see_the_rooms(workshop):
    workshop.open(rooms=2)
    workshop.join(dora)
    assert workshop.where(dora) is None


def test_rule_31_latecomers_go_to_the_smallest_room_if_the_host_chose_so(workshop):
    workshop.open(assign="list", groups=groups([ana, ben], [cem]), late="smallest")
    workshop.join(dora)
    assert workshop.where(dora) == "2"
    assert workshop.room("2").media.sending("dora") == {"mic", "camera"}
    workshop.join(hugo)
    workshop.join(olga)
    assert workshop.where(hugo) is workshop.where(olga) is None


def test_rule_31_the_snapshot_tells_of_the_rooms(workshop):
    workshop.open(assign="list", groups=groups([ana], [ben, cem]), names=["Red", "Blue"])
    answer = workshop.run(ask.Get(by=ben, session="ux"))["breakout"]
    assert workshop.snapshot(ben)["breakout"] == answer
    assert answer["state"] == "open"
    assert answer["you"] == {"assigned": "2", "room": "2"}
    assert answer["rooms"][1] == {
        "id": "2",
        "name": "Blue",
        "topic": "room/ux.2",
        "assigned": ["ben", "cem"],
        "here": ["ben", "cem"],
        "help": None,
    }
    refused("forbidden", workshop, ask.Get(by=dora, session="ux"))


# Rule 32


def test_rule_32_a_reconnect_finds_the_same_room_and_the_same_on_and_off(workshop):
    workshop.open(assign="list", groups=groups([ana], [ben]))
    workshop.run(media.Set(by=ana, session="ux", room="1", camera=False))
    workshop.drop(ana)
    workshop.wait(10)
    workshop.come_back(ana)
    assert workshop.where(ana) == "1"
    assert workshop.room("1").media.sending("ana") == {"mic"}
    workshop.run(Look(by=ana), "room/ux.1")
    refused("not_your_room", workshop, Look(by=ben), "room/ux.1")


def test_rule_32_who_stays_away_too_long_leaves_the_room_and_finds_it_again(workshop):
    workshop.open(assign="list", groups=groups([ana], [ben]))
    workshop.run(media.Set(by=ana, session="ux", room="1", camera=False))
    workshop.drop(ana)
    workshop.wait(16)
    assert workshop.room("1").here == []
    workshop.join(ana)
    assert workshop.where(ana) == "1"
    assert workshop.room("1").media.sending("ana") == {"mic"}


def test_rule_32_who_had_gone_to_the_main_call_is_there_again(workshop):
    workshop.open(rooms=1)
    workshop.to_main(ana)
    workshop.leave(ana)
    workshop.join(ana)
    assert workshop.where(ana) is None


def test_rule_32_the_main_call_if_the_room_has_closed_meanwhile(workshop):
    workshop.open(rooms=1)
    workshop.drop(ana)
    workshop.close(countdown=0)
    workshop.come_back(ana)
    assert workshop.where(ana) is None
    assert workshop.session.member("ana") is not None


def test_rule_32_hosts_stay_hosts_in_rooms_and_after(workshop):
    workshop.open(rooms=1)
    workshop.enter(hana, "1")
    workshop.drop(hana)
    workshop.come_back(hana)
    workshop.close(countdown=0)
    assert workshop.session.member("hana").host
    assert workshop.session.present_hosts == 1


def test_rule_32_who_is_kicked_or_leaves_is_out_of_the_room(workshop):
    workshop.open(rooms=1)
    workshop.run(moderation.Kick(by=hana, session="ux", person="ana"))
    workshop.leave(ben)
    assert workshop.room("1").here == ["cem"]


# Rule 33


def test_rule_33_a_closed_rooms_chat_stays_readable_to_members_and_hosts_only(workshop):
    workshop.open(assign="list", groups=groups([ana], [ben]))
    workshop.run(say(ana, "room/ux.1"))
    workshop.close(countdown=0)
    for reader in (ana, hana, olga):
        page = workshop.run(chat_model.History(by=reader, topic="room/ux.1"))
        assert [message["text"] for message in page["messages"]] == ["hello"]
    refused("forbidden", workshop, chat_model.History(by=ben, topic="room/ux.1"))
    refused("wrong_state", workshop, say(ana, "room/ux.1"))
    assert workshop.run(ask.Get(by=ana, session="ux"))["breakout"]["you"]["assigned"] == "1"


def test_rule_33_the_same_groups_open_again_with_their_chats(workshop):
    workshop.open(assign="list", groups=groups([ana], [ben, cem]), names=["Red", "Blue"])
    workshop.run(say(ana, "room/ux.1"))
    workshop.close(countdown=0)
    workshop.open(assign="again")
    assert [room.name for room in workshop.rooms.rooms.values()] == ["Red", "Blue"]
    assert (workshop.where(ana), workshop.where(ben), workshop.where(cem)) == ("1", "2", "2")
    assert len(workshop.room("1").chat.messages) == 1
    assert workshop.room("1").media.sending("ana") == {"mic", "camera"}


def test_rule_33_other_groups_do_not_read_what_was_said_before(workshop):
    workshop.open(assign="list", groups=groups([ana], [ben]))
    workshop.run(say(ana, "room/ux.1"))
    workshop.close(countdown=0)
    workshop.open(assign="list", groups=groups([ben], [ana]))
    assert workshop.where(ben) == "3"
    refused("forbidden", workshop, chat_model.History(by=ben, topic="room/ux.1"))


def test_rule_33_a_close_that_comes_again_does_not_close_the_next_round(workshop):
    workshop.open(assign="list", groups=groups([ana]))
    workshop.close(countdown=0)
    workshop.open(assign="again")
    workshop.run(CloseRoom(by=SYSTEM, session="ux", room="1", round=1))
    assert workshop.room("1").here == ["ana"]


def test_rooms_take_orders_from_their_session_only(workshop):
    workshop.open(rooms=1)
    refused("forbidden", workshop, CloseRoom(by=hana, session="ux", room="1", round=1))


def test_rule_33_nothing_is_opened_again_before_the_first_time(workshop):
    refused("wrong_state", workshop, ask.Open(by=hana, session="ux", assign="again"))


# The journal


def test_a_room_comes_back_from_its_own_journal_with_people_chat_and_time(workshop):
    workshop.open(assign="list", groups=groups([ana], [ben]), minutes=20)
    workshop.run(say(ana, "room/ux.1"))
    workshop.enter(hana, "1")
    workshop.close(countdown=25)
    room = workshop.replayed("room/ux.1")
    assert room == workshop.room("1") == workshop.kept("room/ux.1")
    assert room.here == ["ana", "hana"]
    assert room.ends_at == START + timedelta(seconds=25)


def test_a_session_comes_back_from_its_journal_with_its_rooms(workshop):
    workshop.open(rooms=2)
    workshop.run(ask.CallHelp(by=ana, session="ux"))
    workshop.to_main(ben)
    assert durable(workshop.replayed("session/ux")) == durable(workshop.session)
    assert workshop.kept("session/ux") == workshop.session
