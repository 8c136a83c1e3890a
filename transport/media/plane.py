"""The media plane as the actors know it: workers under supervision, rooms placed over them."""

import zlib
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import structlog
import trio

from actors.errors import Refused
from actors.ports import MediaFact, Rights
from transport.media.ice import IceServers
from transport.media.process import WorkerProcess
from transport.media.room import placement

CRASHES_ALLOWED = 3
"""Deaths of one worker in :data:`CRASH_WINDOW` seconds before it is restarted ever later."""

CRASH_WINDOW = 30.0
BACKOFF_FIRST, BACKOFF_LONGEST = 0.5, 30.0

REJOINS_AT_ONCE = 20
REJOIN_PAUSE = 0.02
"""Seconds between batches of offers after a restart: a peer connection costs milliseconds."""

LAST_VIDEOS = 12

COUNT_EVERY = 5.0
"""Seconds between two looks at what the workers have counted."""

SPARE_AFTER = 1.0
"""Seconds after which a worker's successor is loaded: most of a restart is Python's imports."""

_log = structlog.get_logger("greenroom.media")

TakeFact = Callable[[MediaFact], None]


@attrs.frozen(kw_only=True)
class MediaSettings:
    """How the media plane is set up.

    :param workers: processes; one for each core given to media.
    :param hosts: addresses to bind, IPv4 or IPv6.
    :param ports: lowest and highest UDP port; each worker takes one. (0, 0) for any.
    :param public: addresses to tell clients instead of ``hosts``, for a machine behind NAT. A pair
        of host and port tells another port as well.
    :param last_videos: cameras of a room that a viewer gets at once.
    :param fan_out: ``python``, or ``auto`` for C where it was built.
    """

    workers: int = 1
    hosts: tuple[str, ...] = ("127.0.0.1",)
    ports: tuple[int, int] = (0, 0)
    public: tuple[str | tuple[str, int], ...] = ()
    servers: IceServers = attrs.field(factory=IceServers)
    last_videos: int = LAST_VIDEOS
    fan_out: str = "auto"


@attrs.define(eq=False)
class _Slot:
    """One worker through all its lives, and what it must know in each.

    :param epoch: how often it was started.
    """

    number: int
    process: WorkerProcess | None = None
    epoch: int = 0
    rooms: dict[str, dict[str, Rights]] = attrs.field(factory=dict)
    joined: dict[str, tuple[str, str]] = attrs.field(factory=dict)
    publishing: dict[str, tuple[str, str]] = attrs.field(factory=dict)
    deaths: deque[float] = attrs.field(factory=lambda: deque(maxlen=64))

    def tell(self, order: str, params: dict[str, Any]) -> None:
        if self.process is not None:
            self.process.tell(order, params)

    async def order(self, order: str, params: dict[str, Any]) -> Any:
        if self.process is None:
            raise Refused("overloaded", "The media server is starting.", retry_after=1)
        return await self.process.order(order, params)


def _peers(connection: str, room: str) -> str:
    """Name the peer connections that a connection has for a place.

    There are two for a session and its breakout rooms, and two more for each chat.
    """
    return f"{connection} {placement(room)}"


