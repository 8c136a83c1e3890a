"""What a session tells other entities: the event's program, and people's agendas.

The session's rules send these as effects; the rules of events and agendas take them.
"""

from datetime import datetime

import attrs

from actors.rules.base import Command


def event_entity(event: str) -> str:
    """Return the entity that keeps an event's program."""
    return f"event/{event}"


def agenda_entity(event: str, person: str) -> str:
    """Return the entity that keeps what a person has booked."""
    return f"agenda/{event}.{person}"


@attrs.frozen(kw_only=True)
class SessionFacts:
    """A session as the program, the lobby and a company's page show it (rule 3).

    :param status: ``scheduled``, ``backstage``, ``live``, ``hostless``, ``ended`` or ``cancelled``.
    :param end: the planned end.
    :param capacity: seats for others than hosts; None: open to everyone.
    :param registered: seats taken.
    :param waiting: people on the waiting list.
    """

    id: str
    event: str
    title: str
    kind: str
    company: str | None
    description: str
    start: datetime
    end: datetime
    capacity: int | None
    hosts: list[str]
    status: str
    registered: int = 0
    waiting: int = 0


@attrs.frozen(kw_only=True)
class SessionChanged(Command):
    """Tell the event how one of its sessions stands now; the newest telling counts."""

    facts: SessionFacts

    @property
    def entity(self) -> str:
        """The event's."""
        return event_entity(self.facts.event)


@attrs.frozen(kw_only=True)
class SeatChanged(Command):
    """Tell the event how one person stands with a session, so its program can say so.

    :param standing: ``registered``, ``waiting``, or None for neither.
    """

    event: str
    session: str
    person: str
    standing: str | None

    @property
    def entity(self) -> str:
        """The event's."""
        return event_entity(self.event)


@attrs.frozen(kw_only=True)
class RegisteredSession(Command):
    """Put a session into a person's agenda, or change how it stands there.

    :param role: ``registered``, ``waiting`` (on the waiting list) or ``host``.
    """

    event: str
    person: str
    session: str
    title: str
    kind: str
    role: str
    start: datetime
    end: datetime

    @property
    def entity(self) -> str:
        """The person's agenda."""
        return agenda_entity(self.event, self.person)


@attrs.frozen(kw_only=True)
class UnregisteredSession(Command):
    """Take a session out of a person's agenda.

    :param cancelled: whether the session itself is called off.
    """

    event: str
    person: str
    session: str
    cancelled: bool = False

    @property
    def entity(self) -> str:
        """The person's agenda."""
        return agenda_entity(self.event, self.person)
