"""A small world for actor tests: a counter's rules, a publisher that writes down, a clock."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from actors.clock import TrioClock
from actors.entity import EntityActor
from actors.errors import Refused
from actors.kernel import ActorSystem
from actors.presence import Presence
from actors.rules.base import (
    Command,
    Dropped,
    Event,
    Look,
    Person,
    Recovered,
    Returned,
    Rules,
    Send,
    Tick,
    event,
)
from actors.services import Services
from storage.memory import MemoryJournal

START = datetime(2026, 12, 1, 9, tzinfo=UTC)
ANA = Person(id="ana", name="Ana", event="fair")
BEN = Person(id="ben", name="Ben", event="fair")


@attrs.define
class CounterState:
    total: int = 0
    here: list[str] = attrs.field(factory=list)
    bell_at: datetime | None = None
    bells: int = 0


@attrs.frozen(kw_only=True)
class Add(Command):
    number: int
    to: str = "counter/one"

    @property
    def entity(self) -> str:
        return self.to


@attrs.frozen(kw_only=True)
class Copy(Add):
    """Adds here, and sends the same on to counter/two."""


@attrs.frozen(kw_only=True)
class Join(Add):
    subscribes = True
    number: int = 0


@attrs.frozen(kw_only=True)
class SetBell(Add):
    number: int = 0
    seconds: float


@attrs.frozen(kw_only=True)
class Expel(Add):
    number: int = 0
    person: str


@attrs.frozen(kw_only=True)
class Break(Add):
    """A fault in the rules: in deciding if number is 0, in evolving otherwise."""


@event("test.added")
@attrs.frozen(kw_only=True)
class Added(Event):
    number: int
    who: str = attrs.field(default="", metadata={"secret": True})
    copy: bool = False


@event("test.whispered")
@attrs.frozen(kw_only=True)
class Whispered(Event):
    durable = False
    person: str
    here: bool


@event("test.noted")
@attrs.frozen(kw_only=True)
class Noted(Event):
    """Journalled, not published."""

    published = False


@event("test.bell_set")
@attrs.frozen(kw_only=True)
class BellSet(Event):
    bell_at: datetime


@event("test.rang")
@attrs.frozen(kw_only=True)
class Rang(Event):
    pass


@event("test.expelled")
@attrs.frozen(kw_only=True)
class Expelled(Event):
    person: str

    def departs(self) -> Sequence[str]:
        return (self.person,)


@event("test.broke")
@attrs.frozen(kw_only=True)
class Broke(Event):
    pass


class CounterRules(Rules[CounterState]):
    kind = "counter"
    notices_absence = True

    def initial(self, entity: str) -> CounterState:
        return CounterState()

    def decide(self, state: CounterState, command: Command, now: datetime) -> Sequence[Event]:
        match command:
            case Copy(number=number):
                return [Added(at=now, number=number, copy=True)]
            case SetBell(seconds=seconds):
                return [BellSet(at=now, bell_at=now + timedelta(seconds=seconds))]
            case Expel(person=person):
                return [Expelled(at=now, person=person)]
            case Break(number=0):
                raise ZeroDivisionError
            case Break():
                return [Broke(at=now)]
            case Join():
                return [Noted(at=now), Whispered(at=now, person=command.by.id, here=True)]
            case Add(number=number) if number < 0:
                raise Refused("invalid_params", "Only more.", path="number")
            case Add(number=number):
                return [Added(at=now, number=number, who=command.by.id)]
            case Tick():
                due = state.bell_at is not None and state.bell_at <= now
                return [Rang(at=now)] if due else ()
            case Dropped() | Returned():
                here = isinstance(command, Returned)
                return [Whispered(at=now, person=command.by.id, here=here)]
            case Recovered() | Look():
                return ()
        raise Refused("not_found", "What?")

    def evolve(self, state: CounterState, event: Event) -> None:
        match event:
            case Added(number=number):
                state.total += number
            case BellSet(bell_at=bell_at):
                state.bell_at = bell_at
            case Rang():
                state.bell_at = None
                state.bells += 1
            case Whispered(person=person, here=here):
                if here:
                    state.here.append(person)
                else:
                    state.here.remove(person)
            case Broke():
                raise ZeroDivisionError

    def answer(
        self, state: CounterState, command: Command, events: Sequence[Event], now: datetime
    ) -> dict[str, Any]:
        return {"total": state.total}

    def snapshot(self, state: CounterState, person: Person, now: datetime) -> dict[str, Any]:
        return {"total": state.total, "here": list(state.here)}

    def due(self, state: CounterState) -> datetime | None:
        return state.bell_at

    def effects(self, entity: str, event: Event) -> Sequence[Send]:
        if isinstance(event, Added) and event.copy:
            add = Add(by=ANA, number=event.number, to="counter/two")
            return [Send("counter/two", add)]
        return ()


@attrs.define
class WritingPublisher:
    """Writes down what it is asked to send, in order."""

    log: list[tuple[Any, ...]] = attrs.field(factory=list)
    held: set[str] = attrs.field(factory=set)

    def publish(
        self, topic: str, type_name: str, at: datetime, data: Mapping[str, Any], seq: int | None
    ) -> None:
        self.log.append(("publish", topic, type_name, dict(data), seq))

    def together(self) -> AbstractContextManager[None]:
        return nullcontext()

    def subscribe(
        self,
        connection: str,
        topic: str,
        seq: int,
        at: datetime,
        snapshot: Mapping[str, Any] | None,
    ) -> None:
        self.log.append(("subscribe", connection, topic, seq, snapshot))

    def unsubscribe(self, connection: str, topic: str) -> None:
        self.log.append(("unsubscribe", connection, topic))

    def resume(self, connection: str, topic: str, seq: int) -> bool:
        return topic in self.held

    def send(
        self,
        connection: str,
        topic: str,
        type_name: str,
        at: datetime,
        data: Mapping[str, Any],
        seq: int | None = None,
    ) -> None:
        self.log.append(("send", connection, type_name, dict(data), seq))

    def close(self, connection: str, code: int, reason: str) -> None:
        self.log.append(("close", connection, code))

    def published(self) -> list[tuple[Any, ...]]:
        return [row[2:] for row in self.log if row[0] == "publish"]


class NoArchive:
    async def chat_history(
        self, topic: str, before: str | None, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        return ()

    async def chat_search(self, topic: str, query: str, limit: int) -> Sequence[Mapping[str, Any]]:
        return ()


@attrs.frozen
class World:
    system: ActorSystem
    services: Services
    journal: MemoryJournal
    publisher: WritingPublisher

    async def ask(self, command: Command) -> Any:
        return await self.services.address(command.entity).ask(command, timeout=60)


@asynccontextmanager
async def counters(
    journal: MemoryJournal | None = None, clock: TrioClock | None = None
) -> AsyncIterator[World]:
    """Run a system whose entities are counters."""
    journal = journal or MemoryJournal()
    publisher = WritingPublisher()
    presence = Presence()
    for connection in ("c1", "c2"):
        presence.begin(connection)
    async with ActorSystem() as system:
        services = Services(
            journal=journal,
            publisher=publisher,
            archive=NoArchive(),
            clock=clock or TrioClock(START),
            presence=presence,
            address=lambda entity: system.get(*entity.split("/", 1)),
            noticing={"counter"},
        )
        rules = CounterRules()
        system.register("counter", lambda key: (EntityActor, (f"counter/{key}", rules, services)))
        yield World(system, services, journal, publisher)
