"""Which times are free, over two agendas (rules 41, 42, 43)."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from actors.errors import Refused
from actors.rules.agenda.state import AgendaState
from actors.rules.records import iso
from actors.rules.zones import Slot, local

SHOWN = 500
"""Free slots named in one answer at most."""


def slot_view(slot: Slot, zone: str) -> dict[str, str]:
    """Return a slot as clients receive it, with the event's wall clock beside the instants."""
    start, end, wall = _spelled(slot, zone)
    return {"start": start, "end": end, "local": wall}


@lru_cache(maxsize=4096)
def _spelled(slot: Slot, zone: str) -> tuple[str, str, str]:
    # An event has a few hundred slots, and everybody's agenda spells them all.
    return iso(slot.start), iso(slot.end), local(slot.start, zone)


def is_busy(slot: Slot, taken: Sequence[Slot]) -> bool:
    """Whether a time meets any of those already taken."""
    return any(slot.overlaps(other) for other in taken)


def free_slots(
    employee: AgendaState, participant: AgendaState, now: datetime, without: str = ""
) -> list[Slot]:
    """Return the employee's published slots, still to come, in which both are free.

    :param without: a meeting of the two that is about to give up its slot.
    """
    taken = employee.taken(without) + participant.taken(without)
    offered = (slot for slot in employee.offered() if slot.start > now)
    return [slot for slot in offered if not is_busy(slot, taken)]


def offered_slot(employee: AgendaState, start: datetime, now: datetime) -> Slot:
    """Return the published slot that begins at an instant.

    :raises Refused: ``not_found``, none does; ``wrong_state``, it has begun.
    """
    slot = next((slot for slot in employee.offered() if slot.start == start), None)
    if slot is None:
        raise Refused("not_found", "That is not a slot of this agenda.", path="slot")
    if slot.start <= now:
        raise Refused("wrong_state", "That slot has begun already.", start=iso(slot.start))
    return slot


def check_employee(
    slot: Slot,
    employee: AgendaState,
    participant: AgendaState,
    now: datetime,
    without: str = "",
) -> None:
    """Check that the employee can still give a slot.

    :raises Refused: ``slot_taken``, with the ``slots`` that are still free for both.
    """
    if is_busy(slot, employee.taken(without)):
        free = free_slots(employee, participant, now, without)[:SHOWN]
        raise Refused(
            "slot_taken",
            "Somebody else was faster: that slot is taken.",
            slots=[slot_view(other, employee.zone) for other in free],
        )


def check_person(slot: Slot, agenda: AgendaState, without: str = "") -> None:
    """Check that somebody has nothing else at a time.

    :raises Refused: ``conflict``, with ``person``.
    """
    if is_busy(slot, agenda.taken(without)):
        name = agenda.party.name if agenda.party else "The other side"
        raise Refused(
            "conflict", f"{name} has another appointment at that time.", person=agenda.owner
        )
