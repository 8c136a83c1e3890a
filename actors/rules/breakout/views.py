"""Breakout rooms as clients see them."""

from typing import Any

from actors.rules.base import Person
from actors.rules.breakout.state import Room, room_entity
from actors.rules.records import iso
from actors.rules.session.state import SessionState


def breakout_view(state: SessionState, person: Person) -> dict[str, Any] | None:
    """Return the rooms' share of a session's snapshot; None if there were never any."""
    rooms = state.rooms
    if rooms.status == "none":
        return None
    member = state.member(person.id)
    closing = None
    if rooms.status == "closing" and rooms.ends_at is not None:
        closing = {"ends_at": iso(rooms.ends_at), "seconds": rooms.countdown}
    return {
        "state": rooms.status,
        "round": rooms.round,
        "assign": rooms.assign,
        "late": rooms.late,
        "opened_at": _iso(rooms.opened_at),
        "ends_at": _iso(rooms.ends_at),
        "closing": closing,
        "rooms": _rooms_view(state),
        "you": {
            "assigned": rooms.assigned.get(person.id),
            "room": member.room if member is not None else None,
        },
    }


def _iso(at: Any) -> str | None:
    return None if at is None else iso(at)


def _rooms_view(state: SessionState) -> list[dict[str, Any]]:
    rooms = state.rooms
    assigned: dict[str, list[str]] = {room: [] for room in rooms.rooms}
    here: dict[str, list[str]] = {room: [] for room in rooms.rooms}
    for person, room in rooms.assigned.items():
        assigned[room].append(person)
    for member in state.members.values():
        if member.present and member.room is not None:
            here[member.room].append(member.id)
    return [
        {
            "id": room.id,
            "name": room.name,
            "topic": room_entity(state.id, room.id),
            "assigned": sorted(assigned[room.id]),
            "here": sorted(here[room.id]),
            "help": _help_view(room),
        }
        for room in rooms.rooms.values()
    ]


def _help_view(room: Room) -> dict[str, Any] | None:
    call = room.help
    return None if call is None else {"by": call.by, "name": call.name, "at": iso(call.at)}
