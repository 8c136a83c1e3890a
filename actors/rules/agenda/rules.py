"""The rules of one person's agenda, put together from its parts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from actors.errors import Refused
from actors.rules.agenda import plan, schedule, tracking, views
from actors.rules.agenda.state import AgendaState
from actors.rules.base import (
    Command,
    Event,
    Person,
    Recovered,
    Returned,
)
from actors.rules.parts import Composed, Parts

_PARTS = Parts(plan, tracking, schedule)


class AgendaRules(Composed[AgendaState]):
    """The rules of ``agenda/EVENT.PERSON``."""

    kind = "agenda"
    parts = _PARTS

    def initial(self, entity: str) -> AgendaState:
        """Return the agenda of somebody who has nothing booked."""
        return AgendaState(entity=entity)

    def decide(self, state: AgendaState, command: Command, now: datetime) -> Sequence[Event]:
        """Say what a command leads to.

        :raises Refused: it is not allowed.
        """
        if isinstance(command, Returned | Recovered):
            return ()
        return super().decide(state, command, now)

    def snapshot(self, state: AgendaState, person: Person, now: datetime) -> dict[str, Any]:
        """Return the public part; an agenda is nobody's topic."""
        if person.event != state.event:
            raise Refused("not_found", "There is no such agenda.")
        return views.public(state, now)
