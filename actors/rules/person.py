"""What one person is told: notifications, kept until read (rule 49)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

import attrs

from actors.errors import Refused
from actors.rules.base import (
    Command,
    Event,
    Look,
    Person,
    Recovered,
    Returned,
    Rules,
    Tick,
    command,
    event,
)
from actors.rules.records import iso
from actors.rules.text import invalid

MAX_KEPT = 200
"""Unread notifications kept for one person; the oldest makes room for the newest."""

MAX_READ = 500
"""Ids one ``notifications.read`` may name."""


def person_entity(event_id: str, person: str) -> str:
    """Return the entity that keeps a person's notifications."""
    return f"person/{event_id}.{person}"


@attrs.frozen(kw_only=True)
class Notification:
    """Something one person should know.

    :param kind: what happened, as an event type (``breakout.moved``, ``support.replied`` ...).
    """

    id: str
    kind: str
    at: datetime
    data: dict[str, Any]

    def view(self) -> dict[str, Any]:
        """Return it as clients see it."""
        return {"id": self.id, "kind": self.kind, "at": iso(self.at), "data": self.data}


@attrs.define
class PersonState:
    """A person's unread notifications, oldest first, and the counter their ids come from."""

    notified: int = 0
    unread: dict[str, Notification] = attrs.field(factory=dict)
    dropped: int = 0


@attrs.frozen(kw_only=True)
class Notify(Command):
    """Tell one person something, now or on their next connect.

    :param id: names the matter, if a second telling of it must not count; counted if absent.
    :param data: plain data, as it shall appear on the wire.
    :param kept: False for what only matters to whoever is connected now.
    """

    event: str
    person: str
    kind: str
    data: dict[str, Any] = attrs.field(factory=dict)
    id: str | None = None
    kept: bool = True

    @property
    def entity(self) -> str:
        """The person's."""
        return person_entity(self.event, self.person)


@command("notifications.read")
@attrs.frozen(kw_only=True)
class ReadNotifications(Command):
    """Forget notifications that have been read; unknown ids are no error."""

    ids: list[str]

    @property
    def entity(self) -> str:
        """The reader's own."""
        return person_entity(self.by.event, self.by.id)


@event("notification.added")
@attrs.frozen(kw_only=True)
class NotificationAdded(Event):
    """There is something new to read."""

    id: str
    kind: str
    data: dict[str, Any]


@event("notification.passed")
@attrs.frozen(kw_only=True)
class NotificationPassed(Event):
    """Something to know now or never; not kept."""

    durable: ClassVar[bool] = False

    kind: str
    data: dict[str, Any]


@event("notifications.read")
@attrs.frozen(kw_only=True)
class NotificationsRead(Event):
    """The person has read these, on one of their devices."""

    ids: list[str]


def _notify(state: PersonState, command: Notify, now: datetime) -> Sequence[Event]:
    if not command.kept:
        return [NotificationPassed(at=now, kind=command.kind, data=command.data)]
    given = command.id or str(state.notified + 1)
    if given in state.unread:
        return ()
    return [NotificationAdded(at=now, id=given, kind=command.kind, data=command.data)]


def _read(state: PersonState, command: ReadNotifications, now: datetime) -> Sequence[Event]:
    if len(command.ids) > MAX_READ:
        raise invalid("ids", f"At most {MAX_READ} ids at a time.")
    known = [given for given in dict.fromkeys(command.ids) if given in state.unread]
    return [NotificationsRead(at=now, ids=known)] if known else ()


class PersonRules(Rules[PersonState]):
    """The rules of ``person/EVENT.PERSON``, whose topic is ``me`` on the wire."""

    kind = "person"

    def initial(self, entity: str) -> PersonState:  # noqa: ARG002  the same for everybody
        """Return a person who has been told nothing."""
        return PersonState()

    def decide(self, state: PersonState, command: Command, now: datetime) -> Sequence[Event]:
        """Take or forget a notification.

        :raises Refused: ``forbidden`` for anything another person may not ask.
        """
        match command:
            case Notify():
                return _notify(state, command, now)
            case ReadNotifications():
                return _read(state, command, now)
            case Look() | Recovered() | Returned() | Tick():
                return ()
        raise Refused("forbidden", "This cannot be asked of a person.")

    def evolve(self, state: PersonState, event: Event) -> None:
        """Keep or drop a notification."""
        match event:
            case NotificationAdded():
                state.notified += 1
                state.unread[event.id] = Notification(
                    id=event.id, kind=event.kind, at=event.at, data=event.data
                )
                while len(state.unread) > MAX_KEPT:
                    del state.unread[next(iter(state.unread))]
                    state.dropped += 1
            case NotificationsRead():
                for given in event.ids:
                    state.unread.pop(given, None)

    def answer(
        self,
        state: PersonState,
        command: Command,
        events: Sequence[Event],  # noqa: ARG002  the state says it all
        now: datetime,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Return how many notifications are left, for the badge."""
        if isinstance(command, ReadNotifications):
            return {"unread": len(state.unread)}
        return {}

    def snapshot(self, state: PersonState, person: Person, now: datetime) -> dict[str, Any]:  # noqa: ARG002  as above
        """Return everything unread, oldest first."""
        return {"notifications": [each.view() for each in state.unread.values()]}
