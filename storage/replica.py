"""A copy of the cluster's journal in a node's own SQLite file, for what is asked of the read model.

It follows the stream and may be a moment behind; nothing is decided by it. It can be thrown away:
the next start copies anew from the first message. It is an ordinary database of Greenroom's, so
exports, search, backups and every SQLite tool work on it.
"""

from collections.abc import Sequence
from itertools import groupby

import structlog
import trio
from sqlite_utils import Database

from actors.ports import Entry, StorageUnavailable, Write, WrongSequence
from storage import follower
from storage.archive import SqliteArchive
from storage.jetstream import PAGE, JetStreamJournal
from storage.journal import SqliteJournal

POLL_SECONDS = 0.25
"""How long it waits after it has caught up, unless somebody waits for more."""

REACH_SECONDS = 2.0
"""How long a question waits for the copy of what was committed before it."""

REACH_PAUSE = 0.02
"""Seconds between two looks while somebody waits, for another server of NATS may be behind."""

PAUSE_SECONDS = 1.0
"""How long it waits after a failure."""

NAME = "replica"
"""Under which the stream's number is kept beside the copy."""

_log = structlog.get_logger("greenroom.replica")


class ForeignReplica(StorageUnavailable):
    """The file holds another journal's events."""


class Replica:
    """Copies a journal of NATS into a file.

    :param source: the cluster's journal.
    :param copy: the node's own.
    """

    def __init__(self, source: JetStreamJournal, copy: SqliteJournal) -> None:
        self.position = 0
        self.behind = 0
        self._source = source
        self._copy = copy
        self._waiting = 0
        self._asked, self._copied = trio.Event(), trio.Event()

    async def reach(self, position: int) -> bool:
        """Wait until the copy holds the stream up to a number; False if it takes long."""
        self._waiting += 1
        self._asked.set()
        try:
            with trio.move_on_after(REACH_SECONDS):
                while self.position < position:
                    await self._copied.wait()
        finally:
            self._waiting -= 1
        return self.position >= position

    async def run(self) -> None:
        """Copy until cancelled."""
        at = await self._copy.query(lambda db: follower.position(db, NAME))
        self.position = at[0] if at else 0
        while True:
            try:
                copied = await self.step()
            except StorageUnavailable as error:
                _log.warning("cannot copy", error=str(error))
                await trio.sleep(PAUSE_SECONDS)
            else:
                if not copied:
                    await self._rest()

    async def _rest(self) -> None:
        if self._waiting:
            await trio.sleep(REACH_PAUSE)
            return
        self._asked = trio.Event()
        with trio.move_on_after(POLL_SECONDS):
            await self._asked.wait()

    async def step(self) -> int:
        """Copy some messages; return how many.

        :raises StorageUnavailable: NATS does not answer, or the disk is full.
        """
        page = await self._source.messages(self.position, PAGE)
        last = page[-1][0] if page else self.position
        for _, group in groupby(_writes(page), key=lambda write: write.entity):
            await self._take(list(group))
        if last > self.position:

            def keep(db: Database) -> None:
                follower.set_position(db, NAME, last)

            await self._copy.transact(keep)
            self.position = last
            self._copied.set()
            self._copied = trio.Event()
        return len(page)

    async def _take(self, writes: Sequence[Write]) -> None:
        for write in writes:
            try:
                await self._copy.append(write)
            except WrongSequence:
                await self._take_rest(write)

    async def _take_rest(self, write: Write) -> None:
        """Take what of a write is not there yet: it was copied before the position was kept."""
        held = write.expected_seq
        while page := await self._copy.read(write.entity, held):
            held = page[-1].seq
        rest = [entry for entry in write.entries if entry.seq > held]
        if rest and rest[0].seq == held + 1:
            await self._copy.append(Write(write.entity, held, rest))
        elif rest:
            raise ForeignReplica(
                f"{self._copy.path} does not hold this journal. Stop this node and delete the file."
            )


class ReplicaArchive(SqliteArchive):
    """Answers from the copy, once it has what was committed before the question.

    :param source: the cluster's journal.
    """

    def __init__(self, source: JetStreamJournal, replica: Replica, copy: SqliteJournal) -> None:
        super().__init__(copy)
        self._source = source
        self._replica = replica

    async def catch_up(self) -> bool:
        """Wait until copy and read model have everything committed now; False if it takes long.

        :raises StorageUnavailable: NATS does not answer, or the file cannot be read.
        """
        copied = await self._replica.reach(await self._source.end())
        return copied and await super().catch_up()

    async def _reach(self, topic: str) -> None:
        if not await self._replica.reach(await self._source.end_of(topic)):
            raise StorageUnavailable(f"this node's copy has not reached the newest of {topic}")
        await super()._reach(topic)


def _writes(page: Sequence[tuple[int, str, Sequence[Entry]]]) -> list[Write]:
    return [Write(entity, found[0].seq - 1, found) for _, entity, found in page if found]
