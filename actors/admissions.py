"""Whom events let in, so that they need not be asked whenever somebody comes."""

from collections.abc import Callable

from actors.rules.base import Person

Gate = Callable[[Person], None]
"""Lets a person pass, or raises why not."""


class Admissions:
    """A gate for each event in memory, as what is on disk has it.

    An event's actor sets its gate up once what it has decided is on disk, before it ends anybody's
    connections. Whoever was let in by the older one until then is in their own mailbox already, and
    is put out with the others.
    """

    def __init__(self) -> None:
        self._gates: dict[str, Gate] = {}

    def open(self, event: str, gate: Gate) -> None:
        """Set up an event's gate, in place of the one before."""
        self._gates[event] = gate

    def close(self, event: str) -> None:
        """Take an event's gate away: the event itself is to be asked."""
        self._gates.pop(event, None)

    def admit(self, person: Person) -> bool:
        """Let a person pass; False if there is no gate for them.

        :raises Refused: as :func:`actors.rules.event.admit` does.
        """
        gate = self._gates.get(person.event)
        if gate is None:
            return False
        gate(person)
        return True
