"""What an event is made of: state, commands and events; :mod:`actors.rules.event` moves them."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import attrs

from actors.rules.base import Command, Event, command, event
from actors.rules.checks import entity_id
from actors.rules.policy import Policy
from actors.rules.program_model import Listed
from actors.rules.text import ID_LIMIT, MESSAGE_LIMIT, NAME_LIMIT, an_id, between, up_to

PAGE_LIMIT = 500
"""Companies in a snapshot, and in one page of ``company.list``."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Before anything was ever told."""


@attrs.frozen(kw_only=True)
class Ban:
    """Why somebody may not take part, and since when."""

    by: str
    at: datetime
    message: str = ""


@attrs.frozen(kw_only=True)
class DeskEntry:
    """An employee in the event's directory.

    :param offers: whether the availability was ever confirmed; until then nobody may ask (rule 39).
    """

    id: str
    name: str
    company: str | None = None
    offers: bool = False


@attrs.define(kw_only=True)
class EventState:
    """One event.

    :param policy: what the organizer allows of 1-1 chats.
    :param companies: company id -> name.
    :param revoked: person -> the instant before which tokens minted for them are no good.
    :param employees: whoever has 1-1 slots, drafted or published.
    :param seats_changed: sessions whose seats the lobby has not been told of yet.
    :param in_order: the program by start, once somebody has asked for it.
    """

    id: str
    created: bool = False
    name: str = ""
    time_zone: str = "UTC"
    days: list[str] = attrs.field(factory=list)
    policy: Policy = attrs.field(factory=Policy)
    companies: dict[str, str] = attrs.field(factory=dict)
    employees: dict[str, DeskEntry] = attrs.field(factory=dict)
    program: dict[str, Listed] = attrs.field(factory=dict)
    bans: dict[str, Ban] = attrs.field(factory=dict)
    revoked: dict[str, datetime] = attrs.field(factory=dict)
    seats_changed: set[str] = attrs.field(factory=set)
    seats_told: datetime = EPOCH
    in_order: list[Listed] | None = attrs.field(default=None, init=False, eq=False, repr=False)


# Commands


@attrs.frozen(kw_only=True)
class OwnEvent(Command):
    """A command about the asker's event."""

    @property
    def entity(self) -> str:
        """The asker's event."""
        return f"event/{self.by.event}"


@command("event.get")
@attrs.frozen(kw_only=True)
class Get(OwnEvent):
    """Return what the event is, without its program."""


@command("event.lobby")
@attrs.frozen(kw_only=True)
class Lobby(OwnEvent):
    """Follow the lobby: what is live, what comes, who is there to be met."""

    subscribes = True


@command("company.list")
@attrs.frozen(kw_only=True)
class Companies(OwnEvent):
    """List the event's companies by name."""

    after: str | None = attrs.field(default=None, validator=up_to(ID_LIMIT))
    limit: int = attrs.field(default=PAGE_LIMIT, validator=between(1, PAGE_LIMIT))


@attrs.frozen(kw_only=True)
class Admit(OwnEvent):
    """Ask whether somebody may connect at all."""


@command("event.ban")
@attrs.frozen(kw_only=True)
class Banish(OwnEvent):
    """Keep a person out of the whole event (organizers)."""

    person: str = an_id()
    message: str = attrs.field(default="", validator=up_to(MESSAGE_LIMIT, empty=True))


@command("event.unban")
@attrs.frozen(kw_only=True)
class Readmit(OwnEvent):
    """Let a banned person in again (organizers)."""

    person: str = an_id()


@command("event.revoke")
@attrs.frozen(kw_only=True)
class Revoke(OwnEvent):
    """Refuse a person's tokens minted before an instant, now if none is given (admin grant)."""

    person: str = an_id()
    before: datetime | None = None


@command("event.bans")
@attrs.frozen(kw_only=True)
class Bans(OwnEvent):
    """List who is kept out of the event, in the order of the bans (organizers)."""

    after: str | None = attrs.field(default=None, validator=up_to(ID_LIMIT))
    limit: int = attrs.field(default=PAGE_LIMIT, validator=between(1, PAGE_LIMIT))


@attrs.frozen(kw_only=True)
class _Describe(Command):
    id: str = attrs.field(validator=entity_id())
    one_to_one: dict[str, Any] | None = None

    @property
    def entity(self) -> str:
        """The event's."""
        return f"event/{self.id}"


@command("event.create")
@attrs.frozen(kw_only=True)
class Create(_Describe):
    """Create an event, or change it to what is said here if it exists.

    :param one_to_one: what :meth:`Policy.of` takes; absent: no 1-1 chats.
    """

    name: str = attrs.field(validator=up_to(NAME_LIMIT))
    time_zone: str = attrs.field(validator=up_to(ID_LIMIT))
    days: list[str]


@command("event.change")
@attrs.frozen(kw_only=True)
class Change(_Describe):
    """Change an event (its organizers); what is absent stays."""

    name: str | None = attrs.field(default=None, validator=up_to(NAME_LIMIT))
    time_zone: str | None = attrs.field(default=None, validator=up_to(ID_LIMIT))
    days: list[str] | None = None


@attrs.frozen(kw_only=True)
class ListCompany(Command):
    """A company's own word that it belongs to the event, and what it is called."""

    event: str
    company: str
    name: str

    @property
    def entity(self) -> str:
        """The event's."""
        return f"event/{self.event}"


# Events


@attrs.frozen(kw_only=True)
class About:
    """What an event is, as everybody sees it."""

    id: str
    name: str
    time_zone: str
    days: list[str]
    one_to_one: dict[str, Any]


@event("event.changed")
@attrs.frozen(kw_only=True)
class Changed(Event):
    """The event was created, or is now as said here."""

    event: About


@attrs.frozen(kw_only=True)
class CompanyCard:
    """A company in a list."""

    id: str
    name: str


@event("company.listed")
@attrs.frozen(kw_only=True)
class CompanyListed(Event):
    """A company is new to the event, or has another name."""

    company: CompanyCard


@event("event.banned")
@attrs.frozen(kw_only=True)
class Banned(Event):
    """Somebody may no longer take part."""

    person: str
    by: str
    message: str = attrs.field(default="", metadata={"secret": True})

    def departs(self) -> Collection[str]:
        """Name whoever was banned: they follow nothing more of the event."""
        return (self.person,)


@event("event.unbanned")
@attrs.frozen(kw_only=True)
class Unbanned(Event):
    """Somebody may take part again."""

    person: str
    by: str


@event("event.revoked")
@attrs.frozen(kw_only=True)
class Revoked(Event):
    """A person's tokens minted before an instant are no good any more."""

    published = False

    person: str
    before: datetime
