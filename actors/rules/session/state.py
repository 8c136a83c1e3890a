"""What a session knows: its plan, its people, its stage, chat and questions."""

from datetime import UTC, datetime, timedelta

import attrs

from actors.rules.base import Person
from actors.rules.breakout.state import BreakoutState
from actors.rules.chat_model import ChatState, Standing
from actors.rules.media import MediaState, Place
from actors.rules.order import Key, Ordered
from actors.rules.session.qa_model import QaState
from actors.rules.session.stage_model import STAGE_CAP, StageState

HOSTS_EARLY = timedelta(minutes=15)
"""How long before the planned start hosts may enter (rule 4)."""

DOORS_EARLY = timedelta(minutes=5)
"""How long before the planned start everybody else may enter (rule 4)."""

SEATS_HELD = timedelta(minutes=10)
"""How long after the planned start registered seats are held (rule 2)."""

GRACE = 15
"""Seconds a drop keeps presence, unless the session says otherwise (rule 35)."""

HOSTLESS_MINUTES = 5
"""Minutes a session goes on without a host, unless it says otherwise (rule 7)."""

OPEN = frozenset({"backstage", "live", "hostless"})
"""The statuses in which people are in the session."""

RUNNING = frozenset({"live", "hostless"})
"""The statuses in which the stage is open."""

CLOSED = frozenset({"ended", "cancelled"})
"""The statuses that nothing follows."""


REST = 2
"""The group of those who are neither host (0) nor on screen (1), in the order of people."""


@attrs.define
class Plan:
    """What an organizer decides about a session.

    :param minutes: planned length.
    :param capacity: seats for others than hosts; None: open to everyone.
    :param hosts: ids of people who host it, besides those whose token says so.
    :param grace: seconds a drop keeps presence.
    """

    title: str = ""
    kind: str = "workshop"
    company: str | None = None
    description: str = ""
    start: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    minutes: int = 60
    capacity: int | None = None
    hosts: list[str] = attrs.field(factory=list)
    stage_cap: int = STAGE_CAP
    anonymous_questions: bool = False
    grace: int = GRACE
    hostless_minutes: int = HOSTLESS_MINUTES


@attrs.define
class Member:
    """Somebody who is or was in the session.

    :param seated: whether they take one of a limited session's seats: no host or organizer does.
    :param event_role: what they are in the event, whatever they are here.
    :param room: the breakout room they are in; None: the main call.
    :param left: how they went, when they are not present.
    """

    id: str
    name: str
    role: str
    company: str | None
    host: bool
    seated: bool
    event_role: str = "participant"
    present: bool = True
    room: str | None = None
    joined_at: datetime | None = None
    left_at: datetime | None = None
    left: str | None = None


@attrs.define
class Ban:
    """Who must stay out, and who said so."""

    person: str
    name: str
    by: str
    at: datetime


@attrs.define
class Pulse:
    """Joins and leaves that the topic has not been told of yet (rule 19); not journalled."""

    revision: int = 0
    sent_at: datetime | None = None
    since: datetime | None = None
    joined: set[str] = attrs.field(factory=set)
    left: set[str] = attrs.field(factory=set)

    def touch(self, person: str, at: datetime, *, here: bool) -> None:
        """Note that a person came, changed, or went."""
        added, removed = (self.joined, self.left) if here else (self.left, self.joined)
        added.add(person)
        removed.discard(person)
        self.since = self.since or at


