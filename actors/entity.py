"""The actor around any rules: decide, commit, publish, reply.

Commands that have queued while the last commit was on its way to the disk are decided one after
the other and committed together. Each sees the state that the ones before it left, and nobody
outside sees anything before the commit: not the subscribers, not the askers. When a commit fails
the state in memory is thrown away and read back from the journal, so that what was never written
was never there.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import attrs
import structlog

from actors.durable import DurableActor, Happened
from actors.errors import GreenroomError, Refused
from actors.kernel import Envelope
from actors.ports import Entry, StorageUnavailable, WrongSequence
from actors.rules import records
from actors.rules.base import (
    Command,
    Dropped,
    Event,
    Look,
    Person,
    Rules,
)
from actors.services import Services
from actors.tracing import Stages

BATCH = 64
"""Commands committed together at most."""

PAUSE = 0.01
"""Seconds a crowded batch lets the next one gather. Each takes a commit and a write to every
listener: in a session of 200 people at 2,250 messages a second this saves an eighth of the
processor's time, for 4 ms at the median and none at the 99th percentile."""

MISSED_LIMIT = 1000
"""Events a reconnecting client is sent at most; beyond it a snapshot is the shorter way."""

_log = structlog.get_logger("greenroom.entity")


class StateBroken(GreenroomError):  # noqa: N818  said of the entity
    """Rules failed while changing the state; the actor restarts from the journal."""


@attrs.frozen
class Resume:
    """Subscribe ``connection`` again, with exactly what followed number ``seq`` if possible.

    :param along: all the topics that the connection resumes.
    """

    by: Person
    connection: str
    seq: int
    along: Collection[str] = ()


@attrs.define
class Decided:
    """One accepted command of a batch, waiting for the commit."""

    envelope: Envelope
    command: Command
    answer: dict[str, Any]
    happened: list[Happened] = attrs.field(factory=list)
    view: tuple[int, dict[str, Any] | None] | None = None


