"""What a session tells people's agendas (rules 42, 48): effects of its rules."""

from datetime import datetime

import attrs

from actors.rules.base import Command


def agenda_entity(event: str, person: str) -> str:
    """Return the entity that keeps what a person has booked."""
    return f"agenda/{event}.{person}"


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
