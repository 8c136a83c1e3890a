"""The read model: plain tables for people and their tools, projected from the journal.

It lives in the journal's file: one file to back up, one to search when somebody wants to be
forgotten, and one transaction for what is derived and how far. The journal's writer does the
projecting between two commits, so there is never a second writer to wait for.

A row that cannot be projected (a fault of ours, or a damaged row) is entered in the table
``not_projected`` and passed over: the journal must not stop for it, and a rebuild with the fault
mended brings it in.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence

from sqlite_utils import Database

from storage import follower
from storage.projections import PROJECTIONS, schema
from storage.projections.model import Fact, Projection, Tables

NAME = "read_model"
Progress = Callable[[int, int], None]
"""Told how many journal rows are done, of how many."""


class ReadModel:
    """Projects the journal; a chore of the writer's.

    :param projections: event type -> what it does to the tables; types without one change nothing.
    """

    def __init__(self, projections: Mapping[str, Projection] = PROJECTIONS) -> None:
        self._projections = projections
        self.projected = 0
        """Journal rows projected by this object."""
        self.failed = 0
        """Of these, how many are in ``not_projected``."""

    def step(self, db: Database) -> bool:
        """Project a slice of what is new; True when there is more."""
        at = follower.position(db, NAME)
        if at is None or at[1] != schema.VERSION:
            schema.create(db)
            at = (0, schema.VERSION)
            follower.set_position(db, NAME, *at)
        facts = follower.facts(db, at[0])
        if not facts:
            return False
        self._project_all(db, facts)
        follower.set_position(db, NAME, facts[-1].position, schema.VERSION)
        return len(facts) == follower.SLICE

    def _project_all(self, db: Database, facts: Sequence[Fact]) -> None:
        """Project a slice as one; only when that fails, each fact by itself."""
        tables = Tables(db)
        tables.run("SAVEPOINT slice")
        try:
            for fact in facts:
                self._project(tables, fact)
            tables.flush()
        except sqlite3.OperationalError:
            raise  # the disk's fault, not a row's: the slice is tried again
        except Exception:  # noqa: BLE001  see the module's text
            tables = Tables(db)  # what waited in the other is of the slice that failed
            tables.run("ROLLBACK TO slice")
            for fact in facts:
                self._project_or_note(db, fact)
        tables.run("RELEASE slice")
        self.projected += len(facts)

    def _project(self, tables: Tables, fact: Fact) -> None:
        project = self._projections.get(fact.type)
        if project is not None:
            project(tables, fact)

    def _project_or_note(self, db: Database, fact: Fact) -> None:
        tables = Tables(db)
        tables.run("SAVEPOINT fact")
        try:
            self._project(tables, fact)
            tables.flush()
        except sqlite3.OperationalError:
            raise
        except Exception as error:  # noqa: BLE001  see the module's text
            self.failed += 1
            tables = Tables(db)
            tables.run("ROLLBACK TO fact")
            tables.put(
                "not_projected",
                {"position": fact.position},
                entity=fact.entity,
                seq=fact.seq,
                type=fact.type,
                error=f"{type(error).__name__}: {error}",
            )
        tables.run("RELEASE fact")


def position(db: Database) -> int:
    """Return the position of the journal up to which the read model goes, -1 before its tables."""
    at = follower.position(db, NAME)
    return at[0] if at is not None and at[1] == schema.VERSION else -1


def lag(db: Database) -> int:
    """Return how many positions of the journal the read model is behind."""
    return max(0, follower.end(db) - max(0, position(db)))


def unseen(done: int, total: int) -> None:
    """Show no progress."""


def rebuild(db: Database, progress: Progress = unseen) -> int:
    """Build the read model anew from the journal; return how many rows were projected.

    One transaction: whoever reads meanwhile sees the old tables, and a crash leaves them.

    :raises sqlite3.Error: the disk would not take it; the old tables stand.
    """
    model = ReadModel()
    total = db.conn.execute("SELECT count(*) FROM journal").fetchone()[0]
    with db.atomic():
        schema.create(db)
        follower.set_position(db, NAME, 0, schema.VERSION)
        progress(0, total)
        while model.step(db):
            progress(model.projected, total)
    progress(model.projected, total)
    return model.projected
