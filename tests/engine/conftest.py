import pytest

from tests.engine.daemon import running


@pytest.fixture
def daemon(tmp_path):
    """A daemon of the test's own, to be killed or stopped."""
    with running(tmp_path) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def shared_daemon(tmp_path_factory):
    """A daemon that all tests of a module talk to."""
    with running(tmp_path_factory.mktemp("daemon")) as daemon:
        yield daemon
