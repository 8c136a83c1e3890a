"""Creating, changing and cancelling a session (rules 1 to 3)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

import attrs

from actors.errors import Refused
from actors.rules.base import Command, Event, Send, command
from actors.rules.breakout.rights import settled
from actors.rules.checks import entity_id
from actors.rules.records import iso
from actors.rules.session.events import Cancelled, Created, PlanChanged, Resumed, Standing
from actors.rules.session.guards import OfSession, moderator, planner
from actors.rules.session.registration import give_back, promote
from actors.rules.session.stage_model import STAGE_CAP
from actors.rules.session.state import CLOSED, GRACE, HOSTLESS_MINUTES, Plan, SessionState
from actors.rules.session.told import (
    facts,
    into_agendas,
    notify,
    out_of_agendas,
    tell_plan,
    tell_state,
)
from actors.rules.text import ID_LIMIT, MESSAGE_LIMIT, NAME_LIMIT, between, invalid, one_of, up_to

KINDS = ("workshop", "company_presentation", "coffee_chat")
"""What a session can be (rule 1)."""

MINUTES = (15, 240)
"""The shortest and the longest planned session (rule 1)."""

CAPACITY_LIMIT = 100_000
"""Seats a limited session may have."""

HOSTS_LIMIT = 50
"""Hosts a session may name."""

DESCRIPTION_LIMIT = 4000
"""Characters of a description."""


def _optional(validator: Any) -> Any:
    return attrs.field(default=None, validator=validator)


@command("session.create")
@attrs.frozen(kw_only=True)
class Create(OfSession):
    """Plan a session, or plan it anew: what does not differ stays as it is.

    :param capacity: seats for others than hosts; absent: open to everyone.
    :param grace: seconds a drop keeps presence.
    """

    session: str = attrs.field(validator=entity_id())
    event: str = attrs.field(validator=entity_id())
    title: str = attrs.field(validator=up_to(NAME_LIMIT))
    kind: str = attrs.field(validator=one_of(KINDS))
    start: datetime
    minutes: int = attrs.field(validator=between(*MINUTES))
    company: str | None = _optional(up_to(ID_LIMIT))
    description: str = attrs.field(default="", validator=up_to(DESCRIPTION_LIMIT, empty=True))
    capacity: int | None = _optional(between(1, CAPACITY_LIMIT))
    hosts: list[str] = attrs.field(factory=list)
    stage_cap: int = attrs.field(default=STAGE_CAP, validator=between(1, 100))
    anonymous_questions: bool = False
    grace: int = attrs.field(default=GRACE, validator=between(1, 300))
    hostless_minutes: int = attrs.field(default=HOSTLESS_MINUTES, validator=between(1, 60))

    @property
    def plan(self) -> Plan:
        """The plan that is asked for."""
        names = [field.name for field in attrs.fields(Plan)]
        return Plan(**{name: getattr(self, name) for name in names})


@command("session.change")
@attrs.frozen(kw_only=True)
class Change(OfSession):
    """Change a session's plan; what is absent stays.

    :param capacity: 0 opens a limited session to everyone.
    """

    title: str | None = _optional(up_to(NAME_LIMIT))
    kind: str | None = _optional(one_of(KINDS))
    start: datetime | None = None
    minutes: int | None = _optional(between(*MINUTES))
    company: str | None = _optional(up_to(ID_LIMIT, empty=True))
    description: str | None = _optional(up_to(DESCRIPTION_LIMIT, empty=True))
    capacity: int | None = _optional(between(0, CAPACITY_LIMIT))
    hosts: list[str] | None = None
    stage_cap: int | None = _optional(between(1, 100))
    anonymous_questions: bool | None = None
    grace: int | None = _optional(between(1, 300))
    hostless_minutes: int | None = _optional(between(1, 60))

    LOOSE: ClassVar[frozenset[str]] = frozenset({"stage_cap", "anonymous_questions"})
    """What a host may change too."""

    @property
    def changes(self) -> dict[str, Any]:
        """The members that are given, as a plan holds them."""
        names = [field.name for field in attrs.fields(Plan)]
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        if given.get("capacity") == 0:
            given["capacity"] = None
        if given.get("company") == "":
            given["company"] = None
        return given


@command("session.cancel")
@attrs.frozen(kw_only=True)
class Cancel(OfSession):
    """Call a session off that has not started."""

    message: str = attrs.field(default="", validator=up_to(MESSAGE_LIMIT, empty=True))


def plan_view(plan: Plan) -> dict[str, Any]:
    """Return a plan as clients see it."""
    return {
        "title": plan.title,
        "kind": plan.kind,
        "company": plan.company,
        "description": plan.description,
        "start": iso(plan.start),
        "end": iso(_end(plan)),
        "capacity": plan.capacity,
        "hosts": plan.hosts,
        "stage_cap": plan.stage_cap,
        "anonymous_questions": plan.anonymous_questions,
        "grace": plan.grace,
        "hostless_minutes": plan.hostless_minutes,
    }


def _end(plan: Plan) -> datetime:
    return plan.start + timedelta(minutes=plan.minutes)


def _create(state: SessionState, command: Create, now: datetime) -> Sequence[Event]:
    planner(state, command.by)
    if command.by.is_organizer and not command.by.is_system and command.by.event != command.event:
        raise Refused("forbidden", "You organize another event.")
    plan = _checked(command.plan)
    if state.exists:
        if command.event != state.event:
            raise Refused("conflict", "Another event has a session of this id.")
        return _changed(state, plan, now)
    shown = attrs.evolve(facts(state, "scheduled", plan), event=command.event)
    return [Created(at=now, facts=shown, plan=plan)]


def _checked(plan: Plan) -> Plan:
    if len(plan.hosts) > HOSTS_LIMIT:
        raise invalid("hosts", f"A session has at most {HOSTS_LIMIT} named hosts.")
    for host in plan.hosts:
        if not 0 < len(host) <= ID_LIMIT:
            raise invalid("hosts", "hosts are ids of people.")
    if plan.start.tzinfo is None:
        raise invalid("start", "start needs an offset from UTC, such as Z.")
    return attrs.evolve(plan, hosts=sorted(set(plan.hosts)))


def _change(state: SessionState, command: Change, now: datetime) -> Sequence[Event]:
    changes = command.changes
    if changes.keys() <= command.LOOSE:
        moderator(state, command.by)
    else:
        planner(state, command.by)
    if not state.exists:
        raise Refused("not_found", "There is no such session.")
    return _changed(state, _checked(attrs.evolve(state.plan, **changes)), now)


def _changed(state: SessionState, plan: Plan, now: datetime) -> Sequence[Event]:
    before = state.plan
    if plan == before:
        return ()
    if state.status in CLOSED:
        raise Refused("wrong_state", f"The session is {state.status}.")
    moved = (plan.start, plan.minutes) != (before.start, before.minutes)
    added = [host for host in plan.hosts if host not in before.hosts]
    removed = [host for host in before.hosts if host not in plan.hosts]
    if plan.start != before.start and state.status not in {"scheduled", "backstage"}:
        raise Refused("wrong_state", "A session that has started cannot be moved.")
    inside = _seated(state, plan, added, removed)
    change = PlanChanged(
        at=now,
        session=plan_view(plan),
        facts=facts(state, state.status, plan),
        plan=plan,
        booked=[person for person in state.registered if person not in added],
        waiting=[person for person in state.waiting if person not in added],
        added=added,
        removed=removed,
        moved=moved,
        occupied=None if plan.capacity is None else _occupied(state, inside),
        inside=inside,
    )
    # Hosts need no seat (rule 2). First, or it would take the session out of their agenda again.
    events = [*give_back(state, added, now), change, *promote(state, plan, now, added)]
    events += settled(state, now, plan)
    back = [host for host in added if state.member(host) is not None]
    if state.status == "hostless" and back:
        events.append(Resumed(at=now, by=back[0], facts=facts(state, "live", plan)))
    return events


def _seated(
    state: SessionState, plan: Plan, added: Sequence[str], removed: Sequence[str]
) -> dict[str, bool]:
    """Return who inside has, or no longer has, a seat of a limited session by a new plan."""
    if plan.capacity is None:
        return {}
    counted = [*added, *removed] if state.plan.capacity is not None else list(state.members)
    here = [member for person in counted if (member := state.member(person)) is not None]
    return {
        member.id: member.id not in added
        and (member.seated or (member.id in removed and member.event_role != "organizer"))
        for member in here
    }


def _occupied(state: SessionState, inside: dict[str, bool]) -> int:
    return state.guests + sum(
        seated - state.members[person].seated for person, seated in inside.items()
    )


def _cancel(state: SessionState, command: Cancel, now: datetime) -> Sequence[Event]:
    planner(state, command.by)
    if not state.exists:
        raise Refused("not_found", "There is no such session.")
    if state.status == "cancelled":
        return ()
    if state.status not in {"scheduled", "backstage"}:
        raise Refused("wrong_state", "A session that has started can only be ended.")
    return [
        Cancelled(
            at=now,
            by=command.by.id,
            message=command.message,
            facts=facts(state, "cancelled"),
            people=list(state.here),
            booked=[*state.registered, *state.waiting],
            hosts=state.plan.hosts,
        )
    ]


# Evolve


def _on_created(state: SessionState, event: Created) -> None:
    state.event, state.plan, state.status = event.facts.event, event.plan, "scheduled"


def _on_changed(state: SessionState, event: PlanChanged) -> None:
    before, state.plan = state.plan, event.plan
    if event.plan.start != before.start:
        state.released = False
        if state.status == "backstage" and not state.present and event.at < state.backstage_at:
            state.status = "scheduled"
    for host in (*event.added, *event.removed):
        member = state.members.get(host)
        if member is not None:
            state.appoint(member, event.at, host=host in event.plan.hosts)


def _on_cancelled(state: SessionState, event: Cancelled) -> None:
    state.status, state.ended_at = "cancelled", event.at
    for person in event.people:
        state.leave(person, event.at, "cancelled")
    state.registered.clear()
    state.waiting.clear()


# Effects


def _what(event: Standing) -> tuple[str, str, datetime, datetime]:
    told = event.facts
    return (told.title, told.kind, told.start, told.end)


def _created_effects(entity: str, event: Created) -> Sequence[Send]:
    told = event.facts
    hosts = [(host, "host") for host in told.hosts]
    return [
        tell_plan(told),
        *tell_state(entity, event),
        *into_agendas(told.event, told.id, hosts, _what(event)),
    ]


def _changed_effects(entity: str, event: PlanChanged) -> Sequence[Send]:
    del entity
    told = event.facts
    people = [
        *((person, "registered") for person in event.booked),
        *((person, "waiting") for person in event.waiting),
        *((person, "host") for person in told.hosts),
    ]
    sends = [
        tell_plan(told, event.occupied, event.inside),
        *into_agendas(told.event, told.id, people, _what(event)),
    ]
    sends += out_of_agendas(told.event, told.id, event.removed)
    if event.moved:
        data = {"session": told.id, "title": told.title, "start": iso(told.start)}
        everybody = dict.fromkeys(person for person, _role in people)
        sends += notify(told.event, everybody, "session.moved", data)
    return sends


def _cancelled_effects(entity: str, event: Cancelled) -> Sequence[Send]:
    told = event.facts
    people = list(dict.fromkeys((*event.booked, *event.hosts)))
    data = {"session": told.id, "title": told.title, "message": event.message}
    return [
        *tell_state(entity, event),
        *out_of_agendas(told.event, told.id, people, cancelled=True),
        *notify(told.event, people, "session.cancelled", data),
    ]


DECIDE: dict[type[Command], Any] = {Create: _create, Change: _change, Cancel: _cancel}
EVOLVE: dict[type[Event], Any] = {
    Created: _on_created,
    PlanChanged: _on_changed,
    Cancelled: _on_cancelled,
}
EFFECTS: dict[type[Event], Any] = {
    Created: _created_effects,
    PlanChanged: _changed_effects,
    Cancelled: _cancelled_effects,
}
