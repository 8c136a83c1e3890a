"""Chats and sessions as iCalendar files (rule 47; RFC 5545, RFC 5546).

The file is a function of the data alone: the same data gives the same bytes. An entry keeps its
UID for life, and whoever changes it raises the SEQUENCE it is written with.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import attrs
import icalendar

from actors.rules.agenda.state import Attendance
from actors.rules.meeting.record import Meeting

PRODUCT = "-//Greenroom//Schedule//EN"
"""Who wrote the file (RFC 5545, 3.7.3)."""


@attrs.frozen(kw_only=True)
class Entry:
    """One event of a calendar.

    :param uid: stays the same through every change (RFC 5545, 3.8.4.7).
    :param sequence: rises with every change (RFC 5545, 3.8.7.4).
    :param changed_at: when the data last changed; it stamps the entry.
    """

    uid: str
    summary: str
    start: datetime
    end: datetime
    sequence: int
    changed_at: datetime
    cancelled: bool = False
    description: str = ""


def of_meeting(meeting: Meeting, owner: str) -> Entry:
    """Return a chat that has, or had, a slot, as one side's calendar shows it.

    :raises ValueError: the meeting never had a slot.
    """
    if meeting.start is None or meeting.end is None:
        raise ValueError(f"{meeting.id} has no slot")
    other = meeting.other(owner)
    company = f" ({meeting.employee.company})" if meeting.employee.company else ""
    return Entry(
        uid=f"{meeting.id}@chat.greenroom",
        summary=f"1-1 chat with {other.name}{company if other == meeting.employee else ''}",
        start=meeting.start,
        end=meeting.end,
        sequence=meeting.sequence,
        changed_at=meeting.changed_at,
        cancelled=meeting.state == "cancelled",
        description=meeting.message,
    )


def of_session(session: Attendance, owner: str) -> Entry:
    """Return a session as somebody's calendar shows it."""
    return Entry(
        uid=f"{session.id}.{owner}@session.greenroom",
        summary=session.title,
        start=session.start,
        end=session.end,
        sequence=session.sequence,
        changed_at=session.changed_at,
        cancelled=session.cancelled,
    )


def invitation(entry: Entry) -> str:
    """Return one entry to be taken into a calendar: ``REQUEST``, or ``CANCEL`` (RFC 5546, 3.2)."""
    calendar = _calendar("CANCEL" if entry.cancelled else "REQUEST")
    calendar.add_component(_event(entry))
    return _text(calendar)


def feed(entries: Iterable[Entry], zone: str) -> str:
    """Return a whole schedule to be shown as it is: ``PUBLISH`` (RFC 5546, 3.2.1).

    :param zone: IANA name of the zone to show it in.
    """
    calendar = _calendar("PUBLISH")
    calendar.add("x-wr-timezone", zone)
    for entry in sorted(entries, key=lambda entry: (entry.start, entry.uid)):
        calendar.add_component(_event(entry))
    return _text(calendar)


def _calendar(method: str) -> icalendar.Calendar:
    calendar = icalendar.Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", method)
    return calendar


def _event(entry: Entry) -> icalendar.Event:
    event = icalendar.Event()
    values: dict[str, Any] = {
        "uid": entry.uid,
        "summary": entry.summary,
        "dtstart": entry.start.astimezone(UTC),
        "dtend": entry.end.astimezone(UTC),
        "dtstamp": _second(entry.changed_at),
        "last-modified": _second(entry.changed_at),
        "sequence": entry.sequence,
        "status": "CANCELLED" if entry.cancelled else "CONFIRMED",
    }
    if entry.description:
        values["description"] = entry.description
    for name, value in values.items():
        event.add(name, value)
    return event


def _second(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)


def _text(calendar: icalendar.Calendar) -> str:
    return str(calendar.to_ical().decode())
