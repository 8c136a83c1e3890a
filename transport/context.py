"""What every connection of one server shares, and the count of them."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import count
from random import Random
from secrets import token_hex
from typing import TYPE_CHECKING, Protocol

import attrs

from actors.ports import Clock, Door, Tracer
from actors.rules.base import Person
from transport.closing import Close
from transport.hub import Hub
from transport.lengths import TextLengths
from transport.limits import Buckets, Limits
from transport.metrics import Metrics
from transport.patience import Patience
from transport.readiness import Readiness

if TYPE_CHECKING:
    from transport.connection import Connection
    from transport.listener import Arrival
    from transport.pipeline import Pipeline


class Authenticator(Protocol):
    """Tells who a token stands for."""

    def verify(self, token: str) -> tuple[Person, datetime]:
        """Return the person, and when the token expires.

        :raises Refused: ``unauthorized`` or ``token_expired``.
        """


PersonKey = tuple[str, str]
"""A person's event and id."""


def key_of(person: Person) -> PersonKey:
    """Return what tells a person from all others of the daemon."""
    return (person.event, person.id)


@attrs.define(eq=False)
class Registry:
    """The connections, by id, by person and by address."""

    limits: Limits
    by_id: dict[str, "Connection"] = attrs.field(factory=dict)
    by_person: dict[PersonKey, OrderedDict[str, "Connection"]] = attrs.field(factory=dict)
    by_address: Counter[str] = attrs.field(factory=Counter)
    open: int = 0
    handshakes: int = 0

    def enter(self, address: str) -> "Visit | str":
        """Count a new connection in; return why it may not come in, if it may not."""
        if self.open >= self.limits.connections:
            return "connections"
        if self.handshakes >= self.limits.handshakes:
            return "handshakes"
        if self.by_address[address] >= self.limits.connections_per_address:
            return "address"
        return Visit(self, address)

    def admit(self, connection: "Connection", person: Person) -> None:
        """Put a person's new connection among theirs; the oldest gives way when it is one more."""
        self.by_id[connection.id] = connection
        mine = self.by_person.setdefault(key_of(person), OrderedDict())
        mine[connection.id] = connection
        if len(mine) > self.limits.connections_per_person:
            next(iter(mine.values())).end(Close.REPLACED)

    def dismiss(self, connection: "Connection", person: Person) -> None:
        """Forget a person's connection."""
        self.by_id.pop(connection.id, None)
        mine = self.by_person.get(key_of(person))
        if mine is not None:
            mine.pop(connection.id, None)
            if not mine:
                del self.by_person[key_of(person)]


class Visit:
    """One connection's place in the counts, from its first byte on."""

    __slots__ = ("_address", "_registry", "_settled")

    def __init__(self, registry: Registry, address: str) -> None:
        self._registry = registry
        self._address = address
        self._settled = False
        registry.open += 1
        registry.handshakes += 1
        registry.by_address[address] += 1

    def move(self, address: str) -> bool:
        """Count it under the address a trusted proxy names; False if that has too many."""
        counts = self._registry.by_address
        self._discount()
        self._address = address
        counts[address] += 1
        return counts[address] <= self._registry.limits.connections_per_address

    def settle(self) -> None:
        """Say that the handshake is over."""
        if not self._settled:
            self._settled = True
            self._registry.handshakes -= 1

    def unsettle(self) -> bool:
        """Say that a handshake follows, if none is under way; False if there are too many."""
        registry = self._registry
        if self._settled:
            if registry.handshakes >= registry.limits.handshakes:
                return False
            self._settled = False
            registry.handshakes += 1
        return True

    def leave(self) -> None:
        """Count it out."""
        self.settle()
        self._registry.open -= 1
        self._discount()

    def _discount(self) -> None:
        counts = self._registry.by_address
        counts[self._address] -= 1
        if not counts[self._address]:
            del counts[self._address]


@attrs.define(eq=False)
class Context:
    """What the parts of one server work with.

    :param draining: set while the server sends its clients elsewhere.
    :param busy: connections on which a message is being worked on.
    :param pipelined: those of connections with commands under way.
    :param tracer: shows the way of single requests; None where nobody wants to know.
    :param watch: has the heartbeat look after a connection.
    :param retry_spread: seconds over which clients that are sent away come back.
    :param entrance: waits for the input of those who enter. They have a line of their own, so
        that however many come at once, those who are here get their turn in each round.
    :param readiness: waits for the input of those who are here.
    :param heads: how long a request's head may take.
    :param connects: how long ``connect`` may take to come.
    :param prefix: what makes this server's connection ids its own.
    """

    door: Door
    hub: Hub
    authenticator: Authenticator
    limits: Limits
    clock: Clock
    metrics: Metrics
    registry: Registry
    buckets: Buckets
    random: Random
    watch: Callable[["Connection"], None]
    heads: "Patience[Arrival]"
    connects: "Patience[Connection]"
    entrance: Readiness = attrs.field(factory=lambda: Readiness(patient=False))
    readiness: Readiness = attrs.field(factory=Readiness)
    prefix: str = attrs.field(factory=lambda: token_hex(4))
    busy: set["Connection"] = attrs.field(factory=set)
    pipelined: set["Pipeline"] = attrs.field(factory=set)
    tracer: Tracer | None = None
    lengths: TextLengths = attrs.field(
        default=attrs.Factory(lambda self: TextLengths(self.limits.text_lengths), takes_self=True)
    )
    draining: bool = False
    retry_spread: float = 10.0
    _numbers: Iterator[int] = attrs.field(factory=count)

    def name_connection(self) -> str:
        """Return an id for the next connection."""
        return f"{self.prefix}-{next(self._numbers)}"
