"""Who is in the cluster, and who owns which shard.

Every node renews a lease of its own in a key-value bucket whose entries lapse, and everybody hears
it. Who owns what stands in one table under one key, changed by compare-and-swap. A node owns a
shard while the table says so and its own lease holds. It counts its lease from when it *sent* the
last renewal, others count from when they *received* it; both by clocks that only run forward. So a
node stops before another takes over, and what the wall clock says matters to nobody.
"""

import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import attrs
import structlog
import trio

from actors.errors import GreenroomError
from actors.ports import StorageUnavailable
from transport.cluster.nats import Message, Nats
from transport.cluster.placement import SHARDS, place_of, preferred, shard_of

LEASE_SECONDS = 3.0
"""How long a node's lease lasts after it was renewed."""

RENEW_SECONDS = 0.6
"""Seconds between two renewals."""

GRACE_SECONDS = 0.4
"""How much longer than a lease others wait, for what is on its way."""

TICK_SECONDS = 0.2
"""Seconds between two looks at who has lapsed and what is to be taken."""

REFRESH_SECONDS = 1.0
"""Seconds after which the table is read although nobody told of a change."""

SETTLE_SECONDS = 2.0
"""How long the set of nodes must stand still before shards are moved for balance."""

MOVED_AT_ONCE = 16
"""Shards handed over together."""

ATTEMPTS = 50
"""How often a change of the table is tried against others' changes."""

WRONG_LAST = 10071
NAME_TAKEN = 10058
NOT_FOUND = frozenset({10037, 10059})

_log = structlog.get_logger("greenroom.cluster")


class LeaseLapsed(GreenroomError):  # noqa: N818  said of the lease
    """A node could not renew its lease in time: others own what it owned."""


@attrs.define
class Peer:
    """Another node, as heard."""

    heard: float
    draining: bool = False
    facts: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Table:
    """Who owns what.

    :param number: of the table's version; 0 before the first.
    :param shards: the owner's id for each shard; empty for none.
    :param companies: id of a company -> id of its event.
    """

    number: int = 0
    shards: tuple[str, ...] = ("",) * SHARDS
    companies: Mapping[str, str] = attrs.field(factory=dict)


Change = Callable[[Table], Table]


