"""Nodes in this process, each a whole engine with a port of its own, on a real NATS server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import trio

from actors.rules.base import Person
from engine.cluster import Node, open_node
from engine.config import ClusterOptions, Config, MediaOptions, WebhookOptions
from engine.loading import load_steps, read_event_file, within
from engine.tokens import mint
from tests.engine.daemon import EVENT, EVENT_FILE, KEY
from transport.client import Client, open_client
from transport.cluster.membership import Membership


def token(person: str, **claims: Any) -> str:
    who = Person(id=person, name=person.title(), event=claims.pop("event", EVENT), **claims)
    return mint(KEY, who, now=datetime.now(UTC), ttl=timedelta(hours=1))


@attrs.define
class Running:
    node: Node
    port: int
    scope: trio.CancelScope

    @property
    def me(self) -> str:
        return self.node.membership.me

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/ws"

    def client(self, person: str, **claims: Any):
        return open_client(self.url, token(person, **claims))


@attrs.define
class Cluster:
    nats: str
    folder: Path
    nursery: trio.Nursery
    webhook: tuple[WebhookOptions, ...] = ()
    nodes: list[Running] = attrs.field(factory=list)

    async def start(self) -> Running:
        running = await self.nursery.start(self._run, len(self.nodes))
        self.nodes.append(running)
        return running

    async def _run(self, number: int, *, task_status: Any) -> None:
        config = Config(
            port=0,
            data=self.folder / f"node{number}",
            key=(f"{KEY.id}:{KEY.secret}",),
            media=MediaOptions(workers=0),
            cluster=ClusterOptions(servers=(self.nats,)),
            webhook=self.webhook,
        )
        with trio.CancelScope() as scope:
            async with open_node(config) as node, trio.open_nursery() as nursery:
                port = await nursery.start(node.engine.serve)
                task_status.started(Running(node, port, scope))
                await trio.sleep_forever()

    async def load(self) -> None:
        file = self.folder / "event.toml"
        file.write_text(EVENT_FILE)
        await load_steps(within(self.nodes[0].node.engine), read_event_file(file))

    async def settle(self, nodes: int | None = None) -> None:
        """Wait until every shard is where it should be."""
        wanted = nodes or len(self.nodes)
        with trio.fail_after(20):
            while not all(settled(one.node.membership, wanted) for one in self.nodes):
                await trio.sleep(0.05)

    def owner(self, entity: str) -> Running:
        name = self.nodes[0].node.membership.owner(entity)
        return next(one for one in self.nodes if one.me == name)

    def stranger(self, entity: str) -> Running:
        name = self.nodes[0].node.membership.owner(entity)
        return next(one for one in self.nodes if one.me != name)


def settled(membership: Membership, wanted: int) -> bool:
    from transport.cluster.placement import preferred

    nodes = membership.nodes()
    return len(nodes) == wanted and all(
        owner == preferred(shard, nodes) for shard, owner in enumerate(membership.table.shards)
    )


@asynccontextmanager
async def cluster(
    nats: str, folder: Path, count: int = 3, *, webhook: tuple[WebhookOptions, ...] = ()
) -> AsyncIterator[Cluster]:
    async with trio.open_nursery() as nursery:
        made = Cluster(nats, folder, nursery, webhook)
        for _ in range(count):
            await made.start()
        await made.settle()
        yield made
        nursery.cancel_scope.cancel()


async def event_of(client: Client, type_name: str, **data: Any):
    """Return the client's next event of a type with these data."""
    with trio.fail_after(10):
        async for event in client.events():
            if event.type == type_name and data.items() <= event.data.items():
                return event
        raise AssertionError("the events ended")
