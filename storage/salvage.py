"""Saving what can still be read of a damaged database into a new one.

Events are read one by one where reading them page by page fails. An entity comes back from its
newest snapshot and the events after it, or from its first event on; whatever follows a gap cannot
be used, since it speaks of things that are not known any more, and is left out.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import attrs
import msgpack
from sqlite_utils import Database

from storage import codec
from storage.errors import Damaged, Unwritable
from storage.file import connect, connect_reader, prepare
from storage.maintenance import NoDatabase, TargetExists
from storage.readmodel import Progress, unseen

PAGE = 500
PROBES = 10_000
"""Positions tried beyond the last one found, where the file does not tell its end."""
INSERT = "INSERT INTO journal (entity, seq, type, at, data, meta) VALUES (?, ?, ?, ?, ?, ?)"
COLUMNS = "position, entity, seq, type, at, data, meta"


@attrs.define
class Salvaged:
    """What was saved.

    :param entries: journal rows saved.
    :param snapshots: snapshots saved.
    :param unreadable: positions that could not be read.
    :param cut: entity -> the last number saved of it, where more followed a gap.
    """

    entries: int = 0
    snapshots: int = 0
    unreadable: int = 0
    cut: dict[str, int] = attrs.field(factory=dict)


def salvage(path: Path, target: Path, progress: Progress = unseen) -> Salvaged:
    """Copy every usable event and snapshot of a damaged file into a new one.

    The damaged file is only read. Undelivered webhooks are not copied; the read model is built
    when an engine opens the new file.

    :raises NoDatabase: there is no file at ``path``.
    :raises TargetExists: ``target`` is there already.
    :raises Damaged: nothing of the journal can be read.
    :raises Unwritable: the target cannot be written.
    """
    if not path.is_file():
        raise NoDatabase(path)
    if target.exists():
        raise TargetExists(target)
    try:
        prepare(target)
        with closing(connect(target)) as new, _source(path) as old:
            return _copy(old, new, progress)
    except sqlite3.OperationalError as error:
        raise Unwritable(target, str(error)) from error
    except sqlite3.DatabaseError as error:
        target.unlink(missing_ok=True)
        raise Damaged(path, [str(error)]) from error


def _source(path: Path) -> "closing[Database]":
    db = connect_reader(path)
    db.conn.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # is there anything at all
    return closing(db)


def _copy(old: Database, new: Database, progress: Progress) -> Salvaged:
    result = Salvaged()
    snapshots = _snapshots(old)
    heads: dict[str, int] = {}
    last = _last_position(old)
    with new.atomic():
        for row in _rows(old, last, result):
            progress(min(row[0], last), last)
            _keep(new, row[1:], heads, snapshots, result)
        for entity, (seq, state) in snapshots.items():
            if seq >= heads.get(entity, 0) or _covers(new, entity, seq):
                new.conn.execute("INSERT INTO snapshots VALUES (?, ?, ?)", (entity, seq, state))
                heads[entity] = max(seq, heads.get(entity, 0))
                result.snapshots += 1
        new.conn.executemany(
            "INSERT INTO entities (entity, kind, seq) VALUES (?, ?, ?)",
            [(entity, codec.kind_of(entity), seq) for entity, seq in heads.items()],
        )
    return result


def _keep(
    new: Database,
    row: codec.Row,
    heads: dict[str, int],
    snapshots: dict[str, tuple[int, bytes]],
    result: Salvaged,
) -> None:
    entity, seq = row[0], row[1]
    if entity in result.cut:
        return
    head = heads.get(entity, 0)
    if seq != head + 1:
        if seq > snapshots.get(entity, (0, b""))[0] + 1:
            result.cut[entity] = head
            return
        # A snapshot stands for everything before: the history begins anew after the gap.
        gone = new.conn.execute("DELETE FROM journal WHERE entity = ?", (entity,)).rowcount
        result.entries -= gone
    new.conn.execute(INSERT, row)
    heads[entity] = seq
    result.entries += 1


def _covers(new: Database, entity: str, seq: int) -> bool:
    first = new.conn.execute("SELECT min(seq) FROM journal WHERE entity = ?", (entity,)).fetchone()[
        0
    ]
    return first is not None and first <= seq + 1


def _snapshots(old: Database) -> dict[str, tuple[int, bytes]]:
    found: dict[str, tuple[int, bytes]] = {}
    try:
        for entity, seq, state in old.conn.execute("SELECT entity, seq, state FROM snapshots"):
            try:
                msgpack.unpackb(state, strict_map_key=False)
            except ValueError:
                continue
            found[entity] = (seq, state)
    except sqlite3.DatabaseError:
        pass  # those read before the damage count
    return found


def _last_position(old: Database) -> int:
    for query in ("SELECT max(position) FROM journal", "SELECT max(seq) FROM sqlite_sequence"):
        try:
            last = old.conn.execute(query).fetchone()[0]
        except sqlite3.DatabaseError:
            continue
        if last is not None:
            return int(last)
    return PROBES


def _rows(old: Database, last: int, result: Salvaged) -> Iterator[tuple[int, *codec.Row]]:
    for after in range(0, last, PAGE):
        try:
            rows = old.conn.execute(
                f"SELECT {COLUMNS} FROM journal WHERE position > ? AND position <= ?"  # noqa: S608  a constant
                " ORDER BY position",
                (after, after + PAGE),
            ).fetchall()
        except sqlite3.DatabaseError:
            rows = list(_one_by_one(old, range(after + 1, min(after + PAGE, last) + 1), result))
        for row in rows:
            if _decodes(row):
                yield row
            else:
                result.unreadable += 1


def _one_by_one(
    old: Database, positions: range, result: Salvaged
) -> Iterator[tuple[int, *codec.Row]]:
    for position in positions:
        try:
            row = old.conn.execute(
                f"SELECT {COLUMNS} FROM journal WHERE position = ?",  # noqa: S608  a constant
                (position,),
            ).fetchone()
        except sqlite3.DatabaseError:
            result.unreadable += 1
            continue
        if row is not None:
            yield row


def _decodes(row: tuple[int, *codec.Row]) -> bool:
    try:
        codec.entries([row[2:]])
    except (ValueError, TypeError, OverflowError):
        return False
    return isinstance(row[1], str)
