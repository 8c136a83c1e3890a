"""Following the journal: whatever is derived from it, in order, from a position kept beside it.

The position moves in the same transaction as what was derived up to it, so after a crash the work
goes on where it truly stood: nothing twice, nothing left out.
"""

from collections.abc import Sequence

from sqlite_utils import Database

from actors.rules.records import iso
from storage import codec
from storage.projections.model import Fact

SLICE = 64
"""Journal rows looked at in one transaction: some 2 ms, for which a commit may have to wait."""


def position(db: Database, name: str) -> tuple[int, int] | None:
    """Return a follower's position and version; None before its first step."""
    row = db.conn.execute(
        "SELECT position, version FROM positions WHERE name = ?", (name,)
    ).fetchone()
    return None if row is None else (row[0], row[1])


def set_position(db: Database, name: str, at: int, version: int = 0) -> None:
    """Keep a follower's position."""
    db.conn.execute(
        "INSERT INTO positions (name, position, version) VALUES (?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE"
        " SET position = excluded.position, version = excluded.version",
        (name, at, version),
    )


def end(db: Database) -> int:
    """Return the position of the newest journal row, 0 for none."""
    row = db.conn.execute("SELECT max(position) FROM journal").fetchone()
    return row[0] or 0


def end_of(db: Database, entity: str) -> int:
    """Return the position of an entity's newest journal row, 0 for none."""
    row = db.conn.execute(
        "SELECT position FROM journal WHERE entity = ? ORDER BY seq DESC LIMIT 1", (entity,)
    ).fetchone()
    return row[0] if row else 0


def facts(db: Database, after: int) -> Sequence[Fact]:
    """Return the next :data:`SLICE` journal rows after a position, across all entities.

    :raises ValueError: a row is damaged.
    """
    rows = db.conn.execute(
        "SELECT position, entity, seq, type, at, data, meta FROM journal"
        " WHERE position > ? ORDER BY position LIMIT ?",
        (after, SLICE),
    )
    return [
        Fact(
            position=row[0],
            entity=row[1],
            seq=row[2],
            type=row[3],
            at=iso(codec.instant(row[4])),
            data=codec.unpack(row[5]),
            by=codec.unpack(row[6]).get("by", ""),
        )
        for row in rows
    ]
