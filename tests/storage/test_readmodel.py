from contextlib import closing
from datetime import UTC, datetime

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journal_streams import DURABLE, entity_of, journals, object_of
from sqlite_utils import Database

from actors.ports import Entry, StorageUnavailable, Write
from actors.rules import records
from storage import SqliteJournal, Store, bulk, codec, follower, readmodel
from storage.archive import SqliteArchive
from storage.group import Append, Group
from storage.heads import Heads
from storage.projections import PROJECTIONS, schema
from storage.projections.model import Tables
from storage.readmodel import ReadModel, rebuild
from storage.schema import journal as journal_migrations

START = datetime(2026, 12, 1, 10, tzinfo=UTC)

NOT_FOR_TABLES = {
    # what the tables of sessions, meetings and rooms know already, or what passes
    "agenda.attended", "agenda.reminded", "agenda.tracked", "breakout.broadcast",
    "breakout.closing", "breakout.help_answered", "breakout.help_asked", "breakout.settled",
    "breakout.timed",
    "chat.muted", "chat.slowed", "employee.listed", "event.revoked", "media.changed",
    "media.shares_allowed",
    "meeting.began", "meeting.warned", "people.kicked", "program.changed", "program.counted",
    "program.seats", "program.standing", "quota.taken", "session.hostless", "session.released",
    "session.resumed",
}  # fmt: skip


@pytest.fixture
def db():
    with closing(Database(memory=True)) as db:
        journal_migrations.apply(db)
        yield db


def append(db: Database, *writes: Write) -> None:
    with db.atomic():
        group = Group(db, Heads())
        for write in writes:
            group.add(Append([codec.pack_write(write)])).unwrap()
        group.flush()


def project(db: Database, slices: int = 10**6) -> None:
    model = ReadModel()
    for _ in range(slices):
        with db.atomic():
            if not model.step(db):
                return


def tables(db: Database) -> dict[str, list[dict]]:
    return {name: sorted(db[name].rows, key=repr) for name in schema.TABLES}


def test_every_durable_event_has_a_projection_or_is_known_to_need_none():
    rooms = {name for name in DURABLE if name.startswith("room.")}
    assert set(DURABLE) - set(PROJECTIONS) == (NOT_FOR_TABLES | rooms) & set(DURABLE)
    assert set(PROJECTIONS) <= set(DURABLE)


@pytest.mark.parametrize("type_name", sorted(PROJECTIONS))
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_each_projection_takes_the_event_as_it_is_recorded(type_name, data):
    event = data.draw(object_of(DURABLE[type_name]))
    entry = Entry(1, type_name, event.at, records.record(event), {"by": "1"})
    with closing(Database(memory=True)) as db:
        journal_migrations.apply(db)
        append(db, Write(entity_of(type_name, 1), 0, [entry]))
        project(db)
        assert tables(db)["not_projected"] == []


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(writes=journals(), size=st.integers(1, 7))
def test_a_rebuild_gives_the_same_tables_as_were_there_before(writes, size):
    with closing(Database(memory=True)) as db, pytest.MonkeyPatch.context() as patch:
        journal_migrations.apply(db)
        patch.setattr("storage.follower.SLICE", size)
        for write in writes:
            append(db, write)
            project(db, 1)
        project(db)
        before = tables(db)
        assert readmodel.lag(db) == 0
        assert before["not_projected"] == []
        assert rebuild(db) == len(writes)
        assert tables(db) == before


def posted(seq: int, text: str = "hello", person: str = "ana") -> Entry:
    data = {"id": str(seq), "person": person, "name": "Ana", "role": "participant", "text": text}
    return Entry(seq, "chat.posted", START, data, {"by": person})


def test_a_row_that_cannot_be_projected_is_entered_and_passed_over(db):
    broken = Entry(2, "chat.posted", START, {"id": "two"}, {})
    append(db, Write("session/ux", 0, [posted(1), broken, posted(3)]))
    project(db)
    assert [row["number"] for row in db["chat_messages"].rows] == [1, 3]
    (row,) = db["not_projected"].rows
    assert (row["position"], row["entity"], row["seq"]) == (2, "session/ux", 2)
    assert row["error"].startswith("ValueError: ")


def test_a_row_that_fails_only_when_it_is_written_takes_no_other_along(db):
    huge = Entry(2, "chat.posted", START, {**posted(2).data, "id": str(2**70)}, {})
    append(db, Write("session/ux", 0, [posted(1), huge, posted(3)]))
    project(db)
    assert [row["number"] for row in db["chat_messages"].rows] == [1, 3]
    (row,) = db["not_projected"].rows
    assert row["error"].startswith("OverflowError: ")
    assert readmodel.lag(db) == 0


