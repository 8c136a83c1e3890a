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


CAME = """
BEGIN
    UPDATE webhooks SET head = 0 WHERE head = 1 AND id = (
        SELECT id FROM webhooks WHERE state = 'waiting' AND endpoint = new.endpoint
        AND entity = new.entity AND seq > new.seq ORDER BY seq LIMIT 1
    );
    UPDATE webhooks SET head = NOT EXISTS (
        SELECT 1 FROM webhooks WHERE state = 'waiting' AND endpoint = new.endpoint
        AND entity = new.entity AND seq < new.seq
    ) WHERE id = new.id;
END
"""
"""Marks a message that waits from now on, unless an older one does."""

WENT = """
BEGIN
    UPDATE webhooks SET head = 1 WHERE head = 0 AND id = (
        SELECT id FROM webhooks WHERE state = 'waiting' AND endpoint = old.endpoint
        AND entity = old.entity ORDER BY seq LIMIT 1
    );
END
"""
"""Marks the message that follows one that waits no more."""


@journal()
def m004_webhook_heads(db: Database) -> None:
    """Mark the messages that no older one holds back, so that they are found however many wait.

    Triggers keep the marks, because rows come, change and go in several places.
    """
    db.execute("ALTER TABLE webhooks ADD COLUMN head INTEGER NOT NULL DEFAULT 0")
    db.execute(
        "UPDATE webhooks SET head = 1 WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER"
        " (PARTITION BY endpoint, entity ORDER BY seq) AS place FROM webhooks"
        " WHERE state = 'waiting') WHERE place = 1)"
    )
    db.execute(
        "CREATE INDEX webhooks_heads ON webhooks (endpoint, due_at)"
        " WHERE state = 'waiting' AND head = 1"
    )
    db.execute("DROP INDEX webhooks_due")
    came = "ON webhooks WHEN new.state = 'waiting'"
    db.execute(f"CREATE TRIGGER webhooks_came AFTER INSERT {came} {CAME}")
    db.execute(f"CREATE TRIGGER webhooks_again AFTER UPDATE OF state {came} {CAME}")
    went = "ON webhooks WHEN old.state = 'waiting'"
    db.execute(f"CREATE TRIGGER webhooks_gone AFTER DELETE {went} {WENT}")
    db.execute(
        "CREATE TRIGGER webhooks_went AFTER UPDATE OF state"
        f" {went} AND new.state <> 'waiting' {WENT}"
    )


@journal()
def m005_wakes(db: Database) -> None:
    """Note when each entity has to be back in memory: microseconds since 1970, NULL for never.

    Of those written before nothing is known: they are always due.
    """
    db.execute("ALTER TABLE entities ADD COLUMN wake INTEGER DEFAULT 0")


def renew_identity(db: Database) -> None:
    """Give the file another name: its numbers may from now on stand for other events."""
    db.execute("DELETE FROM identity")
    db.execute("INSERT INTO identity (id) VALUES (lower(hex(randomblob(8))))")


def unknown_migrations(db: Database) -> list[str]:
    """Return the names of applied migrations that only a newer version knows."""
    known = {migration.name for migration in journal.pending(Database(memory=True))}
    return [applied.name for applied in journal.applied(db) if applied.name not in known]
