"""The journal's tables, as sqlite-utils migrations.

A migration, once released, is never changed: a new one follows it. A file that names a migration
this list does not know was written by a newer version.
"""

from sqlite_utils import Database, Migrations

APPLICATION_ID = 0x47524E52
"""SQLite's header field for the program a file belongs to: "GRNR"."""

journal = Migrations("greenroom")


@journal()
def m001_journal(db: Database) -> None:
    """Events by entity, each entity's last number, and snapshots."""
    db.execute(
        """
        CREATE TABLE events (
            position INTEGER PRIMARY KEY AUTOINCREMENT,
            entity TEXT NOT NULL,
            seq INTEGER NOT NULL,
            type TEXT NOT NULL,
            at INTEGER NOT NULL,
            data BLOB NOT NULL,
            meta BLOB NOT NULL
        )
        """
    )
    db.execute("CREATE UNIQUE INDEX events_entity_seq ON events (entity, seq)")
    db.execute(
        """
        CREATE TABLE entities (
            entity TEXT PRIMARY KEY,
            kind TEXT NOT NULL,
            seq INTEGER NOT NULL
        ) WITHOUT ROWID
        """
    )
    db.execute("CREATE INDEX entities_kind ON entities (kind, entity)")
    db.execute(
        """
        CREATE TABLE snapshots (
            entity TEXT PRIMARY KEY,
            seq INTEGER NOT NULL,
            state BLOB NOT NULL
        )
        """
    )
    db.execute(
        "CREATE TABLE positions (name TEXT PRIMARY KEY, position INTEGER NOT NULL,"
        " version INTEGER NOT NULL) WITHOUT ROWID"
    )


def unknown_migrations(db: Database) -> list[str]:
    """Return the names of applied migrations that only a newer version knows."""
    known = {migration.name for migration in journal.pending(Database(memory=True))}
    return [applied.name for applied in journal.applied(db) if applied.name not in known]
