"""A node's bridge to the others: links, commands that travel, and connections that follow along."""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Any

import attrs
import msgpack
import structlog
import trio

from actors.booking import Bookings
from actors.entity import Resume
from actors.errors import Refused
from actors.kernel import ActorDeadError, Future, MailboxFullError
from actors.kernel.messages import Request
from actors.media import hang_up
from actors.rules.base import Person
from actors.rules.session.presence import Leave
from actors.services import Services
from transport.cluster import messages
from transport.cluster.hub import ClusterHub, node_of
from transport.cluster.link import DEAD, Datagram, Link
from transport.cluster.membership import Membership
from transport.cluster.messages import Book
from transport.cluster.nats import Message, Nats
from transport.cluster.presence import ClusterPresence
from transport.cluster.remote import BridgeStatistics, RemoteRef, moved

ASK, TELL, ANSWER, REFUSAL, ENDED = "q", "t", "a", "e", "x"
"""Items of a link besides those of the fan-out."""

DATAGRAM_BYTES = 256 << 10
"""Bytes a datagram may have; less if the server says so."""

TICK_SECONDS = 0.1
"""Seconds between two looks at what was not acknowledged."""

BOOKINGS = 1000
"""Transactions carried out for other nodes at once; one more is refused."""

WAITING = 20_000
"""Messages that may wait for entities that are between two nodes; one more is refused."""

WAITING_SECONDS, WAITING_PAUSE = 8.0, 0.1
"""How long such a message waits, and between two looks."""

Address = Callable[[str], Any]

_log = structlog.get_logger("greenroom.cluster")


@attrs.frozen
class _Asked:
    """A message under way, and whom its answer is for."""

    node: str
    entity: str
    message: Any
    request: Request


