"""My Schedule, its reminders, and its sessions (rules 47, 48)."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import attrs

from actors.rules import calendar
from actors.rules.agenda import commands as ask
from actors.rules.agenda.events import Attended, Reminded
from actors.rules.agenda.state import AgendaState, Attendance, Reminders
from actors.rules.base import SYSTEM, Command, Event, Person, Send
from actors.rules.bookings import RegisteredSession, UnregisteredSession
from actors.rules.meeting.record import OPENS_BEFORE, Meeting
from actors.rules.person import Notify
from actors.rules.program_model import HOSTS_EARLY, OVER, Listed
from actors.rules.records import iso, plain
from actors.rules.transactions import Decision, States, Transaction
from actors.rules.zones import Slot

LIVE = frozenset({"live", "hostless"})

REMIND_BEFORE = (10, 1)
"""Minutes before the start at which people are reminded (rule 47)."""


@attrs.frozen
class Appointment:
    """Something people are reminded of.

    :param since: when it came to be as it is.
    """

    kind: str
    id: str
    title: str
    slot: Slot
    since: datetime

    @property
    def key(self) -> str:
        """Its name among the reminders."""
        return f"{self.kind}/{self.id}"


def appointments(state: AgendaState) -> Iterator[Appointment]:
    """Yield what its owner has to be at: confirmed chats, and sessions with a seat or hosted."""
    for meeting in state.booked():
        if meeting.state == "confirmed" and meeting.slot:
            title = f"1-1 chat with {meeting.other(state.owner).name}"
            yield Appointment("chat", meeting.id, title, meeting.slot, meeting.changed_at)
    for session in state.sessions.values():
        if session.blocks:
            changed = session.changed_at
            yield Appointment("session", session.id, session.title, session.slot, changed)


# Sessions


def _register(state: AgendaState, command: RegisteredSession, now: datetime) -> Sequence[Event]:
    known = state.sessions.get(command.session)
    attendance = Attendance(
        id=command.session,
        title=command.title,
        kind=command.kind,
        role=command.role,
        start=command.start,
        end=command.end,
        changed_at=known.changed_at if known else now,
        sequence=known.sequence if known else 0,
    )
    if attendance == known:
        return ()
    if known is not None:
        attendance = attrs.evolve(attendance, changed_at=now, sequence=known.sequence + 1)
    return [_attended(attendance, command.event, command.person, now)]


def _unregister(state: AgendaState, command: UnregisteredSession, now: datetime) -> Sequence[Event]:
    known = state.sessions.get(command.session)
    if known is None or known.cancelled:
        return ()
    gone = attrs.evolve(known, cancelled=True, changed_at=now, sequence=known.sequence + 1)
    return [_attended(gone, command.event, command.person, now)]


def _attended(attendance: Attendance, event: str, owner: str, now: datetime) -> Attended:
    return Attended(at=now, event=event, owner=owner, attendance=attendance)


def _on_attended(state: AgendaState, event: Attended) -> None:
    state.sessions[event.attendance.id] = event.attendance


# Reminders


def _pending(state: AgendaState) -> Iterator[tuple[datetime, Appointment, int]]:
    for appointment in appointments(state):
        done = state.reminded.get(appointment.key)
        gone = done.minutes if done and done.start == appointment.slot.start else []
        for minutes in REMIND_BEFORE:
            if minutes not in gone:
                yield appointment.slot.start - timedelta(minutes=minutes), appointment, minutes


def due(state: AgendaState) -> datetime | None:
    """Return when the next reminder goes out."""
    return min((at for at, _, _ in _pending(state)), default=None)


def tick(state: AgendaState, now: datetime) -> Sequence[Event]:
    """Remind of what is about to begin.

    What has begun meanwhile is only crossed off, and so is a moment that was over before there was
    anything to be reminded of: whoever takes a seat four minutes ahead knows it.
    """
    ripe = [(at, each, minutes) for at, each, minutes in _pending(state) if at <= now]
    last = {each.key: min(m for _, e, m in ripe if e.key == each.key) for _, each, _ in ripe}
    return [
        Reminded(
            at=now,
            event=state.event,
            owner=state.owner,
            kind=each.kind,
            id=each.id,
            title=each.title,
            start=each.slot.start,
            minutes=minutes,
            tell=now < each.slot.start and minutes == last[each.key] and at >= each.since,
        )
        for at, each, minutes in ripe
    ]


def _on_reminded(state: AgendaState, event: Reminded) -> None:
    key = f"{event.kind}/{event.id}"
    known = state.reminded.get(key)
    done = known.minutes if known and known.start == event.start else []
    state.reminded[key] = Reminders(start=event.start, minutes=[*done, event.minutes])


def _remind(entity: str, event: Reminded) -> Sequence[Send]:
    del entity
    if not event.tell:
        return ()
    notify = Notify(
        by=SYSTEM,
        event=event.event,
        person=event.owner,
        kind="schedule.reminder",
        data={
            "type": event.kind,
            "id": event.id,
            "title": event.title,
            "start": iso(event.start),
            "minutes": event.minutes,
        },
    )
    return [Send(notify.entity, notify)]


# My Schedule


class MySchedule(Transaction):
    """Everything somebody has booked, with what the program knows of its sessions now."""

    def first(self, command: Command) -> Sequence[str]:
        """Hold nothing."""
        del command
        return ()

    def reads(self, command: Command) -> Sequence[str]:
        """Look at the agenda and the program."""
        return (command.entity, f"event/{command.by.event}")

    def decide(self, command: Command, states: States, now: datetime) -> Decision:
        """Change nothing."""
        del command, states, now
        return {}

    def answer(
        self, command: Command, states: States, decision: Decision, now: datetime
    ) -> dict[str, Any]:
        """Return it in order of time."""
        del decision
        fair = states[f"event/{command.by.event}"]
        items = _items(states[command.entity], command.by, fair.program, now)
        return {"zone": fair.policy.zone, "items": items}


def _items(
    state: AgendaState, by: Person, program: dict[str, Listed], now: datetime
) -> list[dict[str, Any]]:
    found = [
        (meeting.slot, meeting.id, _chat(meeting, by.id, now))
        for meeting in state.booked()
        if meeting.slot
    ]
    found += [
        (session.slot, session.id, _session(session, program.get(session.id), now))
        for session in _attended_by(by, state, program)
    ]
    found.sort(key=lambda entry: entry[:2])
    for index, (slot, id_, item) in enumerate(found):
        for other_slot, other_id, other in found[index + 1 :]:
            if other_slot.start >= slot.end:
                break
            item["overlaps"].append(other_id)
            other["overlaps"].append(id_)
    return [item for _, _, item in found]


def _attended_by(
    by: Person, state: AgendaState, program: dict[str, Listed]
) -> Iterator[Attendance]:
    """Yield the sessions of an agenda, and those that only somebody's token says they host."""
    kept = {session.id: session for session in state.sessions.values() if not session.cancelled}
    hosted = [program[session] for session in sorted(by.sessions) if session in program]
    for listed in hosted:
        if listed.state != "cancelled":
            about = listed.about
            kept[listed.id] = Attendance(
                id=listed.id,
                title=about.title,
                kind=about.kind,
                role="host",
                start=about.start,
                end=about.end,
                changed_at=about.start,
            )
    return iter(kept.values())


