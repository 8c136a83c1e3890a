"""The one thread that writes: it commits whatever has queued since its last commit.

Group commit makes the price of an fsync the price of a group. The longer the disk takes, the more
queue meanwhile and the larger the next group, so throughput rises with load until the group limit.

Between two groups the thread does a slice of background work (projecting the read model) in a
transaction of its own that is not synced: a later group's sync covers it, and what a power cut
takes from it is projected again, since its position goes with it.
"""

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import attrs
import outcome
import trio
from sqlite_utils import Database

from actors.ports import Standing, StorageUnavailable
from storage.errors import JournalOverloaded
from storage.file import PRIMARY, connect
from storage.group import Group, Run, Task
from storage.heads import Heads

QUEUE_LIMIT = 10_000
"""Tasks that may wait for the disk; beyond it new ones are refused."""
GROUP_LIMIT = 1_000
"""Tasks in one transaction."""
RESTS_LIMIT = 20_000
"""Notes that may wait for the next transaction; one lost only wakes an entity for nothing."""
RETRY_SECONDS = 1.0
"""Pause before background work that failed is tried again."""
BUSY_SECONDS = 0.5
"""How long after a commit people count as being served: then background work makes pauses."""
PAUSE_SECONDS = 0.01
"""The least pause, so that a slice is worth its transaction."""
PAUSE_TIMES = 3
"""The pause after a slice, in times of the processor's time it took. Without one, whatever people
had to wait for would have to share the interpreter with a backlog until that is done."""
CLOSING_SECONDS = 2.0
"""How long background work may go on when the journal is being closed."""

_RECONNECT = {
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PROTOCOL,
}


class Chore(Protocol):
    """Background work, done in slices between commits."""

    def step(self, db: Database) -> bool:
        """Do a slice inside the transaction that is open; True when there is more to do."""


@attrs.frozen
class WriterStatistics:
    """How the writer is doing.

    :param queued: tasks waiting now.
    :param groups: transactions committed for tasks.
    :param tasks: tasks in them.
    :param entries: journal entries in them.
    :param refused: tasks turned away because the queue was full.
    :param failures: groups the disk would not take.
    :param chore_failures: slices of background work that failed.
    :param last_error: the newest failure's text.
    """

    queued: int
    groups: int
    tasks: int
    entries: int
    refused: int
    failures: int
    chore_failures: int
    last_error: str


@attrs.define(eq=False)
class _Ticket:
    task: Task
    waiter: trio.lowlevel.Task
    taken: bool = False
    withdrawn: bool = False
    result: outcome.Value[Any] | outcome.Error | None = None


