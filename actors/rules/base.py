"""The vocabulary of every rule: people, commands, events, refusals, and the shape of a rule set.

A rule set is a state machine without IO, in the manner of h11: :meth:`Rules.decide` reads the
state and answers with events, :meth:`Rules.evolve` is the only thing that changes the state.
Replaying the same events always gives the same state.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, Literal, TypeVar

import attrs

from actors.errors import Refused

Role = Literal["organizer", "employee", "participant"]
State = TypeVar("State")
AnyCommand = TypeVar("AnyCommand", bound="Command")
AnyEvent = TypeVar("AnyEvent", bound="Event")


@attrs.frozen(kw_only=True)
class Person:
    """Somebody in an event, as a token says it.

    :param id: the token's ``sub``; unique within the event.
    :param sessions: ids of the sessions this person hosts; ``*`` stands for all.
    :param issued: when the token was minted, if it says so; no part of who somebody is.
    """

    id: str
    name: str
    event: str
    role: Role = "participant"
    company: str | None = None
    grants: frozenset[str] = frozenset()
    sessions: frozenset[str] = frozenset()
    issued: datetime | None = attrs.field(default=None, eq=False)

    @property
    def is_organizer(self) -> bool:
        """Whether this person organizes the event."""
        return self.role == "organizer"

    @property
    def is_support(self) -> bool:
        """Whether this person answers support tickets."""
        return "support" in self.grants

    @property
    def is_system(self) -> bool:
        """Whether the engine itself, or a server with the admin grant, is asking."""
        return "admin" in self.grants


SYSTEM = Person(id="", name="Greenroom", event="", role="organizer", grants=frozenset({"admin"}))
"""Who asks when the engine does: timers, effects of other entities, the server API."""


@attrs.frozen(kw_only=True)
class Command:
    """Something somebody asks an entity to do or to tell.

    The fields of a subclass are the wire's params, but for those marked ``wire: False``, which
    the engine fills in.

    :param by: who asks.
    :param connection: the connection it came over; empty when it came from no connection.
    :param sender: the entity whose event it follows from; empty when somebody asks.
    :param key: the client's idempotency key (rule 36); a repeated one gets the first answer. From
        another entity: the number of the event and of the command among its effects.
    :param trace: what its trace goes on from; empty where it is not traced.
    """

    method: ClassVar[str] = ""
    subscribes: ClassVar[bool] = False
    """Whether an accepted command subscribes its connection to the entity's topic."""

    by: Person = attrs.field(metadata={"wire": False})
    connection: str = attrs.field(default="", metadata={"wire": False})
    sender: str = attrs.field(default="", metadata={"wire": False})
    trace: str = attrs.field(default="", eq=False, repr=False, metadata={"wire": False})
    key: str | None = None

    @property
    def entity(self) -> str:
        """The entity this is for, as ``kind/id``."""
        raise NotImplementedError(type(self).__name__)


@attrs.frozen(kw_only=True)
class Tick(Command):
    """Time has passed: let everything happen that is due."""


@attrs.frozen(kw_only=True)
class Dropped(Command):
    """The last connection of ``by`` has gone without a word (rules 18, 35).

    Only entities whose rules notice it are told.
    """


@attrs.frozen(kw_only=True)
class Returned(Command):
    """``by`` is connected again (rules 32, 35)."""


@attrs.frozen(kw_only=True)
class Recovered(Command):
    """The entity was brought back from the journal; nobody is connected yet."""


@attrs.frozen(kw_only=True)
class Look(Command):
    """Subscribe ``connection`` with a snapshot, changing nothing (a resume that was not exact)."""

    subscribes: ClassVar[bool] = True


