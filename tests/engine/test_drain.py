"""A daemon that is told to end lets people go one by one; told twice, it ends at once."""

import signal
import time
import urllib.error
import urllib.request
from contextlib import ExitStack

import pytest

from tests.engine.daemon import running
from transport.closing import Close, retry_after

PEOPLE, SECONDS = 20, 3.0
CUT_OFF = 1006  # RFC 6455, 7.1.5: no close frame came


@pytest.fixture
def daemon(tmp_path):
    with running(tmp_path, drain_seconds=SECONDS) as daemon:
        yield daemon


@pytest.fixture
def crowd(daemon):
    with ExitStack() as stack:
        yield [stack.enter_context(daemon.client(f"p{number}")) for number in range(PEOPLE)]


def wait_until(done):
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def gone(crowd):
    return [client for client in crowd if client.socket.protocol.close_code is not None]


def test_people_are_let_go_one_by_one_each_with_a_time_to_return(daemon, crowd):
    daemon.process.send_signal(signal.SIGTERM)
    wait_until(lambda: gone(crowd))
    assert len(gone(crowd)) < PEOPLE
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{daemon.port}/readyz", timeout=5)
    assert refused.value.code == 503
    refused.value.close()
    assert daemon.process.wait(20) == 0
    wait_until(lambda: len(gone(crowd)) == PEOPLE)
    ends = [client.socket.protocol for client in crowd]
    assert {end.close_code for end in ends} == {Close.SHUTTING_DOWN}
    hints = {retry_after(end.close_reason) for end in ends}
    assert len(hints) > PEOPLE // 2
    assert all(0 <= hint <= SECONDS for hint in hints)


def test_a_second_signal_ends_it_at_once(daemon, crowd):
    daemon.process.send_signal(signal.SIGTERM)
    wait_until(lambda: gone(crowd))
    assert daemon.end(signal.SIGTERM) == 0
    wait_until(lambda: len(gone(crowd)) == PEOPLE)
    assert CUT_OFF in {client.socket.protocol.close_code for client in crowd}
