"""Hosts and bans as the rooms know them: a role belongs to the session, never to a room."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import attrs

from actors.rules.base import SYSTEM, Event, Send
from actors.rules.breakout import places
from actors.rules.breakout.events import Occupant, Settled
from actors.rules.room_model import SettleRoom
from actors.rules.session.state import Plan, SessionState


def hosts(state: SessionState, plan: Plan, removed: Iterable[str] = ()) -> list[str]:
    """Return the ids of all hosts under a plan: the named, and those whom their token names."""
    known = {member.id for member in state.members.values() if member.host}
    return sorted({*plan.hosts, *(known - set(removed))})


def settled(
    state: SessionState,
    now: datetime,
    plan: Plan | None = None,
    banned: Mapping[str, bool] | None = None,
) -> list[Event]:
    """Return what tells the rooms of hosts or bans that are about to change.

    :param plan: the plan that will be; None: as it is.
    :param banned: who must stay out from now on, or (false) no longer.
    """
    before, plan = state.plan, plan or state.plan
    changed = set(before.hosts) ^ set(plan.hosts)
    if not state.rooms.rooms or not (changed or banned):
        return []
    return [
        Settled(
            at=now,
            rooms=list(state.rooms.rooms),
            hosts=hosts(state, plan, changed - set(plan.hosts)),
            people=_people(state, plan, sorted(changed)),
            banned=dict(banned or {}),
        )
    ]


def _people(state: SessionState, plan: Plan, changed: Sequence[str]) -> list[Occupant]:
    members = [state.members[person] for person in changed if person in state.members]
    return [
        attrs.evolve(
            places.occupant(member),
            host=member.id in plan.hosts,
            role="host" if member.id in plan.hosts else member.event_role,
        )
        for member in members
    ]


def _tell_rooms(entity: str, event: Settled) -> Sequence[Send]:
    told = [
        SettleRoom(
            by=SYSTEM,
            session=entity.partition("/")[2],
            room=room,
            hosts=event.hosts,
            people=event.people,
            banned=event.banned,
        )
        for room in event.rooms
    ]
    return [Send(command.entity, command) for command in told]


EFFECTS = {Settled: _tell_rooms}