class Bridge:
    """One node's way to the others.

    ``hub``, ``presence``, ``services`` and ``local`` are set while the engine is put together.

    :param cluster: the cluster's name in NATS.
    """

    hub: ClusterHub
    presence: ClusterPresence
    services: Services
    local: Address

    def __init__(self, nats: Nats, membership: Membership, cluster: str) -> None:
        self.statistics = BridgeStatistics()
        self.membership = membership
        self.me = membership.me
        self.leaving: frozenset[int] = frozenset()
        self.follows: dict[str, set[str]] = {}
        self._nats = nats
        self._subject = f"greenroom.{cluster}.node"
        self._size = min(DATAGRAM_BYTES, nats.payload_limit - 1024)
        self._links: dict[str, Link] = {}
        self._pending: dict[int, _Asked] = {}
        self._numbers = count(1)
        self._work = trio.Event()
        self._bookings = 0
        self._waiting = 0
        self._nursery: trio.Nursery | None = None
        membership.on_gone = self._gone
        membership.on_ghost = self._tell_ghost

    async def run(self, *, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        """Carry items until cancelled."""
        cancel = self._nats.subscribe(f"{self._subject}.{self.me}", self._receive)
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                nursery.start_soon(self._tick)
                task_status.started()
                while True:
                    await self._work.wait()
                    self._work = trio.Event()
                    for link in list(self._links.values()):
                        link.flush(time.monotonic())
        finally:
            self._nursery = None
            cancel()

    async def _tick(self) -> None:
        while True:
            await trio.sleep(TICK_SECONDS)
            now = time.monotonic()
            for node, link in list(self._links.items()):
                before = link.resent
                link.tick(now)
                self.statistics.resent += link.resent - before
                if link.broken:
                    # It lives, and does not read: to this node it is gone.
                    self.statistics.broken += 1
                    self._tell_ghost(node)
                    self.membership.bury(node)

    # Links

    def put(self, node: str, item: list[Any]) -> None:
        """Send an item to a node, after all that was sent to it before."""
        if node in self.membership.gone:
            self.statistics.lost += 1
            return
        self._link(node).put(item)
        self._work.set()

    def _link(self, node: str) -> Link:
        link = self._links.get(node)
        if link is None:
            send = partial(self._nats.publish, f"{self._subject}.{node}")
            link = self._links[node] = Link(self.me, self._size, send)
        return link

    def _tell_ghost(self, node: str) -> None:
        self._nats.publish(f"{self._subject}.{node}", Datagram(DEAD, self.me).pack())

    def _receive(self, message: Message) -> None:
        try:
            datagram = Datagram.unpack(message.data)
        except ValueError as error:
            _log.warning("not a datagram", error=str(error))
            return
        if datagram.kind == DEAD:
            self.membership.buried = True
        elif datagram.sender in self.membership.gone:
            self._tell_ghost(datagram.sender)
        else:
            link = self._link(datagram.sender)
            for item in link.receive(datagram, time.monotonic()):
                self._take(datagram.sender, item)

    def _take(self, node: str, item: list[Any]) -> None:
        match item:
            case ["q", int(number), str(entity), message]:
                self._serve(node, number, entity, message)
            case ["t", str(entity), message]:
                self._told(entity, message)
            case ["a", int(number), bytes(value)]:
                self._resolve(number, msgpack.unpackb(value, strict_map_key=False), None)
            case ["e", int(number), str(reason), str(text), dict(data)]:
                self._resolve(number, None, Refused(reason, text, **data))
            case ["x", str(connection), bool(removed)]:
                self.sweep(connection, removed=removed)
            case _:
                self._take_from_owner(node, item)

    def _take_from_owner(self, node: str, item: list[Any]) -> None:
        match item:
            case ["s", str(connection), str(topic), *_]:
                self.follows.setdefault(connection, set()).add(node)
                if self.membership.owner(topic) != node:
                    self.strayed(topic, node)
                ended = self.hub.take(node, item)
                if ended is not None:
                    self.follows.pop(ended, None)
                    self.put(node, [ENDED, ended, False])
            case ["l", [*topics]]:
                for topic in self.hub.left(node, topics):
                    self.strayed(topic, "")
            case ["c", str(connection), int(code), str()]:
                self.removed(connection, code)
                self.hub.take(node, item)
            case _:
                self.hub.take(node, item)

    def removed(self, connection: str, code: int) -> None:
        """Note with which code a connection is being closed; replaced by the door."""

    def strayed(self, topic: str, node: str) -> None:
        """Note that a node that does not own a topic leads there, or nobody; set by the wiring."""

    def _gone(self, node: str) -> None:
        """Forget a node: what it was asked, and its connections."""
        self._links.pop(node, None)
        for number, asked in list(self._pending.items()):
            if asked.node == node:
                self._resolve(number, None, moved(uncertain=True))
        for connection in self.presence.here() | self.hub.abroad():
            if node_of(connection) == node:
                self.sweep(connection)

    # Messages that travel

    def address(self, entity: str) -> Any:
        """Return the ref of an entity's actor, wherever it is.

        :raises Refused: ``not_found``, no entity can have that name.
        """
        membership = self.membership
        shard = membership.shard(entity)
        owner = membership.table.shards[shard]
        if owner == self.me:
            if shard in self.leaving or not membership.valid():
                return RemoteRef(entity, self._wait)
            return self.local(entity)
        if owner in membership.peers:
            return RemoteRef(entity, partial(self._send, owner))
        return RemoteRef(entity, self._wait)

    def owned(self, entity: str) -> bool:
        """Whether an entity's actor may run here."""
        return self.membership.owns(entity) and self.membership.shard(entity) not in self.leaving

    def _send(self, node: str, entity: str, message: Any, request: Request | None) -> None:
        if request is None:
            self.statistics.told += 1
            self.put(node, [TELL, entity, messages.pack(message)])
            return
        if node in self.membership.gone or isinstance(message, messages.LOCAL):
            self._wait(entity, message, request)
            return
        plain = messages.pack(message)
        self.statistics.asked += 1
        number = next(self._numbers)
        self._pending[number] = _Asked(node, entity, message, request)
        self.put(node, [ASK, number, entity, plain])

    def _resolve(self, number: int, value: Any, error: Refused | None) -> None:
        asked = self._pending.pop(number, None)
        if asked is None or asked.request.done:
            return
        if error is None:
            asked.request.set(value)
        elif error.reason == "moved" and isinstance(asked.message, Resume):
            self._wait(asked.entity, asked.message, asked.request)
        else:
            asked.request.set_exception(error)

    def _wait(self, entity: str, message: Any, request: Request | None) -> None:
        """Keep a message for an entity that is between two nodes, if it may be sent twice.

        A message that was told is lost, as it would be with its node. The door itself asks again
        for what came from a client.
        """
        if request is None or request.done:
            return
        if not isinstance(message, Resume) or self._nursery is None or self._waiting >= WAITING:
            request.set_exception(moved())
            return
        self._waiting += 1
        self._nursery.start_soon(self._send_later, entity, message, request)

    async def _send_later(self, entity: str, message: Any, request: Request) -> None:
        try:
            with trio.move_on_after(WAITING_SECONDS):
                while not request.done:
                    await trio.sleep(WAITING_PAUSE)
                    membership = self.membership
                    owner = membership.owner(entity)
                    if self.owned(entity) or owner in membership.peers:
                        self.address(entity).take(request, message)
                        return
            if not request.done:
                request.set_exception(moved())
        finally:
            self._waiting -= 1

    def _told(self, entity: str, plain: Any) -> None:
        if not self.owned(entity):
            self.statistics.not_mine += 1
            return
        try:
            message = messages.unpack(plain)
        except messages.UnknownMessage as error:
            self.statistics.unknown += 1
            _log.warning("unknown message", error=str(error))
            return
        with suppress(Refused, MailboxFullError, ActorDeadError):
            self.local(entity).tell(message)

    def _serve(self, node: str, number: int, entity: str, plain: Any) -> None:
        self.statistics.served += 1
        if not self.owned(entity):
            self.statistics.not_mine += 1
            self._fail(node, number, moved())
            return
        try:
            message = messages.unpack(plain)
            if isinstance(message, Book):
                self._serve_booking(node, number, message)
                return
            future = self.local(entity).ask(message)
        except Exception as error:  # noqa: BLE001  whatever it is, the asker is told
            self._fail(node, number, error)
            return
        future.on_done(partial(self._answer, node, number, future))

    def _answer(self, node: str, number: int, future: Future[Any]) -> None:
        try:
            value = messages.answer(future.get())
        except Exception as error:  # noqa: BLE001  as above
            self._fail(node, number, error)
        else:
            self.put(node, [ANSWER, number, value])

    def _fail(self, node: str, number: int, error: BaseException) -> None:
        if isinstance(error, messages.UnknownMessage):
            self.statistics.unknown += 1
            _log.warning("unknown message", error=str(error))
        refused = messages.refusal(error)
        self.put(node, [REFUSAL, number, refused.reason, refused.message, refused.data])

    def _serve_booking(self, node: str, number: int, message: Book) -> None:
        if self._nursery is None or self._bookings >= BOOKINGS:
            self._fail(node, number, Refused("overloaded", "Too much at once. Please try again."))
        else:
            self._bookings += 1
            self._nursery.start_soon(self._book, node, number, message)

    async def _book(self, node: str, number: int, message: Book) -> None:
        try:
            value = messages.answer(await Bookings(self.services).call(message.command))
        except Exception as error:  # noqa: BLE001  as above
            self._fail(node, number, error)
        else:
            self.put(node, [ANSWER, number, value])
        finally:
            self._bookings -= 1

    # Connections

    def ended(self, connection: str, *, removed: bool = False) -> None:
        """Tell all nodes whose entities a connection of this node followed that it has ended."""
        for node in self.follows.pop(connection, ()):
            self.put(node, [ENDED, connection, removed])

    def sweep(self, connection: str, *, removed: bool = False) -> None:
        """Let a connection follow nothing that is owned here any more.

        :param removed: whether its person was put out, and so leaves without grace.
        """
        person = self.presence.who(connection)
        self.hub.forget(connection)
        for entity in self.presence.end(connection):
            if person is not None:
                self._leave(entity, person, connection, removed=removed)

    def _leave(self, entity: str, person: Person, connection: str, *, removed: bool) -> None:
        last = self.presence.leave(entity, person.id, connection)
        hang_up(self.services, entity, connection)
        kind, _, ident = entity.partition("/")
        if not last or kind == "person":
            return
        with suppress(Refused, MailboxFullError, ActorDeadError):
            if removed and kind == "session":
                self.address(entity).tell(Leave(by=person, session=ident))
            else:
                self.services.gone(entity, person)

    def disown(self, shards: Iterable[int]) -> None:
        """Forget who follows what is in shards: their new owner keeps that book."""
        lost = frozenset(shards)

        def is_lost(entity: str) -> bool:
            return self.membership.shard(entity) in lost

        self.hub.disown(is_lost)
        for entity in self.presence.followed():
            if is_lost(entity):
                self.presence.forget(entity)
