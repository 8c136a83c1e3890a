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
    """Make the journal, each entity's last number, and snapshots."""
    db.execute(
        """
        CREATE TABLE journal (
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
    db.execute("CREATE UNIQUE INDEX journal_entity_seq ON journal (entity, seq)")
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


@journal()
def m002_webhooks(db: Database) -> None:
    """Make the webhook outbox, which is no projection: a rebuild leaves it alone."""
    db.table("webhooks").create(
        {
            "id": int,
            "endpoint": str,
            "entity": str,
            "seq": int,
            "type": str,
            "body": str,
            "created_at": str,
            "state": str,
            "due_at": str,
            "attempts": int,
            "delivered_at": str,
            "last_error": str,
        },
        pk="id",
        not_null={"endpoint", "entity", "seq", "type", "body", "created_at", "state", "due_at"},
    )
    db.execute(
        "CREATE INDEX webhooks_waiting ON webhooks (endpoint, entity, seq) WHERE state = 'waiting'"
    )
    db.execute("CREATE INDEX webhooks_due ON webhooks (due_at) WHERE state = 'waiting'")
    db.execute("CREATE INDEX webhooks_delivered ON webhooks (delivered_at)")
    db.table("webhook_counters").create(
        {"endpoint": str, "entity": str, "seq": int}, pk=("endpoint", "entity")
    )


@journal()
def m003_identity(db: Database) -> None:
    """Name this line of sequence numbers, so that a restored copy is told from the original."""
    db.execute("CREATE TABLE identity (id TEXT NOT NULL)")
    renew_identity(db)


def renew_identity(db: Database) -> None:
    """Give the file another name: its numbers may from now on stand for other events."""
    db.execute("DELETE FROM identity")
    db.execute("INSERT INTO identity (id) VALUES (lower(hex(randomblob(8))))")


def unknown_migrations(db: Database) -> list[str]:
    """Return the names of applied migrations that only a newer version knows."""
    known = {migration.name for migration in journal.pending(Database(memory=True))}
    return [applied.name for applied in journal.applied(db) if applied.name not in known]