class Writer:
    """Owns the only connection that writes.

    :param path: the database, already prepared.
    :param chores: background work.
    """

    def __init__(self, path: Path, chores: Sequence[Chore] = ()) -> None:
        self._path = path
        self._chores = chores
        self._token = trio.lowlevel.current_trio_token()
        self._changed = threading.Condition()
        self._queue: deque[_Ticket] = deque()
        self._queued = 0
        self._rests: dict[str, Standing] = {}
        self._closing = False
        self._heads = Heads()
        self._db: Database | None = connect(path)
        self._count = dict.fromkeys(("groups", "tasks", "entries", "refused", "failures"), 0)
        self._chore_failures = 0
        self._last_error = ""
        self._thread = threading.Thread(target=self._work, name="greenroom-writer", daemon=True)
        self._thread.start()

    def statistics(self) -> WriterStatistics:
        """Return the counters."""
        return WriterStatistics(
            queued=self._queued,
            **self._count,
            chore_failures=self._chore_failures,
            last_error=self._last_error,
        )

    async def submit(self, task: Task) -> Any:
        """Queue a task and wait until it is on disk.

        Cancelled while it waits, it is withdrawn and nothing of it is written; once the writer has
        taken it, a cancellation waits for the commit.

        :raises JournalOverloaded: the queue is full.
        :raises StorageUnavailable: the disk would not take it, or the journal is closed.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        ticket = _Ticket(task, trio.lowlevel.current_task())
        with self._changed:
            if self._closing:
                raise StorageUnavailable("the journal is closed")
            if self._queued >= QUEUE_LIMIT:
                self._count["refused"] += 1
                raise JournalOverloaded(f"{QUEUE_LIMIT} writes wait for the disk")
            self._queue.append(ticket)
            self._queued += 1
            if self._queued == 1:
                self._changed.notify()

        def abort(_: Callable[[], None]) -> trio.lowlevel.Abort:
            with self._changed:
                if ticket.taken:
                    return trio.lowlevel.Abort.FAILED
                ticket.withdrawn = True
                self._queued -= 1
                return trio.lowlevel.Abort.SUCCEEDED

        return await trio.lowlevel.wait_task_rescheduled(abort)

    def rest(self, standing: Standing) -> None:
        """Note something of an entity with the next group; not at all if there is too much."""
        with self._changed:
            if len(self._rests) < RESTS_LIMIT:
                self._rests[standing.entity] = standing

    async def aclose(self) -> None:
        """Commit what is queued, end the thread, close the connection."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(self._thread.join)
            await trio.lowlevel.checkpoint()

    def _take(self, wait: float | None) -> list[_Ticket] | None:
        """Return the next group, waiting at most ``wait`` seconds; None at the end."""
        with self._changed:
            if not self._queued and not self._closing and wait != 0:
                self._changed.wait(wait)
            group: list[_Ticket] = []
            while self._queue and len(group) < GROUP_LIMIT:
                ticket = self._queue.popleft()
                if not ticket.withdrawn:
                    ticket.taken = True
                    group.append(ticket)
            self._queued -= len(group)
            return None if self._closing and not group else group

    def _work(self) -> None:
        wait = behind = 0.0 if self._chores else None
        due = busy_until = 0.0
        while (group := self._take(wait)) is not None:
            now = time.monotonic()
            if group:
                self._commit(group)
                self._hand_back(group)
                behind, busy_until = 0.0, now + BUSY_SECONDS
            if behind is not None and now >= due:
                begun = time.thread_time()
                behind = self._do_chores(behind)
                due = time.monotonic() + (behind or 0.0)
                if now < busy_until:
                    due += max(PAUSE_SECONDS, (time.thread_time() - begun) * PAUSE_TIMES)
            wait = None if behind is None else max(0.0, due - time.monotonic())
        if self._rests:
            self._commit([])
        ends = time.monotonic() + CLOSING_SECONDS
        while behind == 0 and time.monotonic() < ends:
            behind = self._do_chores(behind)
        self._disconnect()

    def _commit(self, group: list[_Ticket]) -> None:
        try:
            db = self._connected()
            db.conn.execute("BEGIN IMMEDIATE")
            gathered = Group(db, self._heads)
            with self._changed:
                rests, self._rests = self._rests, {}
            gathered.rest(rests)
            for ticket in group:
                ticket.result = gathered.add(ticket.task)
            entries = gathered.entries
            gathered.flush()
            db.conn.execute("COMMIT")
        except Exception as error:  # noqa: BLE001  whatever it is, nobody may be left waiting
            self._failed(group, error)
            return
        self._count["groups"] += 1
        self._count["tasks"] += len(group)
        self._count["entries"] += entries

    def _failed(self, group: list[_Ticket], error: Exception) -> None:
        self._count["failures"] += 1
        self._last_error = f"{type(error).__name__}: {error}"
        for ticket in group:
            refusal = StorageUnavailable(f"the journal could not commit: {error}")
            refusal.__cause__ = error
            ticket.result = outcome.Error(refusal)
        self._heads.clear()
        self._back_out(error)

    def _back_out(self, error: Exception) -> None:
        if self._db is None:
            return
        try:
            self._db.rollback()
        except sqlite3.Error:
            self._disconnect()
        if getattr(error, "sqlite_errorcode", 0) & PRIMARY in _RECONNECT:
            self._disconnect()

    def _hand_back(self, group: list[_Ticket]) -> None:
        def wake() -> None:
            for ticket in group:
                if ticket.result is not None:
                    trio.lowlevel.reschedule(ticket.waiter, ticket.result)

        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(wake)

    def _do_chores(self, wait: float | None) -> float | None:
        """Do a slice of background work; return how long the thread may then sleep."""
        if wait is None or not self._chores:
            return None
        try:
            db = self._connected()
            db.conn.execute("PRAGMA synchronous=NORMAL")
            try:
                db.conn.execute("BEGIN IMMEDIATE")
                more = [chore.step(db) for chore in self._chores]
                db.conn.execute("COMMIT")
            finally:
                db.rollback()
                db.conn.execute("PRAGMA synchronous=FULL")
        except Exception as error:  # noqa: BLE001  the journal goes on without its read model
            self._chore_failures += 1
            self._last_error = f"{type(error).__name__}: {error}"
            self._back_out(error)
            return RETRY_SECONDS
        return 0 if any(more) else None

    def _connected(self) -> Database:
        if self._db is None:
            self._db = connect(self._path)
        return self._db

    def _disconnect(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            with suppress(sqlite3.Error):
                db.close()


__all__ = ["Chore", "Run", "Writer", "WriterStatistics"]
