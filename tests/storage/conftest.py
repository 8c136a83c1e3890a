import sys
from collections.abc import AsyncIterator
from pathlib import Path
from secrets import token_hex

import pytest

from bench.cluster_servers import NatsServer
from storage import MemoryJournal, SqliteJournal
from storage.jetstream import JetStreamJournal
from transport.cluster.nats import Nats

sys.path.insert(0, str(Path(__file__).parent))  # for journal_streams


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory):
    server = NatsServer(tmp_path_factory.mktemp("nats")).start()
    yield server
    server.kill()


@pytest.fixture(params=["memory", "sqlite", "jetstream"])
async def journal(
    request, tmp_path
) -> AsyncIterator[MemoryJournal | SqliteJournal | JetStreamJournal]:
    if request.param == "memory":
        yield MemoryJournal()
    elif request.param == "jetstream":
        server = request.getfixturevalue("nats_server")
        async with Nats.open([server.url]) as connection:
            yield await JetStreamJournal.open(connection, token_hex(4))
    else:
        async with SqliteJournal.open(tmp_path / "greenroom.db") as journal:
            yield journal
