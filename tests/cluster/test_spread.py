"""Steps of a session and of a fair at three processes, with every client at another of them.

The steps and what is expected are those of ``tests/engine``: nobody is to notice how many nodes
there are. The server API is asked at one node after the other, too. The whole workshop and the
whole fair are played on three nodes by ``test_scripts``.
"""

from contextlib import ExitStack
from itertools import cycle

import pytest
import trio

from bench.cluster_servers import NatsServer, NodeProcess, observing, start_nodes
from tests.engine import test_fair_wire as fair_wire
from tests.engine import test_session_over_the_wire as session_wire
from tests.engine.daemon import EVENT_FILE, KEY, Daemon

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


class Spread(Daemon):
    """Three nodes that look like one daemon; each client is led to the next of them."""

    def __init__(self, nodes):
        self._ports = cycle(node.port for node in nodes)

    @property
    def port(self):
        return next(self._ports)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nodes")
    event = folder / "event.toml"
    event.write_text(EVENT_FILE)
    with ExitStack() as stack:
        nats = NatsServer(folder)
        stack.callback(nats.kill)
        nats.start()
        nodes = [NodeProcess(folder, nats.url, number, key=KEY) for number in range(3)]
        for node in nodes:
            stack.callback(node.kill)

        async def start():
            await start_nodes(nodes, event)
            async with observing(nats.url) as observer:
                await observer.settled(3)

        trio.run(start)
        yield Spread(nodes)


def test_a_participant_goes_from_the_audience_on_screen_and_back(daemon):
    session_wire.test_a_participant_goes_from_the_audience_on_screen_and_back(daemon)


def test_rules_40_to_43_reviewing_requests_through_every_tab(daemon):
    with fair_wire.allowed(daemon) as fair:
        fair_wire.test_rules_40_to_43_reviewing_requests_through_every_tab(fair)
