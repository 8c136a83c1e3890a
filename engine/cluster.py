"""An engine that is one node of several, on NATS JetStream."""

import os
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from secrets import token_hex
from typing import Any

import attrs
import structlog
import trio

from actors.clock import SystemClock
from actors.door import FrontDoor
from actors.kernel import ActorSystem
from actors.ports import (
    Clock,
    Entry,
    Snapshot,
    Standing,
    StorageUnavailable,
    Write,
    WrongSequence,
)
from actors.presence import Presence
from actors.services import Services
from engine.config import ClusterOptions, Config
from engine.engine import Engine, endpoints_of
from engine.kinds import KINDS
from engine.tree import address_in
from engine.wiring import Later, Wiring
from storage import FILE_NAME, Store
from storage.jetstream import JetStreamJournal
from storage.jetstream_outbox import JetStreamOutbox
from storage.replica import Replica, ReplicaArchive
from transport.cluster.bridge import Bridge
from transport.cluster.door import ClusterDoor
from transport.cluster.hub import ClusterHub
from transport.cluster.lease import ELECTION_SECONDS, Timing
from transport.cluster.membership import Membership
from transport.cluster.nats import Nats
from transport.cluster.owners import Table
from transport.cluster.presence import ClusterPresence
from transport.hub import Hub
from transport.limits import Limits

STOP_SECONDS = 3.0
"""How long actors have to finish what they were asked before they are handed over."""

LOOK_PAUSE = 0.05
"""Seconds between two looks whether a lapsed lease has come back."""

WAKE_PAUSE = 1.0
"""Seconds until entities are looked for again whose list could not be read."""

_log = structlog.get_logger("greenroom.cluster")


class GuardedJournal:
    """The cluster's journal, which takes nothing of this node but what the node owns.

    The fence in the journal keeps two owners from both writing. This keeps one that was away from
    writing at all: it knows by its own clock that its lease has lapsed. A write then waits until
    the lease is back; if another has taken over, the node starts anew and the write ends with it.
    """

    def __init__(self, journal: JetStreamJournal, membership: Membership) -> None:
        self._journal = journal
        self._membership = membership
        self.kept_out = 0

    async def append(self, *writes: Write) -> None:
        """Commit all the writes, or none.

        :raises WrongSequence: an entity is another node's, or somebody else has written.
        :raises StorageUnavailable: NATS did not take it.
        """
        with trio.move_on_after(ELECTION_SECONDS):
            while not self._membership.valid():  # noqa: ASYNC110  a clock has no event
                await trio.sleep(LOOK_PAUSE)
        for write in writes:
            if not self._membership.owns(write.entity):
                self.kept_out += 1
                raise WrongSequence(f"{write.entity} belongs to another node")
        await self._journal.append(*writes)

    async def read(self, entity: str, after: int = 0, limit: int = 1000) -> Sequence[Entry]:
        """Return up to ``limit`` entries with a number above ``after``, in order."""
        return await self._journal.read(entity, after, limit)

    async def load_snapshot(self, entity: str) -> Snapshot | None:
        """Return the newest snapshot, if there is one."""
        return await self._journal.load_snapshot(entity)

    async def load(self, entity: str, limit: int = 1000) -> tuple[Snapshot | None, Sequence[Entry]]:
        """Return the newest snapshot, if there is one, and up to ``limit`` entries that follow."""
        return await self._journal.load(entity, limit)

    async def entities(self, kind: str) -> Sequence[str]:
        """Return the names of all entities of a kind, whoever owns them."""
        return await self._journal.entities(kind)

    def rest(self, standing: Standing) -> None:
        """Note when an entity has to be back in memory."""
        self._journal.rest(standing)

    async def standings(self, kind: str) -> Sequence[Standing]:
        """Return where all entities of a kind stand, whoever owns them."""
        return await self._journal.standings(kind)


