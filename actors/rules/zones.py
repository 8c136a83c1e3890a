"""Wall-clock hours as instants, day by day (rule 46).

An event's hours are what a clock on its wall shows; what is booked are instants. The expansion
asks the IANA database for each day anew, so a change to or from daylight saving time moves no
appointment by an hour.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs

from actors.errors import Refused

MINUTES_A_DAY = 24 * 60


@attrs.frozen(order=True)
class Slot:
    """A stretch of time, from ``start`` up to but without ``end``, both UTC."""

    start: datetime
    end: datetime

    def overlaps(self, other: "Slot") -> bool:
        """Whether the two have a moment in common."""
        return self.start < other.end and other.start < self.end


def find(name: str) -> ZoneInfo:
    """Return the IANA zone of a name such as ``Europe/Berlin``.

    :raises Refused: ``invalid_params``, no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Refused(
            "invalid_params", f"There is no time zone called {name!r}.", path="time_zone"
        ) from None


def minute_of_day(text: str, path: str = "hours") -> int:
    """Return the minutes since midnight that ``HH:MM`` spells; ``24:00`` is the day's end.

    :raises Refused: ``invalid_params``, not a time of day.
    """
    hours, colon, minutes = text.partition(":")
    well_formed = len(hours) == len(minutes) == 2 and (hours + minutes).isdecimal()  # noqa: PLR2004  two digits each
    if colon and well_formed and int(minutes) < 60:  # noqa: PLR2004  minutes of an hour
        result = int(hours) * 60 + int(minutes)
        if result <= MINUTES_A_DAY:
            return result
    raise Refused("invalid_params", f"{text!r} is not a time of day such as 09:00.", path=path)


def to_day(text: str, path: str = "day") -> date:
    """Return the date that ``YYYY-MM-DD`` spells.

    :raises Refused: ``invalid_params``, not a date.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused(
            "invalid_params", f"{text!r} is not a date such as 2026-12-01.", path=path
        ) from None


def to_instant(day: date, minute: int, zone: ZoneInfo) -> datetime | None:
    """Return the instant at which the wall clock shows a minute of a day.

    :returns: UTC; None if the clock skips that minute, the first of the two if it repeats it.
    """
    at = _on_the_wall(day, minute, zone).astimezone(UTC)
    shown = at.astimezone(zone).replace(tzinfo=None)
    return at if shown == _on_the_wall(day, minute, zone).replace(tzinfo=None) else None


def _on_the_wall(day: date, minute: int, zone: ZoneInfo) -> datetime:
    midnight = datetime.combine(day, time.min)
    return (midnight + timedelta(minutes=minute)).replace(tzinfo=zone)


@lru_cache(maxsize=1024)
def expand(zone: str, day: str, opens: str, closes: str, minutes: int) -> tuple[Slot, ...]:
    """Return a day's slots between two wall-clock times, in order, none overlapping.

    The grid is laid on the wall clock: at Berlin's change in March a day open from 01:00 to
    04:00 has no slot at 02:00, and in October only one.

    :param minutes: how long each slot lasts, in real minutes.
    :raises Refused: ``invalid_params``, a malformed zone, day or hour.
    """
    place, date_ = find(zone), to_day(day)
    first, last = minute_of_day(opens), minute_of_day(closes)
    # A closing time that the clock skips falls as late as the hour before the change reaches.
    end_of_day = _on_the_wall(date_, last, place).astimezone(UTC)
    slots: list[Slot] = []
    for minute in range(first, last - minutes + 1, minutes):
        start = to_instant(date_, minute, place)
        if start is None or (slots and start < slots[-1].end):
            continue
        end = start + timedelta(minutes=minutes)
        if end <= end_of_day:
            slots.append(Slot(start, end))
    return tuple(slots)


def local(at: datetime, zone: str) -> str:
    """Return an instant as the zone's wall clock and offset: ``2026-12-01T10:00+01:00``."""
    return at.astimezone(find(zone)).isoformat(timespec="minutes")


def local_day(at: datetime, zone: str) -> str:
    """Return the date an instant falls on in a zone, as ``YYYY-MM-DD``."""
    return at.astimezone(find(zone)).date().isoformat()
