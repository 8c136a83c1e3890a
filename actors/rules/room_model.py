"""What a breakout room is made of: state, commands, events; :mod:`actors.rules.room` moves them."""

from collections.abc import Collection
from datetime import datetime
from typing import ClassVar

import attrs

from actors.rules.base import Command, Event, Person, command, event
from actors.rules.breakout.events import Occupant
from actors.rules.breakout.state import Intent, room_entity
from actors.rules.chat_model import ChatState, Standing
from actors.rules.media import MediaState, Place
from actors.rules.text import an_id


@attrs.define
class RoomState:
    """One breakout room.

    :param bans: who of them must stay out of the session, and reads no more.
    :param members: everybody to whom it was given or who has been in it; they may read on.
    :param here: who is inside, in the order in which they came.
    :param left: what people who went out had on, for when they come back in the same round.
    """

    id: str
    session: str
    event: str = ""
    name: str = ""
    round: int = 0
    status: str = "none"
    ends_at: datetime | None = None
    countdown: int | None = None
    hosts: set[str] = attrs.field(factory=set)
    bans: set[str] = attrs.field(factory=set)
    members: dict[str, Occupant] = attrs.field(factory=dict)
    here: list[str] = attrs.field(factory=list)
    left: dict[str, Intent] = attrs.field(factory=dict)
    chat: ChatState = attrs.field(factory=ChatState)
    media: MediaState = attrs.field(factory=MediaState)

    @property
    def is_open(self) -> bool:
        """Whether people can be inside."""
        return self.status in ("open", "closing")

    def moderates(self, person: Person) -> bool:
        """Return whether a person hosts the session or organizes the event."""
        if person.is_system:
            return True
        if person.event != self.event:
            return False
        hosted = person.sessions
        hosts = person.id in self.hosts or self.session in hosted or "*" in hosted
        return person.is_organizer or hosts

    def knows(self, person: str) -> bool:
        """Return whether a person was ever in the room."""
        return person in self.members

    def role_of(self, person: Person) -> str:
        """Return the role to show beside a name: hosts stay hosts in every room."""
        member = self.members.get(person.id)
        if member is not None and member.host:
            return "host"
        hosted = person.sessions
        if person.id in self.hosts or self.session in hosted or "*" in hosted:
            return "host"
        return person.role

    def chat_standing(self, person: Person) -> Standing | None:
        """Say what a person may do in the room's chat (rules 28, 33)."""
        inside = self.is_open and person.id in self.here
        if self.moderates(person):
            return "moderate" if inside else "oversee"
        if person.event != self.event or person.id in self.bans:
            return None
        if inside:
            return "write"
        return "read" if person.id in self.members else None

    def media_place(self, person: str) -> Place | None:
        """Everybody inside may be seen and heard (rule 28)."""
        return "publish" if self.is_open and person in self.here else None


# Commands of the session to its rooms


@attrs.frozen(kw_only=True)
class _ToRoom(Command):
    session: str
    room: str

    @property
    def entity(self) -> str:
        return room_entity(self.session, self.room)


@attrs.frozen(kw_only=True)
class OpenRoom(_ToRoom):
    """Open the room, for the first time or again.

    :param people: who is moved in at once.
    :param members: ids of everybody to whom the room is given.
    :param hosts: ids of the session's hosts.
    """

    event: str
    round: int
    name: str
    ends_at: datetime
    people: list[Occupant]
    members: list[str]
    hosts: list[str]


@attrs.frozen(kw_only=True)
class EnterRoom(_ToRoom):
    """Let somebody in.

    :param intent: what they have on; None: what they had here before, or everything.
    """

    person: Occupant
    intent: Intent | None


@attrs.frozen(kw_only=True)
class LeaveRoom(_ToRoom):
    """Let somebody out."""

    person: str


@attrs.frozen(kw_only=True)
class RenameRoom(_ToRoom):
    """Give the room another name."""

    name: str


@attrs.frozen(kw_only=True)
class SettleRoom(_ToRoom):
    """Tell the room of other hosts and bans.

    :param hosts: ids of the session's hosts.
    :param people: who became one, or is one no longer.
    :param banned: who must stay out, or (false) no longer.
    """

    hosts: list[str]
    people: list[Occupant]
    banned: dict[str, bool]


@attrs.frozen(kw_only=True)
class TimeRoom(_ToRoom):
    """Tell the room when it ends; with a countdown in seconds once that runs."""

    ends_at: datetime
    countdown: int | None


@attrs.frozen(kw_only=True)
class CloseRoom(_ToRoom):
    """Let everybody out, and nobody in any more; of another round it comes too late."""

    round: int


@command("breakout.room")
@attrs.frozen(kw_only=True)
class Follow(Command):
    """Follow the room one is in, as after a reconnect."""

    subscribes: ClassVar[bool] = True

    session: str = an_id()
    room: str = an_id()

    @property
    def entity(self) -> str:
        """The room."""
        return room_entity(self.session, self.room)


# Events


@event("room.opened")
@attrs.frozen(kw_only=True)
class RoomOpened(Event):
    """The room is open. Told to the session's topic as part of ``breakout.opened``."""

    published: ClassVar[bool] = False

    event: str
    round: int
    name: str
    ends_at: datetime
    people: list[Occupant]
    members: list[str]
    hosts: list[str]


@event("room.entered")
@attrs.frozen(kw_only=True)
class RoomEntered(Event):
    """Somebody is in the room, with microphone and camera so."""

    person: Occupant
    mic: bool
    camera: bool


@event("room.left")
@attrs.frozen(kw_only=True)
class RoomLeft(Event):
    """Somebody is no longer in the room."""

    person: str

    def departs(self) -> Collection[str]:
        """Return the one who went."""
        return (self.person,)


@event("room.renamed")
@attrs.frozen(kw_only=True)
class RoomRenamed(Event):
    """The room has another name. Told to the session's topic."""

    published: ClassVar[bool] = False

    name: str


@event("room.settled")
@attrs.frozen(kw_only=True)
class RoomSettled(Event):
    """Others host the session, or must stay out of it. Told to the session's topic."""

    published: ClassVar[bool] = False

    hosts: list[str]
    people: list[Occupant]
    banned: dict[str, bool]


@event("room.timed")
@attrs.frozen(kw_only=True)
class RoomTimed(Event):
    """The room ends then. Told to the session's topic."""

    published: ClassVar[bool] = False

    ends_at: datetime
    countdown: int | None


@event("room.closed")
@attrs.frozen(kw_only=True)
class RoomClosed(Event):
    """Everybody is out. Told to the session's topic as part of ``breakout.closed``."""

    published: ClassVar[bool] = False

    people: list[str] = attrs.field(factory=list)

    def departs(self) -> Collection[str]:
        """Return everybody who was in."""
        return self.people
