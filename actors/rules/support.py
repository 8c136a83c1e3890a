"""Support tickets: the life ring, the staff's queue, a private thread each (rule 23)."""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, ClassVar

import attrs

from actors.errors import Refused
from actors.rules.base import (
    SYSTEM,
    Command,
    Event,
    Look,
    Person,
    Recovered,
    Returned,
    Send,
    command,
    event,
)
from actors.rules.parts import Composed, Parts
from actors.rules.person import Notify
from actors.rules.records import plain
from actors.rules.text import ID_LIMIT, an_id, invalid, up_to

TEXT_LIMIT = 4000
"""Characters of one message."""

THREAD_LIMIT = 500
"""Messages in one ticket."""

OPEN_LIMIT = 5
"""Unresolved tickets of one person."""

KEPT_RESOLVED = 20
"""Resolved tickets of one person that stay to be read here."""

QUEUE_LIMIT = 200
"""Tickets in the queue's snapshot."""

DIAGNOSTICS_LIMIT = 50
"""Members of a client's diagnostics, each of at most 1000 characters."""

_VALUE_LIMIT = 1000


@attrs.frozen(kw_only=True)
class Author:
    """Who wrote or asked."""

    id: str
    name: str


@attrs.frozen(kw_only=True)
class Message:
    """One message of a ticket's thread; ``staff`` if it came from support."""

    by: Author
    staff: bool
    at: datetime
    text: str


@attrs.define(kw_only=True)
class Ticket:
    """One call for help.

    :param state: ``open``, ``answered``, ``resolved``.
    :param where: where the person was, as a topic or a page.
    :param diagnostics: what the client said of itself.
    """

    id: str
    person: Author
    state: str
    where: str | None
    diagnostics: dict[str, str]
    asked_at: datetime
    changed_at: datetime
    thread: list[Message]


@attrs.define
class SupportState:
    """An event's tickets by id, oldest first."""

    event: str
    last: int = 0
    tickets: dict[str, Ticket] = attrs.field(factory=dict)


# Commands


@attrs.frozen(kw_only=True)
class _Support(Command):
    @property
    def entity(self) -> str:
        """The support desk of the asker's event."""
        return f"support/{self.by.event}"


def _check_diagnostics(_: Any, __: Any, value: dict[str, str]) -> None:
    longest = max((len(text) for pair in value.items() for text in pair), default=0)
    if len(value) > DIAGNOSTICS_LIMIT or longest > _VALUE_LIMIT:
        raise invalid(
            "diagnostics",
            f"diagnostics holds {DIAGNOSTICS_LIMIT} texts of {_VALUE_LIMIT} characters at most.",
        )


@command("support.ask")
@attrs.frozen(kw_only=True)
class Ask(_Support):
    """Open a ticket.

    :param where: where the person is, as a topic or a page.
    :param diagnostics: what the client knows of itself: browser, devices, connection.
    """

    text: str = attrs.field(validator=up_to(TEXT_LIMIT))
    where: str | None = attrs.field(default=None, validator=up_to(2 * ID_LIMIT))
    diagnostics: dict[str, str] = attrs.field(factory=dict, validator=_check_diagnostics)


@command("support.mine")
@attrs.frozen(kw_only=True)
class Mine(_Support):
    """List one's own tickets, newest first."""


@command("support.queue")
@attrs.frozen(kw_only=True)
class Queue(_Support):
    """Follow all tickets of the event (support staff, organizers)."""

    subscribes: ClassVar[bool] = True


@command("support.reply")
@attrs.frozen(kw_only=True)
class Reply(_Support):
    """Write into a ticket's thread (support staff, and whoever asked)."""

    id: str = an_id()
    text: str = attrs.field(validator=up_to(TEXT_LIMIT))


@command("support.resolve")
@attrs.frozen(kw_only=True)
class Resolve(_Support):
    """Close a ticket (support staff, and whoever asked)."""

    id: str = an_id()


# Events


@event("support.asked")
@attrs.frozen(kw_only=True)
class Asked(Event):
    """There is a new ticket."""

    ticket: Ticket


@event("support.replied")
@attrs.frozen(kw_only=True)
class Replied(Event):
    """Somebody wrote into a ticket, which stands at ``state`` by that."""

    id: str
    message: Message
    state: str
    asker: str = attrs.field(metadata={"secret": True})


@event("support.resolved")
@attrs.frozen(kw_only=True)
class Resolved(Event):
    """A ticket is done."""

    id: str
    by: Author
    asker: str = attrs.field(metadata={"secret": True})


# Decide


def is_staff(state: SupportState, by: Person) -> bool:
    """Whether a person answers the tickets of this event."""
    return by.is_system or (by.event == state.event and (by.is_support or by.is_organizer))


def _author(by: Person) -> Author:
    return Author(id=by.id, name=by.name)


def _ticket(state: SupportState, by: Person, id_: str) -> Ticket:
    ticket = state.tickets.get(id_)
    # Somebody else's ticket is not there for those who may not see it.
    if ticket is None or not (is_staff(state, by) or ticket.person.id == by.id):
        raise Refused("not_found", "There is no such ticket.")
    return ticket


def _ask(state: SupportState, command: Ask, now: datetime) -> Sequence[Event]:
    by = command.by
    waiting = [ticket for ticket in _own(state, by.id) if ticket.state != "resolved"]
    if len(waiting) >= OPEN_LIMIT:
        raise Refused(
            "rate_limited",
            "You have several open tickets. Please write into one of them.",
            retry_after=60,
        )
    author = _author(by)
    ticket = Ticket(
        id=str(state.last + 1),
        person=author,
        state="open",
        where=command.where,
        diagnostics=command.diagnostics,
        asked_at=now,
        changed_at=now,
        thread=[Message(by=author, staff=False, at=now, text=command.text)],
    )
    return [Asked(at=now, ticket=ticket)]


