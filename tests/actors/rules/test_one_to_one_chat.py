"""Rules 44 to 48: the chat itself, its outcome, the calendar, My Schedule."""

import attrs
import icalendar
import pytest

from actors.rules import calendar, records
from actors.rules.agenda import commands as agenda
from actors.rules.base import AT_ONCE, SYSTEM, Dropped, Look, Person, Recovered, Returned
from actors.rules.bookings import RegisteredSession, UnregisteredSession
from actors.rules.chat_model import Post
from actors.rules.media import Set
from actors.rules.meeting import commands as meeting
from actors.rules.meeting.rules import MeetingRules
from actors.rules.program import SessionChanged
from actors.rules.program_model import Description
from actors.snapshot import pack_snapshot, unpack_snapshot
from tests.actors.rules.fair import Fair, ana, at, ben, hana, olga, refused


@pytest.fixture
def fair():
    """A fair with one confirmed chat of Ana and Hana, from 08:00 to 08:30 UTC."""
    fair = Fair()
    fair.offer()
    fair.confirmed()
    return fair


ID = "fair.ana.1"
CHAT = f"chat/{ID}"


def join(fair, *people):
    for person in people:
        fair.run(meeting.Join(by=person, id=ID))


def tell(fair, command_class, person):
    events = MeetingRules().decide(fair.state(CHAT), command_class(by=person), fair.now)
    fair._evolve(CHAT, events)


def own_events(fair):
    quiet = {"meeting.requested", "meeting.approved", "meeting.confirmed"}
    return [type_ for type_ in fair.types(CHAT) if type_ not in quiet]


def test_a_chat_with_people_in_it_has_to_be_back_at_once_after_a_restart(fair):
    rules, state = MeetingRules(), fair.state(CHAT)
    assert rules.wake(state) == rules.due(state) == at("08:00")
    fair.wait(at("07:56"))
    join(fair, ana)
    assert rules.wake(fair.state(CHAT)) == AT_ONCE
    fair.run(meeting.Leave(by=ana, id=ID))
    assert rules.wake(fair.state(CHAT)) == at("08:00")


# Rule 44


@pytest.mark.parametrize(
    ("time", "open_"), [("07:54", False), ("07:55", True), ("08:29", True), ("08:30", False)]
)
def test_rule_44_open_from_five_minutes_before_until_the_end(fair, time, open_):
    fair.wait(at(time))
    listed = fair.run(agenda.ListMeetings(by=ana, tab="confirmed"))["meetings"]
    listed += fair.run(agenda.ListMeetings(by=ana, tab="completed"))["meetings"]
    shown = fair.run(agenda.Mine(by=ana))["items"]
    assert listed[0]["joinable"] is open_
    assert shown[0]["joinable"] is open_
    assert shown[0]["opens_at"] == "2026-12-01T07:55:00.000Z"
    if open_:
        join(fair, ana)
        assert list(fair.state(CHAT).present) == ["ana"]
    else:
        with refused("wrong_state") as refusal:
            join(fair, ana)
        assert refusal.data["opens_at"] == "2026-12-01T07:55:00.000Z"


def test_rule_44_only_the_two_may_enter_or_read(fair):
    fair.wait(at("08:00"))
    for person in (ben, olga):
        with refused("forbidden"):
            fair.run(meeting.Join(by=person, id=ID))
        with refused("forbidden"):
            fair.run(Post(by=person, topic=CHAT, text="hello"))
        with refused("forbidden"):
            tell(fair, Look, person)


def test_rule_44_side_chat_and_media_work_inside_and_only_there(fair):
    fair.wait(at("07:56"))
    with refused("wrong_state"):
        fair.run(Post(by=ana, topic=CHAT, text="hello"))
    join(fair, ana, hana)
    fair.run(Post(by=ana, topic=CHAT, text="hello"))
    fair.run(Set(by=ana, topic=CHAT, mic=True, camera=True, screen=True, background="blur"))
    seen = MeetingRules().snapshot(fair.state(CHAT), hana, fair.now)
    assert seen["present"] == ["ana", "hana"]
    assert [each["text"] for each in seen["chat"]["messages"]] == ["hello"]
    assert seen["media"]["people"]["ana"]["mic"] is True
    assert seen["state"] == "waiting"
    fair.run(meeting.Leave(by=ana, id=ID))
    assert not fair.state(CHAT).media.sending("ana")


