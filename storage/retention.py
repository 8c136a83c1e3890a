"""Forgetting: a person's data on request, and whatever belongs to events long past.

Both rewrite what the journal says, so both need the engine stopped (its entities hold the same in
memory) and the file locked. What is rewritten or freed is overwritten (``secure_delete``), the
read model and its search index are built anew, and the file is copied compactly, so that
afterwards the texts are in no byte of the file or its companions.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import attrs
from sqlite_utils import Database

from actors.answers import pack_answer, unpack_answer
from actors.packing import pack
from storage import codec
from storage.blanking import blank
from storage.readmodel import Progress, rebuild, unseen
from storage.schema import renew_identity

PAGE = 500
"""Journal rows read at a time."""


@attrs.frozen
class Forgotten:
    """What was blanked.

    :param entries: journal rows changed.
    :param snapshots: snapshots changed.
    :param webhooks: messages deleted, sent or not, that named the person.
    """

    entries: int
    snapshots: int
    webhooks: int


@attrs.frozen
class Dropped:
    """What was dropped.

    :param events: ids of the events that are gone, with everything that belonged to them.
    :param entities: how many entities that were.
    :param entries: how many journal rows.
    """

    events: tuple[str, ...]
    entities: int
    entries: int


def forget(
    db: Database, person: str, event: str | None = None, progress: Progress = unseen
) -> Forgotten:
    """Blank everything a person wrote and is called, everywhere in the file.

    What others wrote stays, and so does the person's id: it keeps votes, seats and meetings
    countable. Tokens should carry ids that say nothing (no mail addresses).

    :param person: the id, a token's ``sub``.
    :param event: only what belongs to this event; None: all. Ids are unique within an event.
    :raises sqlite3.Error: the disk would not take it; nothing was changed, or all but the last
        traces in freed pages; run it again.
    """
    rebuild(db)  # to know what belongs to the event
    concerned = None if event is None else belonging(db, event)
    total = db.conn.execute("SELECT count(*) FROM journal").fetchone()[0]
    with db.atomic():
        entries = _blank_journal(db, person, concerned, lambda done: progress(done, total))
        snapshots = _blank_snapshots(db, person, concerned)
        webhooks = _drop_webhooks(db, person, concerned)
    rebuild(db)
    scrub(db)
    return Forgotten(entries, snapshots, webhooks)


def _drop_webhooks(db: Database, person: str, concerned: set[str] | None) -> int:
    found = db.conn.execute(
        "SELECT id, entity FROM webhooks WHERE instr(body, json_quote(?))", (person,)
    ).fetchall()
    gone = [(id_,) for id_, entity in found if concerned is None or entity in concerned]
    db.conn.executemany("DELETE FROM webhooks WHERE id = ?", gone)
    return len(gone)


def _blank_journal(
    db: Database, person: str, concerned: set[str] | None, progress: Callable[[int], None]
) -> int:
    changed = done = after = 0
    while rows := db.conn.execute(
        "SELECT position, entity, data, meta FROM journal WHERE position > ?"
        " ORDER BY position LIMIT ?",
        (after, PAGE),
    ).fetchall():
        for position, entity, data, meta in rows:
            if concerned is not None and entity not in concerned:
                continue
            new = _blank_row(entity, data, meta, person)
            if new != (data, meta):
                changed += 1
                db.conn.execute(
                    "UPDATE journal SET data = ?, meta = ? WHERE position = ?", (*new, position)
                )
        after = rows[-1][0]
        done += len(rows)
        progress(done)
    return changed


def _blank_row(entity: str, data: bytes, meta: bytes, person: str) -> tuple[bytes, bytes]:
    own = _is_own(entity, person)
    if b"answer" in meta:
        about = codec.unpack(meta)
        done = about.get("done", {})
        if "answer" in done:
            mine = own or about.get("by") == person
            done["answer"] = _blank_answer(done["answer"], person, own=mine)
            meta = pack(about)
    if not own and person.encode() not in data:
        return data, meta
    return pack(blank(codec.unpack(data), person, own=own, under=_kind(entity))), meta


def _blank_answer(answer: Any, person: str, *, own: bool) -> Any:
    """Blank what the command of an idempotency key was answered.

    :param answer: packed, and compressed if it is large; in older journals neither.
    """
    if not isinstance(answer, bytes):
        return blank(answer, person, own=own)
    plain = unpack_answer(answer)
    blanked = blank(plain, person, own=own)
    return answer if blanked == plain else pack_answer(blanked)


def _blank_snapshots(db: Database, person: str, concerned: set[str] | None) -> int:
    changed = 0
    for entity, state in db.conn.execute("SELECT entity, state FROM snapshots").fetchall():
        own = _is_own(entity, person)
        if concerned is not None and entity not in concerned:
            continue
        kept = codec.unpack(state)
        if own or person.encode() in state:
            kept = blank(kept, person, own=own, under=_kind(entity))
        for pair in kept.get("done", {}).get("answers", ()):
            # As keys are made, and as they were before they had the method in them.
            mine = own or pair[0].startswith((f"{person}\0", f"{person} "))
            pair[1] = _blank_answer(pair[1], person, own=mine)
        new = pack(kept)
        if new != state:
            changed += 1
            db.conn.execute("UPDATE snapshots SET state = ? WHERE entity = ?", (new, entity))
    return changed


def _kind(entity: str) -> str:
    return codec.kind_of(entity)


def _is_own(entity: str, person: str) -> bool:
    """Say whether everything in an entity is one person's."""
    kind, _, name = entity.partition("/")
    return kind in {"person", "agenda"} and name.partition(".")[2] == person


