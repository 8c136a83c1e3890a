"""What a projection works with: a fact from the journal, and tables to put rows into."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import attrs
from sqlite_utils import Database


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

    :param db: a connection inside a transaction.
    """

    def __init__(self, db: Database) -> None:
        self._execute = db.conn.execute

    def put(self, table: str, key: Mapping[str, Any], **values: Any) -> None:
        """Insert a row, or change these columns of the row that has this key."""
        sql = _put(table, tuple(key), tuple(values))
        self._execute(sql, [*map(plain, key.values()), *map(plain, values.values())])

    def add(self, table: str, key: Mapping[str, Any], **values: Any) -> None:
        """Insert a row unless one has this key."""
        sql = _add(table, (*key, *values))
        self._execute(sql, [*map(plain, key.values()), *map(plain, values.values())])

    def change(self, table: str, key: Mapping[str, Any], **values: Any) -> None:
        """Change columns of the rows that have this key; none is no error."""
        sql = _change(table, tuple(key), tuple(values))
        self._execute(sql, [*map(plain, values.values()), *map(plain, key.values())])

    def remove(self, table: str, key: Mapping[str, Any]) -> None:
        """Delete the rows that have this key."""
        self._execute(f"DELETE FROM {table} WHERE {_where(tuple(key))}", list(key.values()))  # noqa: S608  names are ours

    def run(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run any other statement and return its rows."""
        return self._execute(sql, values).fetchall()


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


@lru_cache(maxsize=512)
def _put(table: str, key: tuple[str, ...], values: tuple[str, ...]) -> str:
    names = ", ".join((*key, *values))
    marks = ", ".join("?" * (len(key) + len(values)))
    changes = ", ".join(f"{name} = excluded.{name}" for name in values)
    return (
        f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608  names are ours
        f" ON CONFLICT ({', '.join(key)}) DO " + (f"UPDATE SET {changes}" if values else "NOTHING")
    )


@lru_cache(maxsize=512)
def _add(table: str, names: tuple[str, ...]) -> str:
    marks = ", ".join("?" * len(names))
    return f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608  as above


@lru_cache(maxsize=512)
def _change(table: str, key: tuple[str, ...], values: tuple[str, ...]) -> str:
    changes = ", ".join(f"{name} = ?" for name in values)
    return f"UPDATE {table} SET {changes} WHERE {_where(key)}"  # noqa: S608  as above


Projection = Callable[[Tables, Fact], None]
"""Puts one fact into the tables. Replayed in order from the beginning it gives the same tables."""
