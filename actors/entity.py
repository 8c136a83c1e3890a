"""The actor around any rules: decide, commit, publish, reply.

Commands that have queued while the last commit was on its way to the disk are decided one after
the other and committed together. Each sees the state that the ones before it left, and nobody
outside sees anything before the commit: not the subscribers, not the askers. When a commit fails
the state in memory is thrown away and read back from the journal, so that what was never written
was never there.
"""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

import attrs
import msgpack
import structlog

from actors import media
from actors.errors import GreenroomError, Refused
from actors.kernel import Actor, Envelope, Timer, let_it_crash
from actors.kernel.policy import Decider
from actors.ports import Entry, Snapshot, StorageUnavailable, Write, WrongSequence
from actors.rules import records
from actors.rules.base import (
    SYSTEM,
    Command,
    Event,
    Look,
    Person,
    Recovered,
    Returned,
    Rules,
    Tick,
)
from actors.services import Services

BATCH = 64
"""Commands committed together at most."""

SNAPSHOT_EVERY = 500
"""Events between two snapshots."""

KEYS_KEPT = 1000
"""Idempotency keys an entity remembers (rule 36)."""

MISSED_LIMIT = 1000
"""Events a reconnecting client is sent at most; beyond it a snapshot is the shorter way."""

REPLAYED_EFFECTS = 64
"""Newest events whose effects are sent again after a restart; receivers take each once."""

RELOAD_PAUSE = 1.0
"""Seconds before an entity that could not be read is read again, if nobody asks sooner."""

OVERDUE_PAUSE = timedelta(seconds=1)
"""How long a deadline waits that a Tick did not clear, so that a fault cannot spin."""

_log = structlog.get_logger("greenroom.entity")


class StateBroken(GreenroomError):  # noqa: N818  said of the entity
    """Rules failed while changing the state; the actor restarts from the journal."""


@attrs.frozen
class Resume:
    """Subscribe ``connection`` again, with exactly what followed number ``seq`` if possible."""

    by: Person
    connection: str
    seq: int


@attrs.frozen
class Happened:
    """An event with its numbers.

    :param seq: its number in the journal; None for an ephemeral event.
    :param number: its number in the topic; None for what has none.
    """

    event: Event
    seq: int | None = None
    number: int | None = None


@attrs.define
class Decided:
    """One accepted command of a batch, waiting for the commit."""

    envelope: Envelope
    command: Command
    answer: dict[str, Any]
    happened: list[Happened] = attrs.field(factory=list)
    view: tuple[int, dict[str, Any]] | None = None


