"""Reading the tables out: CSV and JSON."""

import csv
import json
from collections.abc import Iterator, Sequence
from typing import IO, Any, Literal

import attrs
from sqlite_utils import Database

from actors.errors import GreenroomError
from storage.projections.schema import TABLES

Format = Literal["csv", "json"]

PRIVATE = frozenset({"meeting_notes", "notifications", "agenda_days", "not_projected"})
"""Tables that are not exported: private notes, and what only the engine needs."""

EVENT_OF = {
    "events": "id = :event",
    "registrations": "session IN (SELECT id FROM sessions WHERE event = :event)",
    "session_bans": "session IN (SELECT id FROM sessions WHERE event = :event)",
    "stage": "session IN (SELECT id FROM sessions WHERE event = :event)",
    "questions": "session IN (SELECT id FROM sessions WHERE event = :event)",
    "votes": "session IN (SELECT id FROM sessions WHERE event = :event)",
    "breakout_rooms": "session IN (SELECT id FROM sessions WHERE event = :event)",
    "breakout_assignments": "session IN (SELECT id FROM sessions WHERE event = :event)",
    **dict.fromkeys(
        ("attendance", "chat_messages", "chat_reactions"),
        "topic IN (SELECT 'session/' || id FROM sessions WHERE event = :event"
        " UNION SELECT 'chat/' || id FROM meetings WHERE event = :event"
        " UNION SELECT 'room/' || r.session || '.' || r.room FROM breakout_rooms r"
        " JOIN sessions s ON s.id = r.session WHERE s.event = :event)",
    ),
}
"""How to tell which rows are an event's, where the column ``event`` does not say it."""

MASKED = {"questions": {"person": "anonymous", "name": "anonymous"}}
"""Columns that are empty where another one is set."""


class UnknownTable(GreenroomError):  # noqa: N818  said of the request
    """There is no such table to export."""

    def __init__(self, table: str) -> None:
        super().__init__(f"no table {table!r} to export; there are {', '.join(exportable())}")
        self.table = table


@attrs.frozen
class Export:
    """A table read out.

    :param columns: the names.
    :param rows: one tuple a row, as they are read; use it up before the connection closes.
    """

    columns: Sequence[str]
    rows: Iterator[tuple[Any, ...]]


def exportable() -> list[str]:
    """Return the names of the tables that can be exported."""
    return sorted(set(TABLES) - PRIVATE)


def export(db: Database, table: str, event: str | None = None) -> Export:
    """Read a table in the order of its key, without who asked anonymous questions.

    :param event: only rows of this event.
    :raises UnknownTable: there is none, or it is not for export.
    """
    if table not in TABLES or table in PRIVATE:
        raise UnknownTable(table)
    key, columns = TABLES[table]
    names = [name for name in columns if name != "position"]
    masked = MASKED.get(table, {})
    wanted = ", ".join(
        f"CASE WHEN {masked[name]} THEN NULL ELSE {name} END" if name in masked else name
        for name in names
    )
    where = f" WHERE {EVENT_OF.get(table, 'event = :event')}" if event is not None else ""
    cursor = db.conn.execute(
        f"SELECT {wanted} FROM {table}{where} ORDER BY {', '.join(key)}",  # noqa: S608  names are ours
        {"event": event},
    )
    return Export(names, iter(cursor))


def write(export: Export, target: IO[str], form: Format) -> int:
    """Write an export as text; return the number of rows.

    In CSV, a text that a spreadsheet would take for a formula gets a quote before it.
    """
    return _write_csv(export, target) if form == "csv" else _write_json(export, target)


def _write_csv(export: Export, target: IO[str]) -> int:
    writer = csv.writer(target)
    writer.writerow(export.columns)
    count = 0
    for count, row in enumerate(export.rows, 1):  # noqa: B007  counted for the answer
        writer.writerow([_harmless(value) for value in row])
    return count


def _harmless(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return "'" + value
    return value


_STRUCTURED = frozenset(
    {"hosts", "days", "one_to_one", "links", "faqs", "jobs", "about", "draft_about"}
    | {"refer", "proposal", "missing", "diagnostics"}
)
"""Columns that hold JSON text."""


def _write_json(export: Export, target: IO[str]) -> int:
    count = 0
    target.write("[")
    for count, row in enumerate(export.rows, 1):
        values = {
            name: json.loads(value) if name in _STRUCTURED and value else value
            for name, value in zip(export.columns, row, strict=True)
        }
        target.write((",\n" if count > 1 else "\n") + json.dumps(values, ensure_ascii=False))
    target.write("\n]\n")
    return count
