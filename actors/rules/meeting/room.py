"""The chat itself: coming, going, and what the time brings (rules 44, 45)."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from actors.errors import Refused
from actors.rules.base import Command, Dropped, Event, Look, Person, Recovered, Returned
from actors.rules.meeting import commands as ask
from actors.rules.meeting import events as told
from actors.rules.meeting.record import GRACE, OPENS_BEFORE, Meeting
from actors.rules.meeting.state import MeetingState
from actors.rules.parts import earliest
from actors.rules.records import iso
from actors.rules.zones import Slot

NO_SHOW_AFTER = timedelta(minutes=10)
"""How long after the start somebody who is not there counts as missing (rule 45); in a shorter
chat, whoever has not come when it ends."""

WARN_BEFORE = (5, 1)
"""Minutes before the slot's end at which both are told (rule 44)."""

KEPT_AFTER_DROP = timedelta(seconds=15)
"""How long a dropped connection keeps its place (rule 35)."""


def of_party(state: MeetingState, by: Person) -> Meeting:
    """Return the record to one of the two.

    :raises Refused: ``not_found``, or ``forbidden`` for anybody else.
    """
    meeting = state.meeting
    if meeting is None or by.event != meeting.event:
        raise Refused("not_found", "There is no such 1-1 chat.", path="id")
    if not meeting.is_party(by.id):
        raise Refused("forbidden", "A 1-1 chat is for its two people only.")
    return meeting


# Coming and going


def _join(state: MeetingState, command: ask.Join, now: datetime) -> Sequence[Event]:
    meeting, person = of_party(state, command.by), command.by.id
    if person in state.present:
        return _returned(state, command, now)
    if state.ended or meeting.start is None or not meeting.joinable(now):
        opens = {"opens_at": iso(meeting.start - OPENS_BEFORE)} if meeting.start else {}
        raise Refused(
            "wrong_state",
            "The chat can be joined from 5 minutes before its start until its end.",
            state=meeting.state,
            **opens,
        )
    attended = _attended(state, person, now)
    waits = None if state.present else meeting
    joined = told.Joined(at=now, person=person, attended=sorted(attended), waits=waits)
    events: list[Event] = [joined]
    if not state.met and attended >= state.parties:
        events.append(_met(meeting, now))
    return events


def _attended(state: MeetingState, person: str, at: datetime) -> set[str]:
    """Return who counts as having been there once ``person`` has come in."""
    others = {other for other, away in state.present.items() if away is None}
    meeting = state.meeting
    if others:
        return state.attended | others | {person}
    if meeting is not None and meeting.start is not None and at >= meeting.start:
        return state.attended | {person}
    return state.attended


def _met(meeting: Meeting, now: datetime) -> told.Met:
    return told.Met(at=now, meeting=meeting.changed(now, state="confirmed", missing=[]))


def _leave(state: MeetingState, command: ask.Leave, now: datetime) -> Sequence[Event]:
    of_party(state, command.by)
    if command.by.id not in state.present:
        return ()
    return [told.Left(at=now, person=command.by.id)]


def _dropped(state: MeetingState, command: Dropped, now: datetime) -> Sequence[Event]:
    if state.present.get(command.by.id, now) is not None:
        return ()
    return [told.Away(at=now, person=command.by.id)]


def _returned(state: MeetingState, command: Command, now: datetime) -> Sequence[Event]:
    if state.present.get(command.by.id) is None:
        return ()
    return [told.Back(at=now, person=command.by.id)]


def _recovered(state: MeetingState, command: Recovered, now: datetime) -> Sequence[Event]:
    del command
    return [
        told.Away(at=now, person=person) for person, away in state.present.items() if away is None
    ]


def _look(state: MeetingState, command: Look, now: datetime) -> Sequence[Event]:
    of_party(state, command.by)
    if command.by.id not in state.present:
        raise Refused("wrong_state", "Join the chat first.")
    return _returned(state, command, now)


def _on_joined(state: MeetingState, event: told.Joined) -> None:
    known = event.attended
    state.attended = _attended(state, event.person, event.at) if known is None else set(known)
    state.present[event.person] = None


def _on_left(state: MeetingState, event: told.Left) -> None:
    state.present.pop(event.person, None)
    state.media.take_away(event.person)


def _on_away(state: MeetingState, event: told.Away) -> None:
    state.present[event.person] = event.at


def _on_back(state: MeetingState, event: told.Back) -> None:
    state.present[event.person] = None