def test_rule_44_told_at_five_and_one_minute_and_ended_after_the_grace(fair):
    fair.wait(at("08:00"))
    join(fair, ana, hana)
    seen = []
    for time in ("08:24", "08:25", "08:28", "08:29", "08:31", "08:32"):
        fair.wait(at(time))
        seen.append(own_events(fair)[-1])
    assert seen == [
        "meeting.met",
        "meeting.warned",
        "meeting.warned",
        "meeting.warned",
        "meeting.warned",
        "meeting.completed",
    ]
    warned = [event.minutes for _, event in fair.log if event.type == "meeting.warned"]
    assert warned == [5, 1]
    ended = next(event for _, event in fair.log if event.type == "meeting.ended")
    assert ended.at == at("08:32")
    assert list(ended.departs()) == ["ana", "hana"]
    assert fair.state(CHAT).present == {}


def test_rule_44_what_was_said_stays_readable_and_nothing_is_added(fair):
    fair.wait(at("08:00"))
    join(fair, ana, hana)
    fair.run(Post(by=ana, topic=CHAT, text="bye"))
    fair.wait(at("09:00"))
    seen = MeetingRules().snapshot(fair.state(CHAT), hana, fair.now)
    assert [each["text"] for each in seen["chat"]["messages"]] == ["bye"]
    assert seen["state"] == "ended"
    with refused("wrong_state"):
        fair.run(Post(by=hana, topic=CHAT, text="one more"))
    with refused("wrong_state"):
        join(fair, hana)


def test_rule_35_a_drop_keeps_the_place_for_fifteen_seconds(fair):
    fair.wait(at("08:05"))
    join(fair, ana, hana)
    tell(fair, Dropped, ana)
    fair.wait(records.instant("2026-12-01T08:05:14Z"))
    tell(fair, Returned, ana)
    fair.wait(at("08:06"))
    assert "meeting.left" not in own_events(fair)
    tell(fair, Dropped, ana)
    fair.wait(at("08:07"))
    assert own_events(fair)[-1] == "meeting.left"
    with refused("wrong_state"):
        tell(fair, Look, ana)
    join(fair, ana)
    assert sorted(fair.state(CHAT).present) == ["ana", "hana"]


def test_rule_35_after_a_restart_nobody_is_there_until_they_come_back(fair):
    fair.wait(at("08:05"))
    join(fair, ana, hana)
    tell(fair, Recovered, SYSTEM)
    tell(fair, Returned, hana)
    fair.wait(at("08:06"))
    assert list(fair.state(CHAT).present) == ["hana"]


def test_rule_44_who_reschedules_from_inside_leaves_the_room(fair):
    fair.wait(at("07:56"))
    join(fair, ana, hana)
    fair.run(meeting.Reschedule(by=ana, id=ID, slot=at("10:00")))
    fair.run(meeting.Agree(by=hana, id=ID))
    assert fair.state(CHAT).present == {}
    fair.wait(at("09:55"))
    join(fair, ana, hana)
    fair.wait(at("10:32"))
    assert fair.meeting(ID).state == "completed"


# Rule 45


@pytest.mark.parametrize(
    ("there", "state", "missing"),
    [
        ((ana, hana), "completed", []),
        ((ana,), "no_show", ["hana"]),
        ((hana,), "no_show", ["ana"]),
        ((), "missed", ["ana", "hana"]),
    ],
)
def test_rule_45_the_outcome_and_who_was_missing(fair, there, state, missing):
    fair.wait(at("08:01"))
    join(fair, *there)
    fair.wait(at("08:10"))
    assert fair.meeting(ID).state == (state if missing else "confirmed")
    fair.wait(at("12:00"))
    assert (fair.meeting(ID).state, fair.meeting(ID).missing) == (state, missing)
    for person in (ana, hana):
        listed = fair.run(agenda.ListMeetings(by=person, tab="completed"))["meetings"]
        assert [(each["id"], each["state"]) for each in listed] == [(ID, state)]
        told = f"meeting.{state}" in fair.told(person)
        assert told is bool(missing)


