"""A breakout room from inside: its chat, and what everybody in it has on (rules 26, 28, 32, 33).

The session says who is in and until when; the room keeps its own copy of that, so that it comes
back from its own journal with its people, its chat and its time, whatever happens to the others.
"""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from actors.errors import Refused
from actors.rules import chat, media
from actors.rules.base import (
    Command,
    Event,
    Look,
    Person,
    Recovered,
    Returned,
)
from actors.rules.breakout.events import Occupant
from actors.rules.breakout.state import Intent
from actors.rules.parts import Composed, Parts
from actors.rules.records import iso, plain
from actors.rules.room_model import (
    CloseRoom,
    EnterRoom,
    Follow,
    LeaveRoom,
    OpenRoom,
    RenameRoom,
    RoomClosed,
    RoomEntered,
    RoomLeft,
    RoomOpened,
    RoomRenamed,
    RoomSettled,
    RoomState,
    RoomTimed,
    SettleRoom,
    TimeRoom,
)


def _from_session(command: Command) -> None:
    if not command.by.is_system:
        raise Refused("forbidden", "A room is opened, filled and closed by its session.")


# Decide


def _open(state: RoomState, command: OpenRoom, now: datetime) -> Sequence[Event]:
    _from_session(command)
    if command.round <= state.round:
        return ()
    return [
        RoomOpened(
            at=now,
            event=command.event,
            round=command.round,
            name=command.name,
            ends_at=command.ends_at,
            people=command.people,
            members=command.members,
            hosts=command.hosts,
        )
    ]


def _enter(state: RoomState, command: EnterRoom, now: datetime) -> Sequence[Event]:
    _from_session(command)
    person = command.person
    if not state.is_open or person.id in state.here:
        return ()
    on = command.intent or state.left.get(person.id) or Intent(mic=True, camera=True)
    blocked = state.media.of(person.id).blocked
    return [
        RoomEntered(
            at=now,
            person=person,
            mic=on.mic and "mic" not in blocked,
            camera=on.camera and "camera" not in blocked,
        )
    ]


def _leave(state: RoomState, command: LeaveRoom, now: datetime) -> Sequence[Event]:
    _from_session(command)
    if command.person not in state.here:
        return ()
    return [RoomLeft(at=now, person=command.person)]


def _rename(state: RoomState, command: RenameRoom, now: datetime) -> Sequence[Event]:
    _from_session(command)
    return [] if command.name == state.name else [RoomRenamed(at=now, name=command.name)]


def _settle(state: RoomState, command: SettleRoom, now: datetime) -> Sequence[Event]:
    _from_session(command)
    if state.status == "none":
        return ()
    return [RoomSettled(at=now, hosts=command.hosts, people=command.people, banned=command.banned)]


def _time(state: RoomState, command: TimeRoom, now: datetime) -> Sequence[Event]:
    _from_session(command)
    if not state.is_open:
        return ()
    return [RoomTimed(at=now, ends_at=command.ends_at, countdown=command.countdown)]


def _close(state: RoomState, command: CloseRoom, now: datetime) -> Sequence[Event]:
    _from_session(command)
    if not state.is_open or command.round != state.round:
        return ()
    return [RoomClosed(at=now, people=list(state.here))]


def _follow(state: RoomState, command: Command, now: datetime) -> Sequence[Event]:
    del now
    by = command.by
    if state.status == "none" or (by.event != state.event and not by.is_system):
        raise Refused("not_found", "There is no such room.")
    if by.id not in state.here and not by.is_system:
        raise Refused("not_your_room", "Only who is in the room follows what happens there.")
    return ()


def _nothing(state: RoomState, command: Command, now: datetime) -> Sequence[Event]:
    # A drop changes nothing here: the session holds the place, and takes it back in time.
    del state, command, now
    return ()


# Evolve