# Time


def due(state: MeetingState) -> datetime | None:
    """Return the next instant at which something happens by itself."""
    return earliest([*_lapses(state), *_deadlines(state)])


def _lapses(state: MeetingState) -> Iterator[datetime]:
    for away in state.present.values():
        if away is not None:
            yield away + KEPT_AFTER_DROP


def _deadlines(state: MeetingState) -> Iterator[datetime]:
    meeting = state.booked
    if meeting is None or meeting.start is None or meeting.end is None:
        return
    if not state.began:
        yield meeting.start
    elif not state.met and meeting.state == "confirmed":
        yield _missing_from(meeting.start, meeting.end)
    end = meeting.end
    for minutes in WARN_BEFORE:
        if state.warned is None or minutes < state.warned:
            yield end - timedelta(minutes=minutes)
    yield end + GRACE


def tick(state: MeetingState, now: datetime) -> Sequence[Event]:
    """Let everything happen that is due, in order, however late this comes."""
    events: list[Event] = [
        told.Left(at=now, person=person)
        for person, away in state.present.items()
        if away is not None and now >= away + KEPT_AFTER_DROP
    ]
    meeting = state.booked
    if meeting is None or meeting.slot is None:
        return events
    end = meeting.slot.end
    events += _beginning(state, meeting, meeting.slot, now)
    ends = now >= end + GRACE
    ripe = [minutes for minutes in WARN_BEFORE if now >= end - timedelta(minutes=minutes)]
    if ripe and not ends and (state.warned is None or ripe[-1] < state.warned):
        events.append(told.Warned(at=now, minutes=ripe[-1]))
    if ends:
        gone = {event.person for event in events if isinstance(event, told.Left)}
        events += _ending(state, _latest(meeting, events), gone, now)
    return events


def _beginning(state: MeetingState, meeting: Meeting, slot: Slot, now: datetime) -> Sequence[Event]:
    events: list[Event] = []
    attended, met = set(state.attended), state.met
    if not state.began and now >= slot.start:
        events.append(told.Began(at=now))
        attended |= set(state.present)
        if not met and attended >= state.parties:
            met = True
            meeting = meeting.changed(now)
            events.append(told.Met(at=now, meeting=meeting))
    absent = not met and meeting.state == "confirmed"
    if absent and now >= _missing_from(slot.start, slot.end):
        events.append(_absence(meeting, sorted(state.parties - attended), now))
    return events


def _missing_from(start: datetime, end: datetime) -> datetime:
    return min(start + NO_SHOW_AFTER, end + GRACE)


def _absence(meeting: Meeting, missing: list[str], now: datetime) -> Event:
    if len(missing) == 1:
        changed = meeting.changed(now, state="no_show", missing=missing, proposal=None)
        return told.NoShow(at=now, meeting=changed)
    changed = meeting.changed(now, state="missed", missing=missing, proposal=None)
    return told.Missed(at=now, meeting=changed)


def _ending(state: MeetingState, meeting: Meeting, gone: set[str], now: datetime) -> list[Event]:
    people = sorted(set(state.present) - gone)
    ended = told.Ended(at=now, people=people)
    if meeting.state != "confirmed":
        return [ended]
    # Nobody was missing at the deadline, so both have been there.
    done = meeting.changed(now, state="completed", proposal=None)
    return [ended, told.Completed(at=now, meeting=done)]


def _latest(meeting: Meeting, events: Sequence[Event]) -> Meeting:
    changes = [event.meeting for event in events if isinstance(event, told.Changed)]
    return changes[-1] if changes else meeting


def _on_began(state: MeetingState, event: told.Began) -> None:
    del event
    state.began = True
    state.attended |= set(state.present)


def _on_warned(state: MeetingState, event: told.Warned) -> None:
    state.warned = event.minutes


def _on_ended(state: MeetingState, event: told.Ended) -> None:
    state.ended = True
    state.present.clear()
    for person in event.people:
        state.media.take_away(person)


DECIDE = {
    ask.Join: _join,
    ask.Leave: _leave,
    Dropped: _dropped,
    Returned: _returned,
    Recovered: _recovered,
    Look: _look,
}
EVOLVE = {
    told.Joined: _on_joined,
    told.Left: _on_left,
    told.Away: _on_away,
    told.Back: _on_back,
    told.Began: _on_began,
    told.Warned: _on_warned,
    told.Ended: _on_ended,
}
