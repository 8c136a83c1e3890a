"""Every step of a meeting after the request, each one decision over both agendas.

A step takes the meeting as it is and returns the event that holds it as it will be. It changes
nothing itself; who runs it writes the event and both agendas' entries together or not at all.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import attrs

from actors.errors import Refused
from actors.rules.agenda.availability import (
    check_employee,
    check_person,
    free_slots,
    offered_slot,
)
from actors.rules.agenda.state import AgendaState
from actors.rules.base import Command, Person
from actors.rules.meeting import commands as ask
from actors.rules.meeting import events as told
from actors.rules.meeting.record import OPEN, Meeting, Party, Proposal
from actors.rules.records import iso
from actors.rules.zones import Slot

FARTHEST = timedelta(days=366)
"""How far ahead an organizer may move a chat."""


@attrs.frozen(kw_only=True)
class Desk:
    """What lies before whoever decides a step.

    :param colleague: the agenda of the person to whom the meeting is, or is to be, offered.
    """

    meeting: Meeting
    employee: AgendaState
    participant: AgendaState
    colleague: AgendaState | None
    now: datetime

    def agenda(self, person: str) -> AgendaState:
        """Return the agenda of one side."""
        return self.employee if person == self.meeting.employee.id else self.participant

    def free(self) -> list[Slot]:
        """Return the slots free for both; the meeting's own counts as taken."""
        return free_slots(self.employee, self.participant, self.now)


Step = Callable[[Desk, Any], told.Changed]


def withdraw(desk: Desk, command: ask.Withdraw) -> told.Changed:
    """Rule 40: the asker takes an undecided request back."""
    meeting = desk.meeting
    if command.by.id != meeting.asker.id:
        raise Refused("forbidden", "Only who asked can withdraw the request.")
    _undecided(meeting)
    return told.Withdrawn(
        at=desk.now, meeting=meeting.changed(desk.now, state="withdrawn", offer=None)
    )


def approve(desk: Desk, command: ask.Approve) -> told.Changed:
    """Rules 37, 40, 41: who was asked agrees, if there is a slot left to pick."""
    meeting = desk.meeting
    _decider(meeting, command.by)
    # Somebody may be asked who is known by their id alone; only now does their token say more.
    if command.by.role != ("participant" if meeting.initiator == "employee" else "employee"):
        raise Refused("forbidden", "1-1 chats are between a participant and an employee.")
    if not desk.free():
        raise Refused("no_free_slots", "There is no free slot left; add some first.")
    changes: dict[str, Any] = {"state": "in_scheduling"}
    if meeting.initiator == "employee":
        # Until now this side may have been known by its id alone.
        changes |= {"participant": Party.of(command.by), "answer": command.answer}
    return told.Approved(at=desk.now, meeting=meeting.changed(desk.now, **changes))


def decline(desk: Desk, command: ask.Decline) -> told.Changed:
    """Rule 40: who was asked says no, says why, and may point elsewhere."""
    meeting = desk.meeting
    _decider(meeting, command.by)
    refer = command.refer
    if refer is not None and (refer.employee is None) == (refer.session is None):
        raise Refused(
            "invalid_params", "A referral names either an employee or a session.", path="refer"
        )
    changed = meeting.changed(
        desk.now, state="declined", reason=command.message, refer=refer, offer=None
    )
    return told.Declined(at=desk.now, meeting=changed)


def pick(desk: Desk, command: ask.Pick) -> told.Changed:
    """Rule 42: the participant takes a slot, if both are free then."""
    meeting = desk.meeting
    if command.by.id != meeting.participant.id:
        raise Refused("forbidden", "The participant picks the slot.")
    _state(meeting, "in_scheduling")
    slot = offered_slot(desk.employee, command.slot, desk.now)
    check_employee(slot, desk.employee, desk.participant, desk.now)
    check_person(slot, desk.participant)
    changed = meeting.changed(
        desk.now, state="confirmed", start=slot.start, end=slot.end, offer=None
    )
    return told.Confirmed(at=desk.now, meeting=changed)


def reschedule(desk: Desk, command: ask.Reschedule) -> told.Changed:
    """Rule 43: one side proposes another slot; the old one holds."""
    meeting = desk.meeting
    _party(meeting, command.by)
    _still_to_come(meeting, desk.now)
    slot = offered_slot(desk.employee, command.slot, desk.now)
    if slot == meeting.slot:
        raise Refused("invalid_params", "That is the slot it has.", path="slot")
    _both_free(slot, desk)
    proposal = Proposal(by=command.by.id, start=slot.start, end=slot.end)
    return told.RescheduleProposed(
        at=desk.now, meeting=meeting.changed(desk.now, proposal=proposal)
    )


def agree(desk: Desk, command: ask.Agree) -> told.Changed:
    """Rule 43: the other side agrees to the new slot, or a colleague to take over."""
    meeting = desk.meeting
    if meeting.offer is not None and command.by.id == meeting.offer.id:
        return _take_over(desk, command.by)
    _party(meeting, command.by)
    proposal = meeting.proposal
    if proposal is None:
        raise Refused("wrong_state", "Nothing was proposed.", state=meeting.state)
    if proposal.by == command.by.id:
        raise Refused("forbidden", "The other side has to agree.")
    _still_to_come(meeting, desk.now)
    if proposal.start <= desk.now:
        raise Refused("wrong_state", "The proposed slot has begun.", start=iso(proposal.start))
    _both_free(proposal.slot, desk)
    return told.Rescheduled(at=desk.now, meeting=_at(meeting, proposal.slot, desk.now))


