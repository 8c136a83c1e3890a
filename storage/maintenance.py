"""What operators do with a database file: back it up, compact it, build its read model anew."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlite_utils import Database

from storage import readmodel
from storage.errors import Damaged, StorageRefused
from storage.file import Check, FileLock, connect, connect_reader, examine, prepare
from storage.readmodel import Progress, unseen
from storage.retention import scrub
from storage.schema import renew_identity

BACKUP_PAGES = 1_000
"""Pages copied in one step; the engine's commits go on between two of them."""


class TargetExists(StorageRefused):
    """The file to be written is there already."""

    reason = "target_exists"

    def __init__(self, path: Path) -> None:
        super().__init__(path, "exists already. Name a file that does not.")


class NoDatabase(StorageRefused):
    """There is no database at the path."""

    reason = "no_database"

    def __init__(self, path: Path) -> None:
        super().__init__(path, "there is no database here. Check the data directory's name.")


@contextmanager
def exclusive(path: Path, check: Check = "quick") -> Iterator[Database]:
    """Open a database for work that needs the engine stopped.

    :raises StorageRefused: it will not be opened; :exc:`InUse` while an engine runs.
    """
    _must_exist(path)
    with FileLock(path):
        prepare(path, check)
        with closing(connect(path)) as db:
            yield db


@contextmanager
def reading(path: Path) -> Iterator[Database]:
    """Open a database to read, beside a running engine or without one.

    :raises StorageRefused: it will not be opened.
    """
    _must_exist(path)
    examine(path, "none")
    with closing(connect_reader(path)) as db:
        yield db


def _must_exist(path: Path) -> None:
    if not path.is_file():
        raise NoDatabase(path)


def backup(path: Path, target: Path, progress: Progress = unseen) -> None:
    """Copy a database while an engine may be writing to it; the copy is checked.

    It holds everything committed before the copy was finished. The copy gets an identity of its
    own: clients of an engine that is started on it get snapshots instead of numbers that it may
    have used otherwise.

    :param progress: told in pages.
    :raises TargetExists: ``target`` is there already.
    :raises Damaged: the copy did not pass the check, and was removed.
    :raises sqlite3.Error: the target cannot be written; it was removed.
    """
    if target.exists():
        raise TargetExists(target)
    partial = target.with_name(target.name + ".partial")
    try:
        with reading(path) as db, closing(sqlite3.connect(partial)) as copy:
            db.execute("PRAGMA query_only=OFF")
            db.conn.backup(
                copy,
                pages=BACKUP_PAGES,
                progress=lambda _, left, total: progress(total - left, total),
            )
            copy.execute("PRAGMA journal_mode=DELETE").fetchone()
            copy.execute("PRAGMA synchronous=FULL")
            with copy:
                renew_identity(Database(copy, execute_plugins=False))
            findings = [row[0] for row in copy.execute("PRAGMA integrity_check(10)")]
            if findings != ["ok"]:
                raise Damaged(path, findings)
        _rename_synced(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def _rename_synced(partial: Path, target: Path) -> None:
    partial.rename(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def vacuum(path: Path) -> tuple[int, int]:
    """Rewrite a database compactly; return its size in bytes before and after.

    :raises StorageRefused: it will not be opened; :exc:`InUse` while an engine runs.
    :raises sqlite3.Error: there is no room for the copy; nothing was changed.
    """
    before = _size(path)
    with exclusive(path) as db:
        scrub(db)
    return before, _size(path)


def _size(path: Path) -> int:
    _must_exist(path)
    log = Path(f"{path}-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)


def rebuild(path: Path, progress: Progress = unseen) -> int:
    """Build the read model anew; return how many journal rows were projected.

    :raises StorageRefused: it will not be opened; :exc:`InUse` while an engine runs.
    :raises sqlite3.Error: the disk would not take it; the old tables stand.
    """
    with exclusive(path) as db:
        return readmodel.rebuild(db, progress)
