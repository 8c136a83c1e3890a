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
from storage.jetstream import JetStreamJournal
from storage.journal import SqliteJournal

POLL_SECONDS = 0.25
"""How long it waits after it has caught up."""

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
                    await trio.sleep(POLL_SECONDS)

    async def step(self) -> int:
        """Copy some messages; return how many.

        :raises StorageUnavailable: NATS does not answer, or the disk is full.
        """
        page, last = await self._source.follow(self.position)
        for _, group in groupby(_writes(page), key=lambda write: write.entity):
            await self._take(list(group))
        if last > self.position:
            self.position = last

            def keep(db: Database) -> None:
                follower.set_position(db, NAME, last)

            await self._copy.transact(keep)
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


def _writes(page: Sequence[tuple[str, Sequence[Entry]]]) -> list[Write]:
    return [Write(entity, found[0].seq - 1, found) for entity, found in page if found]
