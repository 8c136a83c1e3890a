import pytest

from bench.cluster_servers import NatsServer


@pytest.fixture
def nats(tmp_path):
    server = NatsServer(tmp_path).start()
    yield server
    server.kill()