class EntityActor(DurableActor):
    """Runs one entity's rules."""

    batch_limit = BATCH
    batch_pause = PAUSE

    def __init__(self, entity: str, rules: Rules[Any], services: Services) -> None:
        super().__init__(entity, rules, services)
        self._coming: set[str] = set()

    # Commands

    async def on_receive_batch(self, batch: Sequence[Envelope]) -> None:
        """Decide a batch, commit it once, then publish and reply in order."""
        if self.state is None and not await self._try_load():
            for envelope in batch:
                envelope.fail(Refused("storage_unavailable", "The storage does not answer."))
            return
        stages = Stages(self.services.tracer)
        self._coming.clear()
        decided = [done for envelope in batch if (done := self._take(envelope)) is not None]
        stages.passed("decide")
        written = not self._entries or await self._commit(decided)
        stages.passed("commit")
        if written:
            await self._settle(decided)
            stages.passed("publish")
        stages.record(self.entity, [envelope.message for envelope in batch])

    async def _settle(self, decided: Sequence[Decided]) -> None:
        for resumes, some in groupby(decided, key=_resumes):
            if not resumes:
                self._publish_together(list(some))
                continue
            for done in some:
                await self._publish_and_resume(done)
        events = [happened.event for done in decided for happened in done.happened]
        if self.services.media is not None:
            self._tell_media(
                events, [done.command.by.id for done in decided if done.command.subscribes]
            )
        if events and self.courier.idle:  # what they led to is nothing to be taken, or was
            self.services.rest(self.entity)
        if events or not self._is_timed():
            self._set_timer()
        if self._snapshot_is_due():
            await self._make_snapshot()

    def _take(self, envelope: Envelope) -> Decided | None:
        command = envelope.message
        if isinstance(command, Resume):
            command = Look(by=command.by, connection=command.connection)
        self.services.counters.commands += 1
        if isinstance(command, Dropped) and self._is_back(command.by):
            envelope.reply({})
            return None
        try:
            return self._decide(envelope, command)
        except Refused as refused:
            self.services.counters.refused += 1
            # Whoever keeps the refusal for a while would keep the frames it came through, and with
            # them this instance and its state, beyond a crash.
            envelope.fail(refused.with_traceback(None))
        except StateBroken:
            raise
        except Exception:  # noqa: BLE001  rules are code, and code has faults
            # Deciding changes nothing, so a fault in it harms nobody but the asker.
            self.services.counters.failed += 1
            _log.exception("command failed", entity=self.entity, method=command.method)
            envelope.fail(Refused("internal", "Something went wrong on our side."))
        return None

    def _is_back(self, by: Person) -> bool:
        """Whether somebody follows this entity after all, by a newer connection (rule 34).

        That may have come in the same batch, and is noted once the batch is written.
        """
        return by.id in self._coming or bool(self.services.presence.connections(self.entity, by.id))

    def _decide(self, envelope: Envelope, command: Command) -> Decided:
        now = self.services.clock.now()
        known = self._answers.find(command)
        if known is not None:
            self.services.counters.repeated += 1
            done = Decided(envelope, command, known)
            if command.subscribes:
                self._number(done, self._look_again(command, now), {})
        else:
            events = self.rules.decide(self.state, command, now)
            answer = self._evolve(command, events, now)
            done = Decided(envelope, command, answer)
            said = self._answers.note(command, answer, changed=bool(events))
            self._number(done, events, said)
        if command.subscribes and command.connection:
            done.view = (self.topic_seq, self._snapshot_for(envelope.message, command.by, now))
            self._coming.add(command.by.id)
        return done

    def _snapshot_for(self, message: object, by: Person, now: datetime) -> dict[str, Any] | None:
        """Return what a new follower needs; None for one who most likely gets what they missed.

        When thousands come back at once, snapshots that nobody is sent would be most of the work.
        """
        if isinstance(message, Resume) and message.seq >= 0:
            missed = self.topic_seq - message.seq
            if 0 <= missed <= MISSED_LIMIT:
                return None
        return self.rules.snapshot(self.state, by, now)

    def _look_again(self, command: Command, now: datetime) -> Sequence[Event]:
        """Let somebody listen whose first answer may have got lost, if they still may.

        A crash may have let them be gone meanwhile, or a host put them out.

        :raises Refused: they are not in any more.
        """
        look = Look(by=command.by, connection=command.connection)
        events = self.rules.decide(self.state, look, now)
        self._evolve(look, events, now)
        return events

    def _evolve(self, command: Command, events: Sequence[Event], now: datetime) -> dict[str, Any]:
        try:
            for event in events:
                self.rules.evolve(self.state, event)
            return self.rules.answer(self.state, command, events, now)
        except Exception as error:
            # The state may be half changed: nothing of this batch may be committed.
            raise StateBroken(self.entity) from error

    def _number(self, done: Decided, events: Sequence[Event], said: dict[str, Any]) -> None:
        meta: dict[str, Any] = {"by": done.command.by.id, **said}
        for event in events:
            number = None
            seq = None
            if event.durable:
                if event.published:
                    self.topic_seq += 1
                    number = self.topic_seq
                    meta["number"] = number
                seq = self.seq + len(self._entries) + 1
                data = records.record(event)
                if not self._entries:
                    meta |= self._note_taken()
                self._entries.append(Entry(seq, event.type, event.at, data, meta))
                meta = {"by": done.command.by.id}
            done.happened.append(Happened(event, seq, number))

    # Commit

    async def _commit(self, decided: Sequence[Decided]) -> bool:
        entries, self._entries = self._entries, []
        try:
            await self.services.journal.append(self._write(entries))
        except (StorageUnavailable, WrongSequence) as error:
            self.services.counters.commit_failures += 1
            reason = "moved" if isinstance(error, WrongSequence) else "storage_unavailable"
            _log.error("commit failed", entity=self.entity, error=str(error), lost=len(entries))
            for done in decided:
                done.envelope.fail(Refused(reason, "This could not be saved. Please try again."))
            self.forget()
            return False
        self._unkept = None
        self.seq += len(entries)
        self.services.counters.commits += 1
        self.services.counters.events += len(entries)
        return True

    # After the commit

    def _publish_together(self, some: Sequence[Decided]) -> None:
        if len(some) == 1 and len(some[0].happened) + (some[0].view is not None) <= 1:
            self._publish(some[0])  # there is nothing to go out together
        else:
            with self.services.publisher.together():
                for done in some:
                    self._publish(done)
        for done in some:
            done.envelope.reply(done.answer)

    def _publish(self, done: Decided) -> None:
        for happened in done.happened:
            self._tell(happened, done.command.trace)
        if done.view is not None:
            seq, snapshot = done.view
            self.subscribe(done.command.by, done.command.connection, seq, snapshot)

    async def _publish_and_resume(self, done: Decided) -> None:
        for happened in done.happened:
            self._tell(happened, done.command.trace)
        done.envelope.reply(await self._resume(done.envelope.message, done))

    # Subscribers

    def subscribe(
        self, by: Person, connection: str, seq: int, snapshot: dict[str, Any] | None
    ) -> None:
        """Let a connection follow this entity from ``seq`` on."""
        now = self.services.clock.now()
        self.services.publisher.subscribe(connection, self.entity, seq, now, snapshot)
        self.follow(by, connection)

    def follow(
        self,
        by: Person,
        connection: str,
        along: Collection[str] = (),  # noqa: ARG002  for entities that lead people on
    ) -> None:
        """Note that a connection follows this entity, unless it has ended meanwhile (rule 34).

        :param along: topics it is about to follow without being led to them.
        """
        presence = self.services.presence
        if presence.enter(self.entity, by, connection):
            return
        if self.rules.notices_absence and not presence.connections(self.entity, by.id):
            self.actor_ref.tell(Dropped(by=by))

    async def _resume(self, message: Resume, done: Decided) -> dict[str, Any]:
        publisher, connection = self.services.publisher, message.connection
        if self.entity in self.services.presence.entities(connection):
            # It was led here meanwhile, with a snapshot that holds what it missed: sent after
            # that, the missed events would count twice.
            return self._start_anew(message, done)
        if publisher.resume(connection, self.entity, message.seq):
            self.follow(message.by, connection, message.along)
            return {"recovered": True}
        # What others of this batch led to is on disk already, and is told after this.
        until = done.view[0] if done.view is not None else self.topic_seq
        missed = await self._missed(message.seq, until)
        if missed is not None:
            self.subscribe(message.by, connection, until, None)
            for event, number in missed:
                self._send_missed(connection, event, number)
            return {"recovered": True}
        return self._start_anew(message, done)

    def _start_anew(self, message: Resume, done: Decided) -> dict[str, Any]:
        seq, snapshot = done.view or (0, None)
        if snapshot is not None:
            self.subscribe(message.by, message.connection, seq, snapshot)
        else:
            # Others of this batch have changed the state since; the next one begins with a look.
            self.actor_ref.tell(Look(by=message.by, connection=message.connection))
        return {"recovered": False}

    def _send_missed(self, connection: str, event: Event, number: int) -> None:
        data = records.wire(event)
        self.services.publisher.send(connection, self.entity, event.type, event.at, data, number)

    async def _missed(self, number: int, until: int) -> list[tuple[Event, int]] | None:
        """Read what followed ``number`` in the topic up to ``until``.

        :return: None if that is unknown or too much.
        """
        count = until - number
        if not 0 <= count <= MISSED_LIMIT:
            return None
        missed: list[tuple[Event, int]] = []
        # A topic's numbers leave out what is not published, so they never run ahead of the
        # journal's: the event after number n stands at n + 1 or later.
        after = number
        while len(missed) < count:
            page = await self.services.journal.read(self.entity, after=after)
            if not page:
                return None
            after = page[-1].seq
            missed += [
                (records.restore(entry.type, entry.data), entry.meta["number"])
                for entry in page
                if number < entry.meta.get("number", 0) <= until
            ]
        return missed


def _resumes(done: Decided) -> bool:
    return isinstance(done.envelope.message, Resume)
