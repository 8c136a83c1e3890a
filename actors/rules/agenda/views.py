"""An agenda as others see it, and as its owner does."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from actors.rules.agenda.availability import is_busy, slot_view
from actors.rules.agenda.state import About, AgendaState, Plan
from actors.rules.base import Person
from actors.rules.meeting.record import Meeting
from actors.rules.policy import Policy
from actors.rules.records import plain
from actors.rules.transactions import States
from actors.rules.zones import Slot


def public(agenda: AgendaState, now: datetime) -> dict[str, Any]:
    """Return the published part: whom the employee looks for, and which slots are free."""
    shown = agenda.published
    return {
        "employee": plain(agenda.party) if agenda.party else None,
        "published": shown,
        "zone": agenda.zone,
        "about": plain(agenda.about if shown else About()),
        "days": _days(agenda, agenda.plans if shown else {}, now),
    }


def own(entity: str, by: Person, states: States, now: datetime) -> dict[str, Any]:
    """Return everything: also the draft, what the organizer allows, and the quota."""
    agenda: AgendaState = states[entity]
    policy: Policy = states[f"event/{by.event}"].policy
    company = states.get(f"company/{by.company}")
    return {
        **public(agenda, now),
        "zone": policy.zone,
        "draft": {
            "about": plain(agenda.draft_about),
            "days": _days(agenda, agenda.draft, now),
        },
        "policy": {
            "initiators": policy.initiators,
            "durations": policy.durations,
            "days": policy.days,
            "hours": policy.hours,
            "day_hours": policy.day_hours,
        },
        "bookable": [_bookable(policy, day, now) for day in policy.days],
        "quota": company.quota.view(by.id) if company else None,
    }


def _days(agenda: AgendaState, plans: Mapping[str, Plan], now: datetime) -> list[dict[str, Any]]:
    taken = agenda.taken()
    return [
        {
            "day": day,
            "duration": plan.minutes,
            "slots": [_slot(slot, agenda, taken, now) for slot in plan.slots()],
        }
        for day, plan in sorted(plans.items())
    ]


def _slot(slot: Slot, agenda: AgendaState, taken: list[Slot], now: datetime) -> dict[str, Any]:
    free = slot.start > now and not is_busy(slot, taken)
    return {**slot_view(slot, agenda.zone), "free": free}


def _bookable(policy: Policy, day: str, now: datetime) -> dict[str, Any]:
    slots = {
        str(minutes): [slot_view(slot, policy.zone) for slot in policy.ahead(day, minutes, now)]
        for minutes in policy.durations
    }
    return {"day": day, "slots": slots}


def meeting_view(agenda: AgendaState, meeting: Meeting, now: datetime) -> dict[str, Any]:
    """Return a meeting as the agenda's owner lists it."""
    slot = meeting.slot if meeting.state == "confirmed" else None
    return {
        **plain(meeting),
        "joinable": meeting.joinable(now) and meeting.state != "completed",
        "overlaps": slot is not None and is_busy(slot, agenda.taken(meeting.id)),
    }
