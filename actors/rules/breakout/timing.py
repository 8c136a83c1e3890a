"""The rooms' time: extended, counted down, up (rule 30)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from actors.errors import Refused
from actors.rules.base import Command, Event
from actors.rules.breakout import places
from actors.rules.breakout.commands import Close, Extend
from actors.rules.breakout.events import Closed, Closing, Timed
from actors.rules.breakout.state import COUNTDOWN, REST
from actors.rules.records import iso
from actors.rules.session.state import SessionState


def _extend(state: SessionState, command: Extend, now: datetime) -> Sequence[Event]:
    places.host_of_rooms(state, command.by, now)
    before = _ends_at(state)
    ends_at = min(before + timedelta(minutes=command.minutes), state.end - REST)
    if ends_at <= before:
        raise Refused("wrong_state", "The session has no more time to give.", ends_at=iso(before))
    return [_timed(state, ends_at, command.by.id, now)]


def _close(state: SessionState, command: Close, now: datetime) -> Sequence[Event]:
    places.host_of_rooms(state, command.by, now)
    if command.countdown == 0:
        return [closed(state, command.by.id, now)]
    before = _ends_at(state)
    ends_at = min(now + timedelta(seconds=command.countdown), before)
    if state.rooms.status == "closing" and ends_at >= before:
        return ()
    return [_closing(state, ends_at, command.by.id, now)]


def _ends_at(state: SessionState) -> datetime:
    ends_at = state.rooms.ends_at
    assert ends_at is not None  # noqa: S101  open rooms have an end
    return ends_at


def _timed(state: SessionState, ends_at: datetime, by: str | None, now: datetime) -> Timed:
    return Timed(at=now, ends_at=ends_at, by=by, rooms=list(state.rooms.rooms))


def _closing(state: SessionState, ends_at: datetime, by: str | None, now: datetime) -> Closing:
    seconds = ceil((ends_at - now).total_seconds())
    return Closing(at=now, ends_at=ends_at, seconds=seconds, by=by, rooms=list(state.rooms.rooms))


def closed(state: SessionState, by: str | None, now: datetime) -> Closed:
    """Return the end of all rooms: everybody back at once, connected or not."""
    moved = [
        member.id for member in state.members.values() if member.present and member.room is not None
    ]
    back = {person: places.restored(state, person) for person in moved}
    return Closed(
        at=now,
        round=state.rooms.round,
        moved=moved,
        media={person: media for person, media in back.items() if media is not None},
        by=by,
        event=state.event,
        rooms=list(state.rooms.rooms),
        away=[person for person in moved if person in state.dropped],
    )


def close_with_session(state: SessionState, now: datetime) -> Sequence[Event]:
    """Return what has to happen to open rooms before their session ends."""
    return [closed(state, None, now)] if state.rooms.is_open else ()


# Time


def due(state: SessionState) -> datetime | None:
    """Return when the countdown begins, or when it ends."""
    rooms = state.rooms
    if not rooms.is_open:
        return None
    ends_at, latest = _ends_at(state), state.end - REST
    if latest < ends_at:
        # The session was shortened: that is due at once, whatever the time is.
        return min(latest, rooms.opened_at or latest)
    return ends_at if rooms.status == "closing" else ends_at - COUNTDOWN


def tick(state: SessionState, now: datetime) -> Sequence[Event]:
    """Follow the session's own end, begin the countdown, or close."""
    rooms = state.rooms
    if not rooms.is_open:
        return ()
    latest = state.end - REST
    ends_at = min(_ends_at(state), latest)
    if now >= ends_at:
        return [closed(state, None, now)]
    events: list[Event] = []
    counting = rooms.status == "closing"
    if ends_at < _ends_at(state):
        events.append(_timed(state, ends_at, None, now))
        counting = False
    if not counting and now >= ends_at - COUNTDOWN:
        events.append(_closing(state, ends_at, None, now))
    return events


# Evolve


def _on_timed(state: SessionState, event: Timed) -> None:
    rooms = state.rooms
    rooms.status, rooms.ends_at, rooms.countdown = "open", event.ends_at, None


def _on_closing(state: SessionState, event: Closing) -> None:
    rooms = state.rooms
    rooms.status, rooms.ends_at, rooms.countdown = "closing", event.ends_at, event.seconds


def _on_closed(state: SessionState, event: Closed) -> None:
    rooms = state.rooms
    rooms.status, rooms.ends_at, rooms.countdown = "closed", event.at, None
    for person in event.moved:
        places.into_main(state, person, event.media.get(person))
    for room in rooms.rooms.values():
        room.help = None
    rooms.in_main.clear()
    rooms.main_media.clear()


def _answer(
    state: SessionState, command: Command, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del command, events, now
    return {"state": state.rooms.status, "ends_at": iso(_ends_at(state))}


DECIDE: Mapping[type[Command], Any] = {Extend: _extend, Close: _close}
EVOLVE: Mapping[type[Event], Any] = {Timed: _on_timed, Closing: _on_closing, Closed: _on_closed}
ANSWER: Mapping[type[Command], Any] = {Extend: _answer, Close: _answer}
