"""What several tests of benches share."""

import pytest

from bench.load.target import Daemon


@pytest.fixture
def deployment(tmp_path):
    daemon = Daemon(tmp_path)
    daemon.start()
    yield daemon
    daemon.kill()
    daemon.stop()
