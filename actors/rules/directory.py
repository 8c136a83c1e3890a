"""Who offers 1-1 chats at an event, and all the chats there are, for its organizers (rule 38).

Each agenda tells the event of its owner. Every chat has an employee on one side, so the
employees' agendas together hold them all.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, ClassVar

import attrs

from actors.errors import Refused
from actors.rules.agenda.state import AgendaState
from actors.rules.agenda.views import meeting_view
from actors.rules.base import Command, Event, command, event
from actors.rules.event_model import DeskEntry, EventState, OwnEvent
from actors.rules.meeting.record import MAX_ID_LENGTH, TABS, Meeting, Tab
from actors.rules.text import ID_LIMIT, between, up_to
from actors.rules.transactions import Decision, States, Transaction
from actors.rules.zones import local_day

PAGE = 200
"""Employees or meetings in one answer at most."""


@attrs.frozen(kw_only=True)
class ListEmployee(Command):
    """An agenda's word that its owner has slots, drafted or published."""

    event: str
    employee: DeskEntry

    @property
    def entity(self) -> str:
        """The event's."""
        return f"event/{self.event}"


@command("agenda.list")
@attrs.frozen(kw_only=True)
class ListAgendas(OwnEvent):
    """List the employees who offer 1-1 chats, by name.

    :param company: only this company's.
    :param after: the id of the last employee of the page before.
    """

    company: str | None = attrs.field(default=None, validator=up_to(ID_LIMIT))
    after: str | None = attrs.field(default=None, validator=up_to(ID_LIMIT))
    limit: int = attrs.field(default=PAGE, validator=between(1, PAGE))


@command("meeting.bookings")
@attrs.frozen(kw_only=True)
class ListBookings(OwnEvent):
    """List the event's 1-1 chats, as an organizer; in order of time.

    :param tab: only those that stand there.
    :param day: ``YYYY-MM-DD``; only those with a slot on that day of the event's zone.
    :param after: the id of the last chat of the page before.
    """

    tab: Tab | None = None
    employee: str | None = attrs.field(default=None, validator=up_to(ID_LIMIT))
    company: str | None = attrs.field(default=None, validator=up_to(ID_LIMIT))
    day: str | None = attrs.field(default=None, validator=up_to(len("2026-12-01")))
    after: str | None = attrs.field(default=None, validator=up_to(MAX_ID_LENGTH))
    limit: int = attrs.field(default=PAGE, validator=between(1, PAGE))


@event("employee.listed")
@attrs.frozen(kw_only=True)
class EmployeeListed(Event):
    """Somebody offers 1-1 chats, or has another name or company."""

    published: ClassVar[bool] = False

    employee: DeskEntry


# The directory


def _list_employee(state: EventState, command: ListEmployee, now: datetime) -> Sequence[Event]:
    entry, known = command.employee, state.employees.get(command.employee.id)
    if known is not None and known.offers:
        entry = attrs.evolve(entry, offers=True)
    return () if entry == known else [EmployeeListed(at=now, employee=entry)]


def _check(state: EventState) -> None:
    if not state.created:
        raise Refused("not_found", f"There is no event called {state.id}.")


def _admit(state: EventState, command: Command, now: datetime) -> Sequence[Event]:
    del command, now
    _check(state)
    return ()


def _on_listed(state: EventState, event: EmployeeListed) -> None:
    state.employees[event.employee.id] = event.employee


def _employees(state: EventState, company: str | None) -> list[DeskEntry]:
    found = [each for each in state.employees.values() if company in (None, each.company)]
    return sorted(found, key=lambda each: (each.name.casefold(), each.id))


def _answer_agendas(
    state: EventState, command: ListAgendas, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events, now
    found = [each for each in _employees(state, command.company) if each.offers]
    ids = [each.id for each in found]
    first = ids.index(command.after) + 1 if command.after in ids else 0
    page = found[first : first + command.limit]
    return {
        "employees": [{"id": e.id, "name": e.name, "company": e.company} for e in page],
        "next": page[-1].id if first + len(page) < len(found) else None,
    }


# All bookings


class Overview(Transaction):
    """All chats of an event; holds nothing."""

    def first(self, command: Command) -> Sequence[str]:
        """Hold nothing."""
        by = command.by
        if not (by.is_organizer or by.is_system):
            raise Refused("forbidden", "Only organizers see everybody's 1-1 chats.")
        return ()

    def reads(self, command: Command) -> Sequence[str]:
        """Look at the event."""
        return (command.entity,)

    def reads_more(self, command: Command, states: States) -> Sequence[str]:
        """Look at the agendas of the employees asked for."""
        asked = _asked(command)
        state: EventState = states[asked.entity]
        _check(state)
        wanted = _employees(state, asked.company)
        return [
            f"agenda/{state.id}.{each.id}" for each in wanted if asked.employee in (None, each.id)
        ]

    def decide(self, command: Command, states: States, now: datetime) -> Decision:
        """Change nothing."""
        del command, states, now
        return {}

    def answer(
        self, command: Command, states: States, decision: Decision, now: datetime
    ) -> dict[str, Any]:
        """Return one page, and how many there are of each kind."""
        del decision
        asked = _asked(command)
        found = list(_chats(asked, states))
        tabs = Counter(meeting.tab for _, meeting in found)
        listed = [each for each in found if asked.tab in (None, each[1].tab)]
        listed.sort(key=lambda each: (each[1].start or each[1].created_at, each[1].id))
        ids = [meeting.id for _, meeting in listed]
        first = ids.index(asked.after) + 1 if asked.after in ids else 0
        page = listed[first : first + asked.limit]
        return {
            "meetings": [meeting_view(agenda, meeting, now) for agenda, meeting in page],
            "counts": {tab: tabs[tab] for tab in TABS},
            "next": page[-1][1].id if first + len(page) < len(listed) else None,
        }


def _asked(command: Command) -> ListBookings:
    assert isinstance(command, ListBookings)  # noqa: S101  registered for nothing else
    return command


def _chats(asked: ListBookings, states: States) -> Iterator[tuple[AgendaState, Meeting]]:
    for agenda in states.values():
        if not isinstance(agenda, AgendaState):
            continue
        for meeting in agenda.meetings.values():
            # A chat that a colleague is asked to take over stands in both employees' agendas.
            if meeting.employee.id == agenda.owner and _on_day(asked.day, meeting):
                yield agenda, meeting


def _on_day(day: str | None, meeting: Meeting) -> bool:
    if day is None:
        return True
    return meeting.start is not None and local_day(meeting.start, meeting.zone) == day


DECIDE = {ListEmployee: _list_employee, ListAgendas: _admit}
EVOLVE = {EmployeeListed: _on_listed}
ANSWER = {ListAgendas: _answer_agendas}
TRANSACTIONS: dict[type[Command], Transaction] = {ListBookings: Overview()}