def disagree(desk: Desk, command: ask.Disagree) -> told.Changed:
    """Refuse a proposal or an offer; what was agreed before holds."""
    meeting = desk.meeting
    if meeting.offer is not None and command.by.id == meeting.offer.id:
        return told.ReassignRefused(at=desk.now, meeting=meeting.changed(desk.now, offer=None))
    _party(meeting, command.by)
    if meeting.proposal is None:
        raise Refused("wrong_state", "Nothing was proposed.", state=meeting.state)
    return told.RescheduleRefused(at=desk.now, meeting=meeting.changed(desk.now, proposal=None))


def cancel(desk: Desk, command: ask.Cancel) -> told.Changed:
    """Rule 43: either side, or an organizer, calls it off; both are free again."""
    meeting = desk.meeting
    if not _organizes(command.by):
        _party(meeting, command.by)
        _state(meeting, "in_scheduling", "confirmed")
    _still_open(meeting, desk.now)
    changed = meeting.changed(
        desk.now,
        state="cancelled",
        reason=command.message,
        proposal=None,
        offer=None,
        sequence=meeting.sequence + (meeting.start is not None),
    )
    return told.Cancelled(at=desk.now, meeting=changed)


def move(desk: Desk, command: ask.Move) -> told.Changed:
    """Rule 38's organizer gives a confirmed chat another time of the same length."""
    meeting = desk.meeting
    _organizer(command.by)
    _still_to_come(meeting, desk.now)
    assert meeting.start is not None  # noqa: S101  it is confirmed
    assert meeting.end is not None  # noqa: S101  as above
    if command.start <= desk.now:
        raise Refused("wrong_state", "That time is past.", start=iso(command.start))
    if command.start - desk.now > FARTHEST:
        raise Refused("invalid_params", "That time is too far away.", path="start")
    slot = Slot(command.start, command.start + (meeting.end - meeting.start))
    if slot == meeting.slot:
        raise Refused("invalid_params", "That is the slot it has.", path="start")
    for agenda in (desk.employee, desk.participant):
        check_person(slot, agenda, meeting.id)
    return told.Moved(at=desk.now, meeting=_at(meeting, slot, desk.now))


def reassign(desk: Desk, command: ask.Reassign) -> told.Changed:
    """Ask a colleague of the same company to take the employee's place."""
    meeting = desk.meeting
    _organizer(command.by)
    _still_open(meeting, desk.now)
    colleague = desk.colleague
    if colleague is None or colleague.party is None or colleague.role != "employee":
        raise Refused("not_found", "No employee of that name offers 1-1 chats.", path="to")
    if colleague.party.company != meeting.employee.company or command.to == meeting.employee.id:
        raise Refused(
            "invalid_params", "Another employee of the same company takes over.", path="to"
        )
    if meeting.slot is not None:
        check_person(meeting.slot, colleague)
    return told.ReassignOffered(
        at=desk.now, meeting=meeting.changed(desk.now, offer=colleague.party)
    )


def _take_over(desk: Desk, by: Person) -> told.Changed:
    meeting = desk.meeting
    _still_open(meeting, desk.now)
    if meeting.slot is not None and desk.colleague is not None:
        check_person(meeting.slot, desk.colleague)
    changed = meeting.changed(
        desk.now,
        employee=Party.of(by),
        offer=None,
        proposal=None,
        sequence=meeting.sequence + (meeting.start is not None),
    )
    return told.Reassigned(at=desk.now, meeting=changed, previous=meeting.employee.id)


def _at(meeting: Meeting, slot: Slot, now: datetime) -> Meeting:
    return meeting.changed(
        now, start=slot.start, end=slot.end, proposal=None, sequence=meeting.sequence + 1
    )


def _both_free(slot: Slot, desk: Desk) -> None:
    for agenda in (desk.employee, desk.participant):
        check_person(slot, agenda, desk.meeting.id)


def _party(meeting: Meeting, by: Person) -> None:
    if not meeting.is_party(by.id):
        raise Refused("forbidden", "A 1-1 chat is for its two people only.")


def _organizes(by: Person) -> bool:
    # To somebody of another event the meeting does not exist.
    return by.is_system or by.is_organizer


def _organizer(by: Person) -> None:
    if not _organizes(by):
        raise Refused("forbidden", "Only an organizer can do that.")


def _decider(meeting: Meeting, by: Person) -> None:
    if by.id != meeting.asked.id:
        raise Refused("forbidden", "Only who was asked decides the request.")
    _undecided(meeting)


def _undecided(meeting: Meeting) -> None:
    if meeting.state != "requested":
        raise Refused(
            "already_decided", f"This request is {meeting.state} already.", state=meeting.state
        )


def _state(meeting: Meeting, *allowed: str) -> None:
    if meeting.state not in allowed:
        raise Refused("wrong_state", f"The chat is {meeting.state}.", state=meeting.state)


def _still_open(meeting: Meeting, now: datetime) -> None:
    """Nothing changes any more while it runs, or afterwards (rule 43)."""
    _state(meeting, *OPEN)
    if meeting.start is not None and meeting.start <= now:
        raise Refused("wrong_state", "The chat has begun.", state=meeting.state)


def _still_to_come(meeting: Meeting, now: datetime) -> None:
    _state(meeting, "confirmed")
    _still_open(meeting, now)


STEPS: dict[type[Command], Step] = {
    ask.Withdraw: withdraw,
    ask.Approve: approve,
    ask.Decline: decline,
    ask.Pick: pick,
    ask.Reschedule: reschedule,
    ask.Agree: agree,
    ask.Disagree: disagree,
    ask.Cancel: cancel,
    ask.Move: move,
    ask.Reassign: reassign,
}
"""Which step each command is."""
