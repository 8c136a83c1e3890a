"""Reading calendars out: an event's program, or one person's schedule."""

from sqlite_utils import Database

from actors.rules import records
from actors.rules.agenda.state import Attendance
from actors.rules.calendar import Entry, feed, of_meeting, of_session
from actors.rules.meeting.record import BOOKED, Meeting
from storage import codec


def program(db: Database, event: str) -> str:
    """Return an event's sessions as an iCalendar file; cancelled ones are marked so."""
    rows = db.conn.execute(
        "SELECT id, title, starts_at, ends_at, state,"
        " (SELECT count(*) FROM journal j WHERE j.entity = 'session/' || s.id"
        " AND j.type IN ('session.changed', 'session.cancelled')),"
        " (SELECT max(at) FROM journal j WHERE j.entity = 'session/' || s.id AND j.type IN"
        " ('session.created', 'session.changed', 'session.cancelled'))"
        " FROM sessions s WHERE event = ? ORDER BY starts_at, id",
        (event,),
    )
    entries = [
        Entry(
            uid=f"{given}@session.greenroom",
            summary=title,
            start=records.instant(start),
            end=records.instant(end),
            sequence=changes,
            changed_at=codec.instant(changed_at),
            cancelled=state == "cancelled",
        )
        for given, title, start, end, state, changes, changed_at in rows
    ]
    return feed(entries, _zone(db, event))


def schedule(db: Database, event: str, person: str) -> str:
    """Return somebody's sessions and 1-1 chats as an iCalendar file, with the UIDs they know."""
    rows = db.conn.execute(
        "SELECT type, data FROM journal WHERE entity = ? AND type IN"
        " ('agenda.attended', 'agenda.tracked') ORDER BY seq",
        (f"agenda/{event}.{person}",),
    )
    sessions: dict[str, Attendance] = {}
    meetings: dict[str, Meeting] = {}
    for type_name, packed in rows:
        data = codec.unpack(packed)
        if type_name == "agenda.attended":
            attendance = records.build(data["attendance"], Attendance)
            sessions[attendance.id] = attendance
        else:
            meeting = records.build(data["meeting"], Meeting)
            meetings[meeting.id] = meeting
    entries = [of_session(each, person) for each in sessions.values() if each.role != "waiting"] + [
        of_meeting(each, person)
        for each in meetings.values()
        if each.slot and each.state in BOOKED | {"cancelled"} and each.is_party(person)
    ]
    entries.sort(key=lambda entry: (entry.start, entry.uid))
    return feed(entries, _zone(db, event))


def _zone(db: Database, event: str) -> str:
    row = db.conn.execute("SELECT time_zone FROM events WHERE id = ?", (event,)).fetchone()
    return row[0] if row else "UTC"
