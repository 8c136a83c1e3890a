"""Many rows with few statements.

Full-text search makes this worth while. Inside a transaction a statement that fires triggers opens
a savepoint, and at each savepoint FTS5 writes what it has gathered into the index as a segment of
its own, which is merged with others later (``fts5SavepointMethod`` in SQLite's ``fts5_main.c``).
Row by row, that is more than half of what a chat message costs; sixty-four at once share it. Rows
without full-text search gain too, a third, by what a statement costs in sqlite3.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from sqlite_utils import Database

MOST = 64
"""Rows of one statement."""


@lru_cache(maxsize=1024)
def _values(columns: int, rows: int) -> str:
    one = f"({', '.join('?' * columns)})"
    return ", ".join([one] * rows)


def _parts(count: int) -> Iterator[int]:
    """Split a number of rows into powers of two, so that few statements are ever prepared."""
    while count:
        part = min(MOST, 1 << count.bit_length() - 1)
        yield part
        count -= part


def insert(db: Database, into: str, rows: Sequence[Sequence[Any]], otherwise: str = "") -> None:
    """Insert rows, in their order.

    :param into: the statement up to its values: ``INSERT INTO table (column, …)``.
    :param rows: as many values each.
    :param otherwise: what follows the values: ``ON CONFLICT …``.
    :raises sqlite3.Error: the database would not take one; some of the others may be in.
    """
    at = 0
    for count in _parts(len(rows)):
        part = rows[at : at + count]
        at += count
        sql = f"{into} VALUES {_values(len(part[0]), count)} {otherwise}"
        db.conn.execute(sql, [value for row in part for value in row])
