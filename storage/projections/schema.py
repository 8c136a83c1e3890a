"""The read model's tables, in the people's words.

They hold nothing of their own: everything comes from the journal and comes back by a rebuild. So
they have no migrations; raise :data:`VERSION` with any change here or in a projection, and each
file's tables are built anew when it is next opened.
"""

from sqlite_utils import Database

VERSION = 1

T, I = str, int  # noqa: E741  text and integer: the listing below is read as a table

TABLES: dict[str, tuple[tuple[str, ...], dict[str, type]]] = {
    # table: (primary key, columns)
    "events": (("id",), {"id": T, "name": T, "time_zone": T, "days": T, "one_to_one": T}),
    "event_bans": (
        ("event", "person"),
        {"event": T, "person": T, "by": T, "message": T, "at": T},
    ),
    "companies": (
        ("id",),
        {
            "id": T,
            "event": T,
            "name": T,
            "info": T,
            "links": T,
            "faqs": T,
            "jobs": T,
            "slots": I,
            "changed_at": T,
        },
    ),
    "sessions": (
        ("id",),
        {
            "id": T,
            "event": T,
            "title": T,
            "kind": T,
            "company": T,
            "hosts": T,
            "starts_at": T,
            "ends_at": T,
            "capacity": I,
            "state": T,
            "started_at": T,
            "ended_at": T,
        },
    ),
    "registrations": (
        ("session", "person"),
        {"session": T, "person": T, "name": T, "state": T, "at": T},
    ),
    "attendance": (
        ("topic", "person", "joined_at"),
        {"topic": T, "person": T, "joined_at": T, "name": T, "role": T, "left_at": T},
    ),
    "session_bans": (("session", "person"), {"session": T, "person": T, "by": T, "at": T}),
    "stage": (
        ("session", "person", "turn"),
        {
            "session": T,
            "person": T,
            "turn": I,
            "name": T,
            "state": T,
            "mic": I,
            "camera": I,
            "requested_at": T,
            "invited_by": T,
            "decided_by": T,
            "decided_at": T,
            "message": T,
            "entered_at": T,
            "left_at": T,
            "removed_by": T,
        },
    ),
    "chat_messages": (
        ("position",),
        {
            "position": I,
            "topic": T,
            "number": I,
            "person": T,
            "name": T,
            "role": T,
            "text": T,
            "at": T,
            "reply_to": T,
            "deleted_at": T,
            "deleted_by": T,
        },
    ),
    "chat_reactions": (
        ("topic", "number", "emoji", "person"),
        {"topic": T, "number": I, "emoji": T, "person": T, "at": T},
    ),
    "questions": (
        ("position",),
        {
            "position": I,
            "session": T,
            "id": T,
            "person": T,
            "name": T,
            "anonymous": I,
            "text": T,
            "state": T,
            "votes": I,
            "asked_at": T,
            "answer": T,
            "answered_by": T,
            "changed_at": T,
        },
    ),
    "votes": (
        ("session", "question", "person"),
        {"session": T, "question": T, "person": T, "at": T},
    ),
    "breakout_rooms": (
        ("session", "round", "room"),
        {"session": T, "round": I, "room": T, "name": T, "opened_at": T, "closed_at": T},
    ),
    "breakout_assignments": (
        ("session", "round", "person"),
        {"session": T, "round": I, "person": T, "room": T, "at": T},
    ),
    "agendas": (
        ("event", "person"),
        {
            "event": T,
            "person": T,
            "name": T,
            "company": T,
            "zone": T,
            "about": T,
            "draft_about": T,
            "published_at": T,
        },
    ),
    "agenda_days": (
        ("event", "person", "day"),
        {"event": T, "person": T, "day": T, "drafted": I},
    ),
    "slots": (
        ("event", "person", "starts_at", "published"),
        {
            "event": T,
            "person": T,
            "starts_at": T,
            "published": I,
            "ends_at": T,
            "day": T,
            "minutes": I,
        },
    ),
    "meetings": (
        ("id",),
        {
            "id": T,
            "event": T,
            "employee": T,
            "employee_name": T,
            "company": T,
            "participant": T,
            "participant_name": T,
            "initiator": T,
            "state": T,
            "message": T,
            "question": T,
            "answer": T,
            "reason": T,
            "refer": T,
            "starts_at": T,
            "ends_at": T,
            "proposal": T,
            "missing": T,
            "revision": I,
            "requested_at": T,
            "changed_at": T,
            "ended_at": T,
        },
    ),
    "meeting_notes": (
        ("meeting", "person"),
        {"meeting": T, "person": T, "text": T, "at": T},
    ),
    "tickets": (
        ("event", "id"),
        {
            "event": T,
            "id": T,
            "person": T,
            "name": T,
            "state": T,
            "place": T,
            "diagnostics": T,
            "asked_at": T,
            "changed_at": T,
            "resolved_by": T,
        },
    ),
    "ticket_messages": (
        ("event", "ticket", "seq", "number"),
        {
            "event": T,
            "ticket": T,
            "seq": I,
            "number": I,
            "person": T,
            "name": T,
            "staff": I,
            "text": T,
            "at": T,
        },
    ),
    "notifications": (
        ("event", "person", "id", "seq"),
        {
            "event": T,
            "person": T,
            "id": T,
            "seq": I,
            "kind": T,
            "data": T,
            "at": T,
            "read_at": T,
        },
    ),
    "not_projected": (
        ("position",),
        {"position": I, "entity": T, "seq": I, "type": T, "error": T},
    ),
}

INDEXES: dict[str, tuple[tuple[str, ...], ...]] = {
    "sessions": (("event", "starts_at"),),
    "registrations": (("person",),),
    "attendance": (("person",), ("topic", "left_at")),
    "chat_messages": (("person",),),
    "questions": (("person",),),
    "votes": (("person",),),
    "meetings": (("event", "starts_at"), ("employee",), ("participant",)),
}

UNIQUE = {"chat_messages": ("topic", "number"), "questions": ("session", "id")}
"""What names a row of the tables that are keyed by their journal position.

The search index refers to rows by number, and only a declared one survives a VACUUM.
"""

SEARCHED = {"chat_messages": "text", "questions": "text"}
"""Tables with full-text search, each with the column that is searched."""


def create(db: Database) -> None:
    """Make the tables, dropping what stands there of an older version.

    :param db: a connection inside a transaction.
    """
    drop(db)
    for name, (key, columns) in TABLES.items():
        table = db.table(name)
        table.create(columns, pk=key if len(key) > 1 else key[0])
        if name in UNIQUE:
            table.create_index(UNIQUE[name], unique=True)
        for index in INDEXES.get(name, ()):
            table.create_index(index)
    for name, column in SEARCHED.items():
        db.table(name).enable_fts(
            [column],
            fts_version="FTS5",
            create_triggers=True,
            tokenize="unicode61 remove_diacritics 2",
        )


def drop(db: Database) -> None:
    """Drop the tables and their search indexes."""
    for name in SEARCHED:
        if db.table(f"{name}_fts").exists():
            db.execute(f"DROP TABLE {name}_fts")
    for name in TABLES:
        db.execute(f"DROP TABLE IF EXISTS {name}")