def test_what_is_done_to_a_table_keeps_its_order(db):
    db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)")
    tables = Tables(db)
    tables.put("t", {"id": 1}, text="a")
    tables.put("t", {"id": 1}, text="b")
    tables.add("t", {"id": 1}, text="c")
    tables.add("t", {"id": 2}, text="d")
    tables.change("t", {"id": 2}, text="e")
    tables.put("t", {"id": 3}, text="f")
    tables.remove("t", {"id": 3})
    tables.put("t", {"id": 4}, text="g")
    assert tables.run("SELECT id, text FROM t ORDER BY id") == [(1, "b"), (2, "e"), (4, "g")]


@pytest.mark.parametrize("count", [0, 1, 3, 63, 64, 65, 200])
def test_rows_go_in_in_their_order_with_few_statements(db, count):
    db.execute("CREATE TABLE t (place INTEGER PRIMARY KEY AUTOINCREMENT, number INTEGER)")
    statements: list[str] = []
    db.conn.set_trace_callback(statements.append)
    bulk.insert(db, "INSERT INTO t (number)", [(number,) for number in range(count)])
    db.conn.set_trace_callback(None)
    assert [row["number"] for row in db["t"].rows] == list(range(count))
    assert len([sql for sql in statements if sql.startswith("INSERT")]) <= count // bulk.MOST + 6


def test_a_slice_of_messages_goes_in_with_one_statement(db):
    append(db, Write("session/ux", 0, [posted(seq) for seq in range(1, follower.SLICE + 1)]))
    statements: list[str] = []
    db.conn.set_trace_callback(statements.append)
    project(db, 1)
    db.conn.set_trace_callback(None)
    assert db["chat_messages"].count == follower.SLICE
    # told again for each row's trigger
    assert len({sql for sql in statements if sql.startswith("INSERT INTO chat_messages (")}) == 1


def test_tables_of_another_version_are_built_anew(db, monkeypatch):
    append(db, Write("session/ux", 0, [posted(1)]))
    project(db)
    db.execute("DELETE FROM chat_messages")
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    project(db)
    assert db["chat_messages"].count == 1


def test_progress_rises_to_the_end(db):
    append(db, Write("session/ux", 0, [posted(seq) for seq in range(1, 1001)]))
    told: list[tuple[int, int]] = []
    rebuild(db, lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1] == (1000, 1000)
    assert len(told) > 4


async def test_what_was_committed_before_a_question_is_in_the_answer(tmp_path):
    async with Store.open(tmp_path / "g.db") as store:
        for seq in range(1, 30):
            await store.journal.append(Write("session/ux", seq - 1, [posted(seq)]))
            newest = await store.archive.chat_history("session/ux", None, 1)
            assert [message["id"] for message in newest] == [str(seq)]


async def test_rule_21_a_page_is_refused_rather_than_left_incomplete(tmp_path, autojump_clock):
    async with Store.open(tmp_path / "g.db") as store:
        await store.journal.append(Write("session/ux", 0, [posted(1)]))
        await store.journal.append(Write("session/quiet", 0, [posted(1)]))
        assert await store.archive.catch_up()
    async with SqliteJournal.open(tmp_path / "g.db") as journal:  # nobody projects
        archive = SqliteArchive(journal)
        await journal.append(Write("session/ux", 1, [posted(2)]))
        assert not await archive.catch_up()
        with pytest.raises(StorageUnavailable, match="session/ux"):
            await archive.chat_history("session/ux", None, 10)
        with pytest.raises(StorageUnavailable, match="session/ux"):
            await archive.chat_search("session/ux", "hello", 10)
        quiet = await archive.chat_history("session/quiet", None, 10)
        assert [message["id"] for message in quiet] == ["1"]
    async with Store.open(tmp_path / "g.db") as store:
        page = await store.archive.chat_history("session/ux", None, 10)
        assert [message["id"] for message in page] == ["2", "1"]


async def test_projecting_goes_on_where_it_stood(tmp_path):
    async with SqliteJournal.open(tmp_path / "g.db") as journal:  # without a read model
        await journal.append(Write("session/ux", 0, [posted(seq) for seq in range(1, 700)]))
    async with Store.open(tmp_path / "g.db") as store:
        with trio.fail_after(10):
            assert await store.archive.catch_up()
        assert store.statistics().projected == 699
    async with Store.open(tmp_path / "g.db") as store:
        assert await store.archive.catch_up()
        assert store.statistics().projected == 0
