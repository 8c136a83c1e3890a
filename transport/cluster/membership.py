"""Who is in the cluster, and which shards a node takes, gives and loses.

Every node renews a lease of its own (``transport.cluster.lease``), and everybody hears it. A node
owns a shard while the table (``transport.cluster.owners``) says so and its own lease holds.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import structlog
import trio

from actors.ports import StorageUnavailable
from transport.cluster.lease import ELECTION_SECONDS, REPLY_SECONDS, Lease, LeaseLapsed, Timing
from transport.cluster.nats import Message, Nats
from transport.cluster.owners import Change, Owners, Table
from transport.cluster.placement import place_of, preferred, shard_of

TICK_SECONDS = 0.1
"""Seconds between two looks at who has lapsed and what is to be taken."""

SETTLE_SECONDS = 2.0
"""How long the set of nodes must stand still before shards are moved for balance."""

MOVED_AT_ONCE = 16
"""Shards handed over together."""

JOIN_SECONDS = 10.0
"""How long it is tried to join, while JetStream elects who leads what."""

NAME_TAKEN = 10058

ALIVE, GONE = b"alive", b"gone"
"""Answers to a node that asks whether it is still counted in."""

_log = structlog.get_logger("greenroom.cluster")


@attrs.define
class Peer:
    """Another node, as heard.

    :param heard: when last, on this machine's monotonic clock.
    :param since: when first.
    """

    heard: float
    since: float
    draining: bool = False
    facts: Mapping[str, Any] = attrs.field(factory=dict)


class Membership:
    """A node's place in the cluster.

    :param me: its id; a node that comes back has a new one.
    :param facts: what others may know about it.
    :param replicas: NATS servers that hold leases and owners.
    :param timing: the same at every node.
    """

    def __init__(
        self,
        nats: Nats,
        cluster: str,
        me: str,
        facts: Mapping[str, Any],
        *,
        replicas: int = 1,
        timing: Timing | None = None,
    ) -> None:
        self.me = me
        self.timing = timing or Timing()
        self.peers: dict[str, Peer] = {}
        self.gone: set[str] = set()
        self.buried = False
        self.on_gone: Callable[[str], None] = lambda _node: None
        self.on_ghost: Callable[[str], None] = lambda _node: None
        self.hand_over: Callable[[Sequence[int]], Any] = _nothing
        self.take_back: Callable[[Sequence[int]], None] = lambda _shards: None
        self._nats = nats
        self._replicas = replicas
        self._leases = f"GREENROOM_{cluster}_LEASES"
        self._bucket = f"GREENROOM_{cluster}_OWNERS"
        self._roll = f"greenroom.{cluster}.roll"
        self._lease = Lease(nats, self._leases, me, facts, self.timing)
        self.owners = Owners(nats, self._bucket)
        self._joined_at = self._changed_at = 0.0
        self._ticked = time.monotonic()

    # What others ask

    @property
    def table(self) -> Table:
        """Who owns what, as last read."""
        return self.owners.table

    def valid(self) -> bool:
        """Whether this node's lease holds."""
        return self._lease.valid()

    def owner(self, entity: str) -> str:
        """Return the id of the node an entity belongs to; empty if it is between two."""
        return self.table.shards[self.shard(entity)]

    def shares(self) -> object:
        """Return something that is another whenever owners change."""
        return self.table.shards

    def shard(self, entity: str) -> int:
        """Return an entity's shard."""
        return shard_of(place_of(entity, self.table.companies))

    def owns(self, entity: str) -> bool:
        """Whether an entity is this node's now."""
        return self.owner(entity) == self.me and self.valid()

    def nodes(self) -> list[str]:
        """Return the ids of the nodes that take shards."""
        mine = [] if self._lease.draining else [self.me]
        return mine + [node for node, peer in self.peers.items() if not peer.draining]

    # Life

    async def join(self) -> None:
        """Announce this node and learn who is there.

        :raises StorageUnavailable: NATS does not answer.
        """
        self._nats.subscribe(f"$KV.{self._leases}.*", self._hear)
        self._nats.subscribe(f"{self._roll}.{self.me}", self._answer_roll)
        self.owners.listen()
        with trio.move_on_after(JOIN_SECONDS):
            while True:
                try:
                    await self._join()
                except StorageUnavailable as error:
                    _log.info("not joined yet", why=str(error))
                    await trio.sleep(TICK_SECONDS)
                else:
                    return
        await self._join()

    async def _join(self) -> None:
        await self._make_bucket(self._leases, max_age=int(self.timing.lease * 1e9))
        await self._make_bucket(self._bucket)
        for message in await _leases(self._nats, self._leases):
            self._hear(message)
        await self._lease.renew()
        if not self.valid():
            raise StorageUnavailable("NATS did not take the lease")
        self._joined_at = time.monotonic()
        await self.owners.refresh()

    async def run(self) -> None:
        """Keep the lease, watch the others, take and give shards.

        :raises LeaseLapsed: the lease could not be kept; nothing here is this node's any more.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._lease.keep)
            nursery.start_soon(self._watch)
            nursery.start_soon(self._balance)

    async def leave(self) -> None:
        """Hand every shard over; this node still serves its clients, and owns nothing.

        :raises StorageUnavailable: NATS does not answer.
        """
        self._lease.draining = True
        await self._lease.renew()
        until = time.monotonic() + ELECTION_SECONDS
        while mine := self._mine():
            if not self.nodes():
                break  # nobody is left to take them; whoever comes finds them free
            try:
                await self._give(mine[:MOVED_AT_ONCE])
            except StorageUnavailable:
                if time.monotonic() > until:
                    raise
                await trio.sleep(TICK_SECONDS)

    async def resign(self) -> None:
        """Give the lease back, so that nobody waits for it to lapse."""
        await self._lease.resign()

    # The others

    def _hear(self, message: Message) -> None:
        node = message.subject.rpartition(".")[2]
        if node == self.me:
            self._lease.heard()
            return
        if node in self.gone:
            if message.data:
                self.on_ghost(node)
            return
        if not message.data:
            self.bury(node)
            return
        facts, now, known = json.loads(message.data), time.monotonic(), self.peers.get(node)
        if known is None or known.draining != facts["draining"]:
            self._changed_at = now
        since = now if known is None else known.since
        self.peers[node] = Peer(now, since, facts.pop("draining"), facts)

    def bury(self, node: str) -> None:
        """Take a node for gone, for ever: when it comes back it is another."""
        self.gone.add(node)
        self._changed_at = time.monotonic()
        if self.peers.pop(node, None) is not None:
            _log.warning("node gone", node=node)
            self.on_gone(node)

    async def _watch(self) -> None:
        while not self._lease.resigned:
            now = time.monotonic()
            if now - self._ticked > self.timing.lease / 2:
                self._wait_anew(now)  # it was us who were away
            self._ticked = now
            if self.buried or self._lease.lost():
                raise LeaseLapsed("the lease could not be renewed in time")
            if self.valid():
                self._bury_the_silent(now)
            else:
                await self._come_back()
            await trio.sleep(TICK_SECONDS)

    def _bury_the_silent(self, now: float) -> None:
        for node, peer in list(self.peers.items()):
            if self._is_over(peer.heard, now):
                self.bury(node)

    def _is_over(self, since: float, now: float) -> bool:
        """Whether a node that was silent since then has no lease any more."""
        return now - since > self.timing.lease + self.timing.grace

    def _wait_anew(self, now: float) -> None:
        for peer in self.peers.values():
            peer.heard = now

    # After JetStream had no leader for longer than a lease

    async def _come_back(self) -> None:
        """Let the lease hold again if every other node still counts this one in."""
        if not self._lease.fresh():
            return
        try:
            for node in list(self.peers):
                answer = await self._nats.request(
                    f"{self._roll}.{node}", self.me.encode(), within=self.timing.renew
                )
                if answer.data != ALIVE:
                    self.buried = True
                    return
            await self.owners.refresh()
        except StorageUnavailable as error:
            _log.warning("suspended", why=str(error))
            return
        if self._lease.fresh():
            self._wait_anew(time.monotonic())
            self._lease.regain()
            _log.warning("the lease had lapsed and nobody took over")

    def _answer_roll(self, message: Message) -> None:
        node = message.data.decode()
        if node in self.peers:
            self.peers[node].heard = time.monotonic()
        self._nats.publish(message.reply, GONE if node in self.gone else ALIVE)

    # Taking and giving

    async def change(self, change: Change) -> None:
        """Change the table of owners.

        :raises StorageUnavailable: NATS does not answer, or others are always quicker.
        """
        await self.owners.change(change)

    async def learn_company(self, company: str, event: str) -> None:
        """Note the event of a company, so that it stands where the event does."""
        if self.table.companies.get(company) is None:
            await self.change(
                lambda table: (
                    table
                    if company in table.companies
                    else attrs.evolve(table, companies={**table.companies, company: event})
                )
            )

    async def _balance(self) -> None:
        while not self._lease.resigned:
            try:
                await self._balance_once()
            except StorageUnavailable as error:
                _log.warning("cannot look at the owners", error=str(error))
            await trio.sleep(TICK_SECONDS)

    async def _balance_once(self) -> None:
        await self.owners.look()
        if not self.valid():
            return
        await self.change(self._with_orphans)
        if time.monotonic() - self._changed_at > SETTLE_SECONDS:
            nodes = self.nodes()
            give = [shard for shard in self._mine() if preferred(shard, nodes) != self.me]
            if give and nodes and not self._lease.draining:
                await self._give(give[:MOVED_AT_ONCE])

    def _with_orphans(self, table: Table) -> Table:
        nodes, now = self._takers(), time.monotonic()
        shards = tuple(
            self.me if self._is_orphan(owner, now) and preferred(shard, nodes) == self.me else owner
            for shard, owner in enumerate(table.shards)
        )
        return attrs.evolve(table, shards=shards)

    def _takers(self) -> list[str]:
        """Return the nodes that take what is nobody's: those who were there while a lease lapsed.

        A newcomer waits for one of its own before it takes a node for gone; balance gives it its
        part later. Where all are new, all take.
        """
        now, since = time.monotonic(), {name: peer.since for name, peer in self.peers.items()}
        since[self.me], nodes = self._joined_at, self.nodes()
        return [node for node in nodes if self._is_over(since[node], now)] or nodes

    def _is_orphan(self, owner: str, now: float) -> bool:
        """Whether an owner is none: given back, gone, or never heard of in a lease's time."""
        if owner == self.me or owner in self.peers:
            return False
        if not owner or owner in self.gone:
            return True
        return self._is_over(self._joined_at, now)

    def _mine(self) -> list[int]:
        return [shard for shard, owner in enumerate(self.table.shards) if owner == self.me]

    async def _give(self, given: Sequence[int]) -> None:
        await self.hand_over(given)
        nodes = [node for node in self.nodes() if node != self.me] or [""]

        def change(table: Table) -> Table:
            shards = list(table.shards)
            for shard in given:
                if shards[shard] == self.me:
                    shards[shard] = preferred(shard, nodes) or ""
            return attrs.evolve(table, shards=tuple(shards))

        try:
            await self.change(change)
        except StorageUnavailable:
            self.take_back(given)  # nobody else does, unless it was changed without an answer
            raise

    async def _make_bucket(self, name: str, **settings: Any) -> None:
        config = {
            "name": f"KV_{name}",
            "subjects": [f"$KV.{name}.>"],
            "max_msgs_per_subject": 1,
            "storage": "file",
            "discard": "new",
            "allow_direct": True,
            "num_replicas": self._replicas,
            **settings,
        }
        reply = await self._nats.request(
            f"$JS.API.STREAM.CREATE.KV_{name}", json.dumps(config).encode(), within=5
        )
        error = json.loads(reply.data).get("error")
        # What exists already has perhaps more replicas.
        if error and error.get("err_code") != NAME_TAKEN:
            raise StorageUnavailable(f"{name}: {error.get('description')}")


async def live_nodes(nats: Nats, cluster: str) -> list[str]:
    """Return the ids of a cluster's nodes whose leases hold.

    :raises StorageUnavailable: NATS does not answer.
    """
    bucket = f"GREENROOM_{cluster}_LEASES"
    reply = await nats.request(f"$JS.API.STREAM.INFO.KV_{bucket}", b"", within=REPLY_SECONDS)
    if "error" in json.loads(reply.data):
        return []
    found = await _leases(nats, bucket)
    return [message.subject.rpartition(".")[2] for message in found if message.data]


async def _leases(nats: Nats, bucket: str) -> list[Message]:
    wanted = {"seq": 1, "batch": 1000, "next_by_subj": f"$KV.{bucket}.*"}
    subject = f"$JS.API.DIRECT.GET.KV_{bucket}"
    found = await nats.gather(subject, json.dumps(wanted).encode(), within=REPLY_SECONDS)
    return [attrs.evolve(message, subject=message.headers["Nats-Subject"]) for message in found]


async def _nothing(_: Sequence[int]) -> None:
    return
