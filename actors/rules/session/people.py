"""Who is in the session: the list, search and pages, and telling of changes (rules 19, 28)."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Any

import attrs

from actors.errors import Refused
from actors.rules.base import Command, Event, command
from actors.rules.order import Key
from actors.rules.session.events import PeopleChanged
from actors.rules.session.guards import OfSession, known
from actors.rules.session.state import CLOSED, REST, Member, Pulse, SessionState
from actors.rules.text import ID_LIMIT, NAME_LIMIT, between, invalid, up_to

LISTED = 500
"""People above which a snapshot holds counts instead of everybody."""

PAGE = 100
"""People in a page when the client names no limit."""

PAGE_LIMIT = 500
"""People in one page at most."""

TOLD_EVERY = timedelta(milliseconds=500)
"""The topic is told of joins and leaves at most this often."""

CURSOR_LIMIT = 2000
"""Characters of a cursor."""


@command("people.list")
@attrs.frozen(kw_only=True)
class ListPeople(OfSession):
    """List who is present: hosts, then on screen, then the rest, by name.

    :param room: a breakout room, or ``main``; absent: everybody the asker may see.
    :param query: part of a name.
    :param after: the last answer's ``next``.
    """

    room: str | None = attrs.field(default=None, validator=up_to(ID_LIMIT))
    query: str | None = attrs.field(default=None, validator=up_to(NAME_LIMIT))
    after: str | None = attrs.field(default=None, validator=up_to(CURSOR_LIMIT))
    limit: int = attrs.field(default=PAGE, validator=between(1, PAGE_LIMIT))


def person_view(state: SessionState, member: Member) -> dict[str, Any]:
    """Return somebody present as the others see them."""
    return {
        "id": member.id,
        "name": member.name,
        "role": member.role,
        "company": member.company,
        "host": member.host,
        "on_screen": state.stage.on_screen(member.id),
        "room": member.room,
    }


def counts(state: SessionState) -> dict[str, int]:
    """Return how many are present, host, and are on screen."""
    on_screen = sum(seat.state == "on_screen" for seat in state.stage.seats.values())
    return {"present": state.present, "hosts": state.present_hosts, "on_screen": on_screen}


def people_view(state: SessionState) -> dict[str, Any]:
    """Return the people's share of a snapshot: everybody, or hosts and stage of a large crowd."""
    complete = state.present <= LISTED
    members = _members(state, None)
    if not complete:
        members = takewhile(lambda found: found[0][0] < REST, members)
    found = [person_view(state, member) for _key, member in islice(members, LISTED)]
    return {
        "people": found,
        "complete": complete,
        "counts": counts(state),
        "revision": state.pulse.revision,
        "next": None,
    }


def _members(state: SessionState, after: Key | None) -> Iterator[tuple[Key, Member]]:
    return ((key, state.members[key[2]]) for key in state.here.after(after))


def _list(state: SessionState, command: ListPeople, now: datetime) -> Sequence[Event]:
    del now
    by = command.by
    known(state, by)
    _cursor(command.after)
    if state.moderates(by):
        return ()
    member = state.member(by.id)
    if member is None:
        raise Refused("wrong_state", "Enter the session first.", state=state.status)
    if command.room not in {None, "main", member.room}:
        raise Refused("not_your_room", "People of other rooms are shown to hosts only.")
    return ()


def _cursor(after: str | None) -> Key | None:
    if after is None:
        return None
    try:
        group, name, id_ = json.loads(after)
    except (ValueError, TypeError) as error:
        raise invalid("after", "after is the next of an earlier answer.") from error
    if type(group) is not int or type(name) is not str or type(id_) is not str:
        raise invalid("after", "after is the next of an earlier answer.")
    return (group, name, id_)


def _answer(
    state: SessionState, command: ListPeople, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events, now
    seen = _seen_rooms(state, command)
    query = (command.query or "").casefold()
    page: list[dict[str, Any]] = []
    last: Key | None = None
    more = False
    for key, member in _members(state, _cursor(command.after)):
        if query not in member.name.casefold() or (seen is not None and member.room not in seen):
            continue
        if len(page) == command.limit:
            more = True
            break
        page.append(person_view(state, member))
        last = key
    return {
        "people": page,
        "counts": counts(state),
        "complete": not more and command.after is None,
        "revision": state.pulse.revision,
        "next": json.dumps(last) if more else None,
    }


def _seen_rooms(state: SessionState, command: ListPeople) -> set[str | None] | None:
    """Return the rooms to list, None in it being the main call; None for all of them."""
    if command.room is not None:
        return {None if command.room == "main" else command.room}
    if state.moderates(command.by):
        return None
    member = state.members[command.by.id]
    # In the main call everybody is listed, with the room they are in.
    return None if member.room is None else {None, member.room}


# Telling


def due(state: SessionState) -> datetime | None:
    """Return when untold joins and leaves may be told."""
    pulse = state.pulse
    if pulse.since is None or state.status in CLOSED:
        return None
    return pulse.since if pulse.sent_at is None else max(pulse.since, pulse.sent_at + TOLD_EVERY)


def tick(state: SessionState, now: datetime) -> Sequence[Event]:
    """Tell of everybody who came and went since the last time."""
    at = due(state)
    if at is None or now < at:
        return ()
    pulse = state.pulse
    complete = state.present <= LISTED
    joined = [state.member(person) for person in sorted(pulse.joined)] if complete else []
    return [
        PeopleChanged(
            at=now,
            revision=pulse.revision + 1,
            counts=counts(state),
            complete=complete,
            joined=[person_view(state, member) for member in joined if member is not None],
            left=sorted(pulse.left) if complete else [],
        )
    ]


def _on_people_changed(state: SessionState, event: PeopleChanged) -> None:
    state.pulse = Pulse(revision=event.revision, sent_at=event.at)


DECIDE: dict[type[Command], Any] = {ListPeople: _list}
ANSWER: dict[type[Command], Any] = {ListPeople: _answer}
EVOLVE: dict[type[Event], Any] = {PeopleChanged: _on_people_changed}
