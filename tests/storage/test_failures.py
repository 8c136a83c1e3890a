"""A disk that does not take it: refusals, no crash, and service when it does again."""

import os
import sqlite3
import subprocess
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio
from sqlite_utils import Database

from actors.ports import Entry, Snapshot, StorageUnavailable, Write
from storage import JournalOverloaded, SqliteJournal, Store, writer

START = datetime(2026, 12, 1, tzinfo=UTC)


def entry(seq, size=1000):
    data = {"id": str(seq), "person": "ana", "name": "Ana", "role": "host", "text": "x" * size}
    return Entry(seq, "chat.posted", START, data, {"by": "ana"})


@contextmanager
def small_disk(folder: Path, size: str):
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "greenroom-test", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


async def append_until_refused(journal, entity="session/ux", limit=20_000) -> int:
    """Append until the disk is full; return the last number acknowledged."""
    for seq in range(1, limit):
        try:
            await journal.append(Write(entity, seq - 1, [entry(seq)]))
        except StorageUnavailable:
            return seq - 1
    raise AssertionError("the disk never filled up")


async def test_a_full_disk_refuses_and_serves_again_when_there_is_room(tmp_path):
    with small_disk(tmp_path / "disk", "2m") as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(b"x" * 1_000_000)
        async with Store.open(disk / "g.db") as store:
            journal = store.journal
            last = await append_until_refused(journal)
            assert last > 10
            with pytest.raises(StorageUnavailable):
                await journal.append(Write("session/new", 0, [entry(1, 50_000)]))
            with pytest.raises(StorageUnavailable):
                await journal.save_snapshot("session/ux", Snapshot(1, b"x" * 2_000_000))
            assert [each.seq for each in await journal.read("session/ux", limit=20_000)] == list(
                range(1, last + 1)
            )
            ballast.unlink()
            await journal.append(Write("session/ux", last, [entry(last + 1)]))
            with trio.fail_after(30):
                while not await store.archive.catch_up():
                    pass
            assert journal.statistics().failures >= 3
        async with Store.open(disk / "g.db", check="full") as store:
            assert len(await store.journal.read("session/ux", limit=20_000)) == last + 1
            newest = await store.archive.chat_history("session/ux", None, 1)
            assert newest[0]["id"] == str(last + 1)


async def test_a_database_at_its_page_limit_refuses_and_serves_again(tmp_path):
    async with SqliteJournal.open(tmp_path / "g.db") as journal:
        await journal.transact(lambda db: db.execute("PRAGMA max_page_count=60").fetchone())
        last = await append_until_refused(journal)
        await journal.transact(lambda db: db.execute("PRAGMA max_page_count=6000").fetchone())
        await journal.append(Write("session/ux", last, [entry(last + 1)]))
    async with SqliteJournal.open(tmp_path / "g.db", check="full") as journal:
        assert len(await journal.read("session/ux")) == last + 1


async def test_everybody_in_a_group_that_fails_is_told(tmp_path):
    told: list[int] = []

    async def append(number):
        try:
            await journal.append(Write(f"session/{number}", 0, [entry(1, 50_000)]))
        except StorageUnavailable:
            told.append(number)

    async with SqliteJournal.open(tmp_path / "g.db") as journal:
        await journal.transact(lambda db: db.execute("PRAGMA max_page_count=60").fetchone())
        async with trio.open_nursery() as nursery:
            for number in range(50):
                nursery.start_soon(append, number)
        written = await journal.entities("session")
        assert {f"session/{number}" for number in told}.isdisjoint(written)
        assert len(told) + len(written) == 50
        assert told


async def test_a_file_that_turns_read_only_refuses_and_serves_again(tmp_path, monkeypatch):
    path = tmp_path / "g.db"

    def read_only(path):
        return Database(
            sqlite3.connect(
                f"file:{path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
            )
        )

    async with Store.open(path) as store:
        journal = store.journal
        await journal.append(Write("session/ux", 0, [entry(1)]))
        connect = writer.connect
        monkeypatch.setattr(writer, "connect", read_only)
        with suppress(StorageUnavailable):  # so that the writer connects anew, and finds it so
            await journal.transact(lambda db: db.execute("PRAGMA query_only=ON"))
        for _ in range(3):
            with pytest.raises(StorageUnavailable, match="readonly"):
                await journal.append(Write("session/ux", 1, [entry(2)]))
        assert len(await journal.read("session/ux")) == 1
        monkeypatch.setattr(writer, "connect", connect)
        with suppress(StorageUnavailable):
            await journal.append(Write("session/other", 0, [entry(1)]))
        await journal.append(Write("session/ux", 1, [entry(2)]))
        assert len(await journal.read("session/ux")) == 2


async def test_a_full_queue_refuses_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "QUEUE_LIMIT", 5)
    refused: list[int] = []

    async def append(number):
        try:
            await journal.append(Write(f"session/{number}", 0, [entry(1)]))
        except JournalOverloaded:
            refused.append(number)

    async with SqliteJournal.open(tmp_path / "g.db") as journal:
        async with trio.open_nursery() as nursery:
            for number in range(500):
                nursery.start_soon(append, number)
        assert refused
        assert journal.statistics().refused == len(refused)
        assert len(await journal.entities("session")) == 500 - len(refused)


async def test_a_function_that_fails_undoes_only_what_it_did(tmp_path):
    def work(db):
        db.execute("UPDATE identity SET id = 'spoilt'")
        raise KeyError("no")

    async with SqliteJournal.open(tmp_path / "g.db") as journal:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.append, Write("session/ux", 0, [entry(1)]))
            with pytest.raises(KeyError):
                await journal.transact(work)
        assert len(await journal.read("session/ux")) == 1
        assert await journal.identity() != "spoilt"


async def test_after_the_end_everything_is_refused(tmp_path):
    async with SqliteJournal.open(tmp_path / "g.db") as journal:
        pass
    with pytest.raises(StorageUnavailable, match="closed"):
        await journal.append(Write("session/ux", 0, [entry(1)]))
    with pytest.raises(StorageUnavailable, match="closed"):
        await journal.read("session/ux")


async def test_a_cancelled_append_leaves_the_entity_usable(tmp_path):
    async with SqliteJournal.open(tmp_path / "g.db") as journal:
        seq = 0
        for delay in range(40):
            with trio.move_on_after(delay / 10_000):
                await journal.append(Write("session/ux", seq, [entry(seq + 1)]))
            got = await journal.read("session/ux")
            assert len(got) in (seq, seq + 1)
            seq = len(got)
