"""Going between main call and rooms, being moved, being late, and calls for help (27, 29, 31)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from actors.errors import Refused
from actors.rules.base import Command, Event, Person
from actors.rules.breakout import places
from actors.rules.breakout.commands import (
    AnswerHelp,
    Broadcast,
    CallHelp,
    Enter,
    Main,
    Move,
    Rename,
)
from actors.rules.breakout.events import (
    Broadcasted,
    HelpAnswered,
    HelpAsked,
    Moved,
    Occupant,
    Renamed,
)
from actors.rules.breakout.state import Help, room_entity
from actors.rules.session.events import Left
from actors.rules.session.guards import present
from actors.rules.session.state import SessionState


def _enter(state: SessionState, command: Enter, now: datetime) -> Sequence[Event]:
    places.open_rooms(state, command.by, now)
    member, rooms = present(state, command.by), state.rooms
    room = places.find(state, command.room)
    own = rooms.assigned.get(member.id)
    directs = state.moderates(command.by)
    chooses = own is None and rooms.assign == "self"
    if not directs and not chooses and own != room.id:
        raise Refused("not_your_room", "You can enter the room you are assigned to.", assigned=own)
    if member.room == room.id:
        return ()
    assigned = room.id if chooses and not directs else own
    moved = places.move(state, member, room.id, now, assigned=assigned)
    if room.help is not None and directs:
        return [HelpAnswered(at=now, room=room.id, by=member.id), moved]
    return [moved]


def _main(state: SessionState, command: Main, now: datetime) -> Sequence[Event]:
    member = present(state, command.by)
    if member.room is None:
        return ()
    assigned = state.rooms.assigned.get(member.id)
    return [places.move(state, member, None, now, assigned=assigned)]


def _move(state: SessionState, command: Move, now: datetime) -> Sequence[Event]:
    places.host_of_rooms(state, command.by, now)
    member = state.member(command.person)
    if member is None:
        raise Refused("not_found", "Nobody of that id is in the session.")
    if command.room is not None:
        places.find(state, command.room)
    own = state.rooms.assigned.get(member.id)
    # A host needs no room of their own and is not bound to one by being moved.
    assigned = own if member.host else command.room
    if member.room == command.room and assigned == own:
        return ()
    return [places.move(state, member, command.room, now, assigned=assigned, by=command.by.id)]


def arrival(state: SessionState, by: Person, now: datetime, *, host: bool) -> Sequence[Event]:
    """Say where somebody goes who enters the session while rooms are open (rules 31, 32).

    Whoever has a room is led to it, unless they had gone back to the main call; others stay in
    the main call, or are led to the smallest room if the host chose so.
    """
    rooms = state.rooms
    if not rooms.is_open or rooms.ends_at is None or now >= rooms.ends_at or host:
        return ()
    if state.member(by.id) is not None or by.id in rooms.in_main:
        return ()
    room = rooms.assigned.get(by.id)
    if room is None and rooms.late == "smallest" and not by.is_organizer:
        room = _smallest(state)
    if room is None:
        return ()
    return [
        Moved(
            at=now,
            person=by.id,
            previous=None,
            room=room,
            assigned=room,
            by=None,
            media=None,
            chosen=False,
            event=state.event,
            occupant=Occupant(id=by.id, name=by.name, role=state.role_of(by), company=by.company),
        )
    ]


def _smallest(state: SessionState) -> str:
    sizes = dict.fromkeys(state.rooms.rooms, 0)
    for person, room in state.rooms.assigned.items():
        sizes[room] += state.member(person) is not None
    return min(sizes, key=lambda room: (sizes[room], int(room)))


def _rename(state: SessionState, command: Rename, now: datetime) -> Sequence[Event]:
    places.host_of_rooms(state, command.by, now)
    room = places.find(state, command.room)
    if room.name == command.name:
        return ()
    return [Renamed(at=now, room=room.id, name=command.name)]


def _broadcast(state: SessionState, command: Broadcast, now: datetime) -> Sequence[Event]:
    places.host_of_rooms(state, command.by, now)
    by = command.by
    return [Broadcasted(at=now, text=command.text, by=by.id, by_name=by.name)]


def _call_help(state: SessionState, command: CallHelp, now: datetime) -> Sequence[Event]:
    places.open_rooms(state, command.by, now)
    member = present(state, command.by)
    if member.room is None:
        raise Refused("wrong_state", "Help is called from inside a room.")
    if places.find(state, member.room).help is not None:
        return ()
    return [HelpAsked(at=now, room=member.room, by=member.id, by_name=member.name)]


def _answer_help(state: SessionState, command: AnswerHelp, now: datetime) -> Sequence[Event]:
    places.host_of_rooms(state, command.by, now)
    member = present(state, command.by)
    room = places.find(state, command.room)
    if room.help is None:
        raise Refused("already_decided", "This room's call has been answered.")
    answered = HelpAnswered(at=now, room=room.id, by=member.id)
    if member.room == room.id:
        return [answered]
    own = state.rooms.assigned.get(member.id)
    return [answered, places.move(state, member, room.id, now, assigned=own)]


# Evolve


def _on_moved(state: SessionState, event: Moved) -> None:
    rooms = state.rooms
    if event.assigned is None:
        rooms.assigned.pop(event.person, None)
    else:
        rooms.assigned[event.person] = event.assigned
    if event.room is not None:
        places.into_room(state, event.person, event.room)
        return
    places.into_main(state, event.person, event.media)
    if event.chosen and event.assigned is not None:
        rooms.in_main.add(event.person)


def _on_left(state: SessionState, event: Left) -> None:
    state.rooms.main_media.pop(event.person, None)


def _on_renamed(state: SessionState, event: Renamed) -> None:
    state.rooms.rooms[event.room].name = event.name


def _on_help_asked(state: SessionState, event: HelpAsked) -> None:
    room = state.rooms.rooms[event.room]
    room.help = Help(by=event.by, name=event.by_name, at=event.at)


def _on_help_answered(state: SessionState, event: HelpAnswered) -> None:
    state.rooms.rooms[event.room].help = None


# Answer


def _where(state: SessionState, person: str) -> dict[str, Any]:
    member = state.member(person)
    room = member.room if member is not None else None
    return {"room": room, "topic": None if room is None else room_entity(state.id, room)}


def _answer_own(
    state: SessionState, command: Command, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events, now
    return _where(state, command.by.id)


def _answer_move(
    state: SessionState, command: Move, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events, now
    return {"person": command.person, **_where(state, command.person)}


def _answer_rename(
    state: SessionState, command: Rename, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events, now
    return {"room": command.room, "name": state.rooms.rooms[command.room].name}


DECIDE: Mapping[type[Command], Any] = {
    Enter: _enter,
    Main: _main,
    Move: _move,
    Rename: _rename,
    Broadcast: _broadcast,
    CallHelp: _call_help,
    AnswerHelp: _answer_help,
}
EVOLVE: Mapping[type[Event], Any] = {
    Moved: _on_moved,
    Left: _on_left,
    Renamed: _on_renamed,
    HelpAsked: _on_help_asked,
    HelpAnswered: _on_help_answered,
}
ANSWER: Mapping[type[Command], Any] = {
    Enter: _answer_own,
    Main: _answer_own,
    CallHelp: _answer_own,
    AnswerHelp: _answer_own,
    Move: _answer_move,
    Rename: _answer_rename,
}
