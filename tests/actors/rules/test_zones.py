"""Rule 46: wall-clock hours as instants, over the changes of daylight saving time."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules import zones
from actors.rules.policy import Policy
from tests.actors.rules.fair import refused

# zone, day, opens, closes, minutes, the expected starts in UTC (day of month and time)
TABLE = [
    # Berlin: 02:00 becomes 03:00, and in October 03:00 becomes 02:00.
    (
        "Europe/Berlin", "2026-03-29", "01:00", "04:00", 30,
        ["29 00:00", "29 00:30", "29 01:00", "29 01:30"],
    ),
    (
        "Europe/Berlin", "2026-10-25", "01:00", "04:00", 30,
        ["24 23:00", "24 23:30", "25 00:00", "25 00:30", "25 02:00", "25 02:30"],
    ),
    ("Europe/Berlin", "2026-03-28", "09:00", "10:00", 30, ["28 08:00", "28 08:30"]),
    ("Europe/Berlin", "2026-03-29", "09:00", "10:00", 30, ["29 07:00", "29 07:30"]),
    ("Europe/Berlin", "2026-10-24", "09:00", "10:00", 30, ["24 07:00", "24 07:30"]),
    ("Europe/Berlin", "2026-10-25", "09:00", "10:00", 30, ["25 08:00", "25 08:30"]),
    # New York: the same change of an hour, on other days.
    ("America/New_York", "2026-03-08", "01:00", "04:00", 60, ["08 06:00", "08 07:00"]),
    ("America/New_York", "2026-11-01", "00:00", "03:00", 60, ["01 04:00", "01 05:00", "01 07:00"]),
    ("America/New_York", "2026-03-07", "09:00", "10:00", 60, ["07 14:00"]),
    ("America/New_York", "2026-03-08", "09:00", "10:00", 60, ["08 13:00"]),
    ("America/New_York", "2026-10-31", "09:00", "10:00", 60, ["31 13:00"]),
    ("America/New_York", "2026-11-01", "09:00", "10:00", 60, ["01 14:00"]),
    # Lord Howe: only half an hour, at 02:00 both ways, from and to an offset of 10:30.
    (
        "Australia/Lord_Howe", "2026-10-04", "01:00", "04:00", 30,
        ["03 14:30", "03 15:00", "03 15:30", "03 16:00", "03 16:30"],
    ),
    (
        "Australia/Lord_Howe", "2026-10-04", "01:00", "04:00", 45,
        ["03 14:30", "03 15:15", "03 16:15"],
    ),
    (
        "Australia/Lord_Howe", "2026-04-05", "01:00", "03:00", 30,
        ["04 14:00", "04 14:30", "04 15:30", "04 16:00"],
    ),
    ("Australia/Lord_Howe", "2026-04-04", "09:00", "10:00", 60, ["03 22:00"]),
    ("Australia/Lord_Howe", "2026-04-05", "09:00", "10:00", 60, ["04 22:30"]),
    ("Australia/Lord_Howe", "2026-10-03", "09:00", "10:00", 60, ["02 22:30"]),
    ("Australia/Lord_Howe", "2026-10-04", "09:00", "10:00", 60, ["03 22:00"]),
    # Tokyo has no daylight saving time.
    ("Asia/Tokyo", "2026-03-29", "01:00", "03:00", 60, ["28 16:00", "28 17:00"]),
    ("Asia/Tokyo", "2026-10-25", "01:00", "03:00", 60, ["24 16:00", "24 17:00"]),
    ("Asia/Tokyo", "2026-12-31", "22:00", "24:00", 60, ["31 13:00", "31 14:00"]),
]  # fmt: skip


@pytest.mark.parametrize(("zone", "day", "opens", "closes", "minutes", "starts"), TABLE)
def test_rule_46_a_skipped_wall_time_is_no_slot_and_a_repeated_one_is_one(
    zone, day, opens, closes, minutes, starts
):
    slots = zones.expand(zone, day, opens, closes, minutes)
    assert [slot.start.strftime("%d %H:%M") for slot in slots] == starts
    assert {slot.end - slot.start for slot in slots} == {timedelta(minutes=minutes)}
    assert all(slot.start.tzinfo is UTC for slot in slots)


DAYS_OF_2026 = st.integers(0, 364).map(lambda n: datetime(2026, 1, 1) + timedelta(days=n))  # noqa: DTZ001  a date on the wall


@given(
    st.sampled_from(sorted(available_timezones())),
    DAYS_OF_2026,
    st.integers(0, 23),
    st.integers(1, 24),
    st.sampled_from([5, 10, 15, 20, 30, 45, 60, 90]),
)
def test_rule_46_in_every_zone_slots_are_in_order_apart_and_within_the_hours(
    zone, day, opens, hours, minutes
):
    closes = min(24, opens + hours)
    date = day.date().isoformat()
    slots = zones.expand(zone, date, f"{opens:02}:00", f"{closes:02}:00", minutes)
    place = ZoneInfo(zone)
    for slot in slots:
        shown = slot.start.astimezone(place)
        assert shown.date() == day.date()
        assert opens <= shown.hour < closes
        # The first of two equal wall times, never the second.
        assert shown.fold == 0
        assert ((shown.hour - opens) * 60 + shown.minute) % minutes == 0
    for before, after in pairwise(slots):
        assert before.end <= after.start


def test_rule_46_an_agenda_over_the_change_keeps_its_wall_clock():
    days = ["2026-10-24", "2026-10-25"]
    policy = Policy.of("Europe/Berlin", days, {"durations": [30], "hours": ["09:00", "10:00"]})
    starts = [policy.bookable(day, 30)[0].start for day in days]
    assert starts[1] - starts[0] == timedelta(hours=25)
    assert [zones.local(start, policy.zone) for start in starts] == [
        "2026-10-24T09:00+02:00",
        "2026-10-25T09:00+01:00",
    ]
    assert [zones.local_day(start, policy.zone) for start in starts] == days


@pytest.mark.parametrize(
    ("text", "minute"), [("00:00", 0), ("09:30", 570), ("24:00", 1440), ("23:59", 1439)]
)
def test_rule_46_times_of_day(text, minute):
    assert zones.minute_of_day(text) == minute


@pytest.mark.parametrize(
    "text", ["", "9:00", "24:01", "09:60", "09-00", "0a:00", "09:00:00", "²1:00"]
)
def test_rule_46_what_is_no_time_of_day_is_refused(text):
    with refused("invalid_params"):
        zones.minute_of_day(text)


@pytest.mark.parametrize("name", ["Europe/Atlantis", "", "../etc/passwd", "Europe", "\x00"])
def test_rule_46_an_unknown_zone_is_refused(name):
    with refused("invalid_params") as refusal:
        zones.find(name)
    assert refusal.data["path"] == "time_zone"


@pytest.mark.parametrize(
    ("one_to_one", "path"),
    [
        ({"initiators": "hosts"}, "initiators"),
        ({"durations": [0]}, "durations"),
        ({"durations": ["15"]}, "durations"),
        ({"durations": [True]}, "durations"),
        ({"durations": list(range(5, 18))}, "durations"),
        ({"hours": ["17:00", "09:00"]}, "hours"),
        ({"hours": ["09:00"]}, "hours"),
        ({"hours": "09:00-17:00"}, "hours"),
        ({"day_hours": {"2026-12-01": ["10:00", "10:00"]}}, "day_hours.2026-12-01"),
        ({"day_hours": {"someday": ["10:00", "11:00"]}}, "day_hours"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_rule_38_a_wrong_policy_is_refused_with_the_member_at_fault(one_to_one, path):
    with refused("invalid_params") as refusal:
        Policy.of("UTC", ["2026-12-01"], one_to_one)
    assert refusal.data["path"] == path
