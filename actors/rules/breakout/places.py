"""Where people are: in the main call or in a room, and what they have on there."""

from datetime import datetime

from actors.errors import Refused
from actors.rules.base import Person
from actors.rules.breakout.events import Moved, Occupant
from actors.rules.breakout.state import Intent, Room
from actors.rules.session.guards import moderator, present
from actors.rules.session.state import Member, SessionState


def open_rooms(state: SessionState, by: Person, now: datetime) -> None:
    """Check that the asker is somewhere in the session, and its rooms are open.

    :raises Refused: ``not_found``, ``banned``, ``wrong_state``.
    """
    present(state, by)
    _still_open(state, now)


def host_of_rooms(state: SessionState, by: Person, now: datetime) -> None:
    """Check that the asker may direct the rooms, and that they are open.

    :raises Refused: ``not_found``, ``forbidden``, ``wrong_state``.
    """
    moderator(state, by)
    _still_open(state, now)


def _still_open(state: SessionState, now: datetime) -> None:
    rooms = state.rooms
    if not rooms.is_open or rooms.ends_at is None or now >= rooms.ends_at:
        raise Refused("wrong_state", "No breakout rooms are open.")


def find(state: SessionState, room: str) -> Room:
    """Return a room of this round.

    :raises Refused: ``not_found``.
    """
    found = state.rooms.rooms.get(room)
    if found is None:
        raise Refused("not_found", "There is no such room.")
    return found


def occupant(member: Member) -> Occupant:
    """Return a member as a room needs to know them."""
    return Occupant(
        id=member.id,
        name=member.name,
        role="host" if member.host else member.role,
        company=member.company,
        host=member.host,
    )


def restored(state: SessionState, person: str) -> Intent | None:
    """Return what comes on again when a person is back in the main call (rule 26).

    None for the audience, and for whoever had nothing on. What a host has blocked meanwhile
    stays off.
    """
    kept = state.rooms.main_media.get(person)
    member = state.members[person]
    if kept is None or not (member.host or state.stage.on_screen(person)):
        return None
    blocked = state.media.of(person).blocked
    back = Intent(
        mic=kept.mic and "mic" not in blocked, camera=kept.camera and "camera" not in blocked
    )
    return back if back.mic or back.camera else None


def move(
    state: SessionState,
    member: Member,
    room: str | None,
    now: datetime,
    *,
    assigned: str | None,
    by: str | None = None,
) -> Moved:
    """Return the one step out of where a member is and into where they go.

    :param by: the host who moves them; None: they go by themselves.
    """
    leaves_main = room is not None and member.host and by is None
    return Moved(
        at=now,
        person=member.id,
        previous=member.room,
        room=room,
        assigned=assigned,
        by=by,
        media=restored(state, member.id) if room is None else None,
        intent=_had_on(state, member) if leaves_main else None,
        chosen=by is None,
        event=state.event,
        occupant=occupant(member),
    )


def _had_on(state: SessionState, member: Member) -> Intent:
    if member.room is None:
        flags = state.media.of(member.id)
        return Intent(mic=flags.mic, camera=flags.camera)
    return state.rooms.main_media.get(member.id, Intent(mic=False, camera=False))


# Evolve


def into_room(state: SessionState, person: str, room: str) -> None:
    """Put somebody present into a room, remembering what they had on in the main call."""
    member, rooms = state.member(person), state.rooms
    if member is None:
        return
    if member.room is None:
        flags = state.media.of(person)
        rooms.main_media[person] = Intent(mic=flags.mic, camera=flags.camera)
        state.media.take_away(person)
    member.room = room
    rooms.in_main.discard(person)


def into_main(state: SessionState, person: str, media: Intent | None) -> None:
    """Put somebody back into the main call, with what comes on again."""
    member = state.member(person)
    state.rooms.main_media.pop(person, None)
    if member is None:
        return
    member.room = None
    if media is not None and (member.host or state.stage.on_screen(person)):
        state.media.put(person, mic=media.mic, camera=media.camera)
