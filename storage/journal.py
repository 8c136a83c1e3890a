"""The journal in an SQLite file: WAL, ``synchronous=FULL``, one writer, group commit."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self, TypeVar
from zlib import crc32

import trio
from sqlite_utils import Database

from actors.ports import Entry, Snapshot, Standing, StorageUnavailable, Write
from storage.codec import entries, pack_write, standing
from storage.errors import Unwritable
from storage.file import Check, FileLock, prepare
from storage.follower import position, set_position
from storage.group import Append, Keep, Run
from storage.readers import Readers
from storage.writer import Chore, Writer, WriterStatistics

T = TypeVar("T")

WAKES = "wakes"
"""Beside the followers' positions: which version has noted when entities have to be back."""


class SqliteJournal:
    """Entities' events in one SQLite file; open it with :meth:`open`."""

    def __init__(self, path: Path, writer: Writer, readers: Readers) -> None:
        self.path = path
        self._writer = writer
        self._readers = readers

    @classmethod
    @asynccontextmanager
    async def open(
        cls, path: str | Path, *, check: Check = "quick", chores: Sequence[Chore] = ()
    ) -> AsyncIterator[Self]:
        """Hold the file open, and locked against a second engine, for the length of the block.

        :param path: the file; it and its folder are made if missing.
        :param check: how closely it is looked at first.
        :param chores: background work for the writer (the read model's projector).
        :raises InUse: another process has it open for writing.
        :raises NewerVersion: written by a newer Greenroom.
        :raises Damaged: its structure is broken.
        :raises NotOurs: another program's database.
        :raises Unwritable: it cannot be written.
        """
        file = Path(path)
        lock = await trio.to_thread.run_sync(_lock_and_prepare, file, check)
        try:
            readers = Readers(file)
            writer = Writer(file, chores)
            try:
                yield cls(file, writer, readers)
            finally:
                await readers.aclose()
                await writer.aclose()
        finally:
            lock.release()

    async def append(self, *writes: Write) -> None:
        """Commit all the writes, or none; on return they are on disk.

        :raises WrongSequence: an entity's last number is not the expected one.
        :raises StorageUnavailable: the disk would not take it, or too many writes wait.
        """
        await self._writer.submit(Append([pack_write(write) for write in writes]))

    async def read(self, entity: str, after: int = 0, limit: int = 1000) -> Sequence[Entry]:
        """Return up to ``limit`` entries with a number above ``after``, in order.

        :raises StorageUnavailable: the file cannot be read, or a row in it is damaged.
        """
        return await self._readers.run(lambda db: _entries(db, entity, after, limit))

    async def save_snapshot(self, entity: str, snapshot: Snapshot) -> None:
        """Keep a snapshot unless a newer one is held.

        :raises StorageUnavailable: the disk would not take it.
        """
        await self._writer.submit(Keep(entity, snapshot))

    async def load_snapshot(self, entity: str) -> Snapshot | None:
        """Return the newest snapshot, if there is one.

        :raises StorageUnavailable: the file cannot be read.
        """
        return await self._readers.run(lambda db: _snapshot(db, entity))

    async def load(self, entity: str, limit: int = 1000) -> tuple[Snapshot | None, Sequence[Entry]]:
        """Return the newest snapshot, if there is one, and up to ``limit`` entries that follow.

        :raises StorageUnavailable: the file cannot be read, or a row in it is damaged.
        """

        def query(db: Database) -> tuple[Snapshot | None, Sequence[Entry]]:
            snapshot = _snapshot(db, entity)
            return snapshot, _entries(db, entity, snapshot.seq if snapshot else 0, limit)

        return await self._readers.run(query)

    async def entities(self, kind: str) -> Sequence[str]:
        """Return the names (``kind/id``) of all entities of a kind, sorted.

        :raises StorageUnavailable: the file cannot be read.
        """

        def query(db: Database) -> list[str]:
            rows = db.conn.execute(
                "SELECT entity FROM entities WHERE kind = ? ORDER BY entity", (kind,)
            )
            return [row[0] for row in rows]

        return await self._readers.run(query)

    def rest(self, standing: Standing) -> None:
        """Note with the next commit when an entity has to be back in memory."""
        self._writer.rest(standing)

    async def standings(self, kind: str) -> Sequence[Standing]:
        """Return where all entities of a kind stand, sorted by name.

        :raises StorageUnavailable: the file cannot be read.
        """

        def query(db: Database) -> list[Standing]:
            rows = db.conn.execute(
                "SELECT entity, seq, wake FROM entities WHERE kind = ? ORDER BY entity", (kind,)
            )
            return [standing(*row) for row in rows]

        return await self._readers.run(query)

    async def trust(self, version: str) -> None:
        """Forget when entities have to be back in memory unless this version has noted it.

        Another one's rules may have had other deadlines.

        :raises StorageUnavailable: the disk would not take it.
        """
        mark = crc32(version.encode())

        def work(db: Database) -> None:
            if position(db, WAKES) != (0, mark):
                db.conn.execute("UPDATE entities SET wake = 0")
                set_position(db, WAKES, 0, mark)

        await self.transact(work)

    async def identity(self) -> str:
        """Return the name of this line of sequence numbers; a restored backup has another.

        :raises StorageUnavailable: the file cannot be read.
        """

        def query(db: Database) -> str:
            name: str = db.conn.execute("SELECT id FROM identity").fetchone()[0]
            return name

        return await self._readers.run(query)

    async def transact(self, work: Callable[[Database], T]) -> T:
        """Run a function in the writer's next transaction; on return its changes are on disk.

        It runs on the writer's thread: keep it short.

        :raises StorageUnavailable: the disk would not take it.
        """
        result: T = await self._writer.submit(Run(work))
        return result

    async def query(self, work: Callable[[Database], T]) -> T:
        """Run a function that reads, in a thread, on one consistent state of the file.

        :raises StorageUnavailable: the file cannot be read.
        """
        return await self._readers.run(work)

    def statistics(self) -> WriterStatistics:
        """Return the writer's counters."""
        return self._writer.statistics()


def _entries(db: Database, entity: str, after: int, limit: int) -> list[Entry]:
    rows = db.conn.execute(
        "SELECT seq, type, at, data, meta FROM journal"
        " WHERE entity = ? AND seq > ? ORDER BY seq LIMIT ?",
        (entity, after, limit),
    )
    try:
        return entries(rows)
    except ValueError as error:
        raise StorageUnavailable(f"{entity}: a row is damaged: {error}") from error


def _snapshot(db: Database, entity: str) -> Snapshot | None:
    row = db.conn.execute("SELECT seq, state FROM snapshots WHERE entity = ?", (entity,)).fetchone()
    return Snapshot(*row) if row else None


def _lock_and_prepare(path: Path, check: Check) -> FileLock:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unwritable(path, error.strerror or str(error)) from error
    lock = FileLock(path)
    try:
        prepare(path, check)
    except BaseException:
        lock.release()
        raise
    return lock


__all__ = ["SqliteJournal"]
