"""The rules of ``session/ID``, put together from their parts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from actors.rules import chat, media
from actors.rules.base import AT_ONCE, Command, Event, Person, Tick
from actors.rules.breakout import parts as breakout
from actors.rules.breakout.timing import close_with_session
from actors.rules.parts import Composed, Parts
from actors.rules.session import (
    moderation,
    people,
    planning,
    presence,
    qa,
    registration,
    running,
    stage,
    stage_changes,
    views,
)
from actors.rules.session.events import Ended
from actors.rules.session.guards import known
from actors.rules.session.state import SessionState

_LASTING = (
    planning,
    registration,
    running,
    # Rooms close before anybody due to go at the same time goes, so that all come out of them.
    *breakout.PARTS,
    stage,
    stage_changes,
    presence,
    moderation,
    chat,
    media,
    qa,
    views,
)
PARTS = Parts(
    # What is told of people is told before anything else that is due changes them: it counts
    # as told from then on.
    people,
    *_LASTING,
)
_DEADLINES = Parts(*_LASTING)
"""Whoever is told of people has gone after a restart; what else is due is due then too."""

_OF_PEOPLE = frozenset((*chat.DECIDE, *media.DECIDE))
"""Commands of parts that other entities share; here only those known to the session may."""


class SessionRules(Composed[SessionState]):
    """A session: who is in it, on its stage, and what is said there (rules 1 to 24, 35)."""

    kind = "session"
    notices_absence = True
    parts = PARTS

    def initial(self, entity: str) -> SessionState:
        """Return a session that is not planned yet."""
        return SessionState(id=entity.partition("/")[2])

    def decide(self, state: SessionState, command: Command, now: datetime) -> Sequence[Event]:
        """Say what a command leads to.

        :raises Refused: it is not allowed, or not now.
        """
        if isinstance(command, Tick):
            # Whatever else is due at the end, the end comes before it.
            end = [event for event in running.tick(state, now) if isinstance(event, Ended)]
            if end:
                return [*close_with_session(state, now), *end]
        elif type(command) in _OF_PEOPLE:
            known(state, command.by)
        return super().decide(state, command, now)

    def wake(self, state: SessionState) -> datetime | None:
        """Return when the session has to be back: at once if it has lost people."""
        return AT_ONCE if state.here else _DEADLINES.due(state)

    def snapshot(self, state: SessionState, person: Person, now: datetime) -> dict[str, Any]:
        """Return what a new follower of the topic needs."""
        return views.snapshot(state, person, now)
