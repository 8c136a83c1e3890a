"""What a projection works with: a fact from the journal, and tables to put rows into."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import attrs
from sqlite_utils import Database

from storage import bulk


@attrs.frozen
class Fact:
    """One journal row, as a projection reads it.

    :param at: ISO 8601, UTC, milliseconds.
    :param by: the id of whoever caused it; empty for the engine.
    """

    position: int
    entity: str
    seq: int
    type: str
    at: str
    data: Mapping[str, Any]
    by: str

    @property
    def id(self) -> str:
        """The entity's name without its kind."""
        return self.entity.partition("/")[2]

    @property
    def scoped(self) -> tuple[str, str]:
        """The two halves of an id such as ``EVENT.PERSON``."""
        first, _, second = self.id.partition(".")
        return first, second


class Tables:
    """Writes rows of the read model.

    Rows put or added one after the other go in with one statement (see :mod:`storage.bulk`): they
    wait for :meth:`flush`, or for whatever else is done to their table.

    :param db: a connection inside a transaction.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._execute = db.conn.execute
        self._waiting: dict[str, tuple[Insert, list[list[Any]]]] = {}

    def put(self, table: str, key: Mapping[str, Any], **values: Any) -> None:
        """Insert a row, or change these columns of the row that has this key."""
        self._insert(table, _put(table, tuple(key), tuple(values)), key, values)

    def add(self, table: str, key: Mapping[str, Any], **values: Any) -> None:
        """Insert a row unless one has this key."""
        self._insert(table, _add(table, (*key, *values)), key, values)

    def change(self, table: str, key: Mapping[str, Any], **values: Any) -> None:
        """Change columns of the rows that have this key; none is no error."""
        self._flush(table)
        sql = _change(table, tuple(key), tuple(values))
        self._execute(sql, [*map(plain, values.values()), *map(plain, key.values())])

    def remove(self, table: str, key: Mapping[str, Any]) -> None:
        """Delete the rows that have this key."""
        self._flush(table)
        self._execute(f"DELETE FROM {table} WHERE {_where(tuple(key))}", list(key.values()))  # noqa: S608  names are ours

    def run(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run any other statement and return its rows."""
        self.flush()
        return self._execute(sql, values).fetchall()

    def flush(self) -> None:
        """Write the rows that wait.

        :raises sqlite3.Error: one of them cannot be written; nothing waits any more.
        """
        for table in tuple(self._waiting):
            self._flush(table)

    def _insert(
        self, table: str, how: "Insert", key: Mapping[str, Any], values: Mapping[str, Any]
    ) -> None:
        waiting = self._waiting.get(table)
        if waiting is not None and waiting[0] != how:
            self._flush(table)
            waiting = None
        row = [*map(plain, key.values()), *map(plain, values.values())]
        if waiting is None:
            self._waiting[table] = (how, [row])
        else:
            waiting[1].append(row)

    def _flush(self, table: str) -> None:
        waiting = self._waiting.pop(table, None)
        if waiting is not None:
            (into, otherwise), rows = waiting
            bulk.insert(self._db, into, rows, otherwise)


_PLAIN = frozenset({str, int, float, type(None)})


def plain(value: Any) -> Any:
    """Return a value as a column holds it: lists and objects as JSON text, booleans as 0 and 1."""
    if type(value) in _PLAIN:  # nearly all: asking an abstract class is dear
        return value
    if isinstance(value, (Mapping, list, tuple)):
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return int(value) if isinstance(value, bool) else value


def _where(key: Sequence[str]) -> str:
    return " AND ".join(f"{name} IS ?" for name in key)


Insert = tuple[str, str]
"""A statement's part before its values, and the part after them."""


@lru_cache(maxsize=512)
def _put(table: str, key: tuple[str, ...], values: tuple[str, ...]) -> Insert:
    changes = ", ".join(f"{name} = excluded.{name}" for name in values)
    return (
        f"INSERT INTO {table} ({', '.join((*key, *values))})",
        f"ON CONFLICT ({', '.join(key)}) DO " + (f"UPDATE SET {changes}" if values else "NOTHING"),
    )


@lru_cache(maxsize=512)
def _add(table: str, names: tuple[str, ...]) -> Insert:
    return f"INSERT OR IGNORE INTO {table} ({', '.join(names)})", ""


@lru_cache(maxsize=512)
def _change(table: str, key: tuple[str, ...], values: tuple[str, ...]) -> str:
    changes = ", ".join(f"{name} = ?" for name in values)
    return f"UPDATE {table} SET {changes} WHERE {_where(key)}"  # noqa: S608  as above


Projection = Callable[[Tables, Fact], None]
"""Puts one fact into the tables. Replayed in order from the beginning it gives the same tables."""
