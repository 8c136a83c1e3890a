"""What happens on a stage (rules 9 to 18)."""

from datetime import datetime

import attrs

from actors.rules.base import Event, event
from actors.rules.session.events import hidden


@event("stage.requested")
@attrs.frozen(kw_only=True)
class Requested(Event):
    """Somebody asks to come on screen, or asks differently; 1 is the first position."""

    person: str
    name: str
    mic: bool
    camera: bool
    position: int


@event("stage.withdrawn")
@attrs.frozen(kw_only=True)
class Withdrawn(Event):
    """A pending request was taken back."""

    person: str


@event("stage.accepted")
@attrs.frozen(kw_only=True)
class Accepted(Event):
    """A seat is kept for somebody, who has until ``deadline`` to show the countdown.

    :param how: ``request``, ``invite``, or ``return`` of whoever left by choice a moment ago.
    """

    person: str
    name: str
    by: str
    by_name: str
    how: str
    mic: bool
    camera: bool
    deadline: datetime
    event_id: str = hidden()


@event("stage.declined")
@attrs.frozen(kw_only=True)
class Declined(Event):
    """A host declined a request."""

    person: str
    by: str
    by_name: str
    message: str
    event_id: str = hidden()


@event("stage.invited")
@attrs.frozen(kw_only=True)
class Invited(Event):
    """A host asks somebody on screen."""

    person: str
    name: str
    by: str
    by_name: str
    event_id: str = hidden()


@event("stage.uninvited")
@attrs.frozen(kw_only=True)
class Uninvited(Event):
    """An invitation is void."""

    person: str
    by: str


@event("stage.answered")
@attrs.frozen(kw_only=True)
class Answered(Event):
    """The invited declined; whoever accepts is ``stage.accepted``."""

    person: str
    accept: bool


@event("stage.countdown")
@attrs.frozen(kw_only=True)
class Countdown(Event):
    """The asker's client shows the countdown, which ends at ``ends_at``."""

    person: str
    ends_at: datetime


@event("stage.cancelled")
@attrs.frozen(kw_only=True)
class Cancelled(Event):
    """A seat is free again before anybody sat in it; ``room``: its holder is in a room."""

    person: str
    reason: str


@event("stage.missed")
@attrs.frozen(kw_only=True)
class Missed(Event):
    """The asker's client did not confirm in time."""

    person: str


@event("stage.entered")
@attrs.frozen(kw_only=True)
class Entered(Event):
    """Somebody is on screen, with mic and camera so."""

    person: str
    name: str
    mic: bool
    camera: bool


@event("stage.left")
@attrs.frozen(kw_only=True)
class StageLeft(Event):
    """Somebody is in the audience again, or gone.

    :param reason: ``left``, ``removed`` (by a host), ``dropped`` or ``gone``.
    :param may_return_until: until when they come back without asking.
    """

    person: str
    reason: str
    by: str | None = None
    may_return_until: datetime | None = None
