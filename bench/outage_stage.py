"""Three nodes, their NATS and a crowd, in processes on loopback, where faults can be made."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import attrs
import trio

from bench.cluster_crowd import Crowd, crowd, event_file
from bench.cluster_servers import (
    NatsServer,
    NodeProcess,
    Observer,
    RelayProcess,
    ServerFailed,
    observing,
    start_nodes,
    three_servers,
)
from storage import jetstream_api as api
from transport.cluster.nats import Nats, NatsError

ANEW_SECONDS = 30.0
"""How long a node that was away may take to notice it."""


@attrs.frozen
class Setting:
    """What a fault needs.

    :param relays: whether there is something between the nodes and NATS.
    :param servers: how many NATS servers there are.
    """

    relays: bool = False
    servers: int = 1


@attrs.frozen(kw_only=True)
class Stage:
    """Three nodes, their NATS, and the crowd.

    :param relays: between each node and NATS; none if they are connected directly.
    :param scale: of the times nodes are away; below 1 for a quick look.
    """

    nodes: Sequence[NodeProcess]
    servers: Sequence[NatsServer]
    relays: Sequence[RelayProcess]
    observer: Observer
    people: Crowd
    scale: float = 1.0
    facts: dict[str, float] = attrs.field(factory=dict)

    @property
    def urls(self) -> list[str]:
        """Of all nodes."""
        return [node.url for node in self.nodes]

    async def owner(self) -> NodeProcess:
        """Return the node that owns the session."""
        return await self.observer.owner(self.nodes, f"session/{self.people.session}")

    def others(self, node: NodeProcess) -> list[str]:
        """Return the addresses of the other nodes."""
        return [one.url for one in self.nodes if one is not node]

    def desert(self, node: NodeProcess) -> None:
        """Lead a node's clients elsewhere, as a balancer does that cannot reach it any more."""
        clients = self.people.at(node.url)
        self.people.reroute(node.url, self.others(node))
        for client in clients:
            client.interrupt()

    async def anew(self, node: NodeProcess, before: int) -> None:
        """Wait until a node has noticed that it was away, and has joined anew.

        :param before: how long its log was before it was away.
        """
        with trio.move_on_after(ANEW_SECONDS):
            while not any("joined" in line for line in node.log[before:]):  # noqa: ASYNC110  a log has no event
                await trio.sleep(0.1)
            return
        raise ServerFailed(f"the node did not start anew: {node.log[before:]}")


@asynccontextmanager
async def staged(
    folder: Path, setting: Setting, people: int, pause: float, *, scale: float = 1.0
) -> AsyncIterator[Stage]:
    """Start NATS, three nodes and the crowd; end them at the block's end."""
    async with AsyncExitStack() as stack:
        several = setting.servers > 1
        servers = three_servers(folder) if several else [NatsServer(folder).start()]
        for server in servers:
            stack.callback(server.kill)
        nats = [",".join(server.url for server in servers)] * 3
        relays = [RelayProcess(servers[0].port) for _ in range(3)] if setting.relays else []
        for relay in relays:
            stack.callback(relay.kill)
        if relays:
            nats = [relay.url for relay in relays]
        settings = {"GREENROOM_CLUSTER_REPLICAS": str(setting.servers)}
        nodes = [NodeProcess(folder, url, n, settings, skewed=True) for n, url in enumerate(nats)]
        for node in nodes:
            stack.callback(node.kill)
        event = folder / "event.toml"
        event.write_text(event_file(["talk"]))
        await _elected(servers)
        await start_nodes(nodes, event)
        observer = await stack.enter_async_context(observing(nats_urls(servers)))
        await observer.settled(len(nodes))
        urls = [node.url for node in nodes]
        made = await stack.enter_async_context(crowd(urls, "talk", people, pause=pause))
        yield Stage(
            nodes=nodes, servers=servers, relays=relays, observer=observer, people=made, scale=scale
        )


def nats_urls(servers: Sequence[NatsServer]) -> str:
    """Return the servers' addresses as one text."""
    return ",".join(server.url for server in servers)


async def _elected(servers: Sequence[NatsServer]) -> None:
    """Wait until JetStream answers."""
    with trio.fail_after(30):
        async with Nats.open([server.url for server in servers], "probe") as connection:
            while True:
                with suppress(NatsError, api.StreamRefused):
                    await api.call(connection, "INFO")
                    return
                await trio.sleep(0.1)
