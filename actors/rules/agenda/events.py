"""What happens to an agenda. It is nobody's topic: its owner is told by notifications."""

from datetime import datetime
from typing import ClassVar

import attrs

from actors.rules.agenda.state import About, Attendance
from actors.rules.base import Event, event
from actors.rules.meeting.record import Meeting, Party


@attrs.frozen(kw_only=True)
class OfAgenda(Event):
    """An event of one person's agenda.

    :param event: the id of the fair or conference.
    :param owner: whose agenda it is.
    """

    published: ClassVar[bool] = False

    event: str
    owner: str


@event("agenda.drafted")
@attrs.frozen(kw_only=True)
class Drafted(OfAgenda):
    """An employee chose slots of a day, not offered yet (rule 39).

    :param minutes: the day's one duration.
    :param starts: the start of each slot, in order; empty clears the day.
    """

    party: Party
    zone: str
    day: str
    minutes: int
    starts: list[datetime]
    about: About | None = None


@event("agenda.published")
@attrs.frozen(kw_only=True)
class Published(OfAgenda):
    """The employee confirmed the availability: what was drafted is offered (rule 39)."""

    party: Party | None = None


@event("agenda.tracked")
@attrs.frozen(kw_only=True)
class Tracked(OfAgenda):
    """A meeting of this person is now as told.

    :param party: the owner, where the meeting names them.
    :param notice: what to notify the owner of; empty if they did it themselves.
    """

    meeting: Meeting
    party: Party | None = None
    role: str = ""
    notice: str = ""


@event("agenda.attended")
@attrs.frozen(kw_only=True)
class Attended(OfAgenda):
    """A session stands in this person's agenda, or has changed, or is called off."""

    attendance: Attendance


@event("agenda.reminded")
@attrs.frozen(kw_only=True)
class Reminded(OfAgenda):
    """A reminder went out (rule 47).

    :param kind: ``chat`` or ``session``.
    :param minutes: how long before the start.
    :param tell: whether it was still worth telling when it came due.
    """

    kind: str
    id: str
    title: str
    start: datetime
    minutes: int
    tell: bool = True
