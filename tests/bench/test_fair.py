"""A fair's end: a broken promise is found, and so is what was left behind."""

import os
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import attrs
import pytest
import trio

from actors.errors import Refused
from actors.rules.policy import Policy
from bench import fair_checks, figures, mixed
from bench.attendee import ANSWER_SECONDS, Attendee
from bench.diary import Diary, summed
from bench.fair_chats import SHORT, USUAL, Guest, Partner, Times, talked_out
from bench.fair_checks import (
    BASELINE_SECONDS,
    DATABASE_FILES,
    QUIET_SECONDS,
    _left,
    _messages,
    _pair_broken,
    _people,
    _votes,
    left_behind,
    quiet,
    settled,
    standing,
    unentered,
)
from bench.fair_part import Layout
from bench.load.target import Target
from bench.load.watch import METRICS, limit_of, metrics_url, read, stood
from bench.mixed import slope
from bench.soak import WARM_PART, flaws_of, floors, growth, watched
from engine.tokens import Key


class Told:
    """A client whose server says what it was given."""

    def __init__(self, **pages):
        self.pages = pages

    async def call(self, method, **params):
        page = self.pages[method]
        if method == "chat.history":
            texts = [] if "before" in params else page
            return {"messages": [{"id": str(n), "text": text} for n, text in enumerate(texts)]}
        start = int(params.get("after") or 0)
        what = "people" if method == "people.list" else "questions"
        return {what: page[start : start + 2], "next": start + 2 if start + 2 < len(page) else None}


@pytest.mark.parametrize(
    ("kept", "broken"),
    [(["a", "b"], []), (["a"], ["'b' was acknowledged and is gone"]),
     (["a", "b", "b"], ["'b' is there 2 times"]), (["a", "b", "never answered"], [])],
)  # fmt: skip
async def test_messages_that_are_gone_or_doubled_are_found(autojump_clock, kept, broken):
    diary = Diary(said={"a": "s", "b": "s", "c": "another"})
    assert await _messages(Told(**{"chat.history": kept}), "s", diary) == broken


async def test_what_is_said_while_pages_are_read_is_not_missed(autojump_clock):
    diary = Diary(said={"a": "s"})

    class Late(Told):
        async def call(self, method, **params):
            diary.said["later"] = "s"
            return await super().call(method, **params)

    assert await _messages(Late(**{"chat.history": ["a"]}), "s", diary) == []


