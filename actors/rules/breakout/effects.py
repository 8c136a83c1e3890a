"""What the rooms, and people who are away, are told of a session's breakout rooms."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from actors.rules.base import SYSTEM, Command, Event, Send
from actors.rules.breakout.events import Closed, Closing, Moved, Opened, Renamed, Timed
from actors.rules.person import Notify
from actors.rules.room_model import (
    CloseRoom,
    EnterRoom,
    LeaveRoom,
    OpenRoom,
    RenameRoom,
    TimeRoom,
)
from actors.rules.session.events import Left


def _session(entity: str) -> str:
    return entity.partition("/")[2]


def _send(command: Command) -> Send:
    return Send(command.entity, command)


def _notify(
    session: str, event: str, people: Iterable[str], rooms: Mapping[str, str]
) -> list[Send]:
    return [
        _send(
            Notify(
                by=SYSTEM,
                event=event,
                person=person,
                kind="breakout.moved",
                data={"session": session, "room": rooms.get(person)},
            )
        )
        for person in people
    ]


def _opened(entity: str, event: Opened) -> Sequence[Send]:
    session = _session(entity)
    members: dict[str, list[str]] = {room.id: [] for room in event.rooms}
    for person, room in event.assigned.items():
        members[room].append(person)
    opened = [
        OpenRoom(
            by=SYSTEM,
            session=session,
            room=room.id,
            event=event.event,
            round=event.round,
            name=room.name,
            ends_at=event.ends_at,
            people=[each for each in event.people if event.assigned[each.id] == room.id],
            members=members[room.id],
            hosts=event.hosts,
        )
        for room in event.rooms
    ]
    # Whoever is connected hears of it on the session's topic, so only the others are notified.
    away = _notify(session, event.event, event.away, event.assigned)
    return [*map(_send, opened), *away]


def _moved(entity: str, event: Moved) -> Sequence[Send]:
    session = _session(entity)
    sends = []
    if event.previous is not None:
        left = LeaveRoom(by=SYSTEM, session=session, room=event.previous, person=event.person)
        sends.append(_send(left))
    if event.room is not None:
        enter = EnterRoom(
            by=SYSTEM,
            session=session,
            room=event.room,
            person=event.occupant,
            intent=event.intent,
        )
        sends.append(_send(enter))
    if event.by is not None:
        where = {} if event.room is None else {event.person: event.room}
        sends += _notify(session, event.event, [event.person], where)
    return sends


def _left(entity: str, event: Left) -> Sequence[Send]:
    if event.room is None:
        return ()
    session = _session(entity)
    return [_send(LeaveRoom(by=SYSTEM, session=session, room=event.room, person=event.person))]


def _renamed(entity: str, event: Renamed) -> Sequence[Send]:
    session = _session(entity)
    return [_send(RenameRoom(by=SYSTEM, session=session, room=event.room, name=event.name))]


def _timed(entity: str, event: Timed | Closing) -> Sequence[Send]:
    session = _session(entity)
    countdown = event.seconds if isinstance(event, Closing) else None
    return [
        _send(
            TimeRoom(
                by=SYSTEM, session=session, room=room, ends_at=event.ends_at, countdown=countdown
            )
        )
        for room in event.rooms
    ]


def _closed(entity: str, event: Closed) -> Sequence[Send]:
    session = _session(entity)
    closed = [
        _send(CloseRoom(by=SYSTEM, session=session, room=room, round=event.round))
        for room in event.rooms
    ]
    return [*closed, *_notify(session, event.event, event.away, {})]


EFFECTS: Mapping[type[Event], Any] = {
    Opened: _opened,
    Moved: _moved,
    Left: _left,
    Renamed: _renamed,
    Timed: _timed,
    Closing: _timed,
    Closed: _closed,
}