@pytest.mark.parametrize(
    ("there", "state", "missing"),
    [
        ((ana, hana), "completed", []),
        ((ana,), "no_show", ["hana"]),
        ((), "missed", ["ana", "hana"]),
    ],
)
@pytest.mark.parametrize("late", [False, True])
def test_rule_45_a_chat_of_five_minutes_is_over_before_anybody_is_ten_late(
    there, state, missing, late
):
    fair = Fair(durations=(5,))
    fair.offer(duration=5)
    fair.confirmed()
    fair.wait(at("08:01"))
    join(fair, *there)
    (fair.late if late else fair.wait)(at("08:30"))
    assert (fair.meeting(ID).state, fair.meeting(ID).missing) == (state, missing)
    last = ["meeting.ended", "meeting.completed"]
    assert own_events(fair)[-2:] == ([f"meeting.{state}", "meeting.ended"] if missing else last)
    assert MeetingRules().due(fair.state(CHAT)) is None


def test_rule_45_who_waited_in_vain_and_left_is_not_the_missing_one(fair):
    fair.wait(at("08:01"))
    join(fair, ana)
    fair.wait(at("08:09"))
    fair.run(meeting.Leave(by=ana, id=ID))
    fair.wait(at("08:11"))
    assert fair.meeting(ID).missing == ["hana"]


def test_rule_45_both_early_counts_and_one_early_who_leaves_does_not(fair):
    fair.wait(at("07:56"))
    join(fair, ana)
    fair.run(meeting.Leave(by=ana, id=ID))
    join(fair, hana)
    fair.wait(at("08:10"))
    assert fair.meeting(ID).missing == ["ana"]


def test_rule_45_two_who_waited_inside_at_the_start_have_met(fair):
    fair.wait(at("07:56"))
    join(fair, ana, hana)
    fair.wait(at("08:00"))
    fair.run(meeting.Leave(by=ana, id=ID))
    fair.wait(at("08:40"))
    assert fair.meeting(ID).state == "completed"


def test_rule_45_the_late_one_may_still_come_and_then_it_is_completed(fair):
    fair.wait(at("08:01"))
    join(fair, ana)
    fair.wait(at("08:15"))
    assert fair.meeting(ID).state == "no_show"
    join(fair, hana)
    assert (fair.meeting(ID).state, fair.meeting(ID).missing) == ("confirmed", [])
    fair.wait(at("08:40"))
    assert fair.meeting(ID).state == "completed"


def test_rule_45_a_tick_hours_late_still_settles_everything_once(fair):
    fair.late(at("15:00"))
    assert own_events(fair) == ["meeting.began", "meeting.missed", "meeting.ended"]
    fair.late(at("16:00"))
    assert own_events(fair) == ["meeting.began", "meeting.missed", "meeting.ended"]
    assert MeetingRules().due(fair.state(CHAT)) is None


def test_rule_45_each_side_has_private_notes(fair):
    fair.run(meeting.Note(by=ana, id=ID, text="Nice"))
    fair.run(meeting.Note(by=hana, id=ID, text="Hire"))
    assert fair.run(meeting.Get(by=ana, id=ID))["note"] == "Nice"
    assert fair.run(meeting.Get(by=hana, id=ID))["note"] == "Hire"
    assert fair.run(meeting.Get(by=olga, id=ID))["note"] == ""
    seen = MeetingRules().snapshot(fair.state(CHAT), ana, fair.now)
    assert seen["note"] == "Nice"
    assert "Hire" not in str(seen)
    noted = [event for _, event in fair.log if event.type == "meeting.noted"]
    assert not any(event.published for event in noted)


def test_rule_34_the_whole_state_survives_its_snapshot(fair):
    fair.wait(at("08:05"))
    join(fair, ana, hana)
    fair.run(Post(by=ana, topic=CHAT, text="hello"))
    fair.run(meeting.Note(by=ana, id=ID, text="Nice"))
    fair.run(seat(ana))
    for entity, state in fair.states.items():
        assert unpack_snapshot(pack_snapshot(state, {}), type(state))[0] == state, entity


# Rule 47


def parsed(text):
    """Return a calendar file's one calendar and its events."""
    (file,) = icalendar.Calendar.from_ical(text, multiple=True)
    assert str(file["version"]) == "2.0"
    return file, file.walk("VEVENT")


def chat_file(fair, person=ana):
    return parsed(fair.run(meeting.Calendar(by=person, id=ID))["calendar"])