class WorkerPlane:
    """Forwarding by worker processes (a :class:`actors.ports.MediaPlane`).

    Rights are kept here as well, so that a worker that starts anew is told them before anybody can
    offer it anything.

    :param on_fact: takes what happens, on the trio thread; it must not block.
    """

    def __init__(self, settings: MediaSettings, on_fact: TakeFact) -> None:
        self.settings = settings
        self.on_fact = on_fact
        self.restarts = 0
        self._slots = [_Slot(number) for number in range(settings.workers)]
        self._changed = trio.Event()
        self.latest: list[Mapping[str, Any]] = []
        """What :meth:`statistics` returned last; at most :data:`COUNT_EVERY` old."""

    # Life

    async def run(self, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the workers alive until cancelled; started when each takes orders."""
        async with trio.open_nursery() as nursery:
            for slot in self._slots:
                nursery.start_soon(self._keep, slot)
            while not all(slot.epoch for slot in self._slots):
                await self._changed.wait()
            task_status.started()
            while True:
                self.latest = await self.statistics()
                await trio.sleep(COUNT_EVERY)

    def _process(self, slot: _Slot) -> WorkerProcess:
        settings = {
            "hosts": list(self.settings.hosts),
            "low": self.settings.ports[0],
            "high": self.settings.ports[1],
            "public": list(self.settings.public),
            "last_videos": self.settings.last_videos,
            "fan_out": self.settings.fan_out,
        }
        return WorkerProcess(settings, lambda kind, data: self._fact(slot, kind, data))

    async def _keep(self, slot: _Slot) -> None:
        spare = self._process(slot)
        try:
            while True:
                slot.process, spare = spare, self._process(slot)
                await self._one_life(slot, spare)
        finally:
            await spare.discard()

    async def _one_life(self, slot: _Slot, spare: WorkerProcess) -> None:
        """Run a worker until it dies, with its successor already loaded and waiting."""
        process = slot.process
        assert process is not None  # noqa: S101  _keep() made it
        async with trio.open_nursery() as nursery:

            async def started() -> None:
                await self._revive(slot)
                await trio.sleep(SPARE_AFTER)
                await spare.prepare()

            await process.run(lambda: nursery.start_soon(started))
            nursery.cancel_scope.cancel()
        now = trio.current_time()
        slot.deaths.append(now)
        self.restarts += 1
        _log.warning("media worker gone", worker=slot.number, pid=process.pid)
        await trio.sleep(self._backoff(slot, now))

    def _backoff(self, slot: _Slot, now: float) -> float:
        recent = sum(now - death < CRASH_WINDOW for death in slot.deaths)
        if recent <= CRASHES_ALLOWED:
            return 0.0
        wait = float(min(BACKOFF_LONGEST, BACKOFF_FIRST * 2 ** (recent - CRASHES_ALLOWED - 1)))
        _log.error("media worker crashes again and again", worker=slot.number, wait=wait)
        data = {"worker": slot.number, "deaths": recent, "retry_after": wait}
        self.on_fact(MediaFact(kind="rtc.unavailable", data=data))
        return wait

    async def _revive(self, slot: _Slot) -> None:
        slot.epoch += 1
        for room, people in slot.rooms.items():
            slot.tell("open", {"room": room})
            for person, rights in people.items():
                slot.tell("allow", _allowance(room, person, rights))
        self._changed.set()
        self._changed = trio.Event()
        if slot.epoch == 1:
            return
        connections = {**slot.joined, **slot.publishing}
        slot.publishing.clear()
        for count, (peers, (room, person)) in enumerate(connections.items()):
            if count % REJOINS_AT_ONCE == 0:
                await trio.sleep(REJOIN_PAUSE)
            data = {"epoch": slot.epoch}
            connection = peers.partition(" ")[0]
            self.on_fact(
                MediaFact(kind="rtc.restarted", room=room, connection=connection, data=data)
            )
            if peers in slot.joined:
                order = {"room": self._present(slot, room, person), "connection": peers}
                slot.tell("join", {**order, "person": person})

    def _present(self, slot: _Slot, room: str, person: str) -> str:
        """Return a room somebody is in: the one they joined in, unless they have moved since."""
        if person in slot.rooms.get(room, {}):
            return room
        place = placement(room)
        near = (name for name in slot.rooms if placement(name) == place)
        return next((name for name in near if person in slot.rooms[name]), room)

    def _fact(self, slot: _Slot, kind: str, data: dict[str, Any]) -> None:
        peers: str | None = data.pop("connection", None)
        room = data.pop("room", "")
        if kind == "gone":
            held = slot.publishing if data["side"] == "publish" else slot.joined
            held.pop(peers or "", None)
            return
        if kind in ("rtc.offer", "rtc.tracks"):
            data["epoch"] = slot.epoch
        if kind == "rtc.offer":
            person = slot.joined.get(peers or "", ("", ""))[1]
            data["ice_servers"] = self.settings.servers.for_person(person)
        connection = peers and peers.partition(" ")[0]
        self.on_fact(MediaFact(kind=kind, room=room, connection=connection, data=data))

    def _slot(self, room: str) -> _Slot:
        key = placement(room).encode()
        return max(self._slots, key=lambda slot: zlib.crc32(key + b"%d" % slot.number))

    @property
    def ports(self) -> list[int]:
        """The UDP port of each worker; 0 while it has none."""
        return [slot.process.port if slot.process else 0 for slot in self._slots]

    @property
    def pids(self) -> list[int]:
        """The process of each worker."""
        return [slot.process.pid if slot.process else 0 for slot in self._slots]

    # MediaPlane

    async def open(self, room: str) -> None:
        """Make a room ready; opening an open room does nothing."""
        slot = self._slot(room)
        slot.rooms.setdefault(room, {})
        slot.tell("open", {"room": room})

    async def close(self, room: str) -> None:
        """End a room and every route in it."""
        slot = self._slot(room)
        slot.rooms.pop(room, None)
        slot.tell("close", {"room": room})

    async def allow(self, room: str, person: str, rights: Rights | None) -> None:
        """Set what a person may do in a room; None takes the person out of it."""
        slot = self._slot(room)
        people = slot.rooms.setdefault(room, {})
        if rights is None:
            people.pop(person, None)
        else:
            people[person] = rights
        slot.tell("allow", _allowance(room, person, rights))

    async def join(self, room: str, connection: str, person: str) -> None:
        """Offer a connection what its person may see; the offer comes as a fact."""
        slot = self._slot(room)
        peers = _peers(connection, room)
        slot.joined[peers] = room, person
        slot.tell("join", {"room": room, "connection": peers, "person": person})

    async def offer(
        self,
        room: str,
        connection: str,
        person: str,
        sdp: str,
        tracks: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        """Take a publish offer; return ``sdp`` (the answer), ``epoch`` and ``ice_servers``.

        :param tracks: the source of each m-line by mid.
        :raises Refused: the person is not in the room, or the description is unusable.
        """
        slot = self._slot(room)
        peers = _peers(connection, room)
        params = {"room": room, "connection": peers, "person": person, "sdp": sdp}
        answer = await slot.order("offer", {**params, "tracks": dict(tracks or {})})
        slot.publishing[peers] = room, person
        servers = self.settings.servers.for_person(person)
        return {"sdp": answer, "epoch": slot.epoch, "ice_servers": servers}

    async def answer(self, room: str, connection: str, person: str, sdp: str) -> None:  # noqa: ARG002  the port's signature
        """Take the answer to the subscribe offer the plane sent."""
        params = {"connection": _peers(connection, room), "sdp": sdp}
        await self._slot(room).order("answer", params)

    async def candidate(
        self, room: str, connection: str, person: str, candidate: Mapping[str, Any]
    ) -> None:
        """Take a trickled ICE candidate: an ICE-lite agent learns them from the checks."""

    async def restart(self, room: str, connection: str, person: str) -> None:
        """Begin ICE anew for a connection's subscribe side."""
        slot = self._slot(room)
        peers = _peers(connection, room)
        slot.joined[peers] = room, person
        params = {"room": room, "connection": peers, "person": person}
        await slot.order("restart", params)

    async def view(self, room: str, connection: str, views: Mapping[str, int]) -> None:
        """Take the heights, in pixels, at which a connection shows each m-line."""
        params = {"connection": _peers(connection, room), "views": dict(views)}
        self._slot(room).tell("view", params)

    async def leave(self, connection: str, room: str) -> None:
        """Forget the peer connections that a connection has for a room and what it belongs to."""
        slot, peers = self._slot(room), _peers(connection, room)
        known = slot.joined.pop(peers, None), slot.publishing.pop(peers, None)
        if any(known):
            slot.tell("leave", {"connection": peers})

    async def statistics(self) -> list[Mapping[str, Any]]:
        """Count everything, for each worker."""
        found: list[Mapping[str, Any]] = []
        for slot in self._slots:
            about = {"worker": slot.number, "epoch": slot.epoch, "deaths": len(slot.deaths)}
            try:
                counted = await slot.order("statistics", {})
                about |= {"pid": slot.process.pid if slot.process else 0, **counted}
            except Refused:
                about |= {"down": True}
            found.append(about)
        return found


def _allowance(room: str, person: str, rights: Rights | None) -> dict[str, Any]:
    publish = None if rights is None else sorted(rights.publish)
    view = rights is not None and rights.view
    return {"room": room, "person": person, "publish": publish, "view": view}
