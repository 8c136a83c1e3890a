"""A person in an event: the connections, the notifications, and the way to everything else.

Whatever a person's devices ask passes this mailbox first, so that one person's commands keep
their order. It is handed on to the entity it is for without waiting for that entity's answer; while
nothing is in the mailbox the door does that itself (``FrontDoor.begin``).
"""

from collections.abc import Mapping, Sequence
from time import time_ns
from typing import Any

import attrs
import structlog
import trio

from actors.entity import EntityActor, Resume
from actors.errors import Refused
from actors.kernel import Envelope, MailboxFullError
from actors.media import hang_up
from actors.rules.base import Command, Person
from actors.rules.session.presence import Leave

RESUME_TIMEOUT = 10.0
"""Seconds a reconnecting client waits for one topic before it is told to load it anew."""

RESUME_ATTEMPTS = 2
"""How often a topic is asked for that fails meanwhile."""

REMOVED = 3503
"""The close code for whoever may no longer take part in the event."""

INVALID_TOKEN = 3000
"""The close code for a token that is no good any more; those that are stay connected."""

_log = structlog.get_logger("greenroom.participant")


@attrs.frozen
class Connect:
    """A connection has come; ``topics`` are to be resumed after the numbers given."""

    by: Person
    connection: str
    topics: Mapping[str, int]


@attrs.frozen
class Gone:
    """A connection has ended."""

    by: Person
    connection: str


@attrs.frozen
class Expel:
    """The person may no longer take part: end their connections.

    :param code: what they are closed with; :data:`INVALID_TOKEN` for those only whose token is no
        good any more, which may come back with another one.
    """

    person: str
    message: str
    code: int = REMOVED


@attrs.frozen
class Call:
    """A command to be carried out for one of the person's connections."""

    command: Command


class ParticipantActor(EntityActor):
    """One person's actor; runs the rules of notifications and knows the person's connections."""

    passivate_after = 900.0
    """Somebody is reminded ten minutes before what they have booked, again one minute before, and
    comes in then: it need be read back once for all of it."""

    async def on_receive_batch(self, batch: Sequence[Envelope]) -> None:
        """Hand calls on in order; keep what is this entity's own."""
        own: list[Envelope] = []
        for envelope in batch:
            match envelope.message:
                case Call(command) if command.entity != self.entity:
                    self._hand_on(envelope, command)
                case Call(command):
                    own.append(envelope.readdress(self._traced(command)))
                case Gone(by, connection):
                    self._gone(by, connection)
                case Connect():
                    await self._connect(envelope, envelope.message)
                case Expel() as expel:
                    own = await self._take_own(own)
                    self._expel(expel)
                case _:
                    own.append(envelope)
        await self._take_own(own)

    def _hand_on(self, envelope: Envelope, command: Command) -> None:
        try:
            ref = self.services.address(command.entity)
        except Refused as refused:  # no such kind here, as without media
            envelope.fail(refused.with_traceback(None))
        else:
            envelope.forward(ref, self._traced(command))

    def _traced(self, command: Command) -> Command:
        tracer = self.services.tracer
        if tracer is None or not command.trace:
            return command
        now = time_ns()
        trace = tracer.record("participant", command.trace, now, now)
        return attrs.evolve(command, trace=trace)

    async def _take_own(self, own: list[Envelope]) -> list[Envelope]:
        if own:
            await super().on_receive_batch(own)
        return []

    async def _connect(self, envelope: Envelope, message: Connect) -> None:
        if self.state is None and not await self._try_load():
            envelope.fail(Refused("storage_unavailable", "The storage does not answer."))
            return
        by, connection = message.by, message.connection
        self.services.presence.begin(connection)
        self.subscribe(by, connection, self.topic_seq, None)
        snapshot = self.rules.snapshot(self.state, by, self.services.clock.now())
        recovered = {topic: await self._resume_topic(message, topic) for topic in message.topics}
        envelope.reply({**snapshot, "recovered": recovered})

    async def _resume_topic(self, message: Connect, topic: str) -> bool:
        by, connection, seq = message.by, message.connection, message.topics[topic]
        if topic == "me":
            missed = await self._missed(seq, self.topic_seq)
            for event, number in missed or ():
                self._send_missed(connection, event, number)
            return missed is not None
        for _ in range(RESUME_ATTEMPTS):
            try:
                ref = self.services.address(topic)
                resume = Resume(by, connection, seq, message.topics.keys())
                answer: dict[str, Any] = await ref.ask(resume, timeout=RESUME_TIMEOUT)
            except (Refused, MailboxFullError, trio.TooSlowError):
                return False
            except Exception as error:  # noqa: BLE001  the topic's actor failed, and comes back
                _log.warning("resume failed", topic=topic, error=repr(error))
                continue
            return bool(answer["recovered"])
        return False

    def _gone(self, by: Person, connection: str) -> None:
        presence = self.services.presence
        for entity in presence.end(connection):
            last = presence.leave(entity, by.id, connection)
            hang_up(self.services, entity, connection)
            if last and entity != self.entity:
                self.services.gone(entity, by)

    def _expel(self, expel: Expel) -> None:
        """End every connection, and leave what the person is in: no grace for a banned one."""
        presence, person = self.services.presence, expel.person
        for connection in presence.connections(self.entity, person):
            for entity in presence.entities(connection):
                kind, _, ident = entity.partition("/")
                by = presence.person(entity, person)
                if kind == "session" and by is not None and expel.code == REMOVED:
                    self.services.address(entity).tell(Leave(by=by, session=ident))
            self.services.publisher.close(connection, expel.code, expel.message)