class ClusterWiring(Wiring):
    """The parts of a node, and what it does when shards come and go."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._membership = bridge.membership
        self._membership.owners.on_table = self._on_table
        self._membership.hand_over = self._hand_over
        self._membership.take_back = self._take_back
        bridge.strayed = self._on_stray  # type: ignore[method-assign]  # a slot for it
        self._system: ActorSystem | None = None
        self._door: ClusterDoor | None = None
        self._gained: set[int] = set()
        self._moved: set[int] = set()
        self._led: set[int] = set()
        self._strays: set[tuple[str, str]] = set()
        self._work = trio.Event()

    def hub(self, limits: Limits, epoch: str) -> Hub:
        """Return the fan-out over all nodes."""
        self._bridge.hub = ClusterHub(limits, epoch=epoch, me=self._bridge.me, put=self._bridge.put)
        return self._bridge.hub

    def presence(self) -> Presence:
        """Return the book of connections that follow what is owned here."""
        self._bridge.presence = ClusterPresence(self._bridge.me, self._bridge.hub)
        return self._bridge.presence

    def address(self, system: ActorSystem) -> Callable[[str], Any]:
        """Return the function that finds an entity's actor at whichever node."""
        self._system = system
        self._bridge.local = address_in(system)
        return self._bridge.address

    def door(self, services: Services, epoch: str) -> FrontDoor:
        """Return the door of this node."""
        self._door = ClusterDoor(services, epoch, self._bridge)
        return self._door

    async def wake(self, services: Services, later: Later) -> None:  # noqa: ARG002  not yet
        """Start nothing yet: this node owns nothing before it is connected to the others."""
        self._bridge.services = services

    # Shards come and go

    def _on_table(self, before: Table, after: Table) -> None:
        me = self._membership.me
        lost = set()
        for shard, owner in enumerate(after.shards):
            if owner == before.shards[shard]:
                continue
            self._moved.add(shard)
            if owner == me:
                self._gained.add(shard)
            elif before.shards[shard] == me:
                lost.add(shard)
        stolen = lost - self._bridge.leaving
        if stolen:
            _log.warning("another node took shards", shards=len(stolen))
            for ref in self._actors(stolen):
                ref.kill()
                ref.stop()
        self._bridge.disown(lost)
        self._bridge.leaving -= lost
        self._work.set()

    def _on_stray(self, topic: str, node: str) -> None:
        self._strays.add((topic, node))
        self._work.set()

    async def _lead_strays(self, strays: set[tuple[str, str]]) -> None:
        """Lead on whom a topic's former owner led to it so late, or leads no more.

        Mostly the table of this node is behind, and what it brings leads everybody. It does not
        if the topic has come back to the owner it had.
        """
        try:
            await self._membership.owners.refresh()
        except StorageUnavailable:
            await trio.sleep(WAKE_PAUSE)
            self._strays |= strays
        else:
            self._moved |= {
                self._membership.shard(topic)
                for topic, node in strays
                if self._membership.owner(topic) != node
            }
        self._work.set()

    async def _hand_over(self, shards: Sequence[int]) -> None:
        """Finish what is in hand, and take nothing more for these shards."""
        self._bridge.leaving |= frozenset(shards)
        with trio.move_on_after(STOP_SECONDS):
            async with trio.open_nursery() as nursery:
                for ref in self._actors(set(shards)):
                    nursery.start_soon(_stopped, ref)
        for ref in self._actors(set(shards)):
            ref.kill()

    def _take_back(self, shards: Sequence[int]) -> None:
        """Go on with shards that could not be handed over, as if they had come from another node.

        Perhaps they did: the table may have been changed, and changed back, without an answer.
        """
        kept = frozenset(shards)
        self._bridge.leaving -= kept
        self._bridge.disown(kept)
        self._moved |= kept
        self._gained |= kept
        self._work.set()

    def _actors(self, shards: set[int]) -> list[Any]:
        system = self._system
        if system is None:
            return []
        return [
            system.get(kind, key)
            for kind, key in system.identities()
            if (kind in KINDS or kind == "media")
            and self._membership.shard(f"{kind}/{key}") in shards
        ]

    async def run(self) -> None:
        """Wake what was taken over and lead connections to new owners, until cancelled.

        A connection that cannot be led yet holds up nobody else's shard. A shard that moves again
        is led anew once it has been led: two at once would tell its listeners things twice.
        """
        async with trio.open_nursery() as nursery:
            while True:
                await self._work.wait()
                self._work = trio.Event()
                moved = self._moved - self._led
                self._moved -= moved
                gained, self._gained = self._gained, set()
                strays, self._strays = self._strays, set()
                if self._door is not None and moved:
                    self._led |= moved
                    nursery.start_soon(self._lead, self._door, moved)
                if gained:
                    nursery.start_soon(self._wake, gained)
                if strays:
                    nursery.start_soon(self._lead_strays, strays)

    async def _lead(self, door: ClusterDoor, shards: set[int]) -> None:
        await door.move(shards)
        self._led -= shards
        self._work.set()

    async def _wake(self, shards: set[int]) -> None:
        services, membership = self._bridge.services, self._membership
        try:
            for name, kind in KINDS.items():
                if kind.timed:
                    for entity in await services.journal.entities(name):
                        if membership.shard(entity) in shards and membership.owns(entity):
                            services.address(entity)
        except StorageUnavailable as error:
            _log.warning("cannot wake what was taken over", error=str(error))
            await trio.sleep(WAKE_PAUSE)
            self._gained |= shards
            self._work.set()


