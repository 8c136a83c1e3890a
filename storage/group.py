"""What one commit holds: the work of everybody who queued while the last one was on its way."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import outcome
from sqlite_utils import Database

from actors.ports import Snapshot, Standing, WrongSequence
from storage import bulk
from storage.codec import PackedWrite, Row, kind_of, microseconds
from storage.heads import Heads

Work = Callable[[Database], Any]
"""Anything else to be done in a transaction of the writer's."""


@attrs.frozen
class Append:
    """Entries of one or more entities; all or none."""

    writes: Sequence[PackedWrite]


@attrs.frozen
class Keep:
    """A snapshot; an older one is replaced."""

    entity: str
    snapshot: Snapshot


@attrs.frozen
class Run:
    """A function to run inside the transaction; its failure undoes only what it did."""

    work: Work


Task = Append | Keep | Run


class Group:
    """One transaction, gathered and then written with few statements.

    :param db: the writer's connection, inside a transaction.
    :param heads: last numbers of entities, known from earlier groups.
    """

    def __init__(self, db: Database, heads: Heads) -> None:
        self._db = db
        self._known = heads
        self._rows: list[Row] = []
        self._snapshots: dict[str, Snapshot] = {}
        self.heads: dict[str, int] = {}
        """Last numbers after this group."""
        self._wakes: dict[str, int | None] = {}
        self._rests: Mapping[str, Standing] = {}

    @property
    def entries(self) -> int:
        """How many entries this group adds."""
        return len(self._rows)

    def add(self, task: Task) -> outcome.Value[Any] | outcome.Error:
        """Take a task in; the outcome stands only once the transaction is committed.

        :raises sqlite3.Error: the whole group must be rolled back.
        """
        match task:
            case Append():
                return outcome.capture(self._append, task.writes)
            case Keep():
                self._keep(task.entity, task.snapshot)
                return outcome.Value(None)
            case Run():
                return self._run(task.work)

    def _append(self, writes: Sequence[PackedWrite]) -> None:
        heads: dict[str, int] = {}
        for write in writes:
            head = heads.get(write.entity)
            if head is None:
                head = self._head(write.entity)
            if head != write.expected_seq:
                raise WrongSequence(f"{write.entity} is at {head}, not at {write.expected_seq}")
            heads[write.entity] = write.last_seq
        for write in writes:
            self._rows.extend(write.rows)
            self._wakes[write.entity] = write.wake
            if write.snapshot is not None:
                self._keep(write.entity, write.snapshot)
        self.heads.update(heads)

    def rest(self, standings: Mapping[str, Standing]) -> None:
        """Take in what is to be noted along with this group."""
        self._rests = standings

    def _keep(self, entity: str, snapshot: Snapshot) -> None:
        held = self._snapshots.get(entity)
        if held is None or held.seq <= snapshot.seq:
            self._snapshots[entity] = snapshot

    def _head(self, entity: str) -> int:
        head = self.heads.get(entity)
        if head is None:
            head = self._known.get(entity)
        if head is None:
            row = self._db.conn.execute(
                "SELECT seq FROM entities WHERE entity = ?", (entity,)
            ).fetchone()
            head = row[0] if row else 0
            self._known.update({entity: head})
        return head

    def _run(self, work: Work) -> outcome.Value[Any] | outcome.Error:
        self.flush()  # the function may look at what came before it
        try:
            with self._db.atomic():
                return outcome.Value(work(self._db))
        except sqlite3.OperationalError:
            raise
        except Exception as error:  # noqa: BLE001  handed to whoever asked
            return outcome.Error(error)

    def flush(self) -> None:
        """Write what was gathered.

        :raises sqlite3.Error: the whole group must be rolled back.
        """
        if self._rows:
            bulk.insert(
                self._db, "INSERT INTO journal (entity, seq, type, at, data, meta)", self._rows
            )
            bulk.insert(
                self._db,
                "INSERT INTO entities (entity, kind, seq, wake)",
                [
                    (entity, kind_of(entity), seq, self._wakes[entity])
                    for entity, seq in self.heads.items()
                    if seq
                ],
                "ON CONFLICT (entity) DO UPDATE SET seq = excluded.seq, wake = excluded.wake",
            )
        if self._snapshots:
            bulk.insert(
                self._db,
                "INSERT INTO snapshots (entity, seq, state)",
                [(name, kept.seq, kept.state) for name, kept in self._snapshots.items()],
                "ON CONFLICT (entity) DO UPDATE SET seq = excluded.seq, state = excluded.state"
                " WHERE excluded.seq >= snapshots.seq",
            )
        if self._rests:  # whoever has been written to since is at another number
            self._db.conn.executemany(
                "UPDATE entities SET wake = ? WHERE entity = ? AND seq = ?",
                [
                    (None if each.wake is None else microseconds(each.wake), each.entity, each.seq)
                    for each in self._rests.values()
                ],
            )
        self._known.update(self.heads)
        self._rests = {}
        self._rows = []
        self._snapshots = {}
