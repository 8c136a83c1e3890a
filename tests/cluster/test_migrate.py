from datetime import UTC, datetime

import pytest
import trio
from click.testing import CliRunner

from actors.ports import Entry, Snapshot, StorageUnavailable, Write
from engine.cli import main
from storage import Endpoint, SqliteJournal, Store, outbox_move
from storage.jetstream import JetStreamJournal
from storage.jetstream_outbox import JetStreamOutbox
from storage.outbox_move import FileOutbox
from tests.storage.test_journal_contract import entries
from transport.cluster.nats import Nats

NOW = datetime(2026, 12, 1, 10, tzinfo=UTC)
NAMES = {"session/ux": 1203, "agenda/fair.ana": 7, "chat/fair.ana.1": 2, "company/acme": 1}


async def fill(path) -> None:
    async with SqliteJournal.open(path) as journal:
        for name, count in NAMES.items():
            await journal.append(Write(name, 0, entries(1, count, name=name)))
        await journal.save_snapshot("session/ux", Snapshot(1000, b"state"))


def migrate(source, target, *more: str):
    return CliRunner().invoke(main, ["migrate", "--from", str(source), "--to", str(target), *more])


async def in_thread(function, *args):
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


ENDPOINT = Endpoint("https://example.org/hook")


def joined(seq):
    """Return an event of which an endpoint is told."""
    return Entry(seq, "session.joined", NOW, {"person": "ana"}, {"by": "ana"})


class Alone:
    """Owns everything."""

    me = "n"
    shares = owner = owns = staticmethod(lambda *_: "n")


async def waiting(path):
    async with SqliteJournal.open(path) as journal:
        return sorted(
            (await FileOutbox(journal).held()).waiting.get((ENDPOINT.url, "session/ux"), ())
        )


async def test_webhooks_that_wait_go_along_and_none_is_told_twice(nats, tmp_path):
    path = tmp_path / "one.db"
    async with Store.open(path, endpoints=[ENDPOINT]) as store:
        await store.journal.append(Write("company/acme", 0, entries(1, 1)))
        await store.journal.append(Write("session/ux", 0, [joined(seq) for seq in (1, 2, 3)]))
        with trio.fail_after(5):
            while (await store.outbox.counts()).get("waiting") != 3:
                await trio.sleep(0.01)
        first, *_ = await store.outbox.due(NOW)
        await store.outbox.delivered(first, NOW)
    async with SqliteJournal.open(path) as journal:  # the engine dies before it enters this one
        await journal.append(Write("session/ux", 3, [joined(4)]))
    there = await in_thread(migrate, path, nats.url)
    assert "wait to be told: 2." in there.output
    async with Nats.open([nats.url]) as connection:
        journal = await JetStreamJournal.open(connection)
        outbox = await JetStreamOutbox.open(connection, "main", journal, [ENDPOINT], Alone())
        while await outbox.enter():
            pass
        heard = []
        for _ in range(2):
            (message,) = await outbox.due(NOW)
            heard.append(message.seq)
            await outbox.delivered(message, NOW)
        assert heard == [2, 3]
    # The fourth was entered from the events, once; a repeated move brings back none that was told.
    again = await in_thread(migrate, path, nats.url)
    assert "wait to be told: 1." in again.output
    assert await waiting(path) == [2, 3]
    back = await in_thread(migrate, nats.url, path)
    assert back.exit_code == 0, back.output
    assert await waiting(path) == [4]
    async with Store.open(path, endpoints=[ENDPOINT]) as store:
        await store.journal.append(Write("session/ux", 4, [joined(5)]))
        with trio.fail_after(5):
            while (await store.outbox.counts()).get("waiting") != 2:
                await trio.sleep(0.01)
    assert await waiting(path) == [4, 5]


async def test_webhooks_go_along_in_pages_and_may_be_interrupted(nats, tmp_path, monkeypatch):
    monkeypatch.setattr(outbox_move, "PAGE", 4)
    path = tmp_path / "one.db"
    async with Store.open(path, endpoints=[ENDPOINT]) as store:
        await store.journal.append(Write("session/ux", 0, [joined(seq) for seq in range(1, 11)]))
        with trio.fail_after(5):
            while (await store.outbox.counts()).get("waiting") != 10:
                await trio.sleep(0.01)
    monkeypatch.setattr(outbox_move, "spelled_place", broken_off)
    there = await in_thread(migrate, path, nats.url)
    assert there.exit_code == 1
    monkeypatch.undo()
    there = await in_thread(migrate, path, nats.url)
    assert "wait to be told: 10." in there.output
    back = await in_thread(migrate, nats.url, tmp_path / "two.db")
    assert back.exit_code == 0, back.output
    assert await waiting(tmp_path / "two.db") == list(range(1, 11))


def broken_off(*_):
    raise StorageUnavailable("no leader")


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
