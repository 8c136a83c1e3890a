"""An actor whose state is what its journal says, and who does what follows from it.

Brought back after a crash it first replays, then does what the crash left undone: subscribers are
told what they were not, and other entities are sent what is for them.
"""

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar

import attrs
import structlog
import trio

from actors import media
from actors.answers import Answers
from actors.courier import Courier
from actors.errors import Refused
from actors.kernel import Actor, Timer, let_it_crash
from actors.kernel.policy import Decider
from actors.ports import Entry, Snapshot, StorageUnavailable, Write
from actors.rules import records
from actors.rules.base import AT_ONCE, SYSTEM, Event, Recovered, Returned, Rules, Tick
from actors.services import UNKNOWN, Services
from actors.snapshot import pack_snapshot, unpack_snapshot

SNAPSHOT_EVERY = 100
"""Events after which a snapshot is taken, at least. Reading an event back costs more than a small
snapshot's share of it, and whoever wakes an entity waits for that."""

SNAPSHOT_WORTH = 100
"""Bytes of the last snapshot for which another event must have come. Taking one holds the loop for
as long as the state is large; so its cost an event stays the same, however large the state."""

SNAPSHOT_LIMIT = 5_000
"""Events after which a snapshot is taken in any case: they are what a restart reads back."""

REPLAYED_EFFECTS = 64
"""Newest events whose effects are sent again after a restart, where the journal does not say which
were taken; receivers take each once."""

PAGE = 64
"""Entries read at once when an entity is read back; each is some twenty objects meanwhile."""

RELOAD_PAUSE = 1.0
"""Seconds before an entity that could not be read is read again, if nobody asks sooner."""

GIVEN_UP_PAUSE = 60.0
"""Seconds after a failure in which an entity is brought back if nobody has asked for it. One that
failed too often is given up on, and what it has due is to come late rather than never."""

OVERDUE_PAUSE = timedelta(seconds=1)
"""How long a deadline waits that a Tick did not clear, so that a fault cannot spin."""

_log = structlog.get_logger("greenroom.entity")


@attrs.frozen
class Happened:
    """An event with its numbers.

    :param seq: its number in the journal; None for an ephemeral event.
    :param number: its number in the topic; None for what has none.
    """

    event: Event
    seq: int | None = None
    number: int | None = None


