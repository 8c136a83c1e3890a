"""The methods the transport answers itself: connect, refresh, ping, unsubscribe."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs
import structlog
import trio

from actors.errors import Refused
from actors.rules.base import Person
from actors.rules.records import iso
from transport.context import key_of
from transport.params import structure_plain
from transport.telemetry import pseudonym
from transport.topics import meant, spoken

if TYPE_CHECKING:
    from transport.connection import Connection

log = structlog.get_logger("greenroom.transport")

TOKEN_LENGTH = 8192
"""Characters a token may have."""

CLIENT_LENGTH = 200
"""Characters a client's name for itself may have."""


@attrs.frozen(kw_only=True)
class Resume:
    """The topics a client had, each with the last number it saw."""

    epoch: str
    topics: dict[str, int]


@attrs.frozen(kw_only=True)
class Connect:
    """Present a token and, after a drop, what to resume. The first request of a connection."""

    token: str
    client: str = ""
    resume: Resume | None = None


@attrs.frozen(kw_only=True)
class Refresh:
    """Present a fresh token of the same person, before the old one expires."""

    token: str


@attrs.frozen(kw_only=True)
class Ping:
    """Ask for a sign of life and the server's time."""


@attrs.frozen(kw_only=True)
class Unsubscribe:
    """Have nothing more of a topic sent to this connection."""

    topic: str


async def connect(connection: "Connection", params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Let a client in.

    :raises Refused: the token is no good, the person banned, the server draining.
    """
    context = connection.context
    if connection.person is not None:
        raise Refused("wrong_state", "This connection is connected already.")
    asked = structure_plain(Connect, params)
    if context.draining:
        raise Refused("draining", "This server is shutting down.", retry_after=context.retry_spread)
    person, expires = context.authenticator.verify(_checked(asked.token))
    resume = asked.resume
    if resume is not None and len(resume.topics) > context.limits.topics:
        raise Refused("invalid_params", "too many topics to resume", path="resume.topics")
    connection.outbox.hold()  # what is resumed comes after the answer
    context.hub.attach(connection.id, connection.outbox, connection.codec, connection.told)
    try:
        told = await _enter(connection, person, resume)
    except Refused:
        context.hub.detach(connection.id)
        raise
    except BaseException:
        context.hub.detach(connection.id)
        context.door.gone(person, connection.id)  # the actors may have taken it in already
        raise
    connection.person, connection.expires = person, expires
    context.registry.admit(connection, person)
    context.watch(connection)
    log.debug(
        "connected",
        connection=connection.id,
        person=pseudonym(person),
        client=asked.client[:CLIENT_LENGTH],
    )
    return {**_welcome(connection, person), **told}


async def _enter(
    connection: "Connection", person: Person, resume: Resume | None
) -> Mapping[str, Any]:
    context = connection.context
    epoch = resume.epoch if resume else None
    asked = resume.topics if resume else {}
    topics = {name if name == "me" else meant(name, person): seq for name, seq in asked.items()}
    with trio.CancelScope(
        deadline=trio.current_time() + context.limits.request_seconds
    ) as patience:
        told = await context.door.connect(person, connection.id, epoch, topics)
    if patience.cancelled_caught:
        context.door.gone(person, connection.id)
        raise Refused("overloaded", "No answer in time.")
    recovered = {spoken(topic): whole for topic, whole in told.get("recovered", {}).items()}
    return {**told, "recovered": recovered}


def _welcome(connection: "Connection", person: Person) -> dict[str, Any]:
    context = connection.context
    return {
        "person": {"id": person.id, "name": person.name, "role": person.role},
        "event": person.event,
        "epoch": context.hub.epoch,
        "time": iso(context.clock.now()),
        "ping_interval": context.limits.ping_seconds,
        "recovered": {},
        "notifications": [],
    }


async def refresh(connection: "Connection", params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Take a fresh token; the person's role and grants are those it says.

    :raises Refused: it is no good, or somebody else's.
    """
    asked = structure_plain(Refresh, params)
    person, expires = connection.context.authenticator.verify(_checked(asked.token))
    current = connection.person
    if current is None or key_of(person) != key_of(current):
        raise Refused("unauthorized", "The token is somebody else's.")
    await connection.context.door.admit(person)
    connection.person, connection.expires = person, expires
    return {"expires": iso(expires)}


def _checked(token: str) -> str:
    if len(token) > TOKEN_LENGTH:
        raise Refused("unauthorized", "That is no token.")
    return token


async def ping(connection: "Connection", params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Say the time."""
    structure_plain(Ping, params)
    return {"time": iso(connection.context.clock.now())}


async def unsubscribe(connection: "Connection", params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Stop a topic for this connection."""
    asked = structure_plain(Unsubscribe, params)
    if connection.person is not None:
        topic = meant(asked.topic, connection.person)
        connection.context.hub.unsubscribe(connection.id, topic)
    return {}


BUILTINS: dict[str, Callable[["Connection", Mapping[str, Any]], Awaitable[Mapping[str, Any]]]] = {
    "connect": connect,
    "refresh": refresh,
    "ping": ping,
    "unsubscribe": unsubscribe,
}
"""What answers each of the transport's own methods."""

PARAMS: dict[str, type] = {
    "connect": Connect,
    "refresh": Refresh,
    "ping": Ping,
    "unsubscribe": Unsubscribe,
}
"""Their params."""
