"""Asking for a 1-1 chat: a new meeting, and an entry in both agendas (rules 37, 39, 40)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from actors.errors import Refused
from actors.rules.agenda.events import Tracked
from actors.rules.agenda.state import MAX_OPEN, AgendaState
from actors.rules.base import Command, Person
from actors.rules.meeting.commands import Request
from actors.rules.meeting.events import Requested
from actors.rules.meeting.record import OPEN, Meeting, Party
from actors.rules.policy import Policy
from actors.rules.records import plain
from actors.rules.transactions import Decision, States, Transaction


class Asking(Transaction):
    """One side asks the other."""

    def first(self, command: Command) -> Sequence[str]:
        """Hold both agendas."""
        asked = _request(command)
        return (asked.entity, _agenda(asked))

    def more(self, command: Command, states: States) -> Sequence[str]:
        """Hold the meeting to be, numbered by the asker's agenda."""
        return (f"chat/{_next_id(command, states)}",)

    def reads(self, command: Command) -> Sequence[str]:
        """Look at the event's policy."""
        return (f"event/{command.by.event}",)

    def decide(self, command: Command, states: States, now: datetime) -> Decision:
        """Make the meeting and enter it in both agendas."""
        asked, by = _request(command), command.by
        policy: Policy = states[f"event/{by.event}"].policy
        mine: AgendaState = states[asked.entity]
        theirs: AgendaState = states[_agenda(asked)]
        _check_asker(by, asked.to, policy)
        employee = mine if by.role == "employee" else theirs
        _check_sides(by, employee, theirs)
        _check_open(mine, asked.to)
        _check_answer(asked, employee.about.question)
        meeting = _meeting(_next_id(command, states), asked, employee, theirs, policy.zone, now)
        return {
            meeting.entity: [Requested(at=now, meeting=meeting)],
            asked.entity: [tracked(meeting, by.id, now)],
            _agenda(asked): [tracked(meeting, asked.to, now, Requested.type)],
        }

    def answer(
        self, command: Command, states: States, decision: Decision, now: datetime
    ) -> dict[str, Any]:
        """Return the new meeting."""
        del command, states, now
        requested = next(e for events in decision.values() for e in events)
        assert isinstance(requested, Requested)  # noqa: S101  decided first
        return {"meeting": plain(requested.meeting)}


def _meeting(
    id_: str, asked: Request, employee: AgendaState, theirs: AgendaState, zone: str, now: datetime
) -> Meeting:
    by = asked.by
    other = theirs.party or Party(id=asked.to, name=asked.to)
    is_employee = by.role == "employee"
    return Meeting(
        id=id_,
        event=by.event,
        zone=zone,
        employee=Party.of(by) if is_employee else other,
        participant=other if is_employee else Party.of(by),
        initiator="employee" if is_employee else "participant",
        message=asked.message,
        question=employee.about.question,
        answer="" if is_employee else asked.answer,
        created_at=now,
        changed_at=now,
    )


def tracked(meeting: Meeting, owner: str, now: datetime, notice: str = "") -> Tracked:
    """Return the entry of a meeting in one person's agenda."""
    party, role = None, ""
    if owner == meeting.employee.id:
        party, role = meeting.employee, "employee"
    elif owner == meeting.participant.id:
        party, role = meeting.participant, "participant"
    return Tracked(
        at=now,
        event=meeting.event,
        owner=owner,
        meeting=meeting,
        party=party,
        role=role,
        notice=notice,
    )


def _request(command: Command) -> Request:
    assert isinstance(command, Request)  # noqa: S101  registered for nothing else
    return command


def _agenda(command: Request) -> str:
    return f"agenda/{command.by.event}.{command.to}"


def _next_id(command: Command, states: States) -> str:
    number = states[command.entity].requests + 1
    return f"{command.by.event}.{command.by.id}.{number}"


def _check_asker(by: Person, to: str, policy: Policy) -> None:
    if by.role not in ("employee", "participant"):
        raise Refused("forbidden", "1-1 chats are between a participant and an employee.")
    if to == by.id:
        raise Refused("invalid_params", "Nobody meets themselves.", path="to")
    if not policy.durations:
        raise Refused("wrong_state", "This event has no 1-1 chats.")
    if not policy.allows(by.role):
        raise Refused("forbidden", f"At this event the {policy.initiators} send the requests.")


def _check_sides(by: Person, employee: AgendaState, theirs: AgendaState) -> None:
    if theirs.role == by.role:
        raise Refused(
            "invalid_params", "1-1 chats are between a participant and an employee.", path="to"
        )
    if by.role == "participant" and theirs.role != "employee":
        raise Refused("not_found", "Nobody of that name offers 1-1 chats.", path="to")
    if not employee.published:
        raise Refused("wrong_state", "The availability is not confirmed yet.")


def _check_answer(asked: Request, question: str) -> None:
    if question and asked.by.role == "participant" and not asked.answer.strip():
        raise Refused(
            "invalid_params",
            "A request to this person answers their question.",
            path="answer",
            question=question,
        )


def _check_open(mine: AgendaState, to: str) -> None:
    waiting = [meeting for meeting in mine.meetings.values() if meeting.state in OPEN]
    for meeting in waiting:
        if meeting.is_party(to):
            raise Refused(
                "wrong_state",
                "There is a request between the two of you already.",
                id=meeting.id,
                state=meeting.state,
            )
    if sum(meeting.asker.id == mine.owner for meeting in waiting) >= MAX_OPEN:
        raise Refused("quota_exceeded", f"{MAX_OPEN} requests are waiting.", limit=MAX_OPEN)


TRANSACTIONS: dict[type[Command], Transaction] = {Request: Asking()}
