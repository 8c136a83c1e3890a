"""The whole engine but for storage and sockets: real actors, a journal in memory, open ears."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import trio

from actors.door import FrontDoor
from actors.kernel import ActorSystem
from actors.ports import MediaPlane, Write
from actors.presence import Presence
from actors.rules import records
from actors.rules.base import COMMANDS, Command, Person
from actors.services import Services
from engine.kinds import NOTICING
from engine.tree import address_in, grow
from storage.memory import MemoryJournal
from tests.actors.world import NoArchive
from transport.params import structure

START = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)

ADMIN = Person(id="root", name="Root", event="fair", role="organizer", grants=frozenset({"admin"}))


def person(ident: str, **claims: Any) -> Person:
    return Person(id=ident, name=ident.title(), event="fair", **claims)


class SetClock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at


class CrashError(Exception):
    """A fault that a test puts in."""


class FaultyJournal(MemoryJournal):
    """A journal whose caller crashes at one append.

    :param at: which append, counted from 1; None: never.
    :param after: whether the append is on disk when the caller crashes.
    """

    def __init__(self, at: int | None = None, *, after: bool = True, kind: str = "") -> None:
        super().__init__()
        self.at = at
        self.after = after
        self.kind = kind
        self.count = 0
        self.pause = 0.0

    async def append(self, *writes: Write) -> None:
        hit = False
        if any(write.entity.startswith(self.kind) for write in writes):
            self.count += 1
            hit = self.count == self.at
        if hit and not self.after:
            raise CrashError(f"before append {self.at}")
        await trio.sleep(self.pause)
        await super().append(*writes)
        if hit:
            raise CrashError(f"after append {self.at}")


@attrs.define
class Ears:
    """Notes what each connection hears of each topic, and everything that is published."""

    heard: dict[str, list[tuple[Any, ...]]] = attrs.field(factory=lambda: defaultdict(list))
    listening: dict[str, set[str]] = attrs.field(factory=lambda: defaultdict(set))
    published: dict[str, list[tuple[Any, ...]]] = attrs.field(factory=lambda: defaultdict(list))
    closed: dict[str, tuple[int, str]] = attrs.field(factory=dict)

    def publish(
        self, topic: str, type_name: str, at: datetime, data: Mapping[str, Any], seq: int | None
    ) -> None:
        if seq is not None:
            self.published[topic].append((seq, type_name, dict(data)))
        for connection, topics in self.listening.items():
            if topic in topics:
                self.heard[connection].append((topic, type_name, dict(data), seq))

    def subscribe(
        self,
        connection: str,
        topic: str,
        seq: int,
        at: datetime,
        snapshot: Mapping[str, Any] | None,
    ) -> None:
        self.listening[connection].add(topic)
        if snapshot is not None:
            self.heard[connection].append((topic, "snapshot", dict(snapshot), seq))

    def unsubscribe(self, connection: str, topic: str) -> None:
        self.listening[connection].discard(topic)

    def resume(self, connection: str, topic: str, seq: int) -> bool:
        return False

    def send(
        self,
        connection: str,
        topic: str,
        type_name: str,
        at: datetime,
        data: Mapping[str, Any],
        seq: int | None = None,
    ) -> None:
        self.heard[connection].append((topic, type_name, dict(data), seq))

    def close(self, connection: str, code: int, reason: str) -> None:
        self.closed[connection] = (code, reason)
        self.listening.pop(connection, None)

    @contextmanager
    def together(self) -> Iterator[None]:
        yield

    def types(self, connection: str, topic: str) -> list[str]:
        return [row[1] for row in self.heard[connection] if row[0] == topic]

    def data(self, connection: str, type_name: str) -> list[dict[str, Any]]:
        return [row[2] for row in self.heard[connection] if row[1] == type_name]

    def gaps(self) -> list[tuple[str, str, int, int]]:
        """Return where a connection missed, or heard twice, an event of a topic it follows."""
        found = []
        for connection, rows in self.heard.items():
            last: dict[str, int] = {}
            for topic, type_name, _, seq in rows:
                if seq is None:
                    continue
                if type_name != "snapshot" and seq != last.get(topic, seq - 1) + 1:
                    found.append((connection, topic, last[topic], seq))
                last[topic] = seq
        return found


@attrs.define
class House:
    system: ActorSystem
    services: Services
    door: FrontDoor
    journal: FaultyJournal
    ears: Ears
    clock: SetClock
    keys: int = 0

    async def enter(self, by: Person, connection: str, **topics: int) -> Mapping[str, Any]:
        resumed = {name.replace("__", "/"): seq for name, seq in topics.items()}
        return await self.door.connect(by, connection, self.door.epoch, resumed)

    async def call(self, by: Person, method: str, /, **params: Any) -> Any:
        """Carry out a command as a client's would be, then let everything settle."""
        connection = params.pop("connection", by.id)
        self.keys += 1
        params.setdefault("key", f"k{self.keys}")
        answer = await self.door.call(self.command(by, method, connection, **params))
        await self.settle()
        return answer

    @staticmethod
    def command(by: Person, method: str, connection: str = "", /, **params: Any) -> Command:
        return structure(COMMANDS[method], params, by, connection)

    async def wait(self, seconds: float) -> None:
        """Let the clock go on, then everything happen that is due."""
        self.clock.at += timedelta(seconds=seconds)
        await trio.sleep(seconds + 2)

    async def drop(self, by: Person, connection: str) -> None:
        """End a connection without a word."""
        self.door.gone(by, connection)
        await self.settle()

    async def settle(self) -> None:
        """Wait for restarts, and for what entities send each other."""
        await trio.sleep(3)

    def state(self, entity: str) -> Any:
        return self.services.address(entity)._cell.actor.state

    def plain(self, entity: str) -> Any:
        """Return what of a state must survive: without what is told again by presence."""
        plain = records.plain(self.state(entity))
        if entity.startswith("session/"):
            plain.pop("pulse")
            plain["dropped"] = sorted(plain["dropped"])
        return plain

    async def everything(self) -> dict[str, Any]:
        """Return the state of all entities there are."""
        names: list[str] = []
        for kind in ("event", "company", "session", "room", "person", "support"):
            names += await self.journal.entities(kind)
        for name in names:
            self.services.address(name)
        await self.settle()
        return {name: self.plain(name) for name in names}


