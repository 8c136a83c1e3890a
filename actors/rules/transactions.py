"""Commands that change several entities in one step (rules 39, 42, 43).

A transaction is as free of IO as any rule set: it names the entities it needs, reads their
states, and says which events each of them gets. Whoever runs it holds those entities meanwhile,
and writes all of the events or none.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from actors.rules.base import Command, Event

States = Mapping[str, Any]
"""Entity -> its state, which nobody else changes meanwhile."""

Decision = Mapping[str, Sequence[Event]]
"""Entity -> the events it gets, in order."""


class Transaction(ABC):
    """How one kind of command is decided over several entities.

    Entities are held in two rounds, each in the order of their names. A command begins either
    with the meeting, which then names the agendas, or with the agendas, which then name a
    meeting that does not exist yet; so two transactions never wait for each other in a ring.
    """

    @abstractmethod
    def first(self, command: Command) -> Sequence[str]:
        """Name the entities that the command alone tells of."""

    def more(self, command: Command, states: States) -> Sequence[str]:  # noqa: ARG002  most need no second round
        """Name further entities, told by the states of the first.

        :raises Refused: the first states are enough to refuse.
        """
        return ()

    def reads(self, command: Command) -> Sequence[str]:  # noqa: ARG002  most read nothing else
        """Name entities that are looked at but neither held nor changed."""
        return ()

    def reads_more(self, command: Command, states: States) -> Sequence[str]:  # noqa: ARG002  as above
        """Name further entities to look at, told by the states of all others.

        :raises Refused: those are enough to refuse.
        """
        return ()

    @abstractmethod
    def decide(self, command: Command, states: States, now: datetime) -> Decision:
        """Say what each entity gets, changing nothing.

        :raises Refused: the command is not allowed, or not now.
        """

    @abstractmethod
    def answer(
        self, command: Command, states: States, decision: Decision, now: datetime
    ) -> dict[str, Any]:
        """Return the command's result, from the states after the events."""
