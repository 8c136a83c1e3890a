"""The webhook outbox: what other services are to be told, kept until they have heard it.

Every endpoint hears the events of one entity in order: only the oldest undelivered message of an
entity is ever due. A message that fails waits, twice as long each time; one that has failed for
:data:`GIVE_UP` is set aside, so that a dead endpoint cannot fill the disk, and stays visible in
the table ``webhooks`` with its last error.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import attrs
from sqlite_utils import Database

from actors.rules.base import EVENTS
from actors.rules.records import instant, iso
from storage import follower
from storage.journal import SqliteJournal
from storage.projections.model import Fact

NAME = "webhooks"
FIRST_RETRY = timedelta(seconds=5)
"""Wait after the first failure; doubled with each further one."""
LONGEST_RETRY = timedelta(hours=1)
GIVE_UP = timedelta(days=3)
"""Age at which an undelivered message is set aside."""
KEEP_DELIVERED = timedelta(days=7)
"""How long a delivered message stays readable."""
ERROR_LIMIT = 500
"""Characters kept of an error."""

Body = Callable[[Fact], Mapping[str, Any] | None]
"""What to tell of a fact: ``type`` and ``data``; None for nothing."""


def _public(fact: Fact) -> Mapping[str, Any]:
    """Return what an event's subscribers were told: the journal's data but the secret fields."""
    cls = EVENTS.get(fact.type)
    fields = attrs.fields(cls) if cls is not None else ()
    secret = {field.name for field in fields if field.metadata.get("secret")}
    return {name: value for name, value in fact.data.items() if name not in secret}


def _same(fact: Fact) -> Mapping[str, Any]:
    return {"type": fact.type, "data": _public(fact)}


def _participant(verb: str) -> Body:
    def body(fact: Fact) -> Mapping[str, Any]:
        return {"type": f"participant.{verb}", "data": _public(fact)}

    return body


SECRET = frozenset({"at", "message", "question", "answer", "reason", "text"})
"""Members of a meeting that are between the two."""


def _meeting(fact: Fact) -> Mapping[str, Any]:
    meeting = {k: v for k, v in fact.data["meeting"].items() if k not in SECRET}
    return {"type": fact.type, "data": {"meeting": meeting}}


TOLD: dict[str, Body] = {
    "session.started": _same,
    "session.ended": _same,
    "session.cancelled": _same,
    "session.joined": _participant("joined"),
    "session.left": _participant("left"),
    "meeting.requested": _meeting,
    "meeting.approved": _meeting,
    "meeting.declined": _meeting,
    "meeting.confirmed": _meeting,
    "meeting.rescheduled": _meeting,
    "meeting.cancelled": _meeting,
    "meeting.completed": _meeting,
    "meeting.no_show": _meeting,
}
"""Event types that webhooks are sent for."""

_RENAMED = {"session.joined": "participant.joined", "session.left": "participant.left"}

WEBHOOK_TYPES = frozenset(_RENAMED.get(name, name) for name in TOLD)
"""What the messages themselves are called."""


@attrs.frozen
class Endpoint:
    """Somebody to tell.

    :param url: where; also the endpoint's name in the table.
    :param types: webhook types wanted; empty for all.
    """

    url: str
    types: frozenset[str] = frozenset()


@attrs.frozen
class Message:
    """One message to deliver.

    :param id: unique; the same with every attempt.
    :param seq: 1 for the entity's first message to this endpoint, rising by one.
    :param body: the JSON text to send.
    :param attempts: how often it has failed.
    """

    id: int
    endpoint: str
    entity: str
    seq: int
    type: str
    body: str
    created_at: datetime
    attempts: int


def told(fact: Fact, endpoints: Sequence[Endpoint]) -> Iterator[tuple[Endpoint, Mapping[str, Any]]]:
    """Yield who is told of a fact, and what."""
    body = TOLD.get(fact.type)
    what = body(fact) if body else None
    if what is not None:
        for endpoint in endpoints:
            if not endpoint.types or what["type"] in endpoint.types:
                yield endpoint, what


def body_of(fact: Fact, seq: int, what: Mapping[str, Any]) -> str:
    """Return the JSON text to send.

    :param seq: the message's number among those of its entity to its endpoint.
    """
    body = {
        "id": f"{fact.entity}#{fact.seq}",
        "entity": fact.entity,
        "seq": seq,
        "type": what["type"],
        "created_at": fact.at,
        "data": what["data"],
    }
    return json.dumps(body, ensure_ascii=False)


def wait_after(attempts: int) -> timedelta:
    """Return how long a message waits that has failed once more after so many failures."""
    wait: timedelta = FIRST_RETRY * 2 ** min(attempts, 20)
    return min(wait, LONGEST_RETRY)


class OutboxWriter:
    """Enters messages for new journal rows; a chore of the journal's writer.

    :param endpoints: who is told; a file that had none before begins with what happens next.
    """

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self._endpoints = endpoints

    def step(self, db: Database) -> bool:
        """Look at a slice of what is new; True when there is more."""
        at = follower.position(db, NAME)
        if at is None or not self._endpoints:
            end = follower.end(db)
            if at is None or at[0] != end:
                follower.set_position(db, NAME, end)
            return False
        facts = follower.facts(db, at[0])
        for fact in facts:
            self._enter(db, fact)
        if facts:
            follower.set_position(db, NAME, facts[-1].position)
        return len(facts) == follower.SLICE

    def _enter(self, db: Database, fact: Fact) -> None:
        for endpoint, what in told(fact, self._endpoints):
            _insert(db, endpoint.url, fact, what)


def _insert(db: Database, endpoint: str, fact: Fact, what: Mapping[str, Any]) -> None:
    row = db.conn.execute(
        "INSERT INTO webhook_counters (endpoint, entity, seq) VALUES (?, ?, 1)"
        " ON CONFLICT (endpoint, entity) DO UPDATE SET seq = seq + 1 RETURNING seq",
        (endpoint, fact.entity),
    ).fetchone()
    db.conn.execute(
        "INSERT INTO webhooks (endpoint, entity, seq, type, body, created_at, due_at, attempts,"
        " state) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 'waiting')",
        (
            endpoint,
            fact.entity,
            row[0],
            what["type"],
            body_of(fact, row[0], what),
            fact.at,
            fact.at,
        ),
    )


def read_message(row: Sequence[Any]) -> Message:
    """Return a row's message: ``id, endpoint, entity, seq, type, body, created_at, attempts``."""
    given, endpoint, entity, seq, type_name, body, created_at, attempts = row
    return Message(given, endpoint, entity, seq, type_name, body, instant(created_at), attempts)


