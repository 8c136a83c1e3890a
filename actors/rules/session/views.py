"""How a session looks to somebody: its plan and state, and their own place in it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import attrs

from actors.errors import Refused
from actors.rules.base import Command, Event, Person, command
from actors.rules.breakout.views import breakout_view
from actors.rules.chat import chat_view
from actors.rules.media import media_view
from actors.rules.records import iso
from actors.rules.session import planning, presence, registration, running
from actors.rules.session.guards import OfSession, known
from actors.rules.session.moderation import bans_view
from actors.rules.session.people import people_view
from actors.rules.session.planning import plan_view
from actors.rules.session.presence import may_join
from actors.rules.session.qa import qa_view
from actors.rules.session.stage_changes import place_view, stage_view
from actors.rules.session.state import SessionState


@command("session.get")
@attrs.frozen(kw_only=True)
class Get(OfSession):
    """Look at a session without entering it."""


def session_view(state: SessionState) -> dict[str, Any]:
    """Return a session as everybody of its event may see it."""
    limited = state.plan.capacity is not None
    return {
        "id": state.id,
        "event": state.event,
        **plan_view(state.plan),
        "state": state.status,
        "registered": len(state.registered),
        "waiting": len(state.waiting),
        "present": state.present,
        "backstage_at": iso(state.backstage_at),
        "doors_at": iso(state.doors_at),
        "released_at": iso(state.released_at) if limited else None,
        "started_at": _at(state.started_at),
        "ended_at": _at(state.ended_at),
        "end_reason": state.end_reason,
        "hostless_until": _at(state.hostless_until),
    }


def _at(instant: datetime | None) -> str | None:
    return None if instant is None else iso(instant)


def me_view(state: SessionState, by: Person, now: datetime) -> dict[str, Any]:
    """Return somebody's own place in a session."""
    member = state.member(by.id)
    waiting = list(state.waiting).index(by.id) + 1 if by.id in state.waiting else None
    return {
        "id": by.id,
        "role": state.role_of(by),
        "host": state.is_host(by),
        "moderator": state.moderates(by),
        "present": member is not None,
        "room": None if member is None else member.room,
        "registered": by.id in state.registered,
        "waiting": waiting,
        "banned": by.id in state.bans,
        "may_join": _may_join(state, by, now),
        "stage": place_view(state, by.id),
    }


def _may_join(state: SessionState, by: Person, now: datetime) -> bool:
    try:
        may_join(state, by, now)
    except Refused:
        return state.member(by.id) is not None
    return True


def snapshot(state: SessionState, person: Person, now: datetime) -> dict[str, Any]:
    """Return what a new follower of the session's topic needs."""
    return {
        "session": session_view(state),
        "me": me_view(state, person, now),
        "people": people_view(state),
        "stage": stage_view(state),
        "media": media_view(state.media, _seen(state)),
        "chat": chat_view(state, person),
        "qa": qa_view(state, person),
        "breakout": breakout_view(state, person),
        "bans": bans_view(state, person),
    }


def _seen(state: SessionState) -> list[str]:
    """Return whose media flags matter: whoever is here and has any."""
    return [person for person in state.media.people if state.member(person) is not None]


def _get(state: SessionState, command: Get, now: datetime) -> Sequence[Event]:
    del now
    known(state, command.by)
    return ()


def _answer(
    state: SessionState, command: Command, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events
    return {"session": session_view(state), "me": me_view(state, command.by, now)}


def _answer_me(
    state: SessionState, command: Command, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events
    return {"me": me_view(state, command.by, now)}


DECIDE: dict[type[Command], Any] = {Get: _get}
ANSWER: dict[type[Command], Any] = {
    **dict.fromkeys(
        (
            Get,
            planning.Create,
            planning.Change,
            planning.Cancel,
            registration.Register,
            registration.Unregister,
            running.Start,
            running.End,
        ),
        _answer,
    ),
    presence.Join: _answer_me,
    presence.Leave: _answer_me,
}
