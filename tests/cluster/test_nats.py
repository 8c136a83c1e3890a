"""The connection to NATS leaves a server that answers no more, and closes nothing either."""

import gc
import signal

import pytest

from bench.cluster_servers import NatsServer
from transport.cluster.lease import Timing
from transport.cluster.nats import Nats


# nats-py drops the socket of a server that let it in and said nothing; it is closed when collected.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
async def test_a_server_that_stands_still_is_left_for_another_within_a_lease(nats, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    other = NatsServer(folder)
    try:
        async with Nats.open([nats.url, other.url]) as connection:
            other.start()
            nats.signal(signal.SIGSTOP)
            answer = await connection.request("$JS.API.INFO", b"", within=Timing().lease, again=0.1)
            assert b"streams" in answer.data
            assert connection.statistics.reconnects == 1
    finally:
        other.kill()
        gc.collect()  # here, and in no other test