@attrs.frozen(kw_only=True)
class Event:
    """Something that happened. Facts, in the past tense, immutable.

    A field marked ``metadata={"secret": True}`` is journalled but never published.

    :param at: when, UTC.
    """

    type: ClassVar[str] = ""
    durable: ClassVar[bool] = True
    """Whether it is journalled. Ephemeral events only evolve the state and may be published."""
    published: ClassVar[bool] = True
    """Whether the entity's subscribers are told."""

    at: datetime = attrs.field(metadata={"secret": True})

    def departs(self) -> Collection[str]:
        """Say whose connections stop following the entity because of this."""
        return ()


@attrs.frozen
class Send:
    """What one entity asks of another because of an event.

    Delivered after the commit, again after a crash, in order, and taken once: it carries the
    sender and the number of the event.
    """

    to: str
    command: Command


class Rules(ABC, Generic[State]):
    """One kind of entity's rules, without IO."""

    kind: ClassVar[str]
    notices_absence: ClassVar[bool] = False
    """Whether it matters to an entity that somebody who follows it has gone (:class:`Dropped`)."""

    @abstractmethod
    def initial(self, entity: str) -> State:
        """Return the state before the first event."""

    @abstractmethod
    def decide(self, state: State, command: Command, now: datetime) -> Sequence[Event]:
        """Say what a command leads to, changing nothing.

        :raises Refused: the command is not allowed, or not now.
        """

    @abstractmethod
    def evolve(self, state: State, event: Event) -> None:
        """Change the state in place by one event. Never refuses."""

    @abstractmethod
    def answer(
        self, state: State, command: Command, events: Sequence[Event], now: datetime
    ) -> dict[str, Any]:
        """Return the result of an accepted command, after its events have evolved the state."""

    @abstractmethod
    def snapshot(self, state: State, person: Person, now: datetime) -> dict[str, Any]:
        """Return what a new subscriber needs to know; bounded in size."""

    def due(self, state: State) -> datetime | None:  # noqa: ARG002  most entities have no deadline
        """Return the next instant at which :class:`Tick` would lead to something."""
        return None

    def wake(self, state: State) -> datetime | None:
        """Return when the entity has to be in memory again if the engine ends now.

        Everybody has gone then. Where that alone has consequences, :data:`AT_ONCE`.
        """
        return self.due(state)

    def effects(self, entity: str, event: Event) -> Sequence[Send]:  # noqa: ARG002  as above
        """Say what other entities must do about an event; read from the event alone."""
        return ()

    @property
    def has_effects(self) -> bool:
        """Whether any event of this kind of entity means something for others."""
        return type(self).effects is not Rules.effects

    def has_effects_of(self, event_type: str) -> bool:  # noqa: ARG002  parts know better
        """Whether events of a type may mean something for others."""
        return self.has_effects


AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
"""When an entity has to be back in memory of which nothing is known, or that has work left."""


COMMANDS: dict[str, type[Command]] = {}
"""Every command the wire knows, by its method."""

EVENTS: dict[str, type[Event]] = {}
"""Every event the journal may hold, by its type."""


def command(method: str) -> Callable[[type[AnyCommand]], type[AnyCommand]]:
    """Give a command class its method on the wire."""

    def register(cls: type[AnyCommand]) -> type[AnyCommand]:
        _claim(COMMANDS, method, cls)
        cls.method = method
        return cls

    return register


def event(type_name: str) -> Callable[[type[AnyEvent]], type[AnyEvent]]:
    """Give an event class its type in the journal and on the wire."""

    def register(cls: type[AnyEvent]) -> type[AnyEvent]:
        _claim(EVENTS, type_name, cls)
        cls.type = type_name
        return cls

    return register


def _claim(registry: dict[str, Any], name: str, cls: type) -> None:
    if name in registry:
        raise ValueError(f"{name} is both {registry[name].__name__} and {cls.__name__}")
    registry[name] = cls


__all__ = [
    "COMMANDS",
    "EVENTS",
    "SYSTEM",
    "Command",
    "Dropped",
    "Event",
    "Look",
    "Person",
    "Recovered",
    "Refused",
    "Returned",
    "Role",
    "Rules",
    "Send",
    "Tick",
    "command",
    "event",
]
