"""What the actors need from outside, as Protocols that storage, transport and engine fill in."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

import attrs

from actors.errors import GreenroomError
from actors.kernel import Future
from actors.rules.base import AT_ONCE, Command, Person


class StorageUnavailable(GreenroomError):  # noqa: N818  named as the wire's reason
    """The journal could not commit; nothing of the write is on disk."""


class WrongSequence(GreenroomError):  # noqa: N818  said of the write, not of the program
    """Somebody else has appended to the entity since it was read."""


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present instant, UTC."""


@attrs.frozen
class Entry:
    """One durable event of one entity.

    :param seq: 1 for the entity's first event, rising by one.
    :param meta: who did it (``by``), and for an idempotency ``key`` the first ``answer``.
    """

    seq: int
    type: str
    at: datetime
    data: Mapping[str, Any]
    meta: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Snapshot:
    """An entity's state after its event ``seq``, as msgpack bytes."""

    seq: int
    state: bytes


@attrs.frozen
class Write:
    """Entries to append to one entity.

    :param expected_seq: the last sequence number the writer knows; 0 for a new entity.
    :param snapshot: of the entity's state after an event that is on disk already, to be kept on
        the way. It only spares replaying, so a journal may go without it.
    :param wake: when the entity has to be back in memory, should the engine end here; None: not
        before somebody asks for it.
    """

    entity: str
    expected_seq: int
    entries: Sequence[Entry]
    snapshot: Snapshot | None = None
    wake: datetime | None = AT_ONCE


@attrs.frozen
class Standing:
    """Where an entity stands.

    :param seq: its last number; 0 if the journal does not say.
    :param wake: as in the last :class:`Write`, or what was noted since.
    """

    entity: str
    seq: int
    wake: datetime | None = AT_ONCE


class Journal(Protocol):
    """Where events last. An awaited :meth:`append` means: on disk."""

    async def append(self, *writes: Write) -> None:
        """Commit all the writes, or none.

        :raises WrongSequence: an entity's last number is not the expected one.
        :raises StorageUnavailable: the disk would not take it.
        """

    async def read(self, entity: str, after: int = 0, limit: int = 1000) -> Sequence[Entry]:
        """Return up to ``limit`` entries with a number above ``after``, in order."""

    async def load_snapshot(self, entity: str) -> Snapshot | None:
        """Return the newest snapshot, if there is one."""

    async def load(self, entity: str, limit: int = 1000) -> tuple[Snapshot | None, Sequence[Entry]]:
        """Return the newest snapshot, if there is one, and up to ``limit`` entries that follow."""

    async def entities(self, kind: str) -> Sequence[str]:
        """Return the names (``kind/id``) of all entities of a kind, sorted."""

    def rest(self, standing: Standing) -> None:
        """Note with whatever is written next when an entity has to be back in memory.

        It counts as long as the entity is at that number. A crash may lose the note: then what
        the last write said stands, which is sooner. A journal may keep none of this at all.
        """

    async def standings(self, kind: str) -> Sequence[Standing]:
        """Return where all entities of a kind stand, sorted by name."""


