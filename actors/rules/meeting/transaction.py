"""A meeting's steps as transactions over the meeting and the agendas of everybody concerned."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from actors.errors import Refused
from actors.rules.agenda.availability import SHOWN, free_slots, slot_view
from actors.rules.agenda.state import AgendaState
from actors.rules.base import Command, Event
from actors.rules.meeting.commands import Approve, Reassign, Slots
from actors.rules.meeting.events import Changed
from actors.rules.meeting.record import OPEN, Meeting
from actors.rules.meeting.request import tracked
from actors.rules.meeting.steps import STEPS, Desk
from actors.rules.records import plain
from actors.rules.transactions import Decision, States, Transaction


class OverMeeting(Transaction):
    """Holds a meeting, and then the agendas it names."""

    def first(self, command: Command) -> Sequence[str]:
        """Hold the meeting."""
        return (command.entity,)

    def more(self, command: Command, states: States) -> Sequence[str]:
        """Hold both agendas, and a colleague's."""
        meeting = _meeting(command, states)
        colleague = _colleague(command, meeting)
        return (*meeting.agendas, *([colleague] if colleague else []))


class Stepping(OverMeeting):
    """One step of a meeting, entered in the agendas of everybody concerned."""

    def decide(self, command: Command, states: States, now: datetime) -> Decision:
        """Decide the step, and say what each agenda keeps of it."""
        before = _meeting(command, states)
        desk = _desk(command, states, now)
        event = STEPS[type(command)](desk, command)
        decision: dict[str, Sequence[Event]] = {command.entity: [event]}
        for person in _concerned(before, event.meeting):
            notice = "" if person == command.by.id else event.type
            entry = tracked(event.meeting, person, now, notice)
            decision[before.agenda(person)] = [entry]
        return decision

    def answer(
        self, command: Command, states: States, decision: Decision, now: datetime
    ) -> dict[str, Any]:
        """Return the meeting as it now is, and for an approval the free slots."""
        (event,) = decision[command.entity]
        assert isinstance(event, Changed)  # noqa: S101  decided above
        result = {"meeting": plain(event.meeting)}
        if isinstance(command, Approve):
            result |= _slots(event.meeting, states, now)
        return result


class Listing(OverMeeting):
    """The free slots of a meeting: a look at both agendas at the same instant."""

    def decide(self, command: Command, states: States, now: datetime) -> Decision:
        """Check who asks; nothing changes."""
        del now
        meeting = _meeting(command, states)
        if not meeting.is_party(command.by.id) and not command.by.is_organizer:
            raise Refused("forbidden", "A 1-1 chat is for its two people only.")
        if meeting.state not in OPEN:
            raise Refused("wrong_state", f"The chat is {meeting.state}.", state=meeting.state)
        return {}

    def answer(
        self, command: Command, states: States, decision: Decision, now: datetime
    ) -> dict[str, Any]:
        """Return the slots."""
        del decision
        return _slots(_meeting(command, states), states, now)


def _meeting(command: Command, states: States) -> Meeting:
    meeting: Meeting | None = states[command.entity].meeting
    if meeting is None or not (command.by.is_system or command.by.event == meeting.event):
        raise Refused("not_found", "There is no such 1-1 chat.", path="id")
    return meeting


def _colleague(command: Command, meeting: Meeting) -> str | None:
    if isinstance(command, Reassign):
        return meeting.agenda(command.to)
    return meeting.agenda(meeting.offer.id) if meeting.offer else None


def _desk(command: Command, states: States, now: datetime) -> Desk:
    meeting = _meeting(command, states)
    employee, participant = meeting.agendas
    colleague = _colleague(command, meeting)
    return Desk(
        meeting=meeting,
        employee=states[employee],
        participant=states[participant],
        colleague=states[colleague] if colleague else None,
        now=now,
    )


def _concerned(before: Meeting, after: Meeting) -> list[str]:
    people = [before.employee, before.participant, before.offer, after.offer, after.employee]
    return sorted({party.id for party in people if party is not None})


def _slots(meeting: Meeting, states: States, now: datetime) -> dict[str, Any]:
    employee, participant = meeting.agendas
    desk: AgendaState = states[employee]
    free = free_slots(desk, states[participant], now)
    return {"slots": [slot_view(slot, meeting.zone) for slot in free[:SHOWN]]}


TRANSACTIONS: dict[type[Command], Transaction] = {
    **dict.fromkeys(STEPS, Stepping()),
    Slots: Listing(),
}
