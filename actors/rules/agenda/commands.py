"""What may be asked of an agenda (rules 38, 39, 47, 48)."""

from datetime import datetime
from typing import Any, Literal

import attrs

from actors.rules.agenda.state import About
from actors.rules.base import Command, command
from actors.rules.meeting.record import MAX_ID_LENGTH, Meeting, Tab
from actors.rules.text import an_id, between, invalid, up_to

MAX_SLOTS_A_DAY = 24 * 60 // 5
"""Slots of the shortest duration in a whole day."""

PAGE = 200
"""Meetings or appointments in one answer at most."""

DAY_LENGTH = len("2026-12-01")

Starts = list[datetime] | Literal["all"]


def _few(_: Any, __: Any, value: Starts) -> None:
    if len(value) > MAX_SLOTS_A_DAY:
        raise invalid("slots", f"A day has at most {MAX_SLOTS_A_DAY} slots.")


@attrs.frozen(kw_only=True)
class OfOwnAgenda(Command):
    """A command about the asker's own agenda."""

    @property
    def entity(self) -> str:
        """The asker's agenda."""
        return f"agenda/{self.by.event}.{self.by.id}"


@command("agenda.get")
@attrs.frozen(kw_only=True)
class Get(Command):
    """Tell what an employee offers, and of one's own agenda also the draft."""

    employee: str = an_id()

    @property
    def entity(self) -> str:
        """The employee's agenda."""
        return f"agenda/{self.by.event}.{self.employee}"


@command("agenda.draft")
@attrs.frozen(kw_only=True)
class Draft(OfOwnAgenda):
    """Choose one day's slots, without offering them yet (rule 39).

    :param day: ``YYYY-MM-DD``.
    :param duration: minutes, one of those the organizer allows.
    :param slots: the starts, or ``all``; an empty list clears the day.
    :param about: whom the employee looks for; absent, it stays as it is.
    """

    day: str = attrs.field(validator=up_to(DAY_LENGTH))
    duration: int = attrs.field(validator=between(1, 24 * 60))
    slots: Starts = attrs.field(validator=_few)
    about: About | None = None


@command("agenda.publish")
@attrs.frozen(kw_only=True)
class Publish(OfOwnAgenda):
    """Confirm the availability: offer what was drafted (rule 39)."""


@command("meeting.list")
@attrs.frozen(kw_only=True)
class ListMeetings(OfOwnAgenda):
    """List one tab of the 1-1 page.

    :param after: the id of the last meeting of the page before.
    """

    tab: Tab
    after: str | None = attrs.field(default=None, validator=up_to(MAX_ID_LENGTH))
    limit: int = attrs.field(default=PAGE, validator=between(1, PAGE))


@command("schedule.mine")
@attrs.frozen(kw_only=True)
class Mine(OfOwnAgenda):
    """List one's sessions and confirmed 1-1 chats in order of time (rule 48)."""


@command("schedule.calendar")
@attrs.frozen(kw_only=True)
class Calendar(OfOwnAgenda):
    """Return one's schedule as an iCalendar file (rule 47)."""


@attrs.frozen(kw_only=True)
class Track(Command):
    """Time has changed a meeting: it ended, or somebody was missing.

    :param person: whose agenda is meant.
    """

    person: str
    meeting: Meeting
    notice: str = ""

    @property
    def entity(self) -> str:
        """That person's agenda."""
        return self.meeting.agenda(self.person)
