"""Checks that several parts of a session's rules make before deciding."""

import attrs

from actors.errors import Refused
from actors.rules.base import Command, Person
from actors.rules.session.state import OPEN, Member, SessionState
from actors.rules.text import an_id


def known(state: SessionState, by: Person) -> None:
    """Check that there is such a session, in the asker's event.

    :raises Refused: ``not_found``.
    """
    if not state.exists or (by.event != state.event and not by.is_system):
        raise Refused("not_found", "There is no such session.")


def present(state: SessionState, by: Person) -> Member:
    """Return the asker as a member who is in the session now.

    :raises Refused: ``not_found``; ``banned``; ``wrong_state``, they have not entered.
    """
    known(state, by)
    if by.id in state.bans:
        raise Refused("banned", "You cannot take part in this session.")
    member = state.member(by.id)
    if member is None or state.status not in OPEN:
        raise Refused("wrong_state", "Enter the session first.", state=state.status)
    return member


def moderator(state: SessionState, by: Person) -> None:
    """Check that the asker hosts the session or organizes the event.

    :raises Refused: ``not_found``, ``forbidden``.
    """
    known(state, by)
    if not state.moderates(by):
        raise Refused("forbidden", "Only hosts and organizers may do this.")


def planner(state: SessionState, by: Person) -> None:
    """Check that the asker may plan sessions.

    :raises Refused: ``forbidden``.
    """
    if not (by.is_organizer or by.is_system):
        raise Refused("forbidden", "Only organizers plan sessions.")
    if state.exists:
        known(state, by)


@attrs.frozen(kw_only=True)
class OfSession(Command):
    """A command for one session."""

    session: str = an_id()

    @property
    def entity(self) -> str:
        """The session."""
        return f"session/{self.session}"
