"""Carries out transactions: several entities, one decision, one write (rules 39, 42, 43).

Entities are borrowed in a fixed order, so that two transactions never wait for each other in a
ring. The events of all of them go to the journal in one append: after a crash either all of them
are there or none.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs
import structlog
import trio

from actors.errors import Refused
from actors.holding import Hold, Loan, Peek
from actors.kernel import MailboxFullError
from actors.ports import StorageUnavailable, WrongSequence
from actors.rules.base import Command
from actors.rules.joint import TRANSACTIONS
from actors.rules.transactions import Decision, Transaction
from actors.services import Services
from actors.tracing import Stages

BORROW_SECONDS = 10.0
"""How long a transaction waits for all its entities before its caller is told to try again."""

COMMIT_SECONDS = 15.0
"""How long the journal may take; afterwards the entities read back what became of it."""

_log = structlog.get_logger("greenroom.booking")


@attrs.define
class Bookings:
    """Runs transactions over the entities of one actor system."""

    services: Services

    @staticmethod
    def takes(command: Command) -> bool:
        """Return whether a command is a transaction."""
        return type(command) in TRANSACTIONS

    async def call(self, command: Command) -> Mapping[str, Any]:
        """Carry out a transaction and return its result.

        :raises Refused: it was not carried out; nothing changed.
        """
        self.services.counters.commands += 1
        loans: dict[str, Loan] = {}
        stages = Stages(self.services.tracer)
        try:
            return await self._call(TRANSACTIONS[type(command)], command, loans, stages)
        except Refused:
            self.services.counters.refused += 1
            raise
        finally:
            stages.record(command.entity, [command], "transaction")
            for loan in loans.values():
                loan.returned.set()

    async def _call(
        self,
        transaction: Transaction,
        command: Command,
        loans: dict[str, Loan],
        stages: Stages,
    ) -> Mapping[str, Any]:
        until = trio.current_time() + BORROW_SECONDS
        await self._borrow(transaction.first(command), loans, until)
        own = loans.get(command.entity)
        remembered = own.actor.remembered(command) if own else None
        if remembered is not None:
            self.services.counters.repeated += 1
            return remembered
        await self._borrow(transaction.more(command, _states(loans)), loans, until)
        states = _states(loans)
        for entity in transaction.reads(command):
            states[entity] = await self._ask(entity, Peek(), until)
        for entity in transaction.reads_more(command, states):
            states[entity] = await self._ask(entity, Peek(), until)
        stages.passed("borrow")
        now = self.services.clock.now()
        decision = transaction.decide(command, states, now)
        stages.passed("decide")
        answer = await self._carry_out(transaction, command, decision, states, loans, now)
        stages.passed("commit")
        return answer

    async def _borrow(self, entities: Sequence[str], loans: dict[str, Loan], until: float) -> None:
        for entity in sorted(set(entities) - set(loans)):
            loan = loans[entity] = Loan(entity)
            await self._ask(entity, Hold(loan), until)
            _ = loan.actor

    async def _ask(self, entity: str, message: Hold | Peek, until: float) -> Any:
        left = max(0.0, until - trio.current_time())
        try:
            return await self.services.address(entity).ask(message, timeout=left)
        except (Refused, MailboxFullError):
            raise
        except Exception as error:
            # The time is up; or it has ended, over a command of somebody else's that was in the
            # same batch, say: its supervisor has logged why, and the next instance will answer.
            raise Refused("overloaded", "Too much at once. Please try again.") from error

    async def _carry_out(
        self,
        transaction: Transaction,
        command: Command,
        decision: Decision,
        states: Mapping[str, Any],
        loans: Mapping[str, Loan],
        now: datetime,
    ) -> Mapping[str, Any]:
        changed = [loans[entity] for entity, events in decision.items() if events]
        for loan in changed:
            # Whatever goes wrong from here on, a changed state is not to be trusted.
            loan.outcome = "unknown"
            loan.actor.change(decision[loan.entity])
        answer = transaction.answer(command, states, decision, now)
        if not changed:
            return answer
        writes = [loan.actor.enter(command, decision[loan.entity], answer) for loan in changed]
        with trio.CancelScope(shield=True):
            await self._append(writes)
            for loan in changed:
                loan.outcome = "written"
                loan.returned.set()
            with trio.move_on_after(COMMIT_SECONDS):
                for loan in changed:
                    await loan.finished.wait()
        return answer

    async def _append(self, writes: Sequence[Any]) -> None:
        try:
            with trio.fail_after(COMMIT_SECONDS):
                await self.services.journal.append(*writes)
        except (StorageUnavailable, WrongSequence, trio.TooSlowError) as error:
            self.services.counters.commit_failures += 1
            names = [write.entity for write in writes]
            _log.error("transaction failed", entities=names, error=str(error))
            reason = "moved" if isinstance(error, WrongSequence) else "storage_unavailable"
            raise Refused(reason, "This could not be saved. Please try again.") from error
        self.services.counters.commits += 1


def _states(loans: Mapping[str, Loan]) -> dict[str, Any]:
    return {entity: loan.state for entity, loan in loans.items()}
