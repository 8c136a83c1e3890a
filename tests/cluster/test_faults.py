"""What breaks, and what it costs: real processes, killed, stopped, cut off and restarted."""

import signal

import pytest
import trio

from tests.cluster.crowd import crowd, talk
from tests.cluster.natsd import NatsServer, free_port
from tests.cluster.processes import NodeProcess
from transport.cluster.membership import Membership
from transport.cluster.nats import Nats

SIZE = 30
pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
def nodes(nats, tmp_path):
    started = [NodeProcess(tmp_path, nats.url, number) for number in range(3)]
    for number, node in enumerate(started):
        node.start(load=number == 0)
    yield started
    for node in started:
        if node.process is not None:
            node.signal(signal.SIGCONT)
            node.kill()


async def owner_of(nats: NatsServer, nodes: list[NodeProcess], entity: str) -> NodeProcess:
    """Return the node that owns an entity, once the shards stand still."""
    async with Nats.open([nats.url]) as connection:
        membership = Membership(connection, "main", "observer", {})
        await membership.refresh()
        while True:
            before = membership.table.shards
            await trio.sleep(3)
            await membership.refresh()
            if membership.table.shards == before and len(set(before)) == len(nodes):
                return next(node for node in nodes if node.me == membership.owner(entity))


async def history(client) -> list[str]:
    texts: list[str] = []
    before: dict[str, str] = {}
    while True:
        page = await client.call("chat.history", topic="session/ux", limit=100, **before)
        texts = [message["text"] for message in page["messages"]] + texts
        if not page["more"] or not page["messages"]:
            return texts
        before = {"before": page["messages"][0]["id"]}


async def through(nodes, fault, after: float = 4.0):
    """Let a crowd talk through a fault; check that nothing was lost or doubled."""
    async with crowd([node.url for node in nodes], SIZE) as people:
        async with trio.open_nursery() as nursery:
            for number in range(SIZE):
                nursery.start_soon(talk, people, number)
            await trio.sleep(1)
            before = len(people.said)
            assert before
            await fault(people)
            with trio.fail_after(60):
                said = len(people.said)
                while len(people.said) < said + SIZE:
                    await trio.sleep(0.05)
            await trio.sleep(after)
            people.stopping = True
        with trio.move_on_after(10):
            while any(len(heard) < len(people.said) for heard in people.heard):
                await trio.sleep(0.1)
        kept = await history(people.clients[0])
        waits = [round(max(w for u, _, w in people.waits if u == node.url), 2) for node in nodes]
        print(f"said {len(people.said)}, longest waits {waits} s, repeated {people.repeated}")
        assert not people.failed
        assert len(kept) == len(set(kept)), "something was written twice"
        assert sorted(kept) == sorted(people.said), "acknowledged is not what is kept"
        for heard, numbers in zip(people.heard, people.numbers, strict=True):
            assert len(heard) == len(set(heard)), "something was heard twice"
            assert set(heard) == set(kept), "something was not heard"
            assert numbers == sorted(numbers)
        return people


async def test_the_owner_is_killed(nats, nodes):
    owner = await owner_of(nats, nodes, "session/ux")

    async def fault(people):
        await trio.to_thread.run_sync(owner.kill)
        people.reroute(owner.url, [node.url for node in nodes if node is not owner])

    people = await through(nodes, fault)
    # Whoever is connected elsewhere waits for the take-over alone: the lease and a little.
    assert people.slowest(without=owner.url) < 5


async def test_the_owner_is_stopped_and_continued(nats, nodes):
    owner = await owner_of(nats, nodes, "session/ux")

    async def fault(people):
        owner.signal(signal.SIGSTOP)
        people.reroute(owner.url, [node.url for node in nodes if node is not owner])
        for client in people.at(owner.url):
            client.interrupt()
        await trio.sleep(20)
        owner.signal(signal.SIGCONT)

    people = await through(nodes, fault)
    assert people.slowest(without=owner.url) < 6
    with trio.fail_after(20):
        while not any("starting anew" in line for line in owner.log):
            await trio.sleep(0.1)


async def test_nats_is_killed_and_restarted(nats, nodes):
    await owner_of(nats, nodes, "session/ux")

    async def fault(_):
        await trio.to_thread.run_sync(nats.kill)
        await trio.sleep(1)
        await trio.to_thread.run_sync(nats.start)

    await through(nodes, fault)


async def test_all_nodes_are_restarted_one_after_the_other(nats, nodes):
    await owner_of(nats, nodes, "session/ux")

    async def fault(people):
        for node in nodes:
            others = [one.url for one in nodes if one is not node]
            with trio.CancelScope() as over:
                async with trio.open_nursery() as nursery:

                    async def follow(node=node, others=others):
                        while True:
                            people.reroute(node.url, others)
                            await trio.sleep(0.2)

                    nursery.start_soon(follow)
                    assert await trio.to_thread.run_sync(node.stop) == 0, node.log[-20:]
                    await trio.to_thread.run_sync(node.start)
                    over.cancel()
            await trio.sleep(4)

    await through(nodes, fault)


@pytest.fixture
def three_servers(tmp_path):
    routes = [free_port() for _ in range(3)]
    servers = []
    for number, route in enumerate(routes):
        folder = tmp_path / f"nats{number}"
        folder.mkdir()
        others = ",".join(f"nats://127.0.0.1:{port}" for port in routes if port != route)
        name = ["--server_name", f"n{number}", "--cluster_name", "three"]
        cluster = ["--cluster", f"nats://127.0.0.1:{route}", "--routes", others]
        servers.append(NatsServer(folder, *name, *cluster).start())
    yield servers
    for server in servers:
        server.kill()


async def test_one_of_three_nats_servers_is_killed(three_servers, tmp_path):
    urls = ",".join(server.url for server in three_servers)
    await trio.sleep(5)  # they elect a leader
    nodes = [NodeProcess(tmp_path, urls, number, replicas=3) for number in range(3)]
    try:
        for number, node in enumerate(nodes):
            await trio.to_thread.run_sync(
                lambda node=node, first=number == 0: node.start(load=first)
            )
        await owner_of(three_servers[1], nodes, "session/ux")

        async def fault(_):
            await trio.to_thread.run_sync(three_servers[0].kill)

        await through(nodes, fault)
    finally:
        for node in nodes:
            node.kill()