def _own(state: SupportState, person: str) -> list[Ticket]:
    return [ticket for ticket in state.tickets.values() if ticket.person.id == person]


def _queue(state: SupportState, command: Command, now: datetime) -> Sequence[Event]:
    del now
    if not is_staff(state, command.by):
        raise Refused("forbidden", "The queue is for support staff.")
    return ()


def _reply(state: SupportState, command: Reply, now: datetime) -> Sequence[Event]:
    ticket = _ticket(state, command.by, command.id)
    if ticket.state == "resolved":
        raise Refused("wrong_state", "This ticket is resolved. Please open a new one.")
    if len(ticket.thread) >= THREAD_LIMIT:
        raise Refused("too_large", "This thread is full. Please open a new ticket.")
    staff = command.by.id != ticket.person.id
    message = Message(by=_author(command.by), staff=staff, at=now, text=command.text)
    standing = "answered" if staff else "open"
    return [Replied(at=now, id=ticket.id, message=message, state=standing, asker=ticket.person.id)]


def _resolve(state: SupportState, command: Resolve, now: datetime) -> Sequence[Event]:
    ticket = _ticket(state, command.by, command.id)
    if ticket.state == "resolved":
        return ()
    return [Resolved(at=now, id=ticket.id, by=_author(command.by), asker=ticket.person.id)]


def _nothing(state: SupportState, command: Command, now: datetime) -> Sequence[Event]:
    del state, command, now
    return ()


# Evolve


def _on_asked(state: SupportState, event: Asked) -> None:
    ticket = event.ticket
    # The event stays as it was written, so the thread that grows is another list.
    state.tickets[ticket.id] = attrs.evolve(ticket, thread=list(ticket.thread))
    state.last = int(ticket.id)


def _on_replied(state: SupportState, event: Replied) -> None:
    ticket = state.tickets[event.id]
    ticket.thread.append(event.message)
    ticket.state, ticket.changed_at = event.state, event.at


def _on_resolved(state: SupportState, event: Resolved) -> None:
    ticket = state.tickets[event.id]
    ticket.state, ticket.changed_at = "resolved", event.at
    done = [each for each in _own(state, ticket.person.id) if each.state == "resolved"]
    # Not by number: an old ticket may be the last to be resolved, and is answered with.
    done.sort(key=attrgetter("changed_at"))
    for old in done[:-KEPT_RESOLVED]:
        del state.tickets[old.id]


# Answer


def _answer_ask(
    state: SupportState, command: Ask, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del command, events, now
    return {"ticket": plain(state.tickets[str(state.last)])}


def _answer_one(
    state: SupportState, command: Reply | Resolve, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events, now
    return {"ticket": plain(state.tickets[command.id])}


def _answer_mine(
    state: SupportState, command: Mine, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events, now
    return {"tickets": [plain(ticket) for ticket in reversed(_own(state, command.by.id))]}


# Effects


def _tell_asker(event_id: str, asker: str, kind: str, data: dict[str, Any]) -> Sequence[Send]:
    notify = Notify(by=SYSTEM, event=event_id, person=asker, kind=kind, data=data)
    return [Send(notify.entity, notify)]


def _replied_effects(entity: str, event: Replied) -> Sequence[Send]:
    if not event.message.staff:
        return ()
    data = {"ticket": event.id, "message": plain(event.message)}
    return _tell_asker(entity.partition("/")[2], event.asker, "support.replied", data)


def _resolved_effects(entity: str, event: Resolved) -> Sequence[Send]:
    if event.by.id == event.asker:
        return ()
    data = {"ticket": event.id}
    return _tell_asker(entity.partition("/")[2], event.asker, "support.resolved", data)


DECIDE: Mapping[type[Command], Any] = {
    Ask: _ask,
    Mine: _nothing,
    Queue: _queue,
    Look: _queue,
    Reply: _reply,
    Resolve: _resolve,
    Returned: _nothing,
    Recovered: _nothing,
}
EVOLVE: Mapping[type[Event], Any] = {
    Asked: _on_asked,
    Replied: _on_replied,
    Resolved: _on_resolved,
}
ANSWER: Mapping[type[Command], Any] = {
    Ask: _answer_ask,
    Mine: _answer_mine,
    Reply: _answer_one,
    Resolve: _answer_one,
}
EFFECTS: Mapping[type[Event], Any] = {Replied: _replied_effects, Resolved: _resolved_effects}

_PARTS = Parts(sys.modules[__name__])


class SupportRules(Composed[SupportState]):
    """The rules of ``support/EVENT``."""

    kind = "support"
    parts = _PARTS

    def initial(self, entity: str) -> SupportState:
        """Return a desk without tickets."""
        return SupportState(event=entity.partition("/")[2])

    def snapshot(self, state: SupportState, person: Person, now: datetime) -> dict[str, Any]:
        """Return the queue: what is not resolved, oldest first. For staff only."""
        del person, now
        waiting = [ticket for ticket in state.tickets.values() if ticket.state != "resolved"]
        return {
            "tickets": [plain(ticket) for ticket in waiting[:QUEUE_LIMIT]],
            "more": max(0, len(waiting) - QUEUE_LIMIT),
        }
