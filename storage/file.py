"""Opening the database file: the lock, the checks, the settings.

The lock is flock(2) on a file beside the database, so that it ends with the process however that
ends, and so that SQLite's own readers (exports, backups, Datasette) are not shut out.
"""

import fcntl
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from sqlite_utils import Database

from storage.errors import Damaged, InUse, NewerVersion, NotOurs, Unwritable
from storage.schema import APPLICATION_ID, journal, unknown_migrations

BUSY_SECONDS = 5.0
"""How long a statement waits for another program that holds SQLite's lock."""
WAL_LIMIT = 64 * 1024 * 1024
"""Bytes to which the write-ahead log is cut back after a checkpoint."""
STATEMENTS = 256
"""Prepared statements that a connection keeps."""
MAGIC = b"SQLite format 3\x00"

Check = Literal["quick", "full", "none"]
"""How closely a file is looked at: ``quick`` reads every page, ``full`` compares indexes too."""


class FileLock:
    """An exclusive lock on a database file, held by one process.

    :param path: the database; the lock is on ``path`` + ``.lock``.
    :raises InUse: another process holds it.
    :raises Unwritable: the lock file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise Unwritable(path, error.strerror or str(error)) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._file, 20, 0)
            os.close(self._file)
            raise InUse(path, int(holder) if holder.isdigit() else None) from error
        with suppress(OSError):  # the number is a courtesy; a full disk must not refuse the lock
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, str(os.getpid()).encode(), 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def release(self) -> None:
        """Let go. The lock file stays: removing it would let two processes lock two files."""
        os.close(self._file)


def connect(path: Path) -> Database:
    """Open a connection for writing, with the settings that make a commit durable.

    :raises sqlite3.Error: the file cannot be opened.
    """
    connection = sqlite3.connect(
        path,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=STATEMENTS,
    )
    db = Database(connection, execute_plugins=False)
    try:
        db.execute("PRAGMA journal_mode=WAL").fetchone()
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA fullfsync=ON")
        db.execute("PRAGMA secure_delete=ON")
        db.execute(f"PRAGMA journal_size_limit={WAL_LIMIT}").fetchone()
    except sqlite3.Error:
        db.close()
        raise
    return db


def connect_reader(path: Path) -> Database:
    """Open a connection that cannot change anything; usable from any one thread at a time.

    :raises sqlite3.Error: the file cannot be opened.
    """
    connection = sqlite3.connect(
        f"file:{_quoted(path)}?mode=rw",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    db = Database(connection, execute_plugins=False)
    db.execute("PRAGMA query_only=ON")
    return db


def prepare(path: Path, check: Check = "quick") -> None:
    """Check a file and bring it to this version's schema; a missing one is made.

    :raises NotOurs: another program's database.
    :raises NewerVersion: written by a newer Greenroom.
    :raises Damaged: SQLite's own check found faults.
    :raises Unwritable: it cannot be written.
    """
    examine(path, check)
    try:
        with closing(connect(path)) as db:
            if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                db.execute(f"PRAGMA application_id={APPLICATION_ID}")
            journal.apply(db)
    except sqlite3.DatabaseError as error:
        raise _typed(path, error) from error


def examine(path: Path, check: Check = "quick") -> None:
    """Look at a file without changing it; a missing or empty one passes.

    :raises NotOurs: another program's database.
    :raises NewerVersion: written by a newer Greenroom.
    :raises Damaged: SQLite's own check found faults.
    :raises Unwritable: it cannot be read or written.
    """
    try:
        if not path.exists() or path.stat().st_size == 0:
            return
        with path.open("rb") as file:
            magic = file.read(len(MAGIC))
    except OSError as error:
        raise Unwritable(path, error.strerror or str(error)) from error
    if magic != MAGIC:
        raise Damaged(path, ["the file does not begin as a SQLite database does"])
    if not os.access(path, os.W_OK):
        raise Unwritable(path, "no permission to write the file")
    try:
        with closing(connect_reader(path)) as db:
            _examine_open(path, db, check)
    except sqlite3.DatabaseError as error:
        raise _typed(path, error) from error


def _examine_open(path: Path, db: Database, check: Check) -> None:
    owner = db.execute("PRAGMA application_id").fetchone()[0]
    if owner not in (0, APPLICATION_ID) or (owner == 0 and db.table_names()):
        raise NotOurs(path)
    if unknown := unknown_migrations(db):
        raise NewerVersion(path, unknown)
    if check == "none":
        return
    pragma = "integrity_check" if check == "full" else "quick_check"
    findings = [row[0] for row in db.execute(f"PRAGMA {pragma}(10)")]
    if findings != ["ok"]:
        raise Damaged(path, findings)


_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
PRIMARY = 0xFF
"""Mask of a primary result code in SQLite's extended ones."""


def _typed(path: Path, error: sqlite3.DatabaseError) -> Damaged | Unwritable:
    if getattr(error, "sqlite_errorcode", 0) & PRIMARY in _DAMAGE:
        return Damaged(path, [str(error)])
    return Unwritable(path, str(error))


def _quoted(path: Path) -> str:
    return str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
