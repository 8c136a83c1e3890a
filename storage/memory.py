"""A journal in memory, for tests and simulations, which can be told to fail."""

from collections.abc import Callable, Sequence
from datetime import datetime

import trio

from actors.ports import (
    Entry,
    Snapshot,
    Standing,
    StorageUnavailable,
    Write,
    WrongSequence,
)
from actors.rules.base import AT_ONCE
from storage.codec import PackedWrite, Row, entries, kind_of, pack_write

Interference = Callable[[Sequence[Write]], BaseException | None]
"""Looks at an append and returns the error to raise instead of taking it, or None."""


class MemoryJournal:
    """A journal that lasts as long as the object does.

    Entries go through the same encoding as on disk, so what would not survive the disk does not
    survive here. To play a crash, give the same journal to a new engine.

    :param interfere: asked before each append; may refuse it with an error.
    """

    def __init__(self, interfere: Interference | None = None) -> None:
        self.available = True
        """While False, every append and snapshot raises :exc:`StorageUnavailable`."""
        self.interfere = interfere
        self.appends = 0
        """Appends committed."""
        self._failures = 0
        self._rows: dict[str, list[Row]] = {}
        self._snapshots: dict[str, Snapshot] = {}
        self._wakes: dict[str, datetime | None] = {}

    def fail_next(self, times: int = 1) -> None:
        """Make the next ``times`` appends raise :exc:`StorageUnavailable`."""
        self._failures += times

    async def append(self, *writes: Write) -> None:
        """Commit all the writes, or none.

        :raises WrongSequence: an entity's last number is not the expected one.
        :raises StorageUnavailable: told to fail.
        """
        packed = [pack_write(write) for write in writes]
        await trio.lowlevel.checkpoint()
        self._meddle(writes)
        self._check(packed)
        for write in packed:
            self._rows.setdefault(write.entity, []).extend(write.rows)
            if write.snapshot is not None:
                self._keep(write.entity, write.snapshot)
        self._wakes.update((write.entity, write.wake) for write in writes)
        self.appends += 1

    def _meddle(self, writes: Sequence[Write]) -> None:
        error = self.interfere(writes) if self.interfere else None
        if error is not None:
            raise error
        if self._failures:
            self._failures -= 1
            raise StorageUnavailable("told to fail")
        self._must_be_available()

    def _must_be_available(self) -> None:
        if not self.available:
            raise StorageUnavailable("told to be unavailable")

    def _check(self, packed: Sequence[PackedWrite]) -> None:
        heads: dict[str, int] = {}
        for write in packed:
            head = heads.get(write.entity, len(self._rows.get(write.entity, ())))
            if write.expected_seq != head:
                raise WrongSequence(f"{write.entity} is at {head}, not at {write.expected_seq}")
            heads[write.entity] = write.last_seq

    async def read(self, entity: str, after: int = 0, limit: int = 1000) -> Sequence[Entry]:
        """Return up to ``limit`` entries with a number above ``after``, in order."""
        await trio.lowlevel.checkpoint()
        rows = self._rows.get(entity, [])[max(after, 0) : max(after, 0) + limit]
        return entries(row[1:] for row in rows)

    async def save_snapshot(self, entity: str, snapshot: Snapshot) -> None:
        """Keep a snapshot unless a newer one is held.

        :raises StorageUnavailable: told to be unavailable.
        """
        await trio.lowlevel.checkpoint()
        self._must_be_available()
        self._keep(entity, snapshot)

    def _keep(self, entity: str, snapshot: Snapshot) -> None:
        held = self._snapshots.get(entity)
        if held is None or held.seq <= snapshot.seq:
            self._snapshots[entity] = snapshot

    async def load_snapshot(self, entity: str) -> Snapshot | None:
        """Return the newest snapshot, if there is one."""
        await trio.lowlevel.checkpoint()
        return self._snapshots.get(entity)

    async def load(self, entity: str, limit: int = 1000) -> tuple[Snapshot | None, Sequence[Entry]]:
        """Return the newest snapshot, if there is one, and up to ``limit`` entries that follow."""
        snapshot = self._snapshots.get(entity)
        return snapshot, await self.read(entity, snapshot.seq if snapshot else 0, limit)

    async def entities(self, kind: str) -> Sequence[str]:
        """Return the names (``kind/id``) of all entities of a kind, sorted."""
        await trio.lowlevel.checkpoint()
        return sorted(name for name, rows in self._rows.items() if rows and kind_of(name) == kind)

    def rest(self, standing: Standing) -> None:
        """Note when an entity has to be back in memory, if it is at that number."""
        if len(self._rows.get(standing.entity, ())) == standing.seq:
            self._wakes[standing.entity] = standing.wake

    async def standings(self, kind: str) -> Sequence[Standing]:
        """Return where all entities of a kind stand, sorted by name."""
        return [
            Standing(name, len(self._rows[name]), self._wakes.get(name, AT_ONCE))
            for name in await self.entities(kind)
        ]
