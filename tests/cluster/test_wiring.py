"""What a node does when the table of owners changes, one change after the other."""

from types import SimpleNamespace

import trio

from engine.cluster import ClusterWiring
from transport.cluster.owners import Table
from transport.cluster.placement import SHARDS


class Door:
    """Leads nobody before it is told to."""

    def __init__(self):
        self.led = []
        self.ways = {}

    async def move(self, shards):
        self.led.append(shards)
        for shard in shards:
            await self.ways.setdefault(shard, trio.Event()).wait()


def owned_by(names):
    return Table(shards=tuple(names.get(shard, "other") for shard in range(SHARDS)))


async def test_a_connection_that_cannot_be_led_holds_up_its_own_shard_only(autojump_clock):
    membership = SimpleNamespace(me="me", owners=SimpleNamespace(on_table=None))
    disowned = []
    bridge = SimpleNamespace(membership=membership, leaving=frozenset(), disown=disowned.append)
    wiring = ClusterWiring(bridge)
    door = wiring._door = Door()
    table = owned_by({})

    async def change(names):
        nonlocal table
        before, table = table, owned_by(names)
        membership.owners.on_table(before, table)
        await trio.testing.wait_all_tasks_blocked()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wiring.run)
        await change({1: "third"})
        await change({1: "third", 2: "third"})
        assert door.led == [{1}, {2}]
        # The first shard moves again while it is being led: it is led anew, and not before.
        await change({1: "fourth", 2: "third"})
        assert door.led == [{1}, {2}]
        door.ways.pop(1).set()
        await trio.testing.wait_all_tasks_blocked()
        assert door.led == [{1}, {2}, {1}]
        nursery.cancel_scope.cancel()
