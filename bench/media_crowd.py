"""One process of a media load: people on stock aiortc who show themselves, or watch.

A team's process (:mod:`bench.load.team`) is ready when those who show themselves do. At the order
``come`` the viewers come in, until each has had a picture or has waited long enough; at ``go`` it
measures.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import trio

from bench.load.lookout import watch_over
from bench.load.target import Target
from bench.load.team import Orders, Share
from bench.load.wire import LoadFailed
from bench.media_stock import Stock, stock
from transport.media.client import ThreadedClient

PICTURE_SECONDS = 20.0
"""How long a viewer waits for the first picture of each who shows one."""

ENTRY_SECONDS = 30.0
"""How long one person may take to come in."""

PAUSE = 0.1
"""Between two viewers who come in."""

LOOK = 0.02


@attrs.frozen
class Plan:
    """What one process does.

    :param publishers: names and tokens of those who show themselves; the first starts the session.
    :param viewers: of those who watch.
    :param shown: the names of all who show themselves, in this process or another.
    :param seconds: how long is measured.
    """

    url: str
    session: str
    publishers: Sequence[tuple[str, str]]
    viewers: Sequence[tuple[str, str]]
    shown: Sequence[str]
    seconds: float


@attrs.frozen
class Counts:
    """What one person's peer connection has counted so far."""

    packets: float = 0.0
    lost: float = 0.0
    bytes: float = 0.0

    def since(self, before: "Counts") -> "Counts":
        """Return what has been counted since."""
        return Counts(
            self.packets - before.packets, self.lost - before.lost, self.bytes - before.bytes
        )


@attrs.define(eq=False)
class Crowd:
    """Everybody of this process.

    :param first: viewer -> seconds from coming in to the last first picture; None for never.
    """

    plan: Plan
    threaded: ThreadedClient
    publishers: list[Stock] = attrs.field(factory=list)
    viewers: list[Stock] = attrs.field(factory=list)
    first: dict[str, float | None] = attrs.field(factory=dict)

    @property
    def room(self) -> str:
        """The topic they meet in."""
        return f"session/{self.plan.session}"

    def so_far(self) -> str:
        """Return in words what was measured, when it ends early."""
        seen = sum(one is not None for one in self.first.values())
        return f"until then {seen} of {len(self.plan.viewers)} viewers had seen everybody"

    async def publish(self, nursery: trio.Nursery) -> None:
        """Have those come in who show themselves."""
        for name, token in self.plan.publishers:
            person = await self._enter(nursery, name, token, watches=False)
            if name == self.plan.shown[0]:
                await person.call("session.start", session=self.plan.session)
            await person.call("media.set", topic=self.room, mic=True, camera=True)
            await person.publish(self.room)
            self.publishers.append(person)

    async def watch(self, nursery: trio.Nursery) -> None:
        """Have the viewers come in, and wait until each has seen everybody."""
        async with trio.open_nursery() as waiting:
            for name, token in self.plan.viewers:
                begun = time.monotonic()
                person = await self._enter(nursery, name, token, watches=True)
                self.viewers.append(person)
                waiting.start_soon(self._see, person, begun)
                await trio.sleep(PAUSE)

    async def _enter(self, nursery: trio.Nursery, name: str, token: str, *, watches: bool) -> Stock:
        try:
            with trio.fail_after(ENTRY_SECONDS):
                person: Stock = await nursery.start(self._stay, name, token, watches)
        except trio.TooSlowError:
            raise LoadFailed(f"{name} was not let in within {ENTRY_SECONDS:.0f} seconds") from None
        return person

    async def _stay(
        self, name: str, token: str, watches: bool, *, task_status: trio.TaskStatus[Stock]
    ) -> None:
        async with stock(self.plan.url, name, token, self.threaded, watches=watches) as person:
            await person.here(self.room)
            await person.call("session.join", session=self.plan.session)
            task_status.started(person)
            await trio.sleep_forever()

    async def _see(self, person: Stock, begun: float) -> None:
        self.first[person.name] = None
        with trio.move_on_after(PICTURE_SECONDS):
            while not all([await person.frames(n) for n in self.plan.shown]):  # noqa: ASYNC110  nobody here could set an event
                await trio.sleep(LOOK)
            firsts = (person.media.of(name, "video").first_at for name in self.plan.shown)
            self.first[person.name] = max(firsts) - begun

    async def measure(self) -> dict[str, Any]:
        """Watch for the plan's seconds; return what everybody sent, got and saw."""
        everybody = [*self.publishers, *self.viewers]
        before = {person.name: await counted(person) for person in everybody}
        for person in self.viewers:
            await person.look()
        begun, cpu = time.monotonic(), time.process_time()
        await trio.sleep(self.plan.seconds)
        took, busy = time.monotonic() - begun, time.process_time() - cpu
        saw = {person.name: await person.looked() for person in self.viewers}
        now = {p.name: (await counted(p)).since(before[p.name]) for p in everybody}
        return {
            "cpu": busy / took,
            "sent": [now[person.name].packets for person in self.publishers],
            "viewers": [
                _viewer(person.name, now[person.name], saw[person.name], took)
                | {"first_picture_s": self.first[person.name]}
                for person in self.viewers
            ],
        }


def _viewer(
    name: str, now: Counts, saw: Mapping[str, Mapping[str, Any]], took: float
) -> dict[str, Any]:
    freezes = [seconds for each in saw.values() for seconds in each["freezes"]]
    return {
        "viewer": name,
        "packets": now.packets,
        "lost": now.lost,
        "bits_per_second": round(8 * now.bytes / took),
        "frames": sum(each["frames"] for each in saw.values()),
        "freezes": len(freezes),
        "longest_freeze_s": round(max(freezes, default=0.0), 3),
    }


async def counted(person: Stock) -> Counts:
    """Return what somebody's peer connection has sent, or got if it is a viewer's."""
    media = person.media
    connection = media.subscriber or media.publisher
    if connection is None:
        return Counts()
    found = (await person.on_loop(connection.getStats())).values()
    if connection is media.publisher:
        return Counts(sum(one.packetsSent for one in found if one.type == "outbound-rtp"))
    got = [one for one in found if one.type == "inbound-rtp"]
    return Counts(
        sum(one.packetsReceived for one in got),
        sum(one.packetsLost for one in got),
        max((one.bytesReceived for one in found if one.type == "transport"), default=0),
    )


async def _play(plan: Plan, threaded: ThreadedClient, target: Target, orders: Orders) -> None:
    crowd = Crowd(plan, threaded)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch_over, target, crowd.so_far)
        await crowd.publish(nursery)
        orders.say()
        await orders.heard("come")
        await crowd.watch(nursery)
        orders.say()
        await orders.heard("go")
        orders.say(await crowd.measure())
        nursery.cancel_scope.cancel()


def part(target: Target, share: Share, orders: Orders) -> None:
    """Have one process's people show themselves, and watch."""
    threaded = ThreadedClient()
    try:
        trio.run(_play, Plan(**share), threaded, target, orders)
    finally:
        threaded.close()