class Slow:
    """A client whose every answer takes long."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.calls = []

    async def call(self, method, **params):
        self.calls.append((trio.current_time(), method))
        await trio.sleep(self.seconds)
        return {"questions": []}

    def interrupt(self):
        pass


async def test_nobody_goes_on_after_the_end_however_late_the_answers_are(autojump_clock):
    diary, target = Diary(), Target("ws://h/", Key("k", "s" * 20), "fair")
    person = Attendee(target, "ana", "s", diary, think=0.5, seed=1)
    person._client = client = Slow(3.0)
    until = trio.current_time() + 60
    async with trio.open_nursery() as nursery:
        nursery.start_soon(person._live, until)
        await trio.sleep_until(until)
        assert await quiet(diary) == 0
        ends = trio.current_time()
        assert not nursery.child_tasks
    assert ends < until + 3 * client.seconds + QUIET_SECONDS + 1
    assert len(client.calls) > 10


class Silent(Slow):
    """A client whose server says nothing from one instant to another."""

    def __init__(self, seconds, begins, ends):
        super().__init__(seconds)
        self.begins, self.ends = begins, ends

    async def call(self, method, **params):
        if self.begins <= trio.current_time() < self.ends:
            await trio.sleep_until(self.ends)
        return await super().call(method, **params)


async def live(person, until):
    """Let somebody live, without the time at home."""
    await person._live(until)
    while person._home:
        person._home = False
        await person._live(until)


async def test_a_server_that_is_silent_is_charged_for_all_that_was_due_meanwhile(autojump_clock):
    diary, target, until = Diary(), Target("ws://h/", Key("k", "s" * 20), "fair"), 600.0
    people = [Attendee(target, f"p-{n}", "s", diary, think=4.0, seed=n) for n in range(50)]
    async with trio.open_nursery() as nursery:
        for person in people:
            person._client = Silent(0.004, 300.0, 330.0)
            nursery.start_soon(live, person, until)
    # A twentieth of the time: of what was due then, the last fifth of a hundredth waited less.
    assert 22_000 < diary.latencies.at(99) < 26_000
    assert diary.latencies.at(94) < 100
    assert diary.done == len(diary.latencies)


async def test_nobody_is_charged_for_an_absence_of_their_own(autojump_clock, monkeypatch):
    monkeypatch.setattr(Attendee, "_say", Attendee._drop)
    monkeypatch.setattr(Attendee, "_people", Attendee._out_and_in)
    diary, target = Diary(), Target("ws://h/", Key("k", "s" * 20), "fair")
    person = Attendee(target, "ana", "s", diary, think=0.1, seed=1)
    person._client = Slow(0.004)
    await live(person, 600.0)
    assert len(diary.latencies) > 500
    assert diary.latencies.at(99.9) < 100


async def test_a_command_that_failed_counts_with_the_time_it_was_waited_for(autojump_clock):
    diary, target = Diary(), Target("ws://h/", Key("k", "s" * 20), "fair")
    person = Attendee(target, "ana", "s", diary, think=1.0, seed=1)
    person._client = Slow(ANSWER_SECONDS + 1)
    await trio.sleep(5.0)
    assert await person.ask("chat.send", 0.0, text="a") is None

    class Faulty(Slow):
        async def call(self, method, **params):
            await super().call(method, **params)
            raise Refused("overloaded", "Not now.")

    person._client = Faulty(10.0)
    assert await person.ask("chat.send", trio.current_time(), text="b") is None
    assert (diary.done, diary.latencies.at(100)) == (0, pytest.approx(50_000, rel=0.001))
    assert diary.by_method["chat.send"].at(50) == pytest.approx(10_000, rel=0.001)
    assert sum(diary.failed.values()) == 2


async def test_what_was_never_begun_is_charged_up_to_the_end(autojump_clock):
    diary, target = Diary(), Target("ws://h/", Key("k", "s" * 20), "fair")
    person = Attendee(target, "ana", "s", diary, think=1.0, seed=1)
    person._client = client = Silent(0.004, 10.0, 40.0)
    await person._live(40.0)
    late = diary.by_method["never begun"]
    assert 15 < len(late) < 45
    assert 20_000 < late.at(100) <= 30_000
    assert trio.current_time() < 41
    assert client.calls[-1][0] < 41


async def test_a_call_that_never_comes_back_is_told(autojump_clock):
    diary = Diary(waiting=1)
    assert await quiet(diary) == 1


async def test_ghosts_and_missing_people_are_found(autojump_clock):
    diary = Diary(inside={"s": {"ana", "ben", "cem"}}, unsure={"dora"})
    shown = [{"id": name} for name in ("ana", "ben", "cem", "dora")]
    assert await _people(Told(**{"people.list": shown}), "s", diary) == []
    shown[1] = {"id": "ghost"}
    assert await _people(Told(**{"people.list": shown}), "s", diary) == [
        "ben is in s, and People says no",
        "People of s shows ghost, who left",
    ]


async def test_votes_that_were_not_given_are_found(autojump_clock):
    diary = Diary(votes={("s", "1"): {"ana", "ben"}, ("s", "3"): {"ana"}}, unsure={("s", "3")})
    listed = [{"id": "1", "votes": 2}, {"id": "2", "votes": 0}, {"id": "3", "votes": 7}]
    assert await _votes(Told(**{"qa.list": listed}), "s", diary) == []
    listed[1] = {"id": "2", "votes": 1}
    assert await _votes(Told(**{"qa.list": listed}), "s", diary) == [
        "question 2 of s has 1 votes, not 0"
    ]


START, LATER = "2026-12-01T10:00:00Z", "2026-12-01T10:05:00Z"


@pytest.mark.parametrize(
    ("own", "other", "broken"),
    [
        ({"a": (START, "confirmed")}, None, []),
        ({"a": (START, "no_show")}, None, ["a is no_show, and both were told that they met"]),
        ({}, None, [f"a was booked for {START}, and is at None"]),
        ({"a": (LATER, "completed")}, None, [f"a was booked for {START}, and is at {LATER}"]),
        ({"a": (START, "confirmed")}, {}, ["the lists of ana and the employee differ"]),
        (
            {"a": (START, "confirmed"), "b": (START, "confirmed")},
            None,
            ["b is booked, and ana was not told", "ana has two 1-1 chats at the same time"],
        ),
        ({"a": (START, "confirmed"), "c": (LATER, "missed")}, None, []),
    ],
)
def test_1_1_chats_that_are_not_as_somebody_was_told_are_found(own, other, broken):
    diary = Diary(booked={"a": ("ana", START), "z": ("ben", START)}, met={"a"}, unsure={"c"})
    lists = [
        {chat: {"start": start, "state": state} for chat, (start, state) in listed.items()}
        for listed in (own, own if other is None else other)
    ]
    found = _pair_broken("ana", *lists, diary)
    assert [line.removeprefix("1-1 chat ") for line in found] == broken


async def test_a_tidy_guest_picks_no_slot_that_runs_when_the_fair_is_over(autojump_clock):
    target = Target("ws://h/", Key("k", "s" * 20), "fair")
    guest = Guest(
        target, "ana", "s", Diary(), think=1.0, seed=1, partner="emma", slots=USUAL, tidy=True
    )
    guest._over = datetime(2026, 12, 1, 10, 30, tzinfo=UTC)

    def slot(minute):
        begin = datetime(2026, 12, 1, 10, minute, tzinfo=UTC)
        return {"start": begin.isoformat(), "end": (begin + timedelta(minutes=5)).isoformat()}

    assert [minute for minute in range(0, 60, 5) if guest.suits(slot(minute))] == [
        0, 5, 10, 15, 20, 35, 40, 45, 50, 55,
    ]  # fmt: skip


def instant(clock):
    return datetime.fromisoformat(f"2026-12-01T{clock}+00:00")


@pytest.mark.parametrize(
    ("everybody_there", "first"),
    [("10:00:00", "10:01:00"), ("10:00:01", "10:02:00"), ("23:57:50", "23:59:00")],
)
def test_the_first_slots_begin_soon_after_everybody_has_come(everybody_there, first):
    there, ramp = instant(everybody_there), 60.0
    times = Times.of(USUAL, there - timedelta(seconds=ramp), ramp, 1_800.0)
    assert (times.begins, times.first) == (there - timedelta(seconds=ramp), instant(first))
    assert times.to_the_end
    assert not Times.of(USUAL, there, ramp, 60.0).to_the_end


@pytest.mark.parametrize("now", ["10:00:00", "10:00:51", "10:00:59.5", "23:59:58"])
def test_short_slots_begin_once_the_pairs_have_come_and_end_within_the_fair(now):
    times = Times.of(SHORT, instant(now), 15.0, 60.0)
    assert times.to_the_end
    assert timedelta(seconds=2) <= times.begins - instant(now) < timedelta(seconds=62)
    assert times.first.second == 0
    assert timedelta(0) < times.first - times.begins < timedelta(seconds=10)
    assert times.first + SHORT.lasting < times.begins + timedelta(seconds=75)
    soon = Times.of(SHORT, instant(now), 3.0, 12.0)
    assert soon.begins == instant(now)  # it waits for nothing that would not come
    assert not soon.to_the_end


@pytest.mark.parametrize("hour", range(0, 24, 5))
@pytest.mark.parametrize("slots", [USUAL, SHORT])
def test_whenever_a_fair_begins_slots_follow_one_another_for_hours(hour, slots):
    begins = instant(f"{hour:02}:58:30")
    times = Times.of(slots, begins, 15.0, 60.0)
    given = times.event(slots)
    around = [(begins + timedelta(days=day)).date().isoformat() for day in (-1, 0, 1)]
    usual = {**given["one_to_one"], "durations": [5]}  # a minute is for the brief daemon alone
    policy = Policy.of(given["time_zone"], around, usual)
    policy = attrs.evolve(policy, durations=[slots.minutes])
    ahead = [slot for day in around for slot in policy.ahead(day, slots.minutes, begins)]
    offered = [slot for slot in ahead if slot.start < begins + slots.ahead]
    assert offered[0].start == times.first
    assert all(one.end == two.start for one, two in pairwise(offered))
    assert slots.quota - 2 <= len(offered) <= slots.quota


class Connected:
    """A client that has connected so many times."""

    def __init__(self):
        self.connects = 1

    def statistics(self):
        return self

    async def call(self, method, **params):
        return {}


async def test_whoever_sits_in_a_chat_that_is_over_was_not_told(autojump_clock):
    target = Target("ws://h/", Key("k", "s" * 20), "fair")
    person = Partner(target, "ana", "s", Diary(), think=1.0, seed=1, partner="emma", slots=USUAL)
    person._client = client = Connected()
    await person._come({"id": "m-1", "end": "2026-12-01T10:05:00+00:00"})
    closes = datetime(2026, 12, 1, 10, 7, tzinfo=UTC)
    assert person.untold(closes) == ""
    assert person.untold(closes + timedelta(minutes=1)) == "m-1"
    client.connects = 2
    assert person.untold(closes + timedelta(minutes=1)) == ""
    client.connects = 1
    await person._answer("meeting.ended", {})
    assert person.untold(closes + timedelta(minutes=1)) == ""
    assert person._diary.ended == {"m-1": {"ana"}}


def test_a_booked_chat_that_nobody_came_into_is_found():
    at = instant("10:00:00")

    def since(seconds, until=3_600):
        return at - timedelta(seconds=seconds), at + timedelta(seconds=until)

    diary = Diary(open={"a": since(50), "b": since(50), "c": since(40), "d": since(600, -580)})
    diary.entered = {"b"}
    assert unentered(diary, at) == ["1-1 chat a could be entered since 09:59:10, and nobody came"]


def test_the_table_says_whether_a_fair_was_long_enough_for_a_chat_to_end():
    chats = {"booked": 9, "entered": 9, "entries": 18, "met": 8, "ended_with_both": 0}
    told = {
        long_enough: list(figures._chats({**chats, "long_enough_for_an_end": long_enough}))[-1]
        for long_enough in (True, False)
    }
    assert told[True].name == "1-1 chats both were in to the end"
    assert told[False].name == "1-1 chats both were in to the end (too short a fair for any)"
    older = {"booked": 9, "entered": 18, "met": 8, "ended_with_both": 3}
    assert [figure.value for figure in figures._chats(older)] == [9, 8, 3]


def test_some_chats_are_talked_to_their_end_and_some_are_not():
    assert {talked_out(f"m-{number}") for number in range(20)} == {True, False}


def layout(**changes):
    names = [f"s{number}" for number in range(5)]
    usual = {"people": 31, "sessions": names, "pairs": 7, "ramp": 10.0, "seconds": 60.0,
             "think": 1.0, "step": 1.0, "short": False, "tidy": False}  # fmt: skip
    return Layout(**usual | changes)


def test_everybody_is_in_one_process_with_the_whole_session_and_the_partner():
    target, diary = Target("ws://h/", Key("k", "s" * 20), "fair"), Diary()
    everybody = layout().everybody(target, diary)
    assert len(everybody) == 5 + 2 * 7 + 31
    parts = [layout(index=index, number=3) for index in range(3)]
    shares = [part.everybody(target, diary) for part in parts]
    found = {(wait, person.name) for share in shares for wait, person in share}
    assert found == {(wait, person.name) for wait, person in everybody}
    assert sum(map(len, shares)) == len(everybody)
    assert sorted(one for part in parts for one in part.own_pairs) == list(range(7))
    for part, share in zip(parts, shares, strict=True):
        assert {person.session for _, person in share} == set(part.own)
        names = {person.name for _, person in share}
        partners = {person._partner for _, person in share if isinstance(person, Partner)}
        assert len(partners) == 2 * len(part.own_pairs)
        assert partners <= names
    waits = [wait for wait, _ in everybody]
    assert (waits.count(0.0), max(waits) < 10.5) == (5, True)


def test_the_diaries_of_several_processes_are_added_up():
    one, other = Diary(), Diary()
    for diary, seconds in ((one, 0.001), (other, 0.003)):
        diary.note("chat.send", 1.5, 1.5 + seconds)
        diary.failed["connect"] += 1
        diary.visits += 2
    one.said, other.aside = {"a": "s", "b": "s"}, {"c": "m"}
    one.ended = {"m": {"ana", "emma"}, "n": {"ana"}}
    summary = summed([one.plain(), other.plain()], 1.0)
    found = summary.figures()
    assert (found["latency"]["count"], found["latency"]["max_ms"]) == (2, pytest.approx(3.0, 0.01))
    assert found["by_method"]["chat.send"]["count"] == 2
    assert (found["failed"], found["failures"]) == (2, {"connect": 2})
    assert [(row["second"], row["done"]) for row in found["over_time"]] == [(1.0, 2)]
    assert (summary.counts["visits"], summary.counts["acknowledged_messages"]) == (4, 2)
    chats = summary.chats
    assert (chats["ended_with_both"], chats["told_of_the_end"]) == (1, 3)
    assert chats["acknowledged_messages"] == 1


@pytest.mark.slow
def test_a_small_fair_in_two_processes_has_1_1_chats_and_keeps_what_it_promised(monkeypatch):
    monkeypatch.setattr("bench.mixed.THINK", 0.5)
    monkeypatch.setattr("bench.mixed.PER_SESSION", 3)
    result = mixed.run(people=6, seconds=4.0, generators=3)
    assert (result["sessions"], result["generators"]) == (2, 2)
    assert result["broken"] == []
    assert result["failed"] == 0
    assert all(0 <= one["generator"] < 1.5 for one in result["series"])
    assert result["chats"]["booked"] >= 1
    assert result["chats"]["entered"] >= 1
    assert result["chats"]["entries"] >= 2
    assert result["chats"]["met"] >= 1
    assert not result["chats"]["long_enough_for_an_end"]
    assert result["chats"]["acknowledged_messages"] >= 2


def test_what_was_left_behind_is_told():
    before = {"actors": 10.0, "tasks": 40.0, "files": 17.0, "database_files": 6.0}
    now = {"actors": 9.0, "tasks": 40.0, "files": 17.0, "database_files": DATABASE_FILES}
    assert _left(before, now) == []
    worse = {"actors": 12.0, "tasks": 41.0, "files": 18.0, "database_files": DATABASE_FILES + 1}
    assert _left(before, worse) == [
        "2 actors were left behind", "1 tasks were left behind", "1 files were left behind",
        f"{DATABASE_FILES + 1} files of the database are open",
    ]  # fmt: skip
    assert _left(before, {}) == ["the server does not tell its metrics"]
    unknown = ["the server did not tell what it held before anybody came"]
    assert _left({}, {"actors": 9e9}) == unknown


def told(monkeypatch, *looks):
    """Have a server tell these, one after the other, and the last one for ever."""
    left = list(looks)
    monkeypatch.setattr(fair_checks, "ask", lambda _: dict(left.pop(0) if left[1:] else left[0]))
    return Target("ws://h/", Key("k", "s" * 20), "fair")


def holds(actors, tasks, timers):
    return {"actors": actors, "tasks": tasks, "timers": timers}


async def test_what_a_server_starts_with_is_gone_before_it_is_counted(autojump_clock, monkeypatch):
    starts = [holds(20.0, 40.0, 11.0), {}, holds(15.0, 36.0, 11.0), holds(15.0, 36.0, 9.0)]
    target = told(monkeypatch, *starts, holds(15.0, 35.0, 9.0))
    before = await settled(target)
    assert before == holds(15.0, 35.0, 9.0)
    leaks = told(monkeypatch, holds(20.0, 40.0, 11.0))
    left, _ = await left_behind(leaks, before)
    assert left == [
        "5 actors were left behind", "5 tasks were left behind", "2 timers were left behind"
    ]  # fmt: skip
    assert await left_behind(told(monkeypatch, before), before) == ([], before)


async def test_what_comes_late_to_a_server_is_there_before_it_is_counted(
    autojump_clock, monkeypatch
):
    early, rest = holds(9.0, 29.0, 0.0), holds(9.0, 30.0, 1.0)
    assert await settled(told(monkeypatch, early, early, rest)) == rest


async def test_metrics_that_were_missed_are_asked_for_again(autojump_clock, monkeypatch):
    assert await settled(told(monkeypatch, {}, {}, holds(9.0, 30.0, 1.0)))
    assert await settled(told(monkeypatch, {})) == {}
    assert trio.current_time() > BASELINE_SECONDS


async def test_only_what_a_restarted_daemon_was_to_be_reminded_of_may_stand(
    autojump_clock, monkeypatch
):
    before, now = holds(9.0, 30.0, 1.0), holds(9.0, 30.0, 8.0)
    assert (await left_behind(told(monkeypatch, now), before, 7))[0] == []
    left, _ = await left_behind(told(monkeypatch, now), before, 6)
    assert left == ["1 timers were left behind"]


def test_files_of_the_database_are_told_apart(monkeypatch, tmp_path):
    monkeypatch.setattr(fair_checks, "ask", lambda _: {"files": 20.0})
    target = Target("ws://h/", Key("k", "s" * 20), "fair", os.getpid())
    with (tmp_path / "greenroom.db-wal").open("w"), (tmp_path / "log").open("w"):
        found = trio.run(standing, target)
    assert found == {"files": 19.0, "database_files": 1.0}


def test_metrics_are_looked_for_beside_the_websocket_or_where_one_says(monkeypatch):
    assert metrics_url("wss://live.example.org/v1/ws") == "https://live.example.org/metrics"
    assert metrics_url("ws://h:8700/v1/ws") == "http://h:8700/metrics"
    monkeypatch.setenv(METRICS, "http://h:9100/metrics")
    assert metrics_url("ws://h:8700/v1/ws") == "http://h:9100/metrics"


def test_what_a_server_tells_is_read_and_anything_else_is_nothing():
    text = "# TYPE greenroom_kernel_waiting gauge\ngreenroom_kernel_waiting 7.0\nother 3\n"
    assert read(text) == {"mailboxes": 7.0}
    assert read("<html>") == {}


@pytest.mark.parametrize("seconds", [12.0, 3_600.0])
def test_a_soak_of_any_length_kills_the_daemon_before_memory_is_watched(seconds):
    flaws = flaws_of(seconds)
    assert 0 < flaws.kill_at < WARM_PART
    assert flaws.actor_seconds < seconds
    assert flaws.worker_seconds < seconds


def test_memory_is_watched_after_the_warm_up_and_as_long_as_the_fair_is_held():
    series = [{"at": float(at), "rss": 1e8} for at in range(-30, 650, 10)]
    series += [{"at": 400.0, "generator": 0.1}]
    assert [one["at"] for one in watched(series, 600.0)] == list(range(310, 610, 10))


def test_memory_is_judged_by_what_is_left_when_free_memory_was_given_back():
    swing = [0.0, 3e6, 5e6, 4e6]
    series = [{"at": 5.0 * n, "rss": 1e8 + 40.0 * n + swing[n % 4]} for n in range(60)]
    assert [one["at"] for one in floors(series)] == [0.0, 60.0, 120.0, 180.0, 240.0]
    assert slope(floors(series)) == pytest.approx(40 * 3600 / 5)


def test_what_is_in_use_is_judged_beside_it_where_the_server_tells_it():
    series = [{"at": 5.0 * n, "rss": 1e8} for n in range(60)]
    for number, one in enumerate(series[::2]):  # the server is asked less often than looked at
        one["blocks"] = 7e5 + 2 * number
    blocks = growth(series, "blocks", 1e3)
    assert blocks == pytest.approx(0.72)
    assert growth(series, "heap", 1e6) is None
    told = {"memory_mb_per_hour": 3.1, "blocks_in_use_thousands_per_hour": blocks}
    lines = {one.name: (one.value, one.unit, one.target) for one in figures._memory(told)}
    assert lines == {
        "memory after warm-up, by each minute's least": (3.1, "MB an hour", 1.0),
        "of it in use by Python's objects": (0.72, "thousand blocks an hour", None),
    }


@pytest.mark.parametrize(
    ("busy", "limit"),
    [
        ({}, "nothing"),
        ({"server": 100}, "server"),
        ({"machine": 100, "generator": 96}, "generator"),
        ({"machine": 31}, "the machine for 31% of the time"),
        ({"machine": 40, "server": 6}, "the server for 6% of the time"),
        ({"server": 5}, "nothing"),
    ],
)
def test_a_load_says_what_was_saturated_and_for_how_long(busy, limit):
    series = [
        {who: 1.0 if at < busy.get(who, 0) else 0.1 for who in ("generator", "server", "machine")}
        for at in range(100)
    ]
    assert limit_of(series) == limit
    assert limit_of([]) == "nothing"


def test_how_long_a_process_waited_for_a_processor_is_known_or_left_out():
    told = stood(os.getpid())
    assert set(told) <= {"stood_seconds"}
    assert all(seconds >= 0 for seconds in told.values())
    assert stood(2**30) == {}
