import pytest

from tests.cluster.natsd import NatsServer


@pytest.fixture
def nats(tmp_path):
    server = NatsServer(tmp_path).start()
    yield server
    server.kill()