@asynccontextmanager
async def open_house(
    journal: FaultyJournal | None = None, media: MediaPlane | None = None
) -> AsyncIterator[House]:
    """Run the actors, with an event ``fair``, a company and a session ``ux`` that begins now."""
    journal, ears, clock = journal or FaultyJournal(), Ears(), SetClock()
    async with ActorSystem(seed=1) as system:
        services = Services(
            journal=journal,
            publisher=ears,
            archive=NoArchive(),
            clock=clock,
            presence=Presence(),
            address=address_in(system),
            noticing=NOTICING,
            media=media,
        )
        grow(system, services)
        house = House(system, services, FrontDoor(services, "e"), journal, ears, clock)
        await plan(house)
        yield house


async def plan(house: House, **changes: Any) -> None:
    await house.call(
        ADMIN, "event.create", id="fair", name="Fair", time_zone="UTC", days=["2026-12-01"]
    )
    await house.call(ADMIN, "company.create", id="acme", event="fair", name="Acme")
    session = {
        "session": "ux",
        "event": "fair",
        "title": "UX workshop",
        "kind": "workshop",
        "company": "acme",
        "start": START.isoformat(),
        "minutes": 60,
        "hosts": ["hana", "hugo"],
    }
    await house.call(ADMIN, "session.create", **(session | changes))


HANA = person("hana", role="employee", company="acme")
HUGO = person("hugo", role="employee", company="acme")
GUESTS: Sequence[Person] = [person(name) for name in ("ana", "ben", "cem", "dora")]


async def everybody_in(house: House) -> None:
    """Let two hosts and four guests into the running session, each on a connection of theirs."""
    for one in (HANA, HUGO, *GUESTS):
        await house.enter(one, one.id)
        await house.call(one, "session.join", session="ux")
    await house.call(HANA, "session.start", session="ux")
