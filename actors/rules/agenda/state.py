"""What an agenda holds: what its owner offers, and everything they have booked."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import attrs

from actors.rules.meeting.record import BOOKED, Meeting, Party
from actors.rules.zones import Slot

MAX_OPEN = 500
"""Requests of one person that may wait for an answer or a slot at the same time."""


@attrs.frozen(kw_only=True)
class About:
    """Whom an employee looks for: information, never a filter (rule 39).

    :param question: one custom question that a request has to answer.
    """

    background: str = ""
    experience: str = ""
    languages: list[str] = attrs.field(factory=list)
    topics: list[str] = attrs.field(factory=list)
    question: str = ""


@attrs.frozen(kw_only=True)
class Plan:
    """The slots an employee offers on one day, all of one duration (rule 38)."""

    minutes: int
    starts: list[datetime]

    def slots(self) -> Iterator[Slot]:
        """Yield the slots in order."""
        length = timedelta(minutes=self.minutes)
        for start in self.starts:
            yield Slot(start, start + length)


@attrs.frozen(kw_only=True)
class Attendance:
    """A session in somebody's agenda.

    :param role: ``registered``, ``waiting`` (on the waiting list) or ``host``.
    :param sequence: how often the calendar's entry has changed.
    """

    id: str
    title: str
    kind: str
    role: str
    start: datetime
    end: datetime
    changed_at: datetime
    cancelled: bool = False
    sequence: int = 0

    @property
    def slot(self) -> Slot:
        """When it is planned."""
        return Slot(self.start, self.end)

    @property
    def blocks(self) -> bool:
        """Whether nothing else may be booked beside it; a place on a waiting list is none."""
        return not self.cancelled and self.role != "waiting"


@attrs.frozen(kw_only=True)
class Reminders:
    """Which reminders of one appointment went out, for the start it then had."""

    start: datetime
    minutes: list[int]


@attrs.define
class AgendaState:
    """One person's agenda in one event.

    :param party: the owner; None until they or a request to them named one.
    :param role: the owner's role, as far as known.
    :param plans: day -> what is offered; ``draft`` is what the next publication would offer.
    :param requests: how many meetings this person has asked for, which numbers them.
    :param meetings: id -> every meeting with this person, or offered to them.
    :param reminded: ``kind/id`` -> what its owner was reminded of.
    """

    entity: str
    party: Party | None = None
    role: str = ""
    zone: str = "UTC"
    published: bool = False
    plans: dict[str, Plan] = attrs.field(factory=dict)
    draft: dict[str, Plan] = attrs.field(factory=dict)
    about: About = attrs.field(factory=About)
    draft_about: About = attrs.field(factory=About)
    requests: int = 0
    meetings: dict[str, Meeting] = attrs.field(factory=dict)
    sessions: dict[str, Attendance] = attrs.field(factory=dict)
    reminded: dict[str, Reminders] = attrs.field(factory=dict)

    @property
    def event(self) -> str:
        """The event's id; it holds no dot, a person's may."""
        return self.entity.partition("/")[2].partition(".")[0]

    @property
    def owner(self) -> str:
        """The owner's id."""
        return self.entity.partition(".")[2]

    def booked(self) -> Iterator[Meeting]:
        """Yield the meetings that have, or had, a slot with this person."""
        for meeting in self.meetings.values():
            if meeting.state in BOOKED and meeting.slot and meeting.is_party(self.owner):
                yield meeting

    def taken(self, without: str = "") -> list[Slot]:
        """Return the times at which this person is busy, unsorted.

        :param without: a meeting that is about to give up its slot.
        """
        chats = [m.slot for m in self.booked() if m.id != without and m.slot]
        return chats + [session.slot for session in self.sessions.values() if session.blocks]

    def offered(self) -> Iterator[Slot]:
        """Yield the published slots in order of time."""
        for day in sorted(self.plans):
            yield from self.plans[day].slots()