def belonging(db: Database, event: str) -> set[str]:
    """Return the names of all entities of an event, as the read model tells.

    :param db: with a read model that has caught up.
    """
    execute = db.conn.execute
    names = {f"event/{event}", f"support/{event}"}
    for kind, table in (("company", "companies"), ("session", "sessions"), ("chat", "meetings")):
        rows = execute(f"SELECT id FROM {table} WHERE event = ?", (event,))  # noqa: S608  above
        names |= {f"{kind}/{row[0]}" for row in rows}
    for kind in ("person", "agenda"):
        rows = execute("SELECT entity FROM entities WHERE kind = ?", (kind,))
        names |= {row[0] for row in rows if row[0].startswith(f"{kind}/{event}.")}
    for (room,) in execute("SELECT entity FROM entities WHERE kind = 'room'").fetchall():
        session = room.removeprefix("room/").rpartition(".")[0]
        if f"session/{session}" in names:
            names.add(room)
    return names


def drop_before(db: Database, before: datetime) -> Dropped:
    """Delete every event that was over before an instant, with all that belonged to it.

    An event is over when its last day has passed and nothing of it has changed since. Whatever
    is still to come, or was touched lately, keeps its whole history: entities come back from it.

    :raises sqlite3.Error: the disk would not take it; nothing was changed.
    """
    rebuild(db)
    at, day = codec.microseconds(before), before.date().isoformat()
    gone: dict[str, set[str]] = {}
    rows = db.conn.execute(
        "SELECT id, (SELECT max(value) FROM json_each(events.days)) AS last FROM events"
        " WHERE last < ?",
        (day,),
    ).fetchall()
    for event, _ in rows:
        names = belonging(db, event)
        if all(_last_change(db, name) < at for name in names):
            gone[event] = names
    entities = set().union(*gone.values())
    with db.atomic():
        entries = sum(_drop_entity(db, name) for name in sorted(entities))
        if entities:
            renew_identity(db)
    rebuild(db)
    scrub(db)
    return Dropped(tuple(sorted(gone)), len(entities), entries)


def _last_change(db: Database, entity: str) -> int:
    row = db.conn.execute(
        "SELECT at FROM journal WHERE entity = ? ORDER BY seq DESC LIMIT 1", (entity,)
    ).fetchone()
    return row[0] if row else 0


def _drop_entity(db: Database, entity: str) -> int:
    db.conn.execute("DELETE FROM snapshots WHERE entity = ?", (entity,))
    db.conn.execute("DELETE FROM entities WHERE entity = ?", (entity,))
    db.conn.execute("DELETE FROM webhooks WHERE entity = ?", (entity,))
    db.conn.execute("DELETE FROM webhook_counters WHERE entity = ?", (entity,))
    return db.conn.execute("DELETE FROM journal WHERE entity = ?", (entity,)).rowcount


def scrub(db: Database) -> None:
    """Leave no trace of what was deleted: rewrite the file compactly and empty the log.

    :raises sqlite3.Error: there is no room for the copy, or somebody reads the file.
    """
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    db.execute("VACUUM")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