@attrs.define
class SessionState:
    """One session.

    :param members: everybody who ever entered, by id.
    :param dropped: present people without a connection, since when, oldest first; not journalled.
    :param registered: id -> name of who holds a seat.
    :param waiting: id -> name of the waiting list, in order.
    :param released: whether registered seats are no longer held.
    :param hosts_gone_at: since when a live session has had no host.
    """

    id: str
    event: str = ""
    plan: Plan = attrs.field(factory=Plan)
    status: str = "none"
    started_at: datetime | None = None
    ended_at: datetime | None = None
    end_reason: str | None = None
    hostless_until: datetime | None = None
    hosts_gone_at: datetime | None = None
    released: bool = False
    members: dict[str, Member] = attrs.field(factory=dict)
    present: int = 0
    present_hosts: int = 0
    guests: int = 0
    dropped: dict[str, datetime] = attrs.field(factory=dict)
    registered: dict[str, str] = attrs.field(factory=dict)
    waiting: dict[str, str] = attrs.field(factory=dict)
    bans: dict[str, Ban] = attrs.field(factory=dict)
    stage: StageState = attrs.field(factory=StageState)
    chat: ChatState = attrs.field(factory=ChatState)
    media: MediaState = attrs.field(factory=MediaState)
    qa: QaState = attrs.field(factory=QaState)
    rooms: BreakoutState = attrs.field(factory=BreakoutState)
    pulse: Pulse = attrs.field(factory=Pulse)
    _order: Ordered | None = attrs.field(init=False, default=None, eq=False, repr=False)

    # Times

    @property
    def end(self) -> datetime:
        """The planned end."""
        return self.plan.start + timedelta(minutes=self.plan.minutes)

    @property
    def backstage_at(self) -> datetime:
        """When hosts may enter."""
        return self.plan.start - HOSTS_EARLY

    @property
    def doors_at(self) -> datetime:
        """When everybody else may enter."""
        return self.plan.start - DOORS_EARLY

    @property
    def released_at(self) -> datetime:
        """When registered seats are no longer held."""
        return self.plan.start + SEATS_HELD

    # People

    @property
    def exists(self) -> bool:
        """Whether the session was ever created."""
        return self.status != "none"

    @property
    def here(self) -> Ordered:
        """Those present: hosts, then on screen, then the rest, by name (rule 19).

        Derived: built when first needed and kept up from then on.
        """
        if self._order is None:
            self._order = Ordered()
            for member in self.members.values():
                if member.present:
                    self._order.put(self.order_key(member))
        return self._order

    def order_key(self, member: Member) -> Key:
        """Return what orders a member among those present."""
        group = 0 if member.host else 1 if self.stage.on_screen(member.id) else REST
        return (group, member.name.casefold(), member.id)

    def reorder(self, person: str) -> None:
        """Put a member where they belong now, or out of those present."""
        here, member = self.here, self.members.get(person)
        if member is None or not member.present:
            here.remove(person)
        else:
            here.put(self.order_key(member))

    def member(self, person: str) -> Member | None:
        """Return somebody present."""
        member = self.members.get(person)
        return member if member is not None and member.present else None

    def is_host(self, person: Person) -> bool:
        """Return whether a person hosts this session, by its plan or by their token."""
        hosted = person.sessions
        return person.id in self.plan.hosts or self.id in hosted or "*" in hosted

    def moderates(self, person: Person) -> bool:
        """Return whether a person hosts this session or organizes the event."""
        return person.is_system or person.is_organizer or self.is_host(person)

    def knows(self, person: str) -> bool:
        """Return whether a person was ever here."""
        return person in self.members

    def role_of(self, person: Person) -> str:
        """Return the role to show beside a name."""
        return "host" if self.is_host(person) else person.role

    def full(self) -> bool:
        """Return whether every seat is taken by a registration."""
        return self.plan.capacity is not None and len(self.registered) >= self.plan.capacity

    def crowded(self) -> bool:
        """Return whether as many people as there are seats are present; hosts do not count."""
        return self.plan.capacity is not None and self.guests >= self.plan.capacity

    # What the shared parts ask (chat, media)

    def chat_standing(self, person: Person) -> Standing | None:
        """Say what a person may do in the main chat now (rules 8, 21, 28)."""
        if person.is_system:
            return "moderate" if self.status in OPEN else "oversee"
        member = self.members.get(person.id)
        here = member is not None and member.present and self.status in OPEN
        if self.moderates(person):
            return "moderate" if here else "oversee"
        if member is None or person.id in self.bans:
            return None
        return "write" if here and member.room is None else "read"

    def media_place(self, person: str) -> Place | None:
        """Say whether a person may be seen and heard in the main call (rules 4, 5, 15)."""
        member = self.member(person)
        if member is None or member.room is not None or self.status not in OPEN:
            return None
        if member.host or self.stage.on_screen(person):
            return "publish"
        return "wait" if self.status == "backstage" else "watch"

    # What changes people

    def enter(self, member: Member, at: datetime) -> None:
        """Let somebody be present."""
        self._count(self.member(member.id), -1)
        self.members[member.id] = member
        self._count(member, 1)
        self.dropped.pop(member.id, None)
        self.reorder(member.id)
        self.watch_hosts(at)
        self.pulse.touch(member.id, at, here=True)

    def leave(self, person: str, at: datetime, reason: str) -> None:
        """Let somebody be gone, with their seat, request, room and media."""
        member = self.member(person)
        if member is None:
            return
        self._count(member, -1)
        member.present, member.room = False, None
        member.left_at, member.left = at, reason
        self.dropped.pop(person, None)
        self.stage.forget(person)
        self.media.take_away(person)
        self.reorder(person)
        self.watch_hosts(at)
        self.pulse.touch(person, at, here=False)

    def appoint(self, member: Member, at: datetime, *, host: bool) -> None:
        """Make a member a host, or one no longer."""
        here = self.member(member.id)
        self._count(here, -1)
        member.host = host
        member.role = "host" if host else member.event_role
        member.seated = not host and member.event_role != "organizer"
        self._count(here, 1)
        if here is not None:
            self.stage.forget(member.id)
            self.media.take_away(member.id)
            self.reorder(member.id)
            self.watch_hosts(at)
            self.pulse.touch(member.id, at, here=True)

    def _count(self, member: Member | None, by: int) -> None:
        if member is not None:
            self.present += by
            self.present_hosts += by * member.host
            self.guests += by * member.seated

    def watch_hosts(self, at: datetime) -> None:
        """Note since when a live session has no host (rule 7)."""
        if self.present_hosts or self.status not in RUNNING:
            self.hosts_gone_at = None
        elif self.hosts_gone_at is None:
            self.hosts_gone_at = at