class Membership:
    """A node's place in the cluster.

    :param me: its id; a node that comes back has a new one.
    :param facts: what others may know about it.
    :param replicas: NATS servers that hold leases and owners.
    """

    def __init__(
        self, nats: Nats, cluster: str, me: str, facts: Mapping[str, Any], *, replicas: int = 1
    ) -> None:
        self.me = me
        self.table = Table()
        self.peers: dict[str, Peer] = {}
        self.gone: set[str] = set()
        self.draining = False
        self.buried = False
        self.on_table: Callable[[Table, Table], None] = lambda _old, _new: None
        self.on_gone: Callable[[str], None] = lambda _node: None
        self.on_ghost: Callable[[str], None] = lambda _node: None
        self.hand_over: Callable[[Sequence[int]], Any] = _nothing
        self._nats = nats
        self._facts = facts
        self._replicas = replicas
        self._leases = f"GREENROOM_{cluster}_LEASES"
        self._owners = f"GREENROOM_{cluster}_OWNERS"
        self._resigned = False
        self._valid_until = 0.0
        self._changed_at = 0.0
        self._read_at = 0.0
        self._stale = True
        self._ticked = time.monotonic()

    # What others ask

    def valid(self) -> bool:
        """Whether this node's lease holds."""
        return time.monotonic() < self._valid_until

    def owner(self, entity: str) -> str:
        """Return the id of the node an entity belongs to; empty if it is between two."""
        return self.table.shards[self.shard(entity)]

    def shard(self, entity: str) -> int:
        """Return an entity's shard."""
        return shard_of(place_of(entity, self.table.companies))

    def owns(self, entity: str) -> bool:
        """Whether an entity is this node's now."""
        return self.owner(entity) == self.me and self.valid()

    def nodes(self) -> list[str]:
        """Return the ids of the nodes that take shards."""
        mine = [] if self.draining else [self.me]
        return mine + [node for node, peer in self.peers.items() if not peer.draining]

    # Life

    async def join(self) -> None:
        """Announce this node and learn who is there.

        :raises StorageUnavailable: NATS does not answer.
        """
        await self._make_bucket(self._leases, max_age=int(LEASE_SECONDS * 1e9))
        await self._make_bucket(self._owners)
        self._nats.subscribe(f"$KV.{self._leases}.*", self._hear)
        self._nats.subscribe(f"$KV.{self._owners}.*", self._hint)
        for message in await _leases(self._nats, self._leases):
            self._hear(message)
        await self._renew()
        await self.refresh()

    async def run(self) -> None:
        """Keep the lease, watch the others, take and give shards.

        :raises LeaseLapsed: the lease could not be kept; nothing here is this node's any more.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_renewing)
            nursery.start_soon(self._watch)

    async def leave(self) -> None:
        """Hand every shard over; this node still serves its clients, and owns nothing.

        :raises StorageUnavailable: NATS does not answer.
        """
        self.draining = True
        await self._renew()
        while mine := self._mine():
            if not self.nodes():
                break  # nobody is left to take them; whoever comes finds them free
            await self._give(mine[:MOVED_AT_ONCE])

    async def resign(self) -> None:
        """Give the lease back, so that nobody waits for it to lapse."""
        self.draining = self._resigned = True
        self._valid_until = 0.0
        with suppress(StorageUnavailable):
            await self._nats.request(
                f"$KV.{self._leases}.{self.me}", b"", {"KV-Operation": "DEL"}, within=1
            )

    # The lease

    async def _keep_renewing(self) -> None:
        while True:
            with suppress(StorageUnavailable):
                await self._renew()
            await trio.sleep(RENEW_SECONDS)

    async def _renew(self) -> None:
        if self._resigned:
            return
        sent = time.monotonic()
        body = json.dumps({"draining": self.draining, **self._facts}).encode()
        answer = await self._nats.request(
            f"$KV.{self._leases}.{self.me}", body, within=RENEW_SECONDS
        )
        if "error" not in json.loads(answer.data) and not self._resigned:
            self._valid_until = max(self._valid_until, sent + LEASE_SECONDS)

    def _hear(self, message: Message) -> None:
        node = message.subject.rpartition(".")[2]
        if node == self.me:
            return
        if node in self.gone:
            if message.data:
                self.on_ghost(node)
            return
        if not message.data:
            self.bury(node)
            return
        facts = json.loads(message.data)
        if node not in self.peers or self.peers[node].draining != facts["draining"]:
            self._changed_at = time.monotonic()
        self.peers[node] = Peer(time.monotonic(), facts.pop("draining"), facts)

    def bury(self, node: str) -> None:
        """Take a node for gone, for ever: when it comes back it is another."""
        self.gone.add(node)
        self._changed_at = time.monotonic()
        if self.peers.pop(node, None) is not None:
            _log.warning("node gone", node=node)
            self.on_gone(node)

    # The table

    def _hint(self, _: Message) -> None:
        self._stale = True

    async def refresh(self) -> None:
        """Read the table.

        :raises StorageUnavailable: NATS does not answer.
        """
        self._stale = False
        body = json.dumps({"last_by_subj": f"$KV.{self._owners}.table"}).encode()
        name = f"$JS.API.STREAM.MSG.GET.KV_{self._owners}"
        answer = json.loads((await self._nats.request(name, body, within=2)).data)
        self._read_at = time.monotonic()
        error = answer.get("error")
        if error and error.get("err_code") in NOT_FOUND:
            return
        if error:
            raise StorageUnavailable(error["description"])
        kept = json.loads(base64.b64decode(answer["message"]["data"]))
        number = answer["message"]["seq"]
        self._adopt(Table(number, tuple(kept["shards"]), kept["companies"]))

    def _adopt(self, table: Table) -> None:
        if table.number > self.table.number:
            before, self.table = self.table, table
            self.on_table(before, table)

    async def change(self, change: Change) -> None:
        """Change the table, again if somebody else was quicker.

        :raises StorageUnavailable: NATS does not answer, or others are always quicker.
        """
        for _ in range(ATTEMPTS):
            before = self.table
            wanted = change(before)
            if wanted == before:
                return
            if await self._swap(before, wanted):
                return
            await self.refresh()
        raise StorageUnavailable("the table of owners cannot be changed")

    async def _swap(self, before: Table, wanted: Table) -> bool:
        body = json.dumps({"shards": wanted.shards, "companies": wanted.companies}).encode()
        headers = {"Nats-Expected-Last-Subject-Sequence": str(before.number)}
        reply = await self._nats.request(f"$KV.{self._owners}.table", body, headers, within=2)
        answer = json.loads(reply.data)
        if "error" not in answer:
            self._adopt(attrs.evolve(wanted, number=answer["seq"]))
            return True
        if answer["error"].get("err_code") != WRONG_LAST:
            raise StorageUnavailable(answer["error"].get("description", "refused"))
        return False

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

    # Taking and giving

    async def _watch(self) -> None:
        while not self._resigned:
            now = time.monotonic()
            if now - self._ticked > LEASE_SECONDS / 2:
                for peer in self.peers.values():
                    peer.heard = now  # it was us who were away
            self._ticked = now
            if self.buried or not (self.valid() or self._resigned):
                raise LeaseLapsed("the lease could not be renewed in time")
            for node, peer in list(self.peers.items()):
                if now - peer.heard > LEASE_SECONDS + GRACE_SECONDS:
                    self.bury(node)
            try:
                await self._balance(now)
            except StorageUnavailable as error:
                _log.warning("cannot look at the owners", error=str(error))
            await trio.sleep(TICK_SECONDS)

    async def _balance(self, now: float) -> None:
        if self._stale or now - self._read_at > REFRESH_SECONDS:
            await self.refresh()
        await self.change(self._with_orphans)
        if now - self._changed_at > SETTLE_SECONDS:
            nodes = self.nodes()
            give = [shard for shard in self._mine() if preferred(shard, nodes) != self.me]
            if give and nodes and not self.draining:
                await self._give(give[:MOVED_AT_ONCE])

    def _with_orphans(self, table: Table) -> Table:
        nodes = self.nodes()
        shards = tuple(
            self.me
            if owner != self.me and owner not in self.peers and preferred(shard, nodes) == self.me
            else owner
            for shard, owner in enumerate(table.shards)
        )
        return attrs.evolve(table, shards=shards)

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

        await self.change(change)

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
        if (
            error and error.get("err_code") != NAME_TAKEN
        ):  # exists already, perhaps with more replicas
            raise StorageUnavailable(f"{name}: {error.get('description')}")


async def live_nodes(nats: Nats, cluster: str) -> list[str]:
    """Return the ids of a cluster's nodes whose leases hold.

    :raises StorageUnavailable: NATS does not answer.
    """
    bucket = f"GREENROOM_{cluster}_LEASES"
    reply = await nats.request(f"$JS.API.STREAM.INFO.KV_{bucket}", b"", within=2)
    if "error" in json.loads(reply.data):
        return []
    found = await _leases(nats, bucket)
    return [message.subject.rpartition(".")[2] for message in found if message.data]


async def _leases(nats: Nats, bucket: str) -> list[Message]:
    wanted = {"seq": 1, "batch": 1000, "next_by_subj": f"$KV.{bucket}.*"}
    subject = f"$JS.API.DIRECT.GET.KV_{bucket}"
    found = await nats.gather(subject, json.dumps(wanted).encode(), within=2)
    return [attrs.evolve(message, subject=message.headers["Nats-Subject"]) for message in found]


async def _nothing(_: Sequence[int]) -> None:
    return
