"""Who was led to a topic by a node that does not own it is led on, once that is sure."""

from types import SimpleNamespace

import trio
from trio.testing import wait_all_tasks_blocked

from actors.ports import StorageUnavailable
from engine.cluster import WAKE_PAUSE, ClusterWiring


class Door:
    def __init__(self):
        self.moved = []

    async def move(self, shards):
        self.moved.append(shards)


def wired(refresh):
    """Return the slot for strays, the door and the wiring of a node that knows one owner."""
    membership = SimpleNamespace(
        owners=SimpleNamespace(refresh=refresh),
        shard=lambda _topic: 7,
        owner=lambda _topic: "three",
    )
    bridge = SimpleNamespace(membership=membership)
    wiring = ClusterWiring(bridge)
    wiring._door = door = Door()
    return bridge, door, wiring


async def test_only_who_was_led_by_another_than_the_owner_is_led_on(autojump_clock):
    looked = []

    async def refresh():
        looked.append(True)

    bridge, door, wiring = wired(refresh)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wiring.run)
        bridge.strayed("session/ux", "three")
        await wait_all_tasks_blocked()
        assert (looked, door.moved) == ([True], [])
        bridge.strayed("session/ux", "one")
        await wait_all_tasks_blocked()
        assert door.moved == [{7}]
        nursery.cancel_scope.cancel()


async def test_they_are_led_on_later_if_the_owners_cannot_be_read(autojump_clock):
    answers = [StorageUnavailable("no leader"), None]

    async def refresh():
        if error := answers.pop(0):
            raise error

    bridge, door, wiring = wired(refresh)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wiring.run)
        bridge.strayed("session/ux", "one")
        await wait_all_tasks_blocked()
        assert not door.moved
        await trio.sleep(WAKE_PAUSE * 3)
        assert not answers
        assert door.moved == [{7}]
        nursery.cancel_scope.cancel()
