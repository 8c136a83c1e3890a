"""What happens to a session as a whole, and to people's places in it."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, ClassVar

import attrs

from actors.rules.base import Event, event
from actors.rules.program_model import Description
from actors.rules.session.state import Plan


def hidden() -> Any:
    """Return an attrs field that is journalled, and told to nobody."""
    return attrs.field(metadata={"secret": True})


def _no_people() -> Any:
    return attrs.field(factory=list, metadata={"secret": True})


@attrs.frozen(kw_only=True)
class Facts(Description):
    """A session as the program and agendas hold it; the end is the planned one."""

    id: str
    event: str
    state: str


@attrs.frozen(kw_only=True)
class Standing(Event):
    """Something after which the program shows the session differently.

    :param facts: the session as the program shows it now.
    """

    facts: Facts = hidden()


@event("session.created")
@attrs.frozen(kw_only=True)
class Created(Standing):
    """The session is in the program."""

    plan: Plan


@event("session.changed")
@attrs.frozen(kw_only=True)
class PlanChanged(Standing):
    """The plan is now so.

    :param session: the plan as clients see it.
    :param booked: registered people; ``waiting``, ``added`` and ``removed`` hosts likewise.
    :param moved: whether its time is another one.
    :param occupied: how many seats are taken; None where they are not limited.
    :param inside: who has one, or (false) no longer, as far as the change says.
    """

    session: dict[str, Any]
    plan: Plan = hidden()
    booked: list[str] = _no_people()
    waiting: list[str] = _no_people()
    added: list[str] = _no_people()
    removed: list[str] = _no_people()
    moved: bool = attrs.field(default=False, metadata={"secret": True})
    occupied: int | None = attrs.field(default=None, metadata={"secret": True})
    inside: dict[str, bool] = attrs.field(factory=dict, metadata={"secret": True})


@event("session.backstage")
@attrs.frozen(kw_only=True)
class BackstageOpened(Standing):
    """Hosts may enter, and later others, to wait for the start (rule 4)."""


@event("session.released")
@attrs.frozen(kw_only=True)
class Released(Event):
    """Registered seats are held no longer: whoever comes first has them (rule 2)."""

    event_id: str = hidden()
    title: str = hidden()
    waiting: list[str] = _no_people()


@event("session.started")
@attrs.frozen(kw_only=True)
class Started(Standing):
    """A host has started the session."""

    by: str


@event("session.hostless")
@attrs.frozen(kw_only=True)
class Hostless(Standing):
    """The last host is gone; the session ends at ``until`` unless one comes back (rule 7)."""

    until: datetime


@event("session.resumed")
@attrs.frozen(kw_only=True)
class Resumed(Standing):
    """A host is back."""

    by: str


@event("session.ended")
@attrs.frozen(kw_only=True)
class Ended(Standing):
    """The session is over and everybody is out (rule 8).

    :param waiting: who was still on the waiting list.
    """

    reason: str
    by: str
    people: list[str] = _no_people()
    waiting: list[str] = _no_people()

    def departs(self) -> Collection[str]:
        """Return everybody who was in."""
        return self.people


@event("session.cancelled")
@attrs.frozen(kw_only=True)
class Cancelled(Standing):
    """The session does not take place."""

    by: str
    message: str
    people: list[str] = _no_people()
    booked: list[str] = _no_people()
    hosts: list[str] = _no_people()

    def departs(self) -> Collection[str]:
        """Return everybody who was in."""
        return self.people


@attrs.frozen(kw_only=True)
class Booking(Event):
    """Something about one person's registration: between them and the session."""

    published: ClassVar[bool] = False

    person: str
    name: str
    event_id: str
    title: str
    kind: str
    start: datetime
    end: datetime


@event("session.registered")
@attrs.frozen(kw_only=True)
class Registered(Booking):
    """The person holds a seat."""


@event("session.queued")
@attrs.frozen(kw_only=True)
class Queued(Booking):
    """The person is on the waiting list."""


@event("session.promoted")
@attrs.frozen(kw_only=True)
class Promoted(Booking):
    """A freed seat went to the head of the waiting list."""


@event("session.unregistered")
@attrs.frozen(kw_only=True)
class Unregistered(Booking):
    """The person gave up their seat, or their place on the waiting list."""


@event("session.joined")
@attrs.frozen(kw_only=True)
class Joined(Event):
    """Somebody entered. Told to the others in ``people.changed``.

    :param seated: whether they take one of a limited session's seats.
    :param occupied: how many such seats are taken now; None where they are not limited.
    """

    published: ClassVar[bool] = False

    person: str
    name: str
    role: str
    company: str | None
    host: bool
    seated: bool
    event_id: str
    event_role: str = "participant"
    occupied: int | None = None


@event("session.left")
@attrs.frozen(kw_only=True)
class Left(Event):
    """Somebody is gone. Told to the others in ``people.changed``.

    :param reason: ``left``, ``dropped``, ``kicked`` or ``banned``.
    :param room: the breakout room they were in.
    """

    published: ClassVar[bool] = False

    person: str
    reason: str
    room: str | None
    event_id: str
    occupied: int | None = None

    def departs(self) -> Collection[str]:
        """Return the one who left."""
        return (self.person,)


@event("presence.dropped")
@attrs.frozen(kw_only=True)
class PresenceDropped(Event):
    """A present person has no connection; nobody is told (rule 35)."""

    durable: ClassVar[bool] = False
    published: ClassVar[bool] = False

    person: str


@event("presence.returned")
@attrs.frozen(kw_only=True)
class PresenceReturned(Event):
    """A person is connected again, in time."""

    durable: ClassVar[bool] = False
    published: ClassVar[bool] = False

    person: str


@event("presence.reset")
@attrs.frozen(kw_only=True)
class PresenceReset(Event):
    """After a recovery nobody is connected; everybody has the time of a drop to return."""

    durable: ClassVar[bool] = False
    published: ClassVar[bool] = False


@event("people.changed")
@attrs.frozen(kw_only=True)
class PeopleChanged(Event):
    """Who came and went since the last telling (rule 19).

    :param complete: whether ``joined`` and ``left`` say it all; not in a large audience.
    """

    durable: ClassVar[bool] = False

    revision: int
    counts: dict[str, int]
    complete: bool
    joined: list[dict[str, Any]]
    left: list[str]


@event("people.kicked")
@attrs.frozen(kw_only=True)
class Kicked(Event):
    """A host has put somebody out; they may come back."""

    person: str
    by: str
    message: str


@event("people.banned")
@attrs.frozen(kw_only=True)
class Banned(Event):
    """Somebody must stay out (rule 24)."""

    person: str
    by: str
    name: str = hidden()


@event("people.unbanned")
@attrs.frozen(kw_only=True)
class Unbanned(Event):
    """A ban is lifted."""

    person: str
    by: str