def _times(slot: Slot, opens: datetime) -> dict[str, Any]:
    return {
        "start": iso(slot.start),
        "end": iso(slot.end),
        "opens_at": iso(opens),
        "overlaps": [],
    }


def _chat(meeting: Meeting, owner: str, now: datetime) -> dict[str, Any]:
    assert meeting.slot is not None  # noqa: S101  only booked ones come here
    slot = meeting.slot
    over = meeting.state == "completed"
    return {
        "type": "chat",
        "id": meeting.id,
        "with": plain(meeting.other(owner)),
        "state": meeting.state,
        "live": slot.start <= now < slot.end and not over,
        "joinable": meeting.joinable(now) and not over,
        **_times(slot, slot.start - OPENS_BEFORE),
    }


def _session(session: Attendance, listed: Listed | None, now: datetime) -> dict[str, Any]:
    opens = session.start - (HOSTS_EARLY if session.role == "host" else OPENS_BEFORE)
    over = now >= session.end if listed is None else listed.state in OVER
    live = session.start <= now < session.end if listed is None else listed.state in LIVE
    return {
        "type": "session",
        "id": session.id,
        "title": session.title,
        "kind": session.kind,
        "role": session.role,
        "live": live,
        "joinable": not over and (live or now >= opens) and session.role != "waiting",
        **_times(session.slot, opens),
    }


# The calendar


def entries(state: AgendaState, owner: str) -> list[calendar.Entry]:
    """Return the schedule as calendar entries, called-off ones included."""
    chats = [
        calendar.of_meeting(meeting, owner)
        for meeting in state.meetings.values()
        if meeting.slot and meeting.is_party(owner)
    ]
    return chats + [
        calendar.of_session(session, owner)
        for session in state.sessions.values()
        if session.role != "waiting"
    ]


def _calendar(state: AgendaState, command: Command, now: datetime) -> Sequence[Event]:
    del state, command, now
    return ()


def _answer_calendar(
    state: AgendaState, command: Command, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events, now
    return {"calendar": calendar.feed(entries(state, command.by.id), state.zone)}


DECIDE = {
    RegisteredSession: _register,
    UnregisteredSession: _unregister,
    ask.Calendar: _calendar,
}
EVOLVE = {Attended: _on_attended, Reminded: _on_reminded}
ANSWER = {ask.Calendar: _answer_calendar}
EFFECTS = {Reminded: _remind}
TRANSACTIONS: dict[type[Command], Transaction] = {ask.Mine: MySchedule()}
