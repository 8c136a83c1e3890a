"""The scripted workshop and fair on three nodes, everybody's connection at the next of them.

The scripts are those of ``greenroom demo --script``, not copies: which engines they play on is
their parameter. They raise when something does not happen as it should.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import attrs
import pytest
import trio

from actors.ports import Clock
from engine.cluster import open_node
from engine.config import ClusterOptions, Config
from engine.engine import Engine
from engine.scripts import SCRIPTS, fair, workshop
from tests.cluster.nodes import settled

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

NODES = 3
ACTS = {"fair": fair.ACTS, "workshop": workshop.ACTS}


def three_nodes(nats):
    """Return what opens three nodes on a NATS server."""

    @asynccontextmanager
    async def house(config: Config, clock: Clock) -> AsyncIterator[Sequence[Engine]]:
        nodes = []
        async with AsyncExitStack() as stack:
            for number in range(NODES):
                own = attrs.evolve(
                    config,
                    data=config.data / f"node{number}",
                    cluster=ClusterOptions(servers=(nats.url,)),
                )
                nodes.append(await stack.enter_async_context(open_node(own, clock=clock)))
            with trio.fail_after(20):
                while not all(settled(node.membership, NODES) for node in nodes):
                    await trio.sleep(0.05)
            yield [node.engine for node in nodes]

    return house


@pytest.mark.parametrize("name", ACTS)
def test_a_script_plays_on_three_nodes_as_on_one(name, nats):
    transcript = SCRIPTS[name](None, three_nodes(nats))
    acts = [title for title, _ in ACTS[name]]
    assert list(dict.fromkeys(line.chapter for line in transcript.lines)) == ["", *acts]
