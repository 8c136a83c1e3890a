"""What happens to a 1-1 chat."""

from collections.abc import Collection
from typing import ClassVar

import attrs

from actors.rules.base import Event, event
from actors.rules.meeting.record import Meeting


@attrs.frozen(kw_only=True)
class Changed(Event):
    """The meeting is now as told; each kind of change has its own type."""

    meeting: Meeting


@attrs.frozen(kw_only=True)
class Emptied(Changed):
    """A change after which nobody is in the chat's room any more."""

    def departs(self) -> Collection[str]:
        """Name both sides."""
        return (self.meeting.employee.id, self.meeting.participant.id)


@event("meeting.requested")
@attrs.frozen(kw_only=True)
class Requested(Changed):
    """One side asked the other."""


@event("meeting.withdrawn")
@attrs.frozen(kw_only=True)
class Withdrawn(Changed):
    """The asker took the request back."""


@event("meeting.approved")
@attrs.frozen(kw_only=True)
class Approved(Changed):
    """The request is approved; the participant may pick a slot."""


@event("meeting.declined")
@attrs.frozen(kw_only=True)
class Declined(Changed):
    """The request is declined, with a reason and perhaps a referral."""


@event("meeting.confirmed")
@attrs.frozen(kw_only=True)
class Confirmed(Changed):
    """The participant picked a slot."""


@event("meeting.reschedule_proposed")
@attrs.frozen(kw_only=True)
class RescheduleProposed(Changed):
    """One side proposed another slot; the old one holds."""


@event("meeting.rescheduled")
@attrs.frozen(kw_only=True)
class Rescheduled(Emptied):
    """The other side agreed; the chat has its new slot."""


@event("meeting.reschedule_refused")
@attrs.frozen(kw_only=True)
class RescheduleRefused(Changed):
    """The proposal is off the table; the old slot stays."""


@event("meeting.moved")
@attrs.frozen(kw_only=True)
class Moved(Emptied):
    """An organizer gave the chat another time."""


@event("meeting.reassign_offered")
@attrs.frozen(kw_only=True)
class ReassignOffered(Changed):
    """An organizer asked a colleague to take over."""


@event("meeting.reassigned")
@attrs.frozen(kw_only=True)
class Reassigned(Changed):
    """The colleague took over.

    :param previous: whose chat it was.
    """

    previous: str

    def departs(self) -> Collection[str]:
        """Name who is no side of it any more."""
        return (self.previous,)


@event("meeting.reassign_refused")
@attrs.frozen(kw_only=True)
class ReassignRefused(Changed):
    """The colleague said no; the chat stays where it was."""


@event("meeting.cancelled")
@attrs.frozen(kw_only=True)
class Cancelled(Emptied):
    """The chat is called off."""


@event("meeting.met")
@attrs.frozen(kw_only=True)
class Met(Changed):
    """Both have been there, so it will end as completed."""


@event("meeting.completed")
@attrs.frozen(kw_only=True)
class Completed(Changed):
    """It is over, and both were there."""


@event("meeting.no_show")
@attrs.frozen(kw_only=True)
class NoShow(Changed):
    """One was not there 10 minutes after the start."""


@event("meeting.missed")
@attrs.frozen(kw_only=True)
class Missed(Changed):
    """Neither was there 10 minutes after the start."""


OUTCOMES: tuple[type[Changed], ...] = (Met, Completed, NoShow, Missed)
"""Changes that time brings; the agendas hear of them afterwards."""


@event("meeting.began")
@attrs.frozen(kw_only=True)
class Began(Event):
    """The slot has begun."""


@event("meeting.joined")
@attrs.frozen(kw_only=True)
class Joined(Event):
    """One of the two came in.

    :param attended: who counts as having been there from now on; it depends on who is connected,
        which no journal knows. None in what was written before that was kept.
    :param waits: the meeting, if the other side is not there: they are told.
    """

    person: str
    attended: list[str] | None = attrs.field(default=None, metadata={"secret": True})
    waits: Meeting | None = attrs.field(default=None, metadata={"secret": True})


@event("meeting.left")
@attrs.frozen(kw_only=True)
class Left(Event):
    """One of the two left, or stayed away after a drop."""

    person: str

    def departs(self) -> Collection[str]:
        """Name who left."""
        return (self.person,)


@event("meeting.away")
@attrs.frozen(kw_only=True)
class Away(Event):
    """Somebody's connection is gone; they may be back soon (rule 35)."""

    durable: ClassVar[bool] = False
    published: ClassVar[bool] = False

    person: str


@event("meeting.back")
@attrs.frozen(kw_only=True)
class Back(Event):
    """Somebody came back in time; nobody saw them leave (rule 35)."""

    durable: ClassVar[bool] = False
    published: ClassVar[bool] = False

    person: str


@event("meeting.warned")
@attrs.frozen(kw_only=True)
class Warned(Event):
    """The slot ends in this many minutes."""

    minutes: int


@event("meeting.ended")
@attrs.frozen(kw_only=True)
class Ended(Event):
    """The chat is closed; whoever was still there is out."""

    people: list[str]

    def departs(self) -> Collection[str]:
        """Name everybody who was there."""
        return self.people


@event("meeting.noted")
@attrs.frozen(kw_only=True)
class Noted(Event):
    """Somebody changed their private note."""

    published: ClassVar[bool] = False

    person: str
    text: str
