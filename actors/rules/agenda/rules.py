"""The rules of one person's agenda, put together from its parts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from actors.errors import Refused
from actors.rules.agenda import plan, schedule, tracking, views
from actors.rules.agenda.state import AgendaState
from actors.rules.base import (
    Command,
    Dropped,
    Event,
    Person,
    Recovered,
    Returned,
    Rules,
    Send,
)
from actors.rules.parts import Parts

_PARTS = Parts(plan, tracking, schedule)


class AgendaRules(Rules[AgendaState]):
    """The rules of ``agenda/EVENT.PERSON``."""

    kind = "agenda"

    def initial(self, entity: str) -> AgendaState:
        """Return the agenda of somebody who has nothing booked."""
        return AgendaState(entity=entity)

    def decide(self, state: AgendaState, command: Command, now: datetime) -> Sequence[Event]:
        """Say what a command leads to.

        :raises Refused: it is not allowed.
        """
        if isinstance(command, Dropped | Returned | Recovered):
            return ()
        return _PARTS.decide(state, command, now)

    def evolve(self, state: AgendaState, event: Event) -> None:
        """Change the agenda."""
        _PARTS.evolve(state, event)

    def answer(
        self, state: AgendaState, command: Command, events: Sequence[Event], now: datetime
    ) -> dict[str, Any]:
        """Return a command's result."""
        return _PARTS.answer(state, command, events, now)

    def snapshot(self, state: AgendaState, person: Person, now: datetime) -> dict[str, Any]:
        """Return the public part; an agenda is nobody's topic."""
        if person.event != state.event:
            raise Refused("not_found", "There is no such agenda.")
        return views.public(state, now)

    def due(self, state: AgendaState) -> datetime | None:
        """Return when the next reminder goes out."""
        return _PARTS.due(state)

    def effects(self, entity: str, event: Event) -> Sequence[Send]:
        """Notify the owner."""
        return _PARTS.effects(entity, event)