def _on_opened(state: RoomState, event: RoomOpened) -> None:
    state.event, state.round, state.name = event.event, event.round, event.name
    state.status, state.ends_at, state.countdown = "open", event.ends_at, None
    state.hosts = set(event.hosts)
    state.left.clear()
    for person in state.here:
        state.media.take_away(person)
    state.here = []
    for person in event.members:
        state.members.setdefault(person, Occupant(id=person, name=person, role="participant"))
    for occupant in event.people:
        _come_in(state, occupant, mic=True, camera=True)


def _come_in(state: RoomState, occupant: Occupant, *, mic: bool, camera: bool) -> None:
    blocked = state.media.of(occupant.id).blocked
    state.members[occupant.id] = occupant
    state.here.append(occupant.id)
    state.media.put(
        occupant.id, mic=mic and "mic" not in blocked, camera=camera and "camera" not in blocked
    )


def _on_entered(state: RoomState, event: RoomEntered) -> None:
    _come_in(state, event.person, mic=event.mic, camera=event.camera)
    state.left.pop(event.person.id, None)


def _on_left(state: RoomState, event: RoomLeft) -> None:
    flags = state.media.of(event.person)
    state.left[event.person] = Intent(mic=flags.mic, camera=flags.camera)
    state.here.remove(event.person)
    state.media.take_away(event.person)


def _on_renamed(state: RoomState, event: RoomRenamed) -> None:
    state.name = event.name


def _on_settled(state: RoomState, event: RoomSettled) -> None:
    state.hosts = set(event.hosts)
    for occupant in event.people:
        if occupant.id in state.members:
            state.members[occupant.id] = occupant
    for person, out in event.banned.items():
        (state.bans.add if out else state.bans.discard)(person)


def _on_timed(state: RoomState, event: RoomTimed) -> None:
    state.ends_at, state.countdown = event.ends_at, event.countdown
    state.status = "open" if event.countdown is None else "closing"


def _on_closed(state: RoomState, event: RoomClosed) -> None:
    state.status, state.ends_at, state.countdown = "closed", event.at, None
    for person in state.here:
        state.media.take_away(person)
    state.here = []
    state.left.clear()


DECIDE: Mapping[type[Command], Any] = {
    OpenRoom: _open,
    EnterRoom: _enter,
    LeaveRoom: _leave,
    RenameRoom: _rename,
    SettleRoom: _settle,
    TimeRoom: _time,
    CloseRoom: _close,
    Follow: _follow,
    Look: _follow,
    Returned: _nothing,
    Recovered: _nothing,
}
EVOLVE: Mapping[type[Event], Any] = {
    RoomOpened: _on_opened,
    RoomEntered: _on_entered,
    RoomLeft: _on_left,
    RoomRenamed: _on_renamed,
    RoomSettled: _on_settled,
    RoomTimed: _on_timed,
    RoomClosed: _on_closed,
}

_PARTS = Parts(sys.modules[__name__], chat, media)


class RoomRules(Composed[RoomState]):
    """The rules of ``room/SESSION.ROOM``."""

    kind = "room"
    parts = _PARTS

    def initial(self, entity: str) -> RoomState:
        """Return a room that has not been opened yet."""
        session, _, room = entity.partition("/")[2].rpartition(".")
        return RoomState(id=room, session=session)

    def snapshot(self, state: RoomState, person: Person, now: datetime) -> dict[str, Any]:
        """Return the room as one person inside sees it."""
        del now
        ends_at = None if state.ends_at is None else iso(state.ends_at)
        closing = {"ends_at": ends_at, "seconds": state.countdown}
        return {
            "session": state.session,
            "id": state.id,
            "name": state.name,
            "round": state.round,
            "state": state.status,
            "ends_at": ends_at,
            "closing": closing if state.status == "closing" else None,
            "people": [plain(state.members[each]) for each in state.here],
            "chat": chat.chat_view(state, person),
            "media": media.media_view(state.media, state.here),
        }
