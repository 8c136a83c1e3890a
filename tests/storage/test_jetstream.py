"""What is particular to the journal in NATS: its limits, its restarts, its second owner."""

from secrets import token_hex
from unittest.mock import AsyncMock

import pytest
import trio

from actors.ports import Snapshot, StorageUnavailable, Write, WrongSequence
from bench.cluster_servers import NatsServer
from storage import jetstream
from storage.jetstream import JetStreamJournal
from tests.storage.test_journal_contract import entries
from transport.cluster.nats import Nats, NatsError


@pytest.fixture
async def server(tmp_path):
    server = NatsServer(tmp_path).start()
    yield server
    server.kill()


async def test_a_second_owner_cannot_write_over_the_first(server):
    async with Nats.open([server.url]) as one, Nats.open([server.url]) as two:
        first = await JetStreamJournal.open(one)
        second = await JetStreamJournal.open(two)
        await first.append(Write("session/ux", 0, entries(1, 2)))
        assert await second.read("session/ux") == entries(1, 2)
        await second.append(Write("session/ux", 2, entries(3, 3)))
        with pytest.raises(WrongSequence):
            await first.append(Write("session/ux", 2, entries(3, 3, other=True)))
        with pytest.raises(WrongSequence):
            await first.append(
                Write("agenda/a", 0, entries(1, 1)), Write("session/ux", 2, entries(3, 3))
            )
        assert await first.read("session/ux") == entries(1, 3)
        assert await first.read("agenda/a") == []
        await first.append(Write("session/ux", 3, entries(4, 4)))
        assert await first.identity() == await second.identity()


async def test_a_write_larger_than_a_message_goes_whole_or_not_at_all(server):
    async with Nats.open([server.url]) as connection:
        journal = await JetStreamJournal.open(connection)
        big = entries(1, 9, padding="x" * 300_000)
        await journal.append(Write("session/ux", 0, big), Write("agenda/a", 0, entries(1, 1)))
        fresh = await JetStreamJournal.open(connection)
        assert await fresh.read("session/ux") == big
        assert await fresh.read("session/ux", after=4, limit=2) == big[4:6]
        with pytest.raises(StorageUnavailable, match="larger than NATS takes"):
            await journal.append(Write("session/ux", 9, entries(10, 10, padding="x" * 2_000_000)))


async def test_a_snapshot_larger_than_a_message_comes_back_whole(server):
    async with Nats.open([server.url]) as connection:
        journal = await JetStreamJournal.open(connection)
        await journal.save_snapshot("session/ux", Snapshot(5, b"small"))
        state = bytes(range(256)) * 10_000
        await journal.save_snapshot("session/ux", Snapshot(9, state))
        assert await journal.load_snapshot("session/ux") == Snapshot(9, state)


async def test_a_write_stands_although_its_snapshot_cannot_be_kept(server, monkeypatch):
    async with Nats.open([server.url]) as connection:
        journal = await JetStreamJournal.open(connection)
        await journal.append(Write("session/ux", 0, entries(1, 1)))
        refuse = AsyncMock(side_effect=StorageUnavailable("no leader"))
        monkeypatch.setattr("storage.jetstream_snapshots.Snapshots.save", refuse)
        await journal.append(Write("session/ux", 1, entries(2, 2), Snapshot(1, b"one")))
        refuse.assert_awaited_once()
        assert await journal.read("session/ux") == entries(1, 2)


@pytest.mark.parametrize("name", ["chat/fair.ana.1", "person/fair.a b*>%", "agenda/fair.ä/ö"])
async def test_any_name_finds_its_way_into_a_subject_and_back(server, name):
    async with Nats.open([server.url]) as connection:
        journal = await JetStreamJournal.open(connection, token_hex(4))
        await journal.append(Write(name, 0, entries(1, 1)))
        await journal.append(Write(name, 1, entries(2, 2)))
        assert await journal.entities(name.partition("/")[0]) == [name]
        assert await journal.read(name) == entries(1, 2)


async def test_appends_survive_a_killed_and_restarted_server(server):
    async with Nats.open([server.url]) as connection:
        journal = await JetStreamJournal.open(connection)
        refused = 0

        async def write(entity: str) -> None:
            nonlocal refused
            seq = 0
            while seq < 30:
                try:
                    await journal.append(Write(entity, seq, entries(seq + 1, seq + 1)))
                    seq += 1
                except (StorageUnavailable, WrongSequence):
                    refused += 1
                    seq = len(await journal.read(entity))

        async with trio.open_nursery() as nursery:
            for n in range(10):
                nursery.start_soon(write, f"session/{n}")
            await trio.sleep(0.05)
            await trio.to_thread.run_sync(server.kill)
            await trio.sleep(0.5)
            await trio.to_thread.run_sync(server.start)
        for n in range(10):
            assert await journal.read(f"session/{n}") == entries(1, 30)
        assert refused == 0
        assert connection.statistics.reconnects >= 1


class FirstPageLost:
    """A connection whose first request for a page goes where nobody hears it."""

    def __init__(self, connection):
        self._connection = connection
        self.lost = False

    def __getattr__(self, name):
        return getattr(self._connection, name)

    async def gather(self, subject, data, *, within):
        if not self.lost:
            self.lost, subject = True, "nobody.hears"
        return await self._connection.gather(subject, data, within=within)


async def test_a_page_that_a_replica_owes_is_asked_of_another(server):
    async with Nats.open([server.url]) as connection:
        losing = FirstPageLost(connection)
        journal = await JetStreamJournal.open(losing)
        await journal.append(Write("session/ux", 0, entries(1, 3)))
        assert await journal.read("session/ux") == entries(1, 3)
        assert losing.lost


async def test_without_a_server_an_append_ends_with_storage_unavailable(server, monkeypatch):
    monkeypatch.setattr(jetstream, "APPEND_SECONDS", 1.0)
    async with Nats.open([server.url]) as connection:
        journal = await JetStreamJournal.open(connection)
        await journal.append(Write("session/ux", 0, entries(1, 1)))
        server.kill()
        with pytest.raises(StorageUnavailable):
            await journal.append(Write("session/ux", 1, entries(2, 2)))
        with pytest.raises(StorageUnavailable):
            await journal.read("session/ux")


async def test_where_there_is_no_server_opening_says_so(server):
    server.kill()
    with pytest.raises(NatsError, match="no NATS server at"):
        async with Nats.open([server.url]):
            pass
