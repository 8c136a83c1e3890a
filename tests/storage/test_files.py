"""Which files are refused, with what words, and what can be saved of a damaged one."""

import os
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime

import pytest
from sqlite_utils import Database

from actors.ports import Entry, Snapshot, Write
from storage import Damaged, NewerVersion, NotOurs, SqliteJournal, Store, Unwritable
from storage.maintenance import NoDatabase, TargetExists, backup, rebuild
from storage.salvage import salvage

START = datetime(2026, 12, 1, tzinfo=UTC)


def entries(first, last):
    return [
        Entry(seq, "chat.posted", START, {"id": str(seq), "person": "ana", "name": "Ana",
              "role": "participant", "text": f"message {seq} " + "x" * 200}, {"by": "ana"})
        for seq in range(first, last + 1)
    ]  # fmt: skip


async def fill(path, count=400):
    async with SqliteJournal.open(path) as journal:
        for entity in ("session/a", "session/b"):
            await journal.append(Write(entity, 0, entries(1, count)))
            await journal.save_snapshot(entity, Snapshot(count - 10, b"\x80"))


async def refusal(path, kind):
    with pytest.raises(kind) as caught:
        async with SqliteJournal.open(path):
            raise AssertionError("it was opened")
    return str(caught.value)


async def test_a_file_of_a_newer_version_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "g.db"
    await fill(path)
    with closing(Database(path)) as db:
        db["_sqlite_migrations"].insert(
            {"migration_set": "greenroom", "name": "m999_future", "applied_at": "2030"}
        )
    before = path.read_bytes()
    assert "newer version (unknown migrations: m999_future)" in await refusal(path, NewerVersion)
    assert path.read_bytes() == before


async def test_a_second_engine_is_refused_with_the_first_ones_process(tmp_path):
    path = tmp_path / "g.db"
    program = (
        "import sys, trio; from storage import InUse, SqliteJournal\n"
        "async def main():\n"
        "    try:\n"
        "        async with SqliteJournal.open(sys.argv[1]): print('opened')\n"
        "    except InUse as refused: print(refused.holder)\n"
        "trio.run(main)\n"
    )
    async with SqliteJournal.open(path):
        assert run(program, path) == str(os.getpid())
    assert run(program, path) == "opened"


def run(program, path):
    paths = os.pathsep.join([".", *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


async def test_another_programs_database_is_refused(tmp_path):
    path = tmp_path / "g.db"
    with closing(Database(path)) as db:
        db["recipes"].insert({"name": "soup"})
    assert "not a Greenroom database" in await refusal(path, NotOurs)


async def test_what_is_no_database_is_refused(tmp_path):
    path = tmp_path / "g.db"
    path.write_text("Dear diary, this is certainly no database.")
    assert "does not begin as a SQLite database" in await refusal(path, Damaged)


async def test_a_damaged_file_is_refused_with_the_way_to_save_it(tmp_path):
    path = tmp_path / "g.db"
    await fill(path)
    damage(path, 7)
    said = await refusal(path, Damaged)
    assert "greenroom salvage" in said
    assert "backup" in said


def damage(path, seed, pages=3):
    """Overwrite whole pages, not the first one, with noise."""
    luck = random.Random(seed)
    with path.open("r+b") as file:
        count = file.seek(0, os.SEEK_END) // 4096
        for page in luck.sample(range(count // 2, count), pages):
            file.seek(page * 4096)
            file.write(luck.randbytes(4096))


@pytest.mark.parametrize("seed", range(6))
async def test_what_is_saved_is_whole_up_to_the_first_gap(tmp_path, seed):
    path, saved = tmp_path / "g.db", tmp_path / "saved.db"
    await fill(path)
    damage(path, seed)
    result = salvage(path, saved)
    async with Store.open(saved, check="full") as store:
        assert await store.archive.catch_up()
        total = 0
        for entity in await store.journal.entities("session"):
            got = await store.journal.read(entity)
            total += len(got)
            snapshot = await store.journal.load_snapshot(entity)
            first = got[0].seq if got else 1
            assert got == entries(first, first + len(got) - 1)
            assert first == 1 or snapshot.seq >= first - 1
            head = max(got[-1].seq if got else 0, snapshot.seq if snapshot else 0)
            await store.journal.append(Write(entity, head, entries(head + 1, head + 1)))
        assert total == result.entries > 0


async def test_saving_a_sound_file_saves_everything(tmp_path):
    path, saved = tmp_path / "g.db", tmp_path / "saved.db"
    await fill(path)
    result = salvage(path, saved)
    assert (result.entries, result.snapshots, result.unreadable) == (800, 2, 0)
    assert result.cut == {}
    with pytest.raises(TargetExists):
        salvage(path, saved)


def test_work_on_a_file_that_is_not_there_makes_none(tmp_path):
    with pytest.raises(NoDatabase):
        rebuild(tmp_path / "g.db")
    assert list(tmp_path.iterdir()) == []


async def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    await refusal(tmp_path / "file" / "g.db", Unwritable)


async def test_a_backup_beside_a_running_engine_holds_what_was_committed(tmp_path):
    path, copy = tmp_path / "g.db", tmp_path / "copy.db"
    told = []
    async with Store.open(path) as store:
        await store.journal.append(Write("session/a", 0, entries(1, 300)))
        identity = await store.journal.identity()
        backup(path, copy, lambda done, total: told.append((done, total)))
        await store.journal.append(Write("session/a", 300, entries(301, 301)))
    assert told[-1][0] == told[-1][1] > 0
    with pytest.raises(TargetExists):
        backup(path, copy)
    async with Store.open(copy, check="full") as store:
        assert await store.journal.read("session/a") == entries(1, 300)
        assert await store.journal.identity() != identity, "its numbers may go another way"
    with closing(sqlite3.connect(copy)) as db:
        assert db.execute("SELECT count(*) FROM chat_messages").fetchone() == (300,)


async def test_an_identity_lasts(tmp_path):
    async with SqliteJournal.open(tmp_path / "g.db") as journal:
        identity = await journal.identity()
    async with SqliteJournal.open(tmp_path / "g.db") as journal:
        assert await journal.identity() == identity
