from collections.abc import Iterator

import pytest

from tests.engine.daemon import Daemon


def running(folder) -> Iterator[Daemon]:
    daemon = Daemon(folder)
    daemon.start()
    yield daemon
    if daemon.process is not None:
        daemon.kill()


@pytest.fixture
def daemon(tmp_path):
    """A daemon of the test's own, to be killed or stopped."""
    yield from running(tmp_path)


@pytest.fixture(scope="module")
def shared_daemon(tmp_path_factory):
    """A daemon that all tests of a module talk to."""
    yield from running(tmp_path_factory.mktemp("daemon"))
