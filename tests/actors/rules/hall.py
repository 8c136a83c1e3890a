"""A session to test the rules with: it journals, publishes and tells the time in memory."""

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from actors.errors import Refused
from actors.rules import records
from actors.rules.base import (
    SYSTEM,
    Command,
    Dropped,
    Event,
    Look,
    Person,
    Recovered,
    Returned,
    Send,
    Tick,
)
from actors.rules.session.planning import Create
from actors.rules.session.presence import Join
from actors.rules.session.rules import SessionRules
from actors.rules.session.running import Start
from actors.rules.session.state import SessionState
from actors.snapshot import pack_snapshot, unpack_snapshot

START = datetime(2026, 12, 1, 9, tzinfo=UTC)
EPHEMERAL = {"dropped", "pulse"}


def person(id_: str, **more: Any) -> Person:
    return Person(id=id_, name=more.pop("name", id_.title()), event="fair", **more)


HANA = person("hana", role="employee", company="acme")
HUGO = person("hugo", role="employee", company="acme")
OLGA = person("olga", role="organizer")
ANA = person("ana")
BEN = person("ben")
CEM = person("cem")
DORA = person("dora")


class Hall:
    """Session ``ux``, hosted by Hana and Hugo, planned for an hour from START."""

    def __init__(self, **plan: Any) -> None:
        self.rules = SessionRules()
        self.state = self.rules.initial("session/ux")
        self.now = START - timedelta(hours=1)
        self.journal: list[tuple[str, dict[str, Any]]] = []
        self.published: list[tuple[str, dict[str, Any]]] = []
        self.sent: list[Send] = []
        self.events: list[Event] = []
        plan = {
            "title": "UX",
            "kind": "workshop",
            "start": START,
            "minutes": 60,
            "hosts": ["hana", "hugo"],
            **plan,
        }
        self.do(SYSTEM, Create, event="fair", **plan)

    def do(self, by: Person, kind: type[Command], /, **params: Any) -> dict[str, Any]:
        if kind.method and "topic" not in params:
            params.setdefault("session", "ux")
        return self.take(kind(by=by, **params))

    def take(self, command: Command) -> dict[str, Any]:
        events = self.rules.decide(self.state, command, self.now)
        for event in events:
            if event.durable:
                self.journal.append((event.type, records.record(event)))
                self.sent += self.rules.effects("session/ux", event)
            if event.published:
                self.published.append((event.type, records.wire(event)))
            self.events.append(event)
            self.rules.evolve(self.state, event)
        return self.rules.answer(self.state, command, events, self.now)

    def refused(self, by: Person, kind: type[Command], /, **params: Any) -> Refused:
        before = len(self.events)
        try:
            self.do(by, kind, **params)
        except Refused as refused:
            assert len(self.events) == before
            return refused
        raise AssertionError(f"{kind.__name__} was not refused")

    def enter(self, *people: Person) -> None:
        for by in people:
            self.do(by, Join)

    def drop(self, by: Person) -> None:
        self.take(Dropped(by=by))

    def back(self, by: Person) -> None:
        self.take(Returned(by=by))
        self.take(Look(by=by))

    def settle(self) -> None:
        """Let everything happen that is due by now."""
        for _ in range(100):
            due = self.rules.due(self.state)
            if due is None or due > self.now:
                return
            before = len(self.events)
            self.take(Tick(by=SYSTEM))
            assert len(self.events) > before, "a deadline that leads to nothing"
        raise AssertionError("deadlines without end")

    def wait(self, seconds: float = 0, *, at: datetime | None = None) -> None:
        """Let time pass, stopping at each deadline on the way."""
        end = at or self.now + timedelta(seconds=seconds)
        while (due := self.rules.due(self.state)) is not None and due <= end:
            self.now = max(self.now, due)
            self.settle()
        self.now = end

    def sleep(self, seconds: float) -> None:
        """Let time pass without anybody looking: the next tick is late."""
        self.now += timedelta(seconds=seconds)

    def told(self, type_name: str) -> list[dict[str, Any]]:
        return [data for published, data in self.published if published == type_name]

    def types(self) -> list[str]:
        return [event.type for event in self.events]

    def notified(self, id_: str) -> list[str]:
        return [
            send.command.kind
            for send in self.sent
            if send.to == f"person/fair.{id_}" and hasattr(send.command, "kind")
        ]

    def view(self, by: Person) -> dict[str, Any]:
        return self.rules.snapshot(self.state, by, self.now)

    def place(self, by: Person) -> str:
        state: str = self.view(by)["me"]["stage"]["state"]
        return state

    def replayed(self) -> SessionState:
        state = self.rules.initial("session/ux")
        for type_name, data in self.journal:
            self.rules.evolve(state, records.restore(type_name, data))
        return state

    def recover(self) -> None:
        """Crash, and come back from the journal."""
        self.state = self.replayed()
        self.take(Recovered(by=SYSTEM))


def lasting(state: SessionState) -> dict[str, Any]:
    """Return what of a state the journal must bring back."""
    plain: dict[str, Any] = records.plain(state)
    return {name: value for name, value in plain.items() if name not in EPHEMERAL}


def copied(state: SessionState) -> SessionState:
    return unpack_snapshot(pack_snapshot(state, {}), SessionState)[0]


def live(*people: Person, **plan: Any) -> Hall:
    """Return a hall that is live with Hana and the people named inside."""
    hall = Hall(**plan)
    hall.wait(at=START)
    hall.enter(HANA, *people)
    hall.do(HANA, Start)
    hall.wait(1)
    return hall


def hosting(by: Person) -> Person:
    """Return somebody whose token says that they host the session."""
    return attrs.evolve(by, sessions=frozenset({"ux"}))