def test_rule_47_uid_stays_and_sequence_rises_through_create_move_and_cancel(fair):
    history = []

    def look():
        file, (entry,) = chat_file(fair)
        history.append(
            (
                str(file["method"]),
                int(entry["sequence"]),
                str(entry["status"]),
                entry["dtstart"].dt.isoformat(),
                entry["dtend"].dt.isoformat(),
                str(entry["uid"]),
            )
        )

    look()
    fair.run(meeting.Reschedule(by=ana, id=ID, slot=at("09:00")))
    look()
    fair.run(meeting.Agree(by=hana, id=ID))
    look()
    fair.run(meeting.Cancel(by=hana, id=ID))
    look()
    uid = f"{ID}@chat.greenroom"
    first = ("2026-12-01T08:00:00+00:00", "2026-12-01T08:30:00+00:00")
    second = ("2026-12-01T09:00:00+00:00", "2026-12-01T09:30:00+00:00")
    assert history == [
        ("REQUEST", 0, "CONFIRMED", *first, uid),
        ("REQUEST", 0, "CONFIRMED", *first, uid),
        ("REQUEST", 1, "CONFIRMED", *second, uid),
        ("CANCEL", 2, "CANCELLED", *second, uid),
    ]


def test_rule_47_each_side_reads_the_others_name(fair):
    titles = [str(chat_file(fair, person)[1][0]["summary"]) for person in (ana, hana)]
    assert titles == ["1-1 chat with Hana (acme)", "1-1 chat with Ana"]


def test_rule_47_the_file_depends_on_the_data_alone(fair):
    texts = set()
    for time in ("07:00", "07:30"):
        fair.wait(at(time))
        texts.add(fair.run(meeting.Calendar(by=ana, id=ID))["calendar"])
    assert len(texts) == 1


def test_rule_47_text_from_people_cannot_break_out_of_its_line():
    text = "a;b,c\\d\r\nATTENDEE:mailto:x@example.org\n" + "long " * 100
    entry = calendar.Entry(
        uid="1@x",
        summary=text,
        start=at("08:00"),
        end=at("09:00"),
        sequence=0,
        changed_at=at("07:00"),
        description=text,
    )
    file = calendar.invitation(entry)
    (event,) = parsed(file)[1]
    assert "ATTENDEE" not in event
    assert str(event["description"]) == text.replace("\r\n", "\n")
    assert all(len(line.encode()) <= 75 for line in file.split("\r\n"))


def seat(person, start="10:00", end="11:00", role="registered", session="ux"):
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


def test_rule_47_a_registered_session_is_in_the_calendar_moves_and_is_cancelled(fair):
    def entry():
        file, events = parsed(fair.run(agenda.Calendar(by=ana))["calendar"])
        assert str(file["method"]) == "PUBLISH"
        assert str(file["x-wr-timezone"]) == "Europe/Berlin"
        assert len(events) == 2
        found = next(event for event in events if "session" in str(event["uid"]))
        return int(found["sequence"]), str(found["status"]), str(found["uid"]), found["dtstart"].dt

    uid = "ux.ana@session.greenroom"
    fair.run(seat(ana))
    assert entry() == (0, "CONFIRMED", uid, at("10:00"))
    fair.run(seat(ana))
    assert entry()[0] == 0
    fair.run(seat(ana, "10:30", "11:30"))
    assert entry() == (1, "CONFIRMED", uid, at("10:30"))
    fair.run(UnregisteredSession(by=SYSTEM, event="fair", person="ana", session="ux"))
    assert entry() == (2, "CANCELLED", uid, at("10:30"))
    fair.run(seat(ana))
    assert entry() == (3, "CONFIRMED", uid, at("10:00"))


def test_rule_47_before_a_slot_is_picked_there_is_no_file(fair):
    id_ = fair.approved(ben)
    with refused("wrong_state"):
        fair.run(meeting.Calendar(by=ben, id=id_))


def reminders(fair, person):
    state = fair.state(f"person/fair.{person.id}")
    return [
        (each.at.strftime("%H:%M"), each.data["id"], each.data["minutes"])
        for each in state.unread.values()
        if each.kind == "schedule.reminder"
    ]


