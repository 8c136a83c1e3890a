"""The disk of a simulation: a journal in memory that fails in every way there is."""

from collections.abc import Callable, Sequence
from random import Random

import attrs
import trio

from actors.kernel.context import current
from actors.ports import Entry, Snapshot, Standing, StorageUnavailable, Write
from storage.memory import MemoryJournal

FAULTS = ("refused", "lost", "crash before", "crash after", "slow", "stuck", "unreadable")
"""``refused``: nothing is written, and the writer is told so. ``lost``: it is written, but the
answer says it is not. ``crash before`` and ``crash after`` the write: the actor dies there.
``slow`` and ``stuck``: it takes a while, or longer than anybody waits. ``unreadable``: the next
read fails."""

SLOW, STUCK = 2.0, 20.0
"""Seconds."""


class Crash(Exception):  # noqa: N818  an actor's end, not a caller's error
    """An actor dies where it stands."""


@attrs.define(eq=False)
class Faults:
    """What goes wrong, and how often it has.

    :param percent: of the appends.
    :param calm: while True nothing goes wrong.
    """

    random: Random
    percent: float
    calm: bool = True
    seen: dict[str, int] = attrs.field(factory=dict)

    def draw(self) -> str | None:
        """Return what goes wrong with the next append, if anything."""
        if self.calm or self.random.random() * 100 >= self.percent:
            return None
        fault = self.random.choice(FAULTS)
        self.count(fault)
        return fault

    def count(self, fault: str) -> None:
        """Note that something went wrong."""
        self.seen[fault] = self.seen.get(fault, 0) + 1


class Disk:
    """A journal as one life of the engine sees it; the rows outlast it.

    :param rows: shared by all lives.
    :param written: told of each entry that is on disk, in the order of the writes.
    """

    def __init__(
        self, rows: MemoryJournal, faults: Faults, written: Callable[[str, Entry], None]
    ) -> None:
        self._rows = rows
        self._faults = faults
        self._written = written
        self._unreadable = False
        self.alive = True

    async def append(self, *writes: Write) -> None:
        """Commit all the writes, or none, or say the wrong thing."""
        fault = self._faults.draw()
        if fault in ("crash before", "crash after") and current.get() is None:
            fault = "refused"  # a transaction is no actor, and cannot die alone
        if fault is not None:
            await self._before(fault)
        if not self.alive:
            raise StorageUnavailable("simulated: the process is dead")
        await self._rows.append(*writes)
        for write in writes:
            for entry in write.entries:
                self._written(write.entity, entry)
        if fault == "lost":
            raise StorageUnavailable("simulated, after the write")
        if fault == "crash after":
            raise Crash

    async def _before(self, fault: str) -> None:
        match fault:
            case "refused":
                raise StorageUnavailable("simulated")
            case "crash before":
                raise Crash
            case "unreadable":
                self._unreadable = True
            case "slow":
                await trio.sleep(SLOW)
            case "stuck":
                await trio.sleep(STUCK)

    async def read(self, entity: str, after: int = 0, limit: int = 1000) -> Sequence[Entry]:
        """Return entries, as every journal does."""
        self._must_be_readable()
        return await self._rows.read(entity, after, limit)

    async def load(self, entity: str, limit: int = 1000) -> tuple[Snapshot | None, Sequence[Entry]]:
        """Return the newest snapshot and the entries that follow."""
        self._must_be_readable()
        return await self._rows.load(entity, limit)

    def _must_be_readable(self) -> None:
        if self._unreadable:
            self._unreadable = False
            raise StorageUnavailable("simulated")

    async def load_snapshot(self, entity: str) -> Snapshot | None:
        """Return the newest snapshot."""
        return await self._rows.load_snapshot(entity)

    async def entities(self, kind: str) -> Sequence[str]:
        """Return the names of all entities of a kind."""
        return await self._rows.entities(kind)

    def rest(self, standing: Standing) -> None:
        """Note when an entity has to be back in memory."""
        if self.alive:
            self._rows.rest(standing)

    async def standings(self, kind: str) -> Sequence[Standing]:
        """Return where all entities of a kind stand."""
        return await self._rows.standings(kind)


class NoArchive:
    """A read model with nothing in it."""

    async def chat_history(self, *_: object) -> Sequence[dict[str, object]]:
        """Return nothing."""
        return ()

    async def chat_search(self, *_: object) -> Sequence[dict[str, object]]:
        """Return nothing."""
        return ()
