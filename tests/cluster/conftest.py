import pytest

from bench.cluster_servers import NatsServer
from transport.cluster import membership

SETTLE_SECONDS = 0.3
"""How long the nodes of this process stand still before shards are moved: nobody restarts here."""


@pytest.fixture
def nats(tmp_path):
    server = NatsServer(tmp_path).start()
    yield server
    server.kill()


@pytest.fixture(autouse=True)
def soon_settled(monkeypatch):
    monkeypatch.setattr(membership, "SETTLE_SECONDS", SETTLE_SECONDS)