def test_rule_47_reminders_ten_and_one_minute_before_chats_and_sessions(fair):
    fair.run(seat(ana))
    fair.run(seat(ana, "09:00", "09:30", "waiting", "full"))
    fair.wait(at("12:00"))
    expected = [("07:50", ID, 10), ("07:59", ID, 1), ("09:50", "ux", 10), ("09:59", "ux", 1)]
    assert reminders(fair, ana) == expected
    assert reminders(fair, hana) == expected[:2]


def test_rule_47_a_moved_chat_reminds_at_its_new_time_and_a_cancelled_one_never(fair):
    fair.wait(at("07:52"))
    fair.run(meeting.Move(by=olga, id=ID, start=at("09:00")))
    fair.wait(at("08:55"))
    assert reminders(fair, ana) == [("07:50", ID, 10), ("08:50", ID, 10)]
    fair.run(meeting.Cancel(by=ana, id=ID))
    fair.wait(at("12:00"))
    assert len(reminders(fair, ana)) == 2


def test_rule_47_of_reminders_that_come_late_only_the_nearest_is_told(fair):
    fair.late(records.instant("2026-12-01T07:59:30Z"))
    assert reminders(fair, ana) == [("07:59", ID, 1)]
    other = Fair()
    other.offer()
    other.confirmed()
    other.late(at("09:00"))
    assert reminders(other, ana) == []


# Rule 48


def test_rule_48_my_schedule_in_time_order_with_live_and_overlaps_marked(fair):
    fair.run(seat(ana, "08:15", "09:00", session="b"))
    fair.run(seat(ana, "07:00", "07:45", "host", session="a"))
    fair.run(seat(ana, "09:00", "09:30", session="c"))
    fair.run(seat(ana, "06:00", "11:00", session="gone"))
    fair.run(UnregisteredSession(by=SYSTEM, event="fair", person="ana", session="gone"))
    fair.wait(at("08:20"))
    shown = fair.run(agenda.Mine(by=ana))
    assert shown["zone"] == "Europe/Berlin"
    assert [(i["type"], i["id"], i["live"], i["overlaps"]) for i in shown["items"]] == [
        ("session", "a", False, []),
        ("chat", ID, True, ["b"]),
        ("session", "b", True, [ID]),
        ("session", "c", False, []),
    ]
    assert shown["items"][1]["with"]["name"] == "Hana"
    assert shown["items"][0]["role"] == "host"
    listed = fair.run(agenda.ListMeetings(by=ana, tab="completed"))["meetings"]
    assert [each["state"] for each in listed] == ["missed"]


def test_rule_48_only_confirmed_chats_are_in_it(fair):
    fair.approved(ben)
    assert fair.run(agenda.Mine(by=ben))["items"] == []
    fair.run(meeting.Cancel(by=ana, id=ID))
    assert fair.run(agenda.Mine(by=ana))["items"] == []
    stranger = Person(id="new", name="New", event="fair")
    assert fair.run(agenda.Mine(by=stranger)) == {"zone": "Europe/Berlin", "items": []}


def test_rule_48_my_schedule_has_what_only_ones_token_says_one_hosts(fair):
    about = Description(
        title="UX",
        kind="workshop",
        company=None,
        hosts=[],
        start=at("08:10"),
        end=at("09:00"),
        capacity=None,
    )
    for session, state in (("ux", "scheduled"), ("off", "cancelled"), ("other", "live")):
        told = SessionChanged(by=SYSTEM, event="fair", session=session, about=about, state=state)
        fair.run(told)
    fair.run(seat(ana, "08:10", "09:00", session="ux"))
    host = attrs.evolve(ana, sessions=frozenset({"ux", "off", "unknown"}))
    shown = fair.run(agenda.Mine(by=host))["items"]
    assert [(i["type"], i.get("role"), i["overlaps"]) for i in shown] == [
        ("chat", None, ["ux"]),
        ("session", "host", [ID]),
    ]
    anywhere = attrs.evolve(ben, sessions=frozenset({"*"}))
    assert fair.run(agenda.Mine(by=anywhere))["items"] == []


def test_rule_47_nobody_is_told_of_ten_minutes_who_takes_a_seat_four_ahead(fair):
    fair.wait(at("09:56"))
    fair.run(seat(ben))
    fair.wait(at("12:00"))
    assert reminders(fair, ben) == [("09:59", "ux", 1)]