class EntityActor(Actor):
    """Runs one entity's rules.

    :param entity: its name, ``kind/id``; also the topic it publishes.
    """

    batch_limit = BATCH
    mailbox_limit = 10_000
    passivate_after = 300.0
    decider: ClassVar[Decider] = staticmethod(let_it_crash)

    def __init__(self, entity: str, rules: Rules[Any], services: Services) -> None:
        super().__init__()
        self.entity = entity
        self.rules = rules
        self.services = services
        self.state: Any = None
        self.seq = 0
        self.topic_seq = 0
        self._snapshot_seq = 0
        self._answers: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._entries: list[Entry] = []
        self._timer: Timer | None = None
        self._due: datetime | None = None

    # Life

    async def on_start(self) -> None:  # type: ignore[override]  # Pykka's is not async
        """Bring the state back, and let those who are connected be present."""
        if await self._try_load():
            await self._send_effects_again()

    def may_passivate(self) -> bool:
        """Whether nothing would be missed while this entity is out of memory."""
        nobody = next(self.services.presence.people(self.entity), None) is None
        return nobody and self._due is None

    async def _try_load(self) -> bool:
        try:
            await self._load()
        except StorageUnavailable as error:
            self.state = None
            _log.error("cannot be read", entity=self.entity, error=str(error))
            self.after(RELOAD_PAUSE, Tick(by=SYSTEM))
            return False
        return True

    async def _load(self) -> None:
        journal = self.services.journal
        self.state, self.seq, self.topic_seq = self.rules.initial(self.entity), 0, 0
        self._answers.clear()
        snapshot = await journal.load_snapshot(self.entity)
        if snapshot is not None:
            self._restore(snapshot)
        while page := await journal.read(self.entity, after=self.seq):
            for entry in page:
                self._replay(entry)
        self._rejoin()
        self._set_timer()

    def _restore(self, snapshot: Snapshot) -> None:
        kept = msgpack.unpackb(snapshot.state)
        self.state = records.build(kept["state"], type(self.state))
        self.topic_seq = kept["topic_seq"]
        self._answers.update(kept["answers"])
        self.seq = self._snapshot_seq = snapshot.seq

    def _replay(self, entry: Entry) -> None:
        event = records.restore(entry.type, entry.data)
        self.rules.evolve(self.state, event)
        self.seq = entry.seq
        if event.published:
            self.topic_seq += 1
        if "key" in entry.meta:
            self._remember(entry.meta["key"], entry.meta["answer"])

    def _rejoin(self) -> None:
        now = self.services.clock.now()
        present = list(self.services.presence.people(self.entity))
        for command in (Recovered(by=SYSTEM), *(Returned(by=person) for person in present)):
            try:
                events = self.rules.decide(self.state, command, now)
            except Refused:
                continue
            for event in events:
                if not event.durable:
                    self.rules.evolve(self.state, event)

    # Commands

    async def on_receive_batch(self, batch: Sequence[Envelope]) -> None:
        """Decide a batch, commit it once, then publish and reply in order."""
        if self.state is None and not await self._try_load():
            for envelope in batch:
                envelope.fail(Refused("storage_unavailable", "The storage does not answer."))
            return
        decided = [done for envelope in batch if (done := self._take(envelope)) is not None]
        if self._entries and not await self._commit(decided):
            return
        await self._settle(decided)

    async def _settle(self, decided: Sequence[Decided]) -> None:
        for done in decided:
            await self._publish(done)
        self._tell_media(decided)
        self._set_timer()
        if self.seq - self._snapshot_seq >= SNAPSHOT_EVERY:
            await self._save_snapshot()

    def _take(self, envelope: Envelope) -> Decided | None:
        command = envelope.message
        if isinstance(command, Resume):
            command = Look(by=command.by, connection=command.connection)
        if isinstance(command, Tick):
            self._timer = None
        self.services.counters.commands += 1
        try:
            return self._decide(envelope, command)
        except Refused as refused:
            self.services.counters.refused += 1
            envelope.fail(refused)
        except StateBroken:
            raise
        except Exception:  # noqa: BLE001  rules are code, and code has faults
            # Deciding changes nothing, so a fault in it harms nobody but the asker.
            self.services.counters.failed += 1
            _log.exception("command failed", entity=self.entity, method=command.method)
            envelope.fail(Refused("internal", "Something went wrong on our side."))
        return None

    def _decide(self, envelope: Envelope, command: Command) -> Decided:
        now = self.services.clock.now()
        key = f"{command.by.id} {command.key}" if command.key else None
        if key is not None and key in self._answers:
            self.services.counters.repeated += 1
            done = Decided(envelope, command, self._answers[key])
        else:
            events = self.rules.decide(self.state, command, now)
            done = Decided(envelope, command, self._evolve(command, events, now))
            self._number(done, events, key)
        if command.subscribes and command.connection:
            snapshot = self.rules.snapshot(self.state, command.by, now)
            done.view = (self.topic_seq, snapshot)
        return done

    def _evolve(self, command: Command, events: Sequence[Event], now: datetime) -> dict[str, Any]:
        try:
            for event in events:
                self.rules.evolve(self.state, event)
            return self.rules.answer(self.state, command, events, now)
        except Exception as error:
            # The state may be half changed: nothing of this batch may be committed.
            raise StateBroken(self.entity) from error

    def _number(self, done: Decided, events: Sequence[Event], key: str | None) -> None:
        meta: dict[str, Any] = {"by": done.command.by.id}
        # What led to nothing can be asked again; remembering it would keep every query's answer.
        if key is not None and events:
            meta |= {"key": key, "answer": done.answer}
            self._remember(key, done.answer)
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
                self._entries.append(Entry(seq, event.type, event.at, data, meta))
                meta = {"by": done.command.by.id}
            done.happened.append(Happened(event, seq, number))

    def _remember(self, key: str, answer: dict[str, Any]) -> None:
        self._answers[key] = answer
        if len(self._answers) > KEYS_KEPT:
            self._answers.popitem(last=False)

    # Commit

    async def _commit(self, decided: Sequence[Decided]) -> bool:
        entries, self._entries = self._entries, []
        try:
            await self.services.journal.append(Write(self.entity, self.seq, entries))
        except (StorageUnavailable, WrongSequence) as error:
            self.services.counters.commit_failures += 1
            reason = "moved" if isinstance(error, WrongSequence) else "storage_unavailable"
            _log.error("commit failed", entity=self.entity, error=str(error), lost=len(entries))
            for done in decided:
                done.envelope.fail(Refused(reason, "This could not be saved. Please try again."))
            self.state = None
            return False
        self.seq += len(entries)
        self.services.counters.commits += 1
        self.services.counters.events += len(entries)
        return True

    async def _save_snapshot(self) -> None:
        kept = {
            "state": records.plain(self.state),
            "topic_seq": self.topic_seq,
            "answers": list(self._answers.items()),
        }
        try:
            snapshot = Snapshot(self.seq, msgpack.packb(kept))
            await self.services.journal.save_snapshot(self.entity, snapshot)
        except StorageUnavailable as error:
            # The journal alone is enough; the next batch tries again.
            _log.warning("snapshot failed", entity=self.entity, error=str(error))
        else:
            self._snapshot_seq = self.seq

    # After the commit

    async def _publish(self, done: Decided) -> None:
        for happened in done.happened:
            if happened.event.published:
                self._publish_one(happened)
            if happened.seq is not None:
                self._send_effects(happened.event, happened.seq)
            self.after_event(happened.event)
        message = done.envelope.message
        if isinstance(message, Resume):
            done.envelope.reply(await self._resume(message, done))
            return
        if done.view is not None:
            seq, snapshot = done.view
            self.subscribe(done.command.by, done.command.connection, seq, snapshot)
        done.envelope.reply(done.answer)

    def _tell_media(self, decided: Sequence[Decided]) -> None:
        events = [happened.event for done in decided for happened in done.happened]
        newcomers = [done.command.by.id for done in decided if done.command.subscribes]
        media.follow(self.services, self.entity, self.state, events, newcomers)

    def after_event(self, event: Event) -> None:
        """Do what follows a committed event besides telling the topic."""
        for person in event.departs():
            for connection in self.services.presence.connections(self.entity, person):
                self.services.presence.leave(self.entity, person, connection)
                self.services.publisher.unsubscribe(connection, self.entity)

    def _publish_one(self, happened: Happened) -> None:
        event = happened.event
        self.services.publisher.publish(
            self.entity, event.type, event.at, records.wire(event), happened.number
        )

    def _send_effects(self, event: Event, seq: int) -> None:
        for index, send in enumerate(self.rules.effects(self.entity, event)):
            self.services.counters.effects += 1
            command = attrs.evolve(send.command, key=f"{self.entity}#{seq}.{index}")
            self.services.address(send.to).tell(command)

    async def _send_effects_again(self) -> None:
        after = max(0, self.seq - REPLAYED_EFFECTS)
        for entry in await self.services.journal.read(self.entity, after=after):
            self._send_effects(records.restore(entry.type, entry.data), entry.seq)

    # Subscribers

    def subscribe(
        self, by: Person, connection: str, seq: int, snapshot: dict[str, Any] | None
    ) -> None:
        """Let a connection follow this entity from ``seq`` on."""
        now = self.services.clock.now()
        self.services.publisher.subscribe(connection, self.entity, seq, now, snapshot)
        self.services.presence.enter(self.entity, by, connection)

    async def _resume(self, message: Resume, done: Decided) -> dict[str, Any]:
        publisher, connection = self.services.publisher, message.connection
        if publisher.resume(connection, self.entity, message.seq):
            self.services.presence.enter(self.entity, message.by, connection)
            return {"recovered": True}
        missed = await self._missed(message.seq)
        if missed is not None:
            self.subscribe(message.by, connection, self.topic_seq, None)
            for event, number in missed:
                self._send_missed(connection, event, number)
            return {"recovered": True}
        if done.view is not None:
            self.subscribe(message.by, connection, *done.view)
        return {"recovered": False}

    def _send_missed(self, connection: str, event: Event, number: int) -> None:
        data = records.wire(event)
        self.services.publisher.send(connection, self.entity, event.type, event.at, data, number)

    async def _missed(self, number: int) -> list[tuple[Event, int]] | None:
        """Read what followed ``number`` in the topic; None if that is unknown or too much."""
        count = self.topic_seq - number
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
                if entry.meta.get("number", 0) > number
            ]
        return missed

    # Time

    def _set_timer(self) -> None:
        due, now = self.rules.due(self.state), self.services.clock.now()
        if due == self._due and (due is None or self._timer is not None):
            return
        # The first Tick for a deadline comes at once; one that did not clear it, after a pause.
        wait = OVERDUE_PAUSE if due == self._due else max((due or now) - now, timedelta())
        self._due = due
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due is not None:
            self._timer = self.after(wait.total_seconds(), Tick(by=SYSTEM))
