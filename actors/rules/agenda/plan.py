"""Drafting and publishing an employee's slots, within the company's quota (rules 38, 39)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from actors.errors import Refused
from actors.rules import quota as book
from actors.rules.agenda import commands as ask
from actors.rules.agenda import views
from actors.rules.agenda.events import Drafted, Published
from actors.rules.agenda.state import About, AgendaState, Plan
from actors.rules.base import Command, Event, Person
from actors.rules.meeting.record import Party
from actors.rules.policy import Policy
from actors.rules.quota import Quota
from actors.rules.records import iso
from actors.rules.text import MESSAGE_LIMIT, NAME_LIMIT, invalid
from actors.rules.transactions import Decision, States, Transaction
from actors.rules.zones import local_day

MAX_LISTED = 30
"""Languages or topics one employee may list."""


class Planning(Transaction):
    """Holds the agenda and the company's book of slots."""

    def first(self, command: Command) -> Sequence[str]:
        """Hold the agenda and the company."""
        by = command.by
        if by.role != "employee" or not by.company:
            raise Refused("forbidden", "Only employees of a company offer 1-1 chats.")
        return (command.entity, _company(by))

    def reads(self, command: Command) -> Sequence[str]:
        """Look at the event's policy."""
        return (f"event/{command.by.event}",)

    def decide(self, command: Command, states: States, now: datetime) -> Decision:
        """Decide the draft or the publication together with the quota."""
        policy: Policy = states[f"event/{command.by.event}"].policy
        quota: Quota = states[_company(command.by)].quota
        agenda: AgendaState = states[command.entity]
        if isinstance(command, ask.Draft):
            events, slots = _draft(command, agenda, policy, now)
        else:
            events, slots = _publish(command, agenda, policy, now)
        taken = book.take(quota, command.by.id, slots, now)
        return {command.entity: events, _company(command.by): taken}

    def answer(
        self, command: Command, states: States, decision: Decision, now: datetime
    ) -> dict[str, Any]:
        """Return the agenda as its owner sees it."""
        del decision
        return views.own(command.entity, command.by, states, now)


class Looking(Transaction):
    """An agenda as anybody, or its owner, sees it; holds nothing."""

    def first(self, command: Command) -> Sequence[str]:
        """Hold nothing."""
        del command
        return ()

    def reads(self, command: Command) -> Sequence[str]:
        """Look at the agenda; its owner also sees policy and quota."""
        by = command.by
        owner = command.entity == f"agenda/{by.event}.{by.id}" and by.company
        return (command.entity, f"event/{by.event}", *([_company(by)] if owner else []))

    def decide(self, command: Command, states: States, now: datetime) -> Decision:
        """Change nothing."""
        del command, states, now
        return {}

    def answer(
        self, command: Command, states: States, decision: Decision, now: datetime
    ) -> dict[str, Any]:
        """Return what this asker may see."""
        del decision
        by = command.by
        if by.is_organizer or command.entity == f"agenda/{by.event}.{by.id}":
            return views.own(command.entity, by, states, now)
        return views.public(states[command.entity], now)


def _company(by: Person) -> str:
    return f"company/{by.company}"


def _draft(
    command: ask.Draft, agenda: AgendaState, policy: Policy, now: datetime
) -> tuple[list[Event], int]:
    if command.day not in policy.days:
        raise invalid("day", "The event is not on that day.")
    if command.duration not in policy.durations:
        allowed = ", ".join(str(minutes) for minutes in policy.durations) or "none"
        raise invalid("duration", f"The organizer allows these durations: {allowed}.")
    _check_about(command.about)
    plan = Plan(minutes=command.duration, starts=_starts(command, agenda, policy, now))
    _keep_booked(agenda, command.day, plan, policy.zone)
    draft = {**agenda.draft, command.day: plan}
    drafted = Drafted(
        at=now,
        event=command.by.event,
        owner=command.by.id,
        party=Party.of(command.by),
        zone=policy.zone,
        day=command.day,
        minutes=plan.minutes,
        starts=plan.starts,
        about=command.about,
    )
    return [drafted], _count(agenda.plans, draft)


def _starts(
    command: ask.Draft, agenda: AgendaState, policy: Policy, now: datetime
) -> list[datetime]:
    bookable = {slot.start for slot in policy.bookable(command.day, command.duration)}
    kept = _offered(command, agenda)
    eligible = {start for start in bookable if start > now or start in kept}
    if command.slots == "all":
        return sorted(eligible)
    unknown = set(command.slots) - eligible
    if unknown:
        raise invalid("slots", f"{iso(min(unknown))} is not a bookable slot of that day.")
    return sorted(set(command.slots))


def _offered(command: ask.Draft, agenda: AgendaState) -> set[datetime]:
    """Return what was offered in time: it may stay once it has begun, as the rest is changed."""
    plans = [plans[command.day] for plans in (agenda.plans, agenda.draft) if command.day in plans]
    return {start for plan in plans if plan.minutes == command.duration for start in plan.starts}


def _keep_booked(agenda: AgendaState, day: str, plan: Plan, zone: str) -> None:
    # A slot somebody has confirmed stays; otherwise the quota would count it no more.
    dropped = set(agenda.offered()) - set(plan.slots())
    for meeting in agenda.booked():
        slot = meeting.slot
        if slot in dropped and local_day(slot.start, zone) == day:
            raise Refused(
                "conflict",
                "A slot with a confirmed 1-1 chat cannot be taken out; move or cancel it first.",
                id=meeting.id,
                start=iso(slot.start),
            )


def _publish(
    command: Command, agenda: AgendaState, policy: Policy, now: datetime
) -> tuple[list[Event], int]:
    slots = sum(len(plan.starts) for plan in agenda.draft.values())
    if not slots and not agenda.published:
        raise Refused("wrong_state", "Select at least one slot first.")
    for day, plan in agenda.draft.items():
        if agenda.plans.get(day) == plan:
            continue
        bookable = {slot.start for slot in policy.bookable(day, plan.minutes)}
        if not bookable.issuperset(plan.starts):
            raise Refused(
                "wrong_state",
                f"The organizer has changed what is bookable on {day}; select its slots again.",
                day=day,
            )
        # Somebody may have picked an offered slot since the draft left it out.
        _keep_booked(agenda, day, plan, policy.zone)
    published = Published(
        at=now, event=command.by.event, owner=command.by.id, party=Party.of(command.by)
    )
    return [published], slots


def _count(plans: dict[str, Plan], draft: dict[str, Plan]) -> int:
    """Count what is reserved: until the publication, the larger of what is and what will be."""
    return sum(
        max(len(each[day].starts) if day in each else 0 for each in (plans, draft))
        for day in {*plans, *draft}
    )


def _check_about(about: About | None) -> None:
    if about is None:
        return
    for name in ("background", "experience", "question"):
        if len(getattr(about, name)) > MESSAGE_LIMIT:
            raise invalid(f"about.{name}", f"At most {MESSAGE_LIMIT} characters.")
    for name in ("languages", "topics"):
        listed = getattr(about, name)
        if len(listed) > MAX_LISTED or any(len(item) > NAME_LIMIT for item in listed):
            raise invalid(f"about.{name}", f"At most {MAX_LISTED}, each up to {NAME_LIMIT} long.")


TRANSACTIONS: dict[type[Command], Transaction] = {
    ask.Draft: Planning(),
    ask.Publish: Planning(),
    ask.Get: Looking(),
}
