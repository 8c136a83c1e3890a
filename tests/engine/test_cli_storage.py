import csv
import json
from datetime import UTC, datetime

import pytest
import trio
from click.testing import CliRunner

from actors.ports import Entry, Write
from engine.cli.storage import COMMANDS
from storage import FILE_NAME, Store

START = datetime(2026, 12, 1, 10, tzinfo=UTC)


@pytest.fixture
def data(tmp_path):
    plan = {
        "title": "UX", "kind": "workshop", "company": None, "start": "2026-12-01T10:00:00.000Z",
        "minutes": 60, "capacity": None, "hosts": ["hana"],
    }  # fmt: skip
    words = {"id": "1", "person": "ana", "name": "Ana", "role": "host", "text": "=1+1 Wort"}
    asked = {"id": "1", "text": "Why?", "anonymous": True, "author": "ana", "author_name": "Ana"}
    about = {"id": "fair", "name": "Fair", "time_zone": "Europe/Berlin", "days": [],
             "one_to_one": {}}  # fmt: skip

    async def fill():
        async with Store.open(tmp_path / "data" / FILE_NAME) as store:
            await store.journal.append(
                Write("event/fair", 0, [Entry(1, "event.changed", START, {"event": about})]),
                Write("session/ux", 0, [
                    Entry(1, "session.created", START, {"facts": {"event": "fair"}, "plan": plan}),
                    Entry(2, "chat.posted", START, words),
                    Entry(3, "qa.asked", START, asked),
                ]),
            )  # fmt: skip

    trio.run(fill)
    return tmp_path / "data"


def call(name, *arguments, code=0):
    command = {each.name: each for each in COMMANDS}[name]
    result = CliRunner().invoke(command, [str(each) for each in arguments])
    assert result.exit_code == code, result.output
    return result.output


def test_a_table_is_exported_as_csv_that_no_spreadsheet_runs(data):
    rows = list(csv.DictReader(call("export", "chat_messages", "--data", data).splitlines()))
    assert [(row["topic"], row["person"], row["text"]) for row in rows] == [
        ("session/ux", "ana", "'=1+1 Wort")
    ]


def test_a_table_is_exported_as_json_with_lists_as_lists(data):
    text = call("export", "sessions", "--format", "json", "--event", "fair", "--data", data)
    (session,) = json.loads(text)
    assert (session["title"], session["hosts"]) == ("UX", ["hana"])
    assert json.loads(call("export", "sessions", "--format", "json", "--event", "gala",
                           "--data", data)) == []  # fmt: skip


def test_rule_20_an_export_does_not_tell_who_asked_anonymously(data):
    text = call("export", "questions", "--format", "json", "--data", data)
    (question,) = json.loads(text)
    assert (question["text"], question["person"], question["name"]) == ("Why?", None, None)


def test_rule_47_the_program_is_exported_as_a_calendar(data):
    text = call("export", "calendar", "--event", "fair", "--data", data)
    assert "BEGIN:VCALENDAR" in text
    assert "UID:ux@session.greenroom" in text


def test_rebuild_backup_and_vacuum_say_what_they_did(data, tmp_path):
    assert json.loads(call("rebuild", "--json", "--data", data)) == {"rows": 4}
    copy = tmp_path / "copy.db"
    assert json.loads(call("backup", copy, "--json", "--data", data))["bytes"] > 0
    assert "exists already" in call("backup", copy, "--data", data, code=1)
    assert "bytes before" in call("vacuum", "--data", data)


def test_forget_asks_first_and_then_forgets(data):
    assert "cannot be undone" in call("forget", "--person", "ana", "--data", data, code=1)
    done = json.loads(call("forget", "--person", "ana", "--yes", "--json", "--data", data))
    assert done == {"entries": 2, "snapshots": 0}
    assert "Wort" not in call("export", "chat_messages", "--data", data)


def test_salvage_says_what_it_saved(data, tmp_path):
    text = call("salvage", data / FILE_NAME, tmp_path / "saved.db")
    assert "4 events and 0 snapshots saved, 0 unreadable. Cut: nothing." in text


@pytest.mark.parametrize("name", ["rebuild", "vacuum"])
def test_a_folder_without_a_database_is_told_in_one_line(name, tmp_path):
    text = call(name, "--data", tmp_path, code=1)
    assert "there is no database here" in text
    assert "Traceback" not in text