async def _learn_companies(journal: JetStreamJournal, membership: Membership) -> None:
    """Note the events of companies that came into the journal by another way than a command."""
    for entity in await journal.entities("company"):
        company = entity.partition("/")[2]
        if company not in membership.table.companies:
            for entry in await journal.read(entity, limit=1):
                event = entry.data.get("company", {}).get("event")
                if event:
                    await membership.learn_company(company, event)


async def _stopped(ref: Any) -> None:
    await ref.stop()


@attrs.frozen
class Node:
    """A running node."""

    engine: Engine
    membership: Membership
    bridge: Bridge
    nats: Nats
    journal: JetStreamJournal
    replica: Replica

    async def leave(self) -> None:
        """Hand everything this node owns to the others.

        :raises StorageUnavailable: NATS does not answer.
        """
        await self.membership.leave()


@asynccontextmanager
async def open_node(config: Config, *, clock: Clock | None = None) -> AsyncIterator[Node]:
    """Start a node; stop it at the block's end.

    :raises LeaseLapsed: the node was away for too long, and has to start anew; in a group.
    :raises StorageUnavailable: NATS does not answer.
    :raises StorageRefused: the file of the node's own copy will not be opened.
    """
    options, me = config.cluster, token_hex(4)
    async with AsyncExitStack() as stack:
        nats = await stack.enter_async_context(Nats.open(options.servers, f"greenroom-{me}"))
        journal = await JetStreamJournal.open(nats, options.name, replicas=options.replicas)
        store = await stack.enter_async_context(Store.open(config.data / FILE_NAME))
        replica = Replica(journal, store.journal)
        store = attrs.evolve(store, archive=ReplicaArchive(journal, replica, store.journal))
        membership = _membership(nats, options, me)
        bridge = Bridge(nats, membership, options.name)
        wiring = ClusterWiring(bridge)
        outbox = await _outbox(config, nats, journal, membership)
        assembling = Engine.assemble(
            config,
            journal=GuardedJournal(journal, membership),
            archive=store.archive,
            epoch=await journal.identity(),
            clock=clock or SystemClock(),
            store=store,
            wiring=wiring,
            outbox=outbox,
        )
        engine = await stack.enter_async_context(assembling)
        engine.server.context.prefix = me
        nursery = await stack.enter_async_context(trio.open_nursery())
        stack.callback(nursery.cancel_scope.cancel)
        await _join(nursery, journal, bridge)
        told = [outbox.run] if outbox is not None else []
        for part in (wiring.run, replica.run, membership.run, *told):
            nursery.start_soon(part)
        stack.push_async_callback(_resign, membership)
        yield Node(engine, membership, bridge, nats, journal, replica)


def _membership(nats: Nats, options: ClusterOptions, me: str) -> Membership:
    facts = {"host": socket.gethostname(), "process": os.getpid()}
    timing = Timing(options.lease_seconds)
    return Membership(nats, options.name, me, facts, replicas=options.replicas, timing=timing)


async def _outbox(
    config: Config, nats: Nats, journal: JetStreamJournal, membership: Membership
) -> JetStreamOutbox | None:
    """Open the outbox of the configuration's webhooks, if there are any."""
    if not config.webhook:
        return None
    name, replicas = config.cluster.name, config.cluster.replicas
    endpoints = endpoints_of(config)
    return await JetStreamOutbox.open(nats, name, journal, endpoints, membership, replicas=replicas)


async def _join(nursery: trio.Nursery, journal: JetStreamJournal, bridge: Bridge) -> None:
    membership = bridge.membership
    await nursery.start(bridge.run)
    await membership.join()
    await _learn_companies(journal, membership)
    _log.info("joined", node=membership.me, nodes=len(membership.nodes()))


async def _resign(membership: Membership) -> None:
    with trio.CancelScope(shield=True):
        await membership.resign()
