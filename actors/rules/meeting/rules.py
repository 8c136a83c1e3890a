"""The rules of one 1-1 chat, put together from its parts.

What changes the agendas too (:mod:`actors.rules.meeting.transaction`) is not decided here; here
its events only change the record.
"""

import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from actors.errors import Refused
from actors.rules import calendar, chat, media
from actors.rules.agenda.commands import Track
from actors.rules.base import AT_ONCE, SYSTEM, Command, Event, Person, Send
from actors.rules.meeting import commands as ask
from actors.rules.meeting import events as told
from actors.rules.meeting import room
from actors.rules.meeting.record import GRACE, OPENS_BEFORE, Meeting
from actors.rules.meeting.state import MeetingState
from actors.rules.parts import Composed, Parts
from actors.rules.person import Notify
from actors.rules.records import iso, plain

# The record


def _get(state: MeetingState, command: ask.Get, now: datetime) -> Sequence[Event]:
    del now
    by, meeting = command.by, state.meeting
    organizes = by.is_system or (by.is_organizer and meeting and by.event == meeting.event)
    offered = meeting is not None and meeting.offer is not None and meeting.offer.id == by.id
    if meeting is None or not (organizes or offered):
        room.of_party(state, by)
    return ()


def _note(state: MeetingState, command: ask.Note, now: datetime) -> Sequence[Event]:
    room.of_party(state, command.by)
    if state.notes.get(command.by.id, "") == command.text:
        return ()
    return [told.Noted(at=now, person=command.by.id, text=command.text)]


def _calendar(state: MeetingState, command: ask.Calendar, now: datetime) -> Sequence[Event]:
    del now
    if room.of_party(state, command.by).slot is None:
        raise Refused("wrong_state", "No slot has been picked yet.")
    return ()


def _on_changed(state: MeetingState, event: told.Changed) -> None:
    state.meeting = event.meeting


def _on_emptied(state: MeetingState, event: told.Changed) -> None:
    state.meeting = event.meeting
    for person in list(state.present):
        _out(state, person)
    state.attended.clear()
    state.met = False


def _on_reassigned(state: MeetingState, event: told.Reassigned) -> None:
    state.meeting = event.meeting
    _out(state, event.previous)
    state.attended.discard(event.previous)
    state.met = False


def _out(state: MeetingState, person: str) -> None:
    state.present.pop(person, None)
    state.media.take_away(person)


def _on_met(state: MeetingState, event: told.Met) -> None:
    state.meeting, state.met = event.meeting, True


def _on_noted(state: MeetingState, event: told.Noted) -> None:
    state.notes[event.person] = event.text


# Answers and views


def _view(state: MeetingState, now: datetime) -> dict[str, Any]:
    meeting = state.meeting
    if meeting is None or meeting.start is None or meeting.end is None:
        return {"state": "waiting", "opens_at": None, "ends_at": None, "closes_at": None}
    stage = "ended" if state.ended else "running" if now >= meeting.start else "waiting"
    return {
        "state": stage,
        "opens_at": iso(meeting.start - OPENS_BEFORE),
        "ends_at": iso(meeting.end),
        "closes_at": iso(meeting.end + GRACE),
    }


def _answer_get(
    state: MeetingState, command: Command, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events, now
    return {"meeting": plain(state.meeting), "note": state.notes.get(command.by.id, "")}


def _answer_note(
    state: MeetingState, command: Command, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events, now
    return {"note": state.notes.get(command.by.id, "")}


def _answer_calendar(
    state: MeetingState, command: Command, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events, now
    assert state.meeting is not None  # noqa: S101  decided above
    return {"calendar": calendar.invitation(calendar.of_meeting(state.meeting, command.by.id))}


# Effects


def _tell_agendas(entity: str, event: told.Changed) -> Sequence[Send]:
    """Enter in both agendas what time alone has changed."""
    del entity
    meeting: Meeting = event.meeting
    notice = event.type if isinstance(event, told.NoShow | told.Missed) else ""
    tracks = [
        Track(by=SYSTEM, person=party.id, meeting=meeting, notice=notice)
        for party in (meeting.employee, meeting.participant)
    ]
    return [Send(track.entity, track) for track in tracks]


def _call_the_other(entity: str, event: told.Joined) -> Sequence[Send]:
    """Say to whoever is not there yet that somebody waits; once, however often they come."""
    meeting = event.waits
    if meeting is None:
        return ()
    notify = Notify(
        by=SYSTEM,
        event=meeting.event,
        person=meeting.other(event.person).id,
        kind="meeting.waiting",
        data={"meeting": plain(meeting)},
        id=f"{entity}.waiting",
    )
    return [Send(notify.entity, notify)]


DECIDE = {ask.Get: _get, ask.Note: _note, ask.Calendar: _calendar}
EVOLVE: dict[type[Event], Callable[[MeetingState, Any], None]] = {
    told.Met: _on_met,
    told.Noted: _on_noted,
    told.Reassigned: _on_reassigned,
    **dict.fromkeys((told.Rescheduled, told.Moved, told.Cancelled), _on_emptied),
    **dict.fromkeys(
        (
            told.Requested,
            told.Withdrawn,
            told.Approved,
            told.Declined,
            told.Confirmed,
            told.RescheduleProposed,
            told.RescheduleRefused,
            told.ReassignOffered,
            told.ReassignRefused,
            told.Completed,
            told.NoShow,
            told.Missed,
        ),
        _on_changed,
    ),
}
ANSWER = {
    ask.Get: _answer_get,
    ask.Join: _answer_get,
    ask.Note: _answer_note,
    ask.Calendar: _answer_calendar,
}
EFFECTS: dict[type[Event], Callable[[str, Any], Sequence[Send]]] = {
    told.Joined: _call_the_other,
    **dict.fromkeys(told.OUTCOMES, _tell_agendas),
}

_PARTS = Parts(sys.modules[__name__], room, chat, media)


class MeetingRules(Composed[MeetingState]):
    """The rules of ``chat/ID``."""

    kind = "chat"
    notices_absence = True
    parts = _PARTS

    def initial(self, entity: str) -> MeetingState:
        """Return a chat nobody has asked for yet."""
        del entity
        return MeetingState()

    def wake(self, state: MeetingState) -> datetime | None:
        """Return when the chat has to be back: at once if it has lost people."""
        return AT_ONCE if state.present else super().wake(state)

    def snapshot(self, state: MeetingState, person: Person, now: datetime) -> dict[str, Any]:
        """Return what one of the two sees on coming in."""
        return {
            "meeting": plain(state.meeting),
            **_view(state, now),
            "present": sorted(state.present),
            "note": state.notes.get(person.id, ""),
            "chat": chat.chat_view(state, person),
            "media": media.media_view(state.media, sorted(state.present)),
        }
