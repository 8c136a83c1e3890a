"""Everything that lasts, opened together."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import attrs

from storage.archive import SqliteArchive
from storage.file import Check
from storage.journal import SqliteJournal
from storage.outbox import Endpoint, Outbox, OutboxWriter
from storage.readmodel import ReadModel
from storage.writer import WriterStatistics

FILE_NAME = "greenroom.db"
"""The database's name in the data directory."""


@attrs.frozen
class StoreStatistics:
    """How the storage is doing.

    :param writer: the journal's writer.
    :param projected: journal rows projected since the start.
    :param not_projected: of these, rows that could not be.
    """

    writer: WriterStatistics
    projected: int
    not_projected: int


@attrs.frozen
class Store:
    """The journal with its read model and webhook outbox, in one file."""

    journal: SqliteJournal
    archive: SqliteArchive
    outbox: Outbox
    read_model: ReadModel

    @classmethod
    @asynccontextmanager
    async def open(
        cls, path: str | Path, *, endpoints: Sequence[Endpoint] = (), check: Check = "quick"
    ) -> AsyncIterator["Store"]:
        """Hold the file open, and locked against a second engine, for the length of the block.

        :param path: the file; see :data:`FILE_NAME`.
        :param endpoints: who is told by webhooks.
        :param check: how closely the file is looked at first.
        :raises StorageRefused: the file will not be opened; its subclasses say why.
        """
        read_model = ReadModel()
        chores = (read_model, OutboxWriter(endpoints))
        async with SqliteJournal.open(path, check=check, chores=chores) as journal:
            yield cls(journal, SqliteArchive(journal), Outbox(journal), read_model)

    def statistics(self) -> StoreStatistics:
        """Return the counters."""
        return StoreStatistics(
            self.journal.statistics(), self.read_model.projected, self.read_model.failed
        )