NEXT_ENDPOINT = (
    "SELECT min(endpoint) FROM webhooks WHERE state = 'waiting' AND head = 1 AND endpoint > ?"
)
HEADS = (
    "SELECT due_at, id FROM webhooks WHERE state = 'waiting' AND head = 1"
    " AND endpoint = ? AND due_at <= ? ORDER BY due_at, id LIMIT ?"
)
MESSAGE = (
    "SELECT id, endpoint, entity, seq, type, body, created_at, attempts FROM webhooks WHERE id = ?"
)
LATEST = "~"
"""Later than every time."""


def _endpoints(db: Database) -> Iterator[str]:
    """Yield the endpoints for which messages wait: a look into the index for each of them."""
    last = ""
    while (row := db.conn.execute(NEXT_ENDPOINT, (last,)).fetchone())[0] is not None:
        last = row[0]
        yield last


def _heads(db: Database, endpoint: str, until: str, limit: int) -> list[tuple[str, int]]:
    """Return when messages that nothing holds back are due, and their ids; the earliest first."""
    return db.conn.execute(HEADS, (endpoint, until, limit)).fetchall()


def _message(db: Database, given: int) -> Message:
    return read_message(db.conn.execute(MESSAGE, (given,)).fetchone())


class Outbox:
    """The delivery loop's side of the outbox.

    :param journal: the open journal.
    """

    def __init__(self, journal: SqliteJournal) -> None:
        self._journal = journal

    async def due(self, now: datetime, limit: int = 100) -> Sequence[Message]:
        """Return messages to deliver now: of each endpoint and entity the oldest undelivered.

        Endpoints take turns, so that however much is due to one, the others' are among them.

        :raises StorageUnavailable: the file cannot be read.
        """

        def query(db: Database) -> list[Message]:
            turns = [
                (turn, due_at, head)
                for endpoint in _endpoints(db)
                for turn, (due_at, head) in enumerate(_heads(db, endpoint, iso(now), limit))
            ]
            return [_message(db, head) for _, _, head in sorted(turns)[:limit]]

        return await self._journal.query(query)

    async def next_due(self) -> datetime | None:
        """Return when the next message is due; None when nothing waits.

        :raises StorageUnavailable: the file cannot be read.
        """

        def query(db: Database) -> str | None:
            heads = [_heads(db, endpoint, LATEST, 1)[0] for endpoint in _endpoints(db)]
            return min((due_at for due_at, _ in heads), default=None)

        text = await self._journal.query(query)
        return None if text is None else instant(text)

    async def delivered(self, message: Message, now: datetime) -> None:
        """Mark a message as heard, and forget those heard long ago.

        :raises StorageUnavailable: the disk would not take it; it will be delivered again.
        """

        def work(db: Database) -> None:
            db.conn.execute(
                "UPDATE webhooks SET state = 'delivered', delivered_at = ?, last_error = NULL"
                " WHERE id = ?",
                (iso(now), message.id),
            )
            db.conn.execute(
                "DELETE FROM webhooks WHERE state = 'delivered' AND delivered_at < ?",
                (iso(now - KEEP_DELIVERED),),
            )

        await self._journal.transact(work)

    async def failed(self, message: Message, now: datetime, error: str) -> datetime | None:
        """Put a message off; return when it is tried again, None if it was set aside.

        :raises StorageUnavailable: the disk would not take it; it stays due.
        """
        wait = wait_after(message.attempts)
        given_up = now - message.created_at > GIVE_UP
        due = now + wait

        def work(db: Database) -> None:
            db.conn.execute(
                "UPDATE webhooks SET attempts = attempts + 1, due_at = ?, last_error = ?,"
                " state = ? WHERE id = ? AND state = 'waiting'",
                (
                    iso(due),
                    error[:ERROR_LIMIT],
                    "given_up" if given_up else "waiting",
                    message.id,
                ),
            )

        await self._journal.transact(work)
        return None if given_up else due

    async def counts(self) -> Mapping[str, int]:
        """Return how many messages are ``waiting``, ``delivered`` and ``given_up``.

        :raises StorageUnavailable: the file cannot be read.
        """

        def query(db: Database) -> dict[str, int]:
            return dict(db.conn.execute("SELECT state, count(*) FROM webhooks GROUP BY state"))

        return {"waiting": 0, "delivered": 0, "given_up": 0} | await self._journal.query(query)


__all__ = ["TOLD", "Endpoint", "Message", "Outbox", "OutboxWriter"]
