"""Opening rooms: who belongs where, in one announcement (rules 25, 26, 33)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from actors.errors import Refused
from actors.rules.base import Command, Event
from actors.rules.breakout import places, rights
from actors.rules.breakout.commands import Get, Open
from actors.rules.breakout.events import Opened, RoomName
from actors.rules.breakout.state import REST, BreakoutState, Room
from actors.rules.breakout.views import breakout_view
from actors.rules.session.guards import known, moderator
from actors.rules.session.state import RUNNING, SessionState
from actors.rules.text import invalid


def _open(state: SessionState, command: Open, now: datetime) -> Sequence[Event]:
    moderator(state, command.by)
    if state.status not in RUNNING:
        raise Refused("wrong_state", "Rooms are opened in a running session.", state=state.status)
    if state.rooms.is_open:
        raise Refused("rooms_open", "Breakout rooms are open already.")
    rooms = _rooms(state.rooms, command)
    given = _assigned(state, command, [room.id for room in rooms])
    assigned = {person: room for person, room in given.items() if person not in state.bans}
    moved = [person for person in assigned if state.member(person) is not None]
    opened = Opened(
        at=now,
        round=state.rooms.round + 1,
        assign=command.assign,
        late=command.late,
        ends_at=_ends_at(state, command.minutes, now),
        rooms=rooms,
        assigned=assigned,
        moved=moved,
        by=command.by.id,
        event=state.event,
        people=[places.occupant(state.members[person]) for person in moved],
        hosts=rights.hosts(state, state.plan),
        away=[person for person in moved if person in state.dropped],
    )
    return [opened]


def _ends_at(state: SessionState, minutes: int | None, now: datetime) -> datetime:
    latest = state.end - REST
    if now >= latest:
        raise Refused("wrong_state", "The session has no time left for breakout rooms.")
    return latest if minutes is None else min(latest, now + timedelta(minutes=minutes))


def _rooms(last: BreakoutState, command: Open) -> list[RoomName]:
    if command.assign == "again":
        if not last.rooms:
            raise Refused("wrong_state", "No rooms have been open that could be opened again.")
        return [RoomName(id=room.id, name=room.name) for room in last.rooms.values()]
    count = _count(command)
    names = command.names or [f"Room {number}" for number in range(1, count + 1)]
    first = last.last_room + 1
    return [RoomName(id=str(first + index), name=name) for index, name in enumerate(names)]


def _count(command: Open) -> int:
    named = len(command.names) if command.names else None
    count = command.rooms or named or (len(command.groups) if command.groups else None)
    if count is None:
        raise invalid("rooms", "Say how many rooms to open, 1 to 50.")
    if named not in (None, count):
        raise invalid("names", f"There are {named} names for {count} rooms.")
    return count


def _assigned(state: SessionState, command: Open, rooms: Sequence[str]) -> dict[str, str]:
    if command.groups is not None and command.assign not in ("list", "manual"):
        raise invalid("groups", f"groups does not go with {command.assign}.")
    match command.assign:
        case "random":
            return _shuffled(state, rooms)
        case "again":
            return dict(state.rooms.assigned)
        case "list" if not command.groups:
            raise invalid("groups", "A prepared list has a list of people for each room.")
    groups = command.groups or []
    if len(groups) > len(rooms):
        raise invalid("groups", f"There are {len(groups)} groups for {len(rooms)} rooms.")
    return {person: room for room, group in zip(rooms, groups, strict=False) for person in group}


def _shuffled(state: SessionState, rooms: Sequence[str]) -> dict[str, str]:
    """Deal everybody present but hosts and organizers; sizes differ by one at most."""
    people = sorted(
        member.id
        for member in state.members.values()
        if member.present and not member.host and member.role != "organizer"
    )
    # A fresh order each round, and the same one whenever this round is decided again.
    Random(f"{state.id}.{state.rooms.round + 1}").shuffle(people)  # noqa: S311  no secret
    return {person: rooms[index % len(rooms)] for index, person in enumerate(people)}


def _get(state: SessionState, command: Get, now: datetime) -> Sequence[Event]:
    del now
    known(state, command.by)
    if command.by.id in state.bans:
        raise Refused("banned", "You cannot take part in this session.")
    if not state.moderates(command.by) and not state.knows(command.by.id):
        raise Refused("forbidden", "Breakout rooms are for those who take part.")
    return ()


def _on_opened(state: SessionState, event: Opened) -> None:
    rooms = state.rooms
    rooms.status, rooms.round = "open", event.round
    rooms.assign, rooms.late = event.assign, event.late
    rooms.opened_at, rooms.ends_at, rooms.countdown = event.at, event.ends_at, None
    rooms.rooms = {room.id: Room(id=room.id, name=room.name) for room in event.rooms}
    rooms.last_room = max(rooms.last_room, *(int(room.id) for room in event.rooms))
    rooms.assigned = dict(event.assigned)
    rooms.in_main.clear()
    rooms.main_media.clear()
    for person in event.moved:
        places.into_room(state, person, event.assigned[person])


def _answer(
    state: SessionState, command: Command, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events, now
    return {"breakout": breakout_view(state, command.by)}


DECIDE: Mapping[type[Command], Any] = {Open: _open, Get: _get}
EVOLVE: Mapping[type[Event], Any] = {Opened: _on_opened}
ANSWER: Mapping[type[Command], Any] = {Open: _answer, Get: _answer}