class Archive(Protocol):
    """What is asked of the read model rather than of an entity's memory."""

    async def chat_history(
        self, topic: str, before: str | None, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        """Return chat messages older than ``before`` (an id), newest first."""

    async def chat_search(self, topic: str, query: str, limit: int) -> Sequence[Mapping[str, Any]]:
        """Return the messages of a topic that match a full-text query, best first."""


class Publisher(Protocol):
    """The fan-out: topics, their subscribers, and what was published lately."""

    def publish(
        self, topic: str, type_name: str, at: datetime, data: Mapping[str, Any], seq: int | None
    ) -> None:
        """Send an event to every subscriber of a topic; ``seq`` is None for ephemeral ones."""

    def together(self) -> AbstractContextManager[None]:
        """Let what is published until the block's end go out at once; it must not wait."""

    def subscribe(
        self,
        connection: str,
        topic: str,
        seq: int,
        at: datetime,
        snapshot: Mapping[str, Any] | None,
    ) -> None:
        """Send a ``snapshot`` event standing at ``seq``, and everything after it.

        Without a snapshot only what comes after is sent: the connection knows the rest.
        """

    def unsubscribe(self, connection: str, topic: str) -> None:
        """Send nothing more of a topic to a connection."""

    def resume(self, connection: str, topic: str, seq: int) -> bool:
        """Subscribe, sending exactly what followed ``seq``; False if that is no longer held."""

    def send(
        self,
        connection: str,
        topic: str,
        type_name: str,
        at: datetime,
        data: Mapping[str, Any],
        seq: int | None = None,
    ) -> None:
        """Send one event to one connection."""

    def close(self, connection: str, code: int, reason: str) -> None:
        """End a connection, after what is queued for it, with a WebSocket close code."""


@attrs.frozen
class Rights:
    """What one person may do in one media room.

    :param publish: kinds whose packets are forwarded: ``audio``, ``video``, ``screen``.
    :param view: whether this person receives the others.
    """

    publish: frozenset[str] = frozenset()
    view: bool = True


@attrs.frozen(kw_only=True)
class MediaFact:
    """Something the forwarding unit tells.

    :param kind: the event's type on the wire: ``rtc.offer``, ``rtc.tracks``, ``rtc.restarted`` and
        ``rtc.quality`` are for one connection, ``rtc.speaking`` for a room, ``rtc.unavailable`` for
        the operator.
    :param data: the event's data.
    """

    kind: str
    room: str = ""
    connection: str | None = None
    data: Mapping[str, Any] = attrs.field(factory=dict)


class MediaPlane(Protocol):
    """The forwarding unit. Rooms are named as topics: ``session/ID``, ``room/S.R``, ``chat/ID``.

    What it tells comes as :class:`MediaFact`, to whoever it was made with. Orders that only set
    what is to be (``open`` to ``allow``) never fail: they are carried out again when a crashed
    unit is back.
    """

    async def open(self, room: str) -> None:
        """Make a room ready; opening an open room does nothing."""

    async def close(self, room: str) -> None:
        """End a room and every route in it."""

    async def allow(self, room: str, person: str, rights: Rights | None) -> None:
        """Set what a person may do in a room; None takes the person out of it."""

    async def join(self, room: str, connection: str, person: str) -> None:
        """Offer a connection what its person may see; the offer comes as a fact."""

    async def offer(
        self,
        room: str,
        connection: str,
        person: str,
        sdp: str,
        tracks: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        """Take a publish offer; return ``sdp`` (the answer), ``epoch`` and ``ice_servers``.

        :param tracks: what each m-line carries (``audio``, ``video``, ``screen``,
            ``screen_audio``), by mid.
        :raises Refused: the person is not in the room, or the description is unusable.
        """

    async def answer(self, room: str, connection: str, person: str, sdp: str) -> None:
        """Take the answer to the subscribe offer the plane sent.

        :raises Refused: none is awaited, or the description is unusable.
        """

    async def candidate(
        self, room: str, connection: str, person: str, candidate: Mapping[str, Any]
    ) -> None:
        """Take a trickled ICE candidate."""

    async def restart(self, room: str, connection: str, person: str) -> None:
        """Begin ICE anew for a connection's subscribe side; the offer comes as a fact.

        :raises Refused: the person is not in the room.
        """

    async def view(self, room: str, connection: str, views: Mapping[str, int]) -> None:
        """Take the heights, in pixels, at which a connection shows each m-line; 0 for hidden."""

    async def leave(self, connection: str, room: str) -> None:
        """Forget the peer connections that a connection has for a room.

        A session and its breakout rooms have them in common.
        """

    async def statistics(self) -> Sequence[Mapping[str, Any]]:
        """Count everything, for each worker."""


class Door(Protocol):
    """Where the transport hands people and their commands to the actors."""

    async def connect(
        self, person: Person, connection: str, epoch: str | None, topics: Mapping[str, int]
    ) -> Mapping[str, Any]:
        """Take in a connection; return the members of ``connect``'s result that actors know.

        :param topics: the topics to resume, each with the last number the client saw.
        :raises Refused: the person is banned, or may hold no more connections.
        """

    async def admit(self, person: Person) -> None:
        """Check that a person may take part, with the token they have.

        :raises Refused: they may not.
        """

    def begin(self, command: Command) -> Future[Mapping[str, Any]] | None:
        """Ask for a command at once; those for one entity are carried out in the order asked.

        :return: None where :meth:`call` is needed. Else the future of its result, or of what
            :func:`actors.door.refusal` makes a refusal of.
        """

    async def again(self, command: Command) -> Mapping[str, Any]:
        """Carry out once more what :meth:`begin` began, after an actor failed; return its result.

        :param command: one with a key, so that it is carried out once all the same.
        :raises Refused: it was not carried out.
        """

    async def call(self, command: Command) -> Mapping[str, Any]:
        """Carry out a command and return its result.

        :raises Refused: it was not carried out.
        """

    def gone(self, person: Person, connection: str) -> None:
        """Say that a connection has ended."""


class Span(Protocol):
    """A request's part of a trace, until it is answered."""

    @property
    def id(self) -> str:
        """What names it to those below it; empty when it is not traced."""

    def end(self, error: str = "") -> None:
        """Say that the request is answered, or why it was refused."""


class Tracer(Protocol):
    """Shows the way of single requests. Times are nanoseconds since the epoch."""

    def begin(self, name: str, **attributes: str) -> Span:
        """Begin a request's trace."""

    def record(self, name: str, parent: str, began: int, ended: int, **attributes: str) -> str:
        """Show something that is over, below ``parent``; return what names it."""
