import pytest
from click.testing import CliRunner

from actors.ports import Snapshot, Write
from engine.cli import main
from storage import SqliteJournal
from storage.jetstream import JetStreamJournal
from tests.storage.test_journal_contract import entries
from transport.cluster.nats import Nats

NAMES = {"session/ux": 1203, "agenda/fair.ana": 7, "chat/fair.ana.1": 2, "company/acme": 1}


async def fill(path) -> None:
    async with SqliteJournal.open(path) as journal:
        for name, count in NAMES.items():
            await journal.append(Write(name, 0, entries(1, count, name=name)))
        await journal.save_snapshot("session/ux", Snapshot(1000, b"state"))


def migrate(source, target, *more: str):
    return CliRunner().invoke(main, ["migrate", "--from", str(source), "--to", str(target), *more])


async def in_thread(function, *args):
    import trio

    return await trio.to_thread.run_sync(lambda: function(*args))


async def test_a_journal_moves_into_a_cluster_and_back(nats, tmp_path):
    await fill(tmp_path / "one.db")
    there = await in_thread(migrate, tmp_path / "one.db", nats.url)
    assert there.exit_code == 0, there.output
    assert "4 entities, 1213 events: both ends are the same." in there.output
    async with Nats.open([nats.url]) as connection:
        journal = await JetStreamJournal.open(connection)
        assert await journal.load_snapshot("session/ux") == Snapshot(1000, b"state")
        await journal.append(Write("company/acme", 1, entries(2, 2)))
    again = await in_thread(migrate, nats.url, tmp_path / "one.db")
    assert again.exit_code == 0, again.output
    back = await in_thread(migrate, nats.url, tmp_path / "two.db")
    assert back.exit_code == 0, back.output
    async with SqliteJournal.open(tmp_path / "two.db") as journal:
        assert await journal.read("session/ux", limit=2000) == entries(1, 1203, name="session/ux")
        assert len(await journal.read("company/acme")) == 2


async def test_a_target_with_other_events_is_found_out(nats, tmp_path):
    await fill(tmp_path / "one.db")
    async with Nats.open([nats.url]) as connection:
        journal = await JetStreamJournal.open(connection)
        await journal.append(Write("agenda/fair.ana", 0, entries(1, 3, other=True)))
    result = await in_thread(migrate, tmp_path / "one.db", nats.url)
    assert result.exit_code == 1
    assert "agenda/fair.ana differs after its event 0" in result.output


@pytest.mark.parametrize(
    ("source", "target", "problem"),
    [
        ("a.db", "b.db", "one end is a database file"),
        ("nats://127.0.0.1:1", "nats://127.0.0.1:1", "one end is a database file"),
        ("missing.db", "nats://127.0.0.1:1", "does not exist"),
    ],
)
def test_ends_that_make_no_sense_are_refused(source, target, problem):
    result = migrate(source, target)
    assert result.exit_code == 1
    assert problem in result.output
