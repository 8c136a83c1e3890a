"""What every actor of the product is given: the ports, the clock, and the way to the others."""

from collections.abc import Callable, Container
from contextlib import suppress
from datetime import datetime
from typing import Any

import attrs

from actors.admissions import Admissions
from actors.kernel import ActorDeadError, ActorRef
from actors.ports import Archive, Clock, Journal, MediaPlane, Publisher, Standing, Tracer
from actors.presence import Presence
from actors.rules.base import AT_ONCE, Dropped, Person

SETTLED_KEPT = 100_000
"""Entities out of memory that are known to have sent everything: events, sessions, agendas, 1-1
chats. Breakout rooms and people, who are many more, have nothing to send and are not noted."""


UNKNOWN: tuple[int, datetime | None] = (-1, None)
"""Stands for where an entity stands that has still to be read back."""


@attrs.define
class Counters:
    """What went wrong or was repeated, for telemetry."""

    commands: int = 0
    refused: int = 0
    repeated: int = 0
    retried: int = 0
    failed: int = 0
    commits: int = 0
    events: int = 0
    commit_failures: int = 0
    effects: int = 0
    effects_refused: int = 0
    effects_lost: int = 0


@attrs.frozen
class Services:
    """The ports and registers that entity actors share.

    :param noticing: kinds of entities to which it matters that somebody who follows them has gone.
    :param media: the forwarding unit; None where there is no sound and picture.
    :param tracer: shows the way of single commands; None where nobody wants to know.
    :param address: returns the ref of the entity's actor, waking it where needed.
    :param told: entity -> number of the last event in its journal whose consequences have been
        carried out; of entities in memory only. What a crash left undone is seen by it.
    :param settled: entity -> where its journal stood when it left memory with all it had to send
        taken; such a one need not send anything again when it comes back.
    :param open_ends: entity -> where its journal stands and when it has to be back from there on,
        of which the journal is to be told once all it had to send was taken; :data:`UNKNOWN`
        until it has been read back.
    """

    journal: Journal
    publisher: Publisher
    archive: Archive
    clock: Clock
    presence: Presence
    address: Callable[[str], ActorRef[Any]]
    noticing: Container[str]
    counters: Counters = attrs.field(factory=Counters)
    admissions: Admissions = attrs.field(factory=Admissions)
    told: dict[str, int] = attrs.field(factory=dict)
    settled: dict[str, int] = attrs.field(factory=dict)
    open_ends: dict[str, tuple[int, datetime | None]] = attrs.field(factory=dict)
    media: MediaPlane | None = None
    tracer: Tracer | None = None

    def gone(self, entity: str, by: Person) -> None:
        """Tell an entity that somebody who followed it has gone, if that matters to it.

        :raises Refused: the name can be no entity's.
        """
        if entity.partition("/")[0] in self.noticing:
            self.address(entity).tell(Dropped(by=by))

    def bring_back(self, entity: str) -> None:
        """Have an entity in memory, for a timer: without a word if the engine is about to end."""
        with suppress(ActorDeadError):
            self.address(entity)

    def settle(self, entity: str, seq: int) -> None:
        """Note that an entity leaves memory with nothing left to send."""
        self.settled[entity] = seq
        if len(self.settled) > SETTLED_KEPT:
            del self.settled[next(iter(self.settled))]

    def rest(self, entity: str) -> None:
        """Let the journal note that all an entity had to send was taken, if it was told of all."""
        seq, wake = self.open_ends.get(entity, UNKNOWN)
        if self.told.get(entity) == seq:
            del self.open_ends[entity]
            if wake != AT_ONCE:
                self.journal.rest(Standing(entity, seq, wake))
