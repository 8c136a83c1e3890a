"""A 1-1 chat from request to completion, as one value (rules 37 to 45).

The meeting and both agendas keep this same value, each its own copy; whoever changes it raises
``revision``, so a late copy never replaces a newer one.
"""

from datetime import datetime, timedelta
from typing import Any, Literal

import attrs

from actors.errors import Refused
from actors.rules.base import Person
from actors.rules.text import ID_LIMIT, up_to
from actors.rules.zones import Slot

Side = Literal["employee", "participant"]
Tab = Literal["requested", "in_scheduling", "confirmed", "completed", "declined"]

OPENS_BEFORE = timedelta(minutes=5)
"""How long before the start one may join (rule 44)."""

GRACE = timedelta(minutes=2)
"""How long a chat goes on after its slot's end (rule 44)."""

MAX_ID_LENGTH = 2 * ID_LIMIT + 16
"""A meeting's id holds the event's and the asker's, dots and a number."""

TABS: dict[str, frozenset[str]] = {
    "requested": frozenset({"requested"}),
    "in_scheduling": frozenset({"in_scheduling"}),
    "confirmed": frozenset({"confirmed"}),
    "completed": frozenset({"completed", "no_show", "missed"}),
    "declined": frozenset({"declined", "withdrawn", "cancelled"}),
}
"""Which states a tab of the 1-1 page shows."""

OPEN = frozenset({"requested", "in_scheduling", "confirmed"})
"""States in which something is still to come."""

BOOKED = frozenset({"confirmed", "no_show", "missed", "completed"})
"""States in which the slot belongs to the chat, or did."""


@attrs.frozen(kw_only=True)
class Party:
    """One side of a meeting."""

    id: str
    name: str
    company: str | None = None

    @classmethod
    def of(cls, person: Person) -> "Party":
        """Return a person as a party."""
        return cls(id=person.id, name=person.name, company=person.company)


@attrs.frozen(kw_only=True)
class Referral:
    """Where a decline points to: a colleague or a live session (rule 40)."""

    employee: str | None = attrs.field(default=None, validator=up_to(ID_LIMIT))
    session: str | None = attrs.field(default=None, validator=up_to(ID_LIMIT))


@attrs.frozen(kw_only=True)
class Proposal:
    """Another time that one side proposed (rule 43)."""

    by: str
    start: datetime
    end: datetime

    @property
    def slot(self) -> Slot:
        """The proposed time."""
        return Slot(self.start, self.end)


@attrs.frozen(kw_only=True)
class Meeting:
    """One 1-1 chat.

    :param id: ``EVENT.ASKER.N``.
    :param zone: the event's IANA zone.
    :param initiator: which side asked.
    :param question: the employee's custom question when the request was made.
    :param reason: the message of a decline or a cancellation.
    :param offer: the colleague whom an organizer asked to take over.
    :param missing: who was not there, for ``no_show``.
    :param sequence: how often the calendar's entry has changed (RFC 5545, 3.8.7.4).
    :param revision: how often anything here has changed.
    """

    id: str
    event: str
    zone: str
    employee: Party
    participant: Party
    initiator: Side
    state: str = "requested"
    message: str = ""
    question: str = ""
    answer: str = ""
    reason: str = ""
    refer: Referral | None = None
    start: datetime | None = None
    end: datetime | None = None
    proposal: Proposal | None = None
    offer: Party | None = None
    missing: list[str] = attrs.field(factory=list)
    sequence: int = 0
    revision: int = 1
    created_at: datetime
    changed_at: datetime

    @property
    def slot(self) -> Slot | None:
        """The time it has or had."""
        return None if self.start is None or self.end is None else Slot(self.start, self.end)

    @property
    def asker(self) -> Party:
        """Whoever made the request."""
        return self.employee if self.initiator == "employee" else self.participant

    @property
    def asked(self) -> Party:
        """Whoever has to approve or decline it."""
        return self.participant if self.initiator == "employee" else self.employee

    @property
    def tab(self) -> str:
        """The tab of the 1-1 page it stands in."""
        return next(tab for tab, states in TABS.items() if self.state in states)

    @property
    def entity(self) -> str:
        """The meeting's own entity."""
        return f"chat/{self.id}"

    @property
    def agendas(self) -> tuple[str, str]:
        """The entities of both agendas."""
        return self.agenda(self.employee.id), self.agenda(self.participant.id)

    def agenda(self, person: str) -> str:
        """Return the entity of a person's agenda in this meeting's event."""
        return f"agenda/{self.event}.{person}"

    def is_party(self, person: str) -> bool:
        """Whether somebody is one of the two."""
        return person in (self.employee.id, self.participant.id)

    def other(self, person: str) -> Party:
        """Return the side that ``person`` is not."""
        return self.participant if person == self.employee.id else self.employee

    def joinable(self, now: datetime) -> bool:
        """Whether the two may enter now: from 5 minutes before until the end (rule 44)."""
        if self.start is None or self.end is None or self.state not in BOOKED:
            return False
        return self.start - OPENS_BEFORE <= now < self.end

    def changed(self, now: datetime, **changes: Any) -> "Meeting":
        """Return the next revision."""
        return attrs.evolve(self, revision=self.revision + 1, changed_at=now, **changes)


def chat_entity(meeting: str) -> str:
    """Return the entity of a meeting's id.

    :raises Refused: ``invalid_params``, the id is too long.
    """
    if not 0 < len(meeting) <= MAX_ID_LENGTH:
        raise Refused("invalid_params", "That is not the id of a meeting.", path="id")
    return f"chat/{meeting}"
