"""Entities that lend their state for a transaction over several of them (rules 39, 42, 43).

An entity is the only writer of its state. For a step that concerns several entities at once each
of them stops taking commands, lends its state to whoever decides the step, and goes on when it
gets the state back. A lender waits for a bounded time only; what it cannot be sure of it reads
back from the journal.
"""

from collections.abc import Sequence
from typing import Any, Literal

import attrs
import structlog
import trio

from actors.entity import Decided, EntityActor
from actors.errors import Refused
from actors.kernel import Envelope
from actors.ports import Write
from actors.rules.base import Command, Event

LENT_SECONDS = 30.0
"""How long an entity lends its state; a borrower has given up long before."""

Outcome = Literal["unchanged", "written", "unknown"]

_log = structlog.get_logger("greenroom.holding")


@attrs.define(eq=False)
class Loan:
    """One entity's state in a borrower's hands.

    The borrower makes it, and returns it whatever happens; the lender grants it by its answer.

    :param outcome: what the borrower has done with the state; ``unknown`` makes the lender read
        it back from the journal.
    """

    entity: str
    lender: "HeldActor | None" = None
    outcome: Outcome = "unchanged"
    returned: trio.Event = attrs.field(factory=trio.Event)
    finished: trio.Event = attrs.field(factory=trio.Event)
    lapsed: bool = False

    @property
    def actor(self) -> "HeldActor":
        """Return the lender.

        :raises Refused: the state was not granted, or has been taken back.
        """
        if self.lender is None or self.lapsed:
            raise Refused("overloaded", "Too much at once. Please try again.")
        return self.lender

    @property
    def state(self) -> Any:
        """Return the lent state."""
        return self.actor.state


@attrs.frozen
class Hold:
    """Ask an entity to lend its state; it answers when it does, and goes on when it has it back.

    It is asked, not told: whatever ends the entity, or has it elsewhere, is told to the borrower.
    """

    loan: Loan


@attrs.frozen
class Peek:
    """Ask for an entity's state, to be read at once and never changed."""


class HeldActor(EntityActor):
    """An entity that takes part in transactions."""

    _entered: Decided | None = None
    _written = 0

    async def on_receive_batch(self, batch: Sequence[Envelope]) -> None:
        """Take commands as ever; at a :class:`Hold`, finish those before it and lend the state."""
        commands: list[Envelope] = []
        for envelope in batch:
            if not isinstance(envelope.message, Hold | Peek):
                commands.append(envelope)
                continue
            if commands:
                await super().on_receive_batch(commands)
                commands = []
            if isinstance(envelope.message, Hold):
                await self._lend(envelope, envelope.message.loan)
            else:
                await self._show(envelope)
        if commands:
            await super().on_receive_batch(commands)

    async def _show(self, envelope: Envelope) -> None:
        if self.state is None and not await self._try_load():
            envelope.fail(_unavailable())
        else:
            envelope.reply(self.state)

    async def _lend(self, envelope: Envelope, loan: Loan) -> None:
        if loan.returned.is_set():
            envelope.reply(None)
            return
        if self.state is None and not await self._try_load():
            envelope.fail(_unavailable())
            return
        loan.lender = self
        envelope.reply(None)
        try:
            with trio.move_on_after(LENT_SECONDS):
                await loan.returned.wait()
            await self._take_back(loan)
        finally:
            loan.lapsed = True
            loan.finished.set()

    async def _take_back(self, loan: Loan) -> None:
        entered, self._entered = self._entered, None
        if loan.returned.is_set() and loan.outcome == "unchanged":
            return
        if loan.outcome != "written" or entered is None:
            _log.warning("reading back after a transaction", entity=self.entity)
            self.forget()
            return
        self._unkept = None
        self.seq += self._written
        self.services.counters.events += self._written
        await self._settle([entered])

    # For the borrower, who alone runs while the state is lent

    def change(self, events: Sequence[Event]) -> None:
        """Change the lent state; from now on only ``written`` keeps it."""
        for event in events:
            self.rules.evolve(self.state, event)

    def enter(self, command: Command, events: Sequence[Event], answer: dict[str, Any]) -> Write:
        """Return what the journal has to take for the events the state was changed by.

        :param answer: what the command's own entity remembers for its idempotency key.
        """
        self._entered = Decided(Envelope(command), command, answer)
        own = command.entity == self.entity
        said = self._answers.note(command, answer, changed=bool(events)) if own else {}
        self._number(self._entered, events, said)
        entries, self._entries = self._entries, []
        self._written = len(entries)
        return self._write(entries)

    def remembered(self, command: Command) -> dict[str, Any] | None:
        """Return the answer to an earlier command with the same key (rule 36)."""
        return self._answers.find(command)


def _unavailable() -> Refused:
    return Refused("storage_unavailable", "The storage does not answer.")