class DurableActor(Actor):
    """One entity in memory.

    :param entity: its name, ``kind/id``; also the topic it publishes.
    """

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
        self._snapshot_size = 0
        self._unkept: Snapshot | None = None
        self._answers = Answers()
        self._entries: list[Entry] = []
        self._timer: Timer | None = None
        self._due: datetime | None = None
        self._missed_out: list[Happened] = []
        self._replayed: deque[tuple[int, Event]] = deque(maxlen=REPLAYED_EFFECTS)
        self._new = True
        self._taken: int | None = None
        # Nothing here may lead back to the actor: what ends in a circle leaves memory late, and
        # a state is large.
        later = self.system.timers.call_after
        rest = partial(services.rest, entity)
        self.courier = Courier(services.address, later, services.counters, rest)

    # Life

    async def on_start(self) -> None:  # type: ignore[override]  # Pykka's is not async
        """Bring the state back, and let those who are connected be present."""
        await self._try_load()

    def on_failure(self, *_: object) -> None:
        """Leave what is still to be sent to the next instance, and see to it that one comes."""
        self.courier.close()
        back = partial(self.services.bring_back, self.entity)
        self.system.timers.call_after(GIVEN_UP_PAUSE, back)

    def on_stop(self) -> None:
        """Leave nothing in memory."""
        if self.courier.idle:
            self.services.rest(self.entity)
        self.services.open_ends.pop(self.entity, None)
        told = self.services.told.pop(self.entity, None)
        idle = self.courier.idle and not self._new and told == self.seq
        if idle and self.rules.has_effects:
            self.services.settle(self.entity, self.seq)
        self.courier.close()

    def may_passivate(self) -> bool:
        """Whether nothing would be missed while this entity is out of memory."""
        nobody = next(self.services.presence.people(self.entity), None) is None
        return nobody and self._due is None and self.courier.idle

    async def _try_load(self) -> bool:
        try:
            await self._load()
            if self.seq and self._new and not self._was_settled():
                await self._send_effects_again()
            self._make_up()
            self._look_ahead()
        except StorageUnavailable as error:
            self.forget()
            _log.error("cannot be read", entity=self.entity, error=str(error))
            return False
        return True

    def _look_ahead(self) -> None:
        """Let the journal know when this has to be back, if it is one of which it did not."""
        ends = self.services.open_ends
        if self.entity in ends:
            ends[self.entity] = (self.seq, self.rules.wake(self.state))
            if self.courier.idle:
                self.services.rest(self.entity)

    def _was_settled(self) -> bool:
        if not self.rules.has_effects:  # a room, a person: there are many, and nothing to send
            return True
        return self.services.settled.pop(self.entity, None) == self.seq

    def forget(self) -> None:
        """Throw the state away; it is read back with the next message, or soon."""
        self.state = None
        self.services.open_ends[self.entity] = UNKNOWN
        self.after(RELOAD_PAUSE, Tick(by=SYSTEM))

    async def _load(self) -> None:
        journal = self.services.journal
        self.state, self.seq, self.topic_seq = self.rules.initial(self.entity), 0, 0
        self._answers.clear()
        self._missed_out.clear()
        self._replayed.clear()
        self._taken = None
        snapshot, page = await journal.load(self.entity, limit=PAGE)
        if snapshot is not None:
            self._restore(snapshot)
        while page:
            for entry in page:
                self._replay(entry)
            if len(page) < PAGE:
                break
            page = await journal.read(self.entity, after=self.seq, limit=PAGE)
        self._rejoin()
        self._set_timer()

    def _restore(self, snapshot: Snapshot) -> None:
        self.state, kept = unpack_snapshot(snapshot.state, type(self.state))
        self.topic_seq = kept["topic_seq"]
        self._answers.restore(kept["done"])
        self._taken = kept.get("taken")
        self.seq = self._snapshot_seq = snapshot.seq
        self._snapshot_size = len(snapshot.state)

    def _replay(self, entry: Entry) -> None:
        event = records.restore(entry.type, entry.data)
        self.rules.evolve(self.state, event)
        self.seq = entry.seq
        self._replayed.append((entry.seq, event))
        if event.published:
            self.topic_seq += 1
        if entry.seq > self.services.told.get(self.entity, entry.seq):
            self._missed_out.append(Happened(event, entry.seq, entry.meta.get("number")))
        self._answers.replay(entry.meta)
        self._taken = entry.meta.get("taken", self._taken)

    def _make_up(self) -> None:
        """Carry out the consequences that a crash or a lost answer of the journal left undone."""
        self._new = False
        self._replayed.clear()
        self.services.told.setdefault(self.entity, self.seq)
        missed, self._missed_out = self._missed_out, []
        for happened in missed:
            self._tell(happened)
        if missed:
            self._tell_media([happened.event for happened in missed], ())

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

    # Writing

    def _write(self, entries: Sequence[Entry]) -> Write:
        """Return what the journal has to take for entries that have changed the state."""
        seq, wake = self.seq + len(entries), self.rules.wake(self.state)
        sends = not self.courier.idle or any(
            self.rules.has_effects_of(entry.type) for entry in entries
        )
        if sends:
            self.services.open_ends[self.entity] = (seq, wake)
            wake = AT_ONCE
        else:
            self.services.open_ends.pop(self.entity, None)
        return Write(self.entity, self.seq, entries, self._unkept, wake)

    # Snapshots

    def _snapshot_is_due(self) -> bool:
        worth = max(SNAPSHOT_EVERY, self._snapshot_size // SNAPSHOT_WORTH)
        return self.seq >= self._snapshot_seq + min(worth, SNAPSHOT_LIMIT)

    async def _make_snapshot(self) -> None:
        """Make a snapshot for the next write to take along.

        With a commit of its own, whoever comes next would wait for two.
        """
        # Making it holds the loop: first let those who were answered send their answers, all of
        # whom have run once this task has had its turn twice.
        await trio.lowlevel.checkpoint()
        await trio.lowlevel.checkpoint()
        beside = {
            "topic_seq": self.topic_seq,
            "done": self._answers.plain(),
            "taken": self._taken,
        }
        self._unkept = Snapshot(self.seq, pack_snapshot(self.state, beside))
        self._snapshot_seq = self.seq
        self._snapshot_size = len(self._unkept.state)

    # What follows from an event

    def _tell(self, happened: Happened, trace: str = "") -> None:
        event, seq = happened.event, happened.seq
        if event.published:
            self._publish_one(happened)
        if seq is not None:
            self._send_effects(event, seq, trace)
        self.after_event(event)
        if seq is not None:
            self.services.told[self.entity] = seq

    def _tell_media(self, events: Sequence[Event], newcomers: Sequence[str]) -> None:
        media.follow(self.services, self.entity, self.state, events, newcomers)

    def after_event(self, event: Event) -> None:
        """Do what follows a committed event besides telling the topic."""
        for person in event.departs():
            for connection in self.services.presence.connections(self.entity, person):
                self.services.presence.leave(self.entity, person, connection)
                self.services.publisher.unsubscribe(connection, self.entity)
                media.part(self.services, self.entity, connection)

    def _publish_one(self, happened: Happened) -> None:
        event = happened.event
        self.services.publisher.publish(
            self.entity, event.type, event.at, records.wire(event), happened.number
        )

    def _send_effects(self, event: Event, seq: int, trace: str = "") -> None:
        for index, send in enumerate(self.rules.effects(self.entity, event)):
            key = f"{seq}.{index}"
            command = attrs.evolve(send.command, sender=self.entity, key=key, trace=trace)
            self.courier.send(send.to, command, seq)

    def _note_taken(self) -> dict[str, int]:
        """Return what the journal has to say of the effects that were taken since it last said so.

        It goes along with the next entry: a write of its own would cost as much as the effects.
        """
        if not self.rules.has_effects:
            return {}
        oldest = self.courier.oldest
        taken = self.services.told.get(self.entity, 0) if oldest is None else oldest - 1
        if taken <= (self._taken or 0):
            return {}
        self._taken = taken
        return {"taken": taken}

    async def _send_effects_again(self) -> None:
        told = self.services.told.get(self.entity, self.seq)
        after = max(0, told - REPLAYED_EFFECTS) if self._taken is None else self._taken
        events = list(self._replayed)
        if events[:1] and events[0][0] <= after + 1:
            events = [each for each in events if each[0] > after]
        elif after < told:  # what is older than the snapshot, or long ago, is not at hand
            events = await self._events_after(after)
        for seq, event in events:
            if after < seq <= told:
                self._send_effects(event, seq)

    async def _events_after(self, seq: int) -> list[tuple[int, Event]]:
        events: list[tuple[int, Event]] = []
        while seq < self.seq:
            page = await self.services.journal.read(self.entity, after=seq, limit=PAGE)
            if not page:
                break
            events += [(one.seq, records.restore(one.type, one.data)) for one in page]
            seq = page[-1].seq
        return events

    # Time

    def _is_timed(self) -> bool:
        """Whether the timer stands as it should, unless the state has changed."""
        return self._due is None or (self._timer is not None and self._timer.pending)

    def _set_timer(self) -> None:
        due, now = self.rules.due(self.state), self.services.clock.now()
        if self._timer is not None and not self._timer.pending:
            self._timer = None
        if due == self._due and (due is None or self._timer is not None):
            return
        # The first Tick for a deadline comes at once; one that did not clear it, after a pause.
        overdue = due == self._due and due is not None and due <= now
        wait = OVERDUE_PAUSE if overdue else max((due or now) - now, timedelta())
        self._due = due
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due is not None:
            self._timer = self.after(wait.total_seconds(), Tick(by=SYSTEM))
