"""Where the transport hands people and their commands in (the port ``Door``)."""

from collections.abc import Mapping
from typing import Any

import structlog
import trio

from actors.booking import Bookings
from actors.errors import GreenroomError, Refused
from actors.kernel import Future, MailboxFullError
from actors.participant import Call, Connect, Gone
from actors.ports import StorageUnavailable
from actors.recall import recall, recalls
from actors.rules.base import Command, Person
from actors.rules.event_model import Admit
from actors.services import Services

CALL_TIMEOUT = 30.0
"""Seconds a command may take before its caller is told that the engine is overloaded."""

RESUMED_TOPICS = 64
"""Topics one connection may resume."""

_log = structlog.get_logger("greenroom.door")


class FrontDoor:
    """Takes people in and carries their commands to the actors.

    :param services: what the actors share.
    :param epoch: of the topics' numbers; a client that comes with another one starts anew.
    """

    def __init__(self, services: Services, epoch: str) -> None:
        self._services = services
        self._bookings = Bookings(services)
        self.epoch = epoch

    async def connect(
        self, person: Person, connection: str, epoch: str | None, topics: Mapping[str, int]
    ) -> Mapping[str, Any]:
        """Take in a connection; return its unread notifications and what could be resumed."""
        if len(topics) > RESUMED_TOPICS:
            raise Refused("invalid_params", f"At most {RESUMED_TOPICS} topics can be resumed.")
        await self.admit(person)
        resumable = {topic: seq if epoch == self.epoch else -1 for topic, seq in topics.items()}
        message = Connect(person, connection, resumable)
        answer = await self._twice(self._participant(person), message)
        return {**answer, "epoch": self.epoch}

    async def admit(self, person: Person) -> None:
        """Check that a person may take part, with the token they have.

        :raises Refused: they may not.
        """
        if not self._admits(person):
            await self._twice(f"event/{person.event}", Admit(by=person))

    def _admits(self, person: Person) -> bool:
        """Let a person pass without asking the event, where that can be known; else False."""
        return self._services.admissions.admit(person)

    def begin(self, command: Command) -> Future[Mapping[str, Any]] | None:
        """Ask for a command, if there is nothing else to be done before or after.

        A person's mailbox keeps the order of their commands. While nothing is in it, whatever came
        before has been handed on: so is this, without waking the person's actor for it.
        """
        if Bookings.takes(command) or command.by.is_system or recalls(command):
            return None
        name, address = self._participant(command.by), self._services.address
        participant = address(name)
        if participant.idle and command.entity != name and not command.trace:
            return address(command.entity).ask(command, timeout=CALL_TIMEOUT)
        return participant.ask(Call(command), timeout=CALL_TIMEOUT)

    async def again(self, command: Command) -> Mapping[str, Any]:
        """Ask once more for a command that was begun and whose actor failed (rule 36)."""
        return await self._once_more(self._participant(command.by), Call(command))

    async def call(self, command: Command) -> Mapping[str, Any]:
        """Carry out a command and return its result."""
        if Bookings.takes(command):
            return await self._book(command)
        # The system is no participant; for everybody else their own mailbox keeps the order.
        direct = command.by.is_system
        entity = command.entity if direct else self._participant(command.by)
        answer = await self._carry_out(entity, command if direct else Call(command), command)
        try:
            return await recall(self._services.archive, command, answer)
        except StorageUnavailable as error:
            raise Refused("storage_unavailable", "The storage does not answer.") from error

    def gone(self, person: Person, connection: str) -> None:
        """Say that a connection has ended."""
        self._services.address(self._participant(person)).tell(Gone(person, connection))

    @staticmethod
    def _participant(person: Person) -> str:
        return f"person/{person.event}.{person.id}"

    async def _carry_out(self, entity: str, message: object, command: Command) -> Any:
        """Ask; a command's key makes it safe to ask twice (rule 36)."""
        return await (self._ask if command.key is None else self._twice)(entity, message)

    async def _twice(self, entity: str, message: object) -> Mapping[str, Any]:
        """Ask, and once more if the actor failed.

        What ends one actor would otherwise turn people away who come in at that moment.
        """
        try:
            return await self._ask(entity, message)
        except Refused as refused:
            if refused.reason != "internal":
                raise
        return await self._once_more(entity, message)

    async def _once_more(self, entity: str, message: object) -> Mapping[str, Any]:
        self._services.counters.retried += 1
        return await self._ask(entity, message)

    async def _ask(self, entity: str, message: object) -> Mapping[str, Any]:
        # Whatever ends an actor while it has a message is logged by its supervisor.
        try:
            answer: Mapping[str, Any]
            answer = await self._services.address(entity).ask(message, timeout=CALL_TIMEOUT)
        except Refused:
            raise
        except Exception as error:
            raise refusal(error) from error
        return answer

    async def _book(self, command: Command) -> Mapping[str, Any]:
        """Carry out a transaction, which is no actor's and goes past every mailbox.

        One connection's commands come one after the other, so nothing overtakes it.
        """
        try:
            return await self._bookings.call(command)
        except Refused:
            raise
        except Exception as error:
            if not isinstance(error, (GreenroomError, *_PASSING)):
                # Nothing was written, and whatever was lent reads itself back.
                self._services.counters.failed += 1
                _log.exception("transaction failed", method=command.method)
            raise refusal(error) from error


_PASSING = (MailboxFullError, trio.TooSlowError)
"""What a moment's wait may mend."""


def refusal(error: BaseException) -> Refused:
    """Return what a person can be told of what went wrong among actors."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, _PASSING):
        return Refused("overloaded", "Too much at once. Please try again.")
    if isinstance(error, StorageUnavailable):
        return Refused("storage_unavailable", "The storage does not answer.")
    return Refused("internal", "Something went wrong on our side.")
