"""Rule sets put together from parts, so that each module stays about one thing.

A part is a module that offers any of these names:

- ``DECIDE``: command class -> ``fn(state, command, now) -> events``
- ``EVOLVE``: event class -> ``fn(state, event) -> None``
- ``ANSWER``: command class -> ``fn(state, command, events, now) -> result``
- ``EFFECTS``: event class -> ``fn(entity, event) -> sends``
- ``due(state) -> instant or None`` and ``tick(state, now) -> events``

One part decides and answers a command. Several parts may evolve by the same event, or have
effects of it, in the order in which they are given.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import ModuleType
from typing import Any, ClassVar

from actors.errors import Refused
from actors.rules.base import Command, Event, Look, Rules, Send, State, Tick

Decide = Callable[[Any, Any, datetime], Sequence[Event]]
Evolve = Callable[[Any, Any], None]
Answer = Callable[[Any, Any, Sequence[Event], datetime], dict[str, Any]]
Effect = Callable[[str, Any], Sequence[Send]]


class Parts:
    """The merged tables of several parts.

    :raises ValueError: two parts decide or answer the same command.
    """

    def __init__(self, *parts: ModuleType) -> None:
        self._decide: dict[type[Command], Decide] = {}
        self._answer: dict[type[Command], Answer] = {}
        self._evolve: dict[type[Event], list[Evolve]] = {}
        self._effects: dict[type[Event], list[Effect]] = {}
        self._affecting: set[str] = set()
        self._due: list[Callable[[Any], datetime | None]] = []
        self._tick: list[Callable[[Any, datetime], Sequence[Event]]] = []
        for part in parts:
            _merge_one(self._decide, getattr(part, "DECIDE", {}))
            _merge_one(self._answer, getattr(part, "ANSWER", {}))
            _merge_many(self._evolve, getattr(part, "EVOLVE", {}))
            effects = getattr(part, "EFFECTS", {})
            _merge_many(self._effects, effects)
            self._affecting |= {event.type for event in effects}
            if hasattr(part, "due"):
                self._due.append(part.due)
                self._tick.append(part.tick)

    def decide(self, state: Any, command: Command, now: datetime) -> Sequence[Event]:
        """Say what a command leads to.

        :raises Refused: the command is not allowed, or not for this kind of entity.
        """
        if isinstance(command, Tick):
            return [event for tick in self._tick for event in tick(state, now)]
        decide = self._decide.get(type(command))
        if decide is not None:
            return decide(state, command, now)
        if isinstance(command, Look):
            return ()
        raise Refused("not_found", f"{command.method} does not apply here.")

    def evolve(self, state: Any, event: Event) -> None:
        """Change the state by one event, part after part."""
        for evolve in self._evolve.get(type(event), ()):
            evolve(state, event)

    def answer(
        self, state: Any, command: Command, events: Sequence[Event], now: datetime
    ) -> dict[str, Any]:
        """Return a command's result; ``{}`` if no part says more."""
        answer = self._answer.get(type(command))
        return answer(state, command, events, now) if answer is not None else {}

    def due(self, state: Any) -> datetime | None:
        """Return the earliest deadline of any part."""
        first: datetime | None = None
        for due in self._due:
            at = due(state)
            if at is not None and (first is None or at < first):
                first = at
        return first

    @property
    def has_effects(self) -> bool:
        """Whether any event means something for other entities."""
        return bool(self._effects)

    def has_effects_of(self, event_type: str) -> bool:
        """Whether events of a type may mean something for other entities."""
        return event_type in self._affecting

    def effects(self, entity: str, event: Event) -> Sequence[Send]:
        """Say what other entities must do about an event."""
        return [
            send for effect in self._effects.get(type(event), ()) for send in effect(entity, event)
        ]


class Composed(Rules[State]):
    """Rules put together from parts; a subclass says only where it differs from them."""

    parts: ClassVar[Parts]

    def decide(self, state: State, command: Command, now: datetime) -> Sequence[Event]:
        """Say what a command leads to.

        :raises Refused: it is not allowed, not now, or malformed.
        """
        return self.parts.decide(state, command, now)

    def evolve(self, state: State, event: Event) -> None:
        """Change the state by one event."""
        self.parts.evolve(state, event)

    def answer(
        self, state: State, command: Command, events: Sequence[Event], now: datetime
    ) -> dict[str, Any]:
        """Return a command's result."""
        return self.parts.answer(state, command, events, now)

    def due(self, state: State) -> datetime | None:
        """Return the earliest deadline of any part."""
        return self.parts.due(state)

    def effects(self, entity: str, event: Event) -> Sequence[Send]:
        """Say what other entities must do about an event."""
        return self.parts.effects(entity, event)

    @property
    def has_effects(self) -> bool:
        """Whether any event means something for other entities."""
        return self.parts.has_effects

    def has_effects_of(self, event_type: str) -> bool:
        """Whether events of a type may mean something for other entities."""
        return self.parts.has_effects_of(event_type)


def earliest(instants: Iterable[datetime | None]) -> datetime | None:
    """Return the earliest of some instants, of which any may be None."""
    return min((instant for instant in instants if instant is not None), default=None)


def _merge_one(table: dict[type[Command], Any], more: Mapping[type[Command], Any]) -> None:
    for key, value in more.items():
        if key in table:
            raise ValueError(f"two parts take {key.__name__}")
        table[key] = value


def _merge_many(table: dict[type[Event], list[Any]], more: Mapping[type[Event], Any]) -> None:
    for key, value in more.items():
        table.setdefault(key, []).append(value)
