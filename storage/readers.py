"""A few connections that read, each used by one thread at a time."""

import sqlite3
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import trio
from sqlite_utils import Database

from actors.ports import StorageUnavailable
from storage.file import connect_reader

READERS = 4
"""Connections, and so threads, that read at once; more wait their turn."""

T = TypeVar("T")


class Readers:
    """Runs queries off the event loop.

    :param path: the database.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._limiter = trio.CapacityLimiter(READERS)
        self._free: deque[Database] = deque()
        self._closed = False

    async def run(self, query: Callable[[Database], T]) -> T:
        """Return what ``query`` makes of the database; it sees one consistent state of it.

        :raises StorageUnavailable: the file cannot be read.
        """
        if self._closed:
            raise StorageUnavailable("the journal is closed")
        return await trio.to_thread.run_sync(self._run, query, limiter=self._limiter)

    def _run(self, query: Callable[[Database], T]) -> T:
        if self._closed:
            raise StorageUnavailable("the journal is closed")
        db: Database | None = None
        try:
            db = self._free.pop() if self._free else connect_reader(self._path)
            with db.atomic():
                result = query(db)
        except sqlite3.Error as error:
            if db is not None:
                with suppress(sqlite3.Error):
                    db.close()
            raise StorageUnavailable(f"the database could not be read: {error}") from error
        except BaseException:
            if db is not None:
                db.close()
            raise
        self._free.append(db)
        return result

    async def aclose(self) -> None:
        """Close the connections; queries under way finish first."""
        self._closed = True
        with trio.CancelScope(shield=True):
            tokens = [object() for _ in range(READERS)]
            for token in tokens:  # holding every one means nobody reads any more
                await self._limiter.acquire_on_behalf_of(token)
            for token in tokens:  # and whoever waits in line is refused
                self._limiter.release_on_behalf_of(token)
        while self._free:
            self._free.pop().close()
