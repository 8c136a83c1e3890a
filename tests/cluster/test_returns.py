"""What leaves a node and comes back to it, or never gets away, has its listeners again."""

from contextlib import asynccontextmanager

import attrs
import pytest
import trio

from actors.ports import StorageUnavailable
from tests.cluster.nodes import cluster, event_of

SESSION = "session/ux"


@asynccontextmanager
async def listened(nats, folder):
    """Start two nodes, with a host at the session's owner and a listener at the other."""
    async with cluster(nats.url, folder, 2) as nodes:
        await nodes.load()
        owner, other = nodes.owner(SESSION), nodes.stranger(SESSION)
        async with owner.client("hana", sessions=frozenset({"ux"})) as hana:
            await hana.call("session.join", session="ux")
            await hana.call("session.start", session="ux")
            async with other.client("ana") as ana:
                await ana.call("session.join", session="ux")
                yield owner, other, hana, ana


async def heard_by_all(hana, ana, text):
    await hana.call("chat.send", topic=SESSION, text=text)
    for client in (hana, ana):
        await event_of(client, "chat.posted", text=text)
        assert client.statistics().connects == 1


async def test_a_node_that_sees_neither_of_two_changes_hears_on(nats, tmp_path):
    async with listened(nats, tmp_path) as (owner, other, hana, ana):
        membership, theirs = owner.node.membership, other.node.membership
        shard = membership.shard(SESSION)
        blind, theirs.owners.refresh = theirs.owners.refresh, trio.lowlevel.checkpoint
        before = membership.table.number
        for name in (other.me, owner.me):
            await membership.hand_over([shard] if name == other.me else [])
            await membership.change(lambda table, name=name: given(table, shard, name))
        assert membership.table.number >= before + 2
        theirs.owners.refresh = blind
        await heard_by_all(hana, ana, "back again")


def given(table, shard, node):
    shards = list(table.shards)
    shards[shard] = node
    return attrs.evolve(table, shards=tuple(shards))


async def test_what_could_not_be_given_away_is_served_on(nats, tmp_path, monkeypatch):
    async with listened(nats, tmp_path) as (owner, _, hana, ana):
        membership = owner.node.membership

        async def refuse(_):
            raise StorageUnavailable("no leader")

        with monkeypatch.context() as patch:
            patch.setattr(membership.owners, "change", refuse)
            with pytest.raises(StorageUnavailable):
                await membership._give([membership.shard(SESSION)])
        await heard_by_all(hana, ana, "still here")
