"""Backstage, start, hostless, end (rules 4, 7, 8)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import attrs

from actors.errors import Refused
from actors.rules.base import SYSTEM, Command, Event, Send, command
from actors.rules.breakout.timing import close_with_session
from actors.rules.parts import earliest
from actors.rules.session.events import BackstageOpened, Ended, Hostless, Resumed, Started
from actors.rules.session.guards import OfSession, moderator
from actors.rules.session.state import RUNNING, SessionState
from actors.rules.session.told import facts, out_of_agendas, seat, tell_state


@command("session.start")
@attrs.frozen(kw_only=True)
class Start(OfSession):
    """Go live; a host does it, from backstage."""


@command("session.end")
@attrs.frozen(kw_only=True)
class End(OfSession):
    """End the session for everybody; the client has asked the host to confirm."""


def _start(state: SessionState, command: Start, now: datetime) -> Sequence[Event]:
    by = command.by
    moderator(state, by)
    if state.status in RUNNING:
        return ()
    if state.status != "backstage":
        raise Refused("wrong_state", f"The session is {state.status}.", state=state.status)
    member = state.member(by.id)
    if member is None or not member.host:
        raise Refused("wrong_state", "A host starts the session, from inside.")
    return [Started(at=now, by=by.id, facts=facts(state, "live"))]


def _end(state: SessionState, command: End, now: datetime) -> Sequence[Event]:
    moderator(state, command.by)
    if state.status == "ended":
        return ()
    if state.status not in {*RUNNING, "backstage"}:
        raise Refused("wrong_state", f"The session is {state.status}.", state=state.status)
    return [*close_with_session(state, now), ended(state, "host", command.by.id, now)]


def ended(state: SessionState, reason: str, by: str, now: datetime) -> Ended:
    """Return the end of a session."""
    return Ended(
        at=now,
        reason=reason,
        by=by,
        facts=facts(state, "ended"),
        people=list(state.here),
        waiting=list(state.waiting),
    )


# Evolve


def _on_backstage(state: SessionState, event: BackstageOpened) -> None:
    del event
    state.status = "backstage"


def _on_started(state: SessionState, event: Started) -> None:
    state.status, state.started_at = "live", event.at
    state.watch_hosts(event.at)


def _on_hostless(state: SessionState, event: Hostless) -> None:
    state.status, state.hostless_until = "hostless", event.until


def _on_resumed(state: SessionState, event: Resumed) -> None:
    state.status, state.hostless_until = "live", None
    state.watch_hosts(event.at)


def _on_ended(state: SessionState, event: Ended) -> None:
    state.status, state.ended_at, state.end_reason = "ended", event.at, event.reason
    state.hostless_until = None
    for person in event.people:
        state.leave(person, event.at, "ended")
    state.stage.requests.clear()
    state.stage.invites.clear()
    state.stage.seats.clear()
    state.waiting.clear()


# Time


def due(state: SessionState) -> datetime | None:
    """Return the next turn of the session's life."""
    match state.status:
        case "scheduled":
            return earliest((state.backstage_at, state.end))
        case "backstage":
            return state.end
        case "live":
            return state.hosts_gone_at
        case "hostless":
            return state.hostless_until
    return None


def tick(state: SessionState, now: datetime) -> Sequence[Event]:
    """Open the doors, notice that no host is left, or end what has no host."""
    at = due(state)
    if at is None or now < at:
        return ()
    match state.status:
        case "scheduled" | "backstage" if now >= state.end:
            return [ended(state, "not_started", SYSTEM.id, now)]
        case "scheduled":
            return [BackstageOpened(at=now, facts=facts(state, "backstage"))]
        case "live":
            until = now + timedelta(minutes=state.plan.hostless_minutes)
            return [Hostless(at=now, until=until, facts=facts(state, "hostless"))]
    return [ended(state, "hostless", SYSTEM.id, now)]


# Effects


def _ended_effects(entity: str, event: Ended) -> Sequence[Send]:
    """Tell the event; whoever still waited for a seat waits no longer (rule 2)."""
    told = event.facts
    return [
        *tell_state(entity, event),
        *(seat(told.event, told.id, person, None) for person in event.waiting),
        *out_of_agendas(told.event, told.id, event.waiting),
    ]


DECIDE: dict[type[Command], Any] = {Start: _start, End: _end}
EVOLVE: dict[type[Event], Any] = {
    BackstageOpened: _on_backstage,
    Started: _on_started,
    Hostless: _on_hostless,
    Resumed: _on_resumed,
    Ended: _on_ended,
}
EFFECTS: dict[type[Event], Any] = {
    **dict.fromkeys((BackstageOpened, Started), tell_state),
    Ended: _ended_effects,
}
