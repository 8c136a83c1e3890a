"""How the outbox of several nodes is written into its stream: messages, counters and the place."""

import json
from hashlib import blake2b
from typing import Any

import attrs

from actors.rules.records import instant, iso
from storage.jetstream_api import Outgoing, Stored
from storage.jetstream_model import token
from storage.outbox import Message

ENDPOINT = "Greenroom-Endpoint"
"""Header of a counter: whose it is."""


def stream_configuration(cluster: str, replicas: int) -> dict[str, Any]:
    """Return how the stream of the outbox is made."""
    return {
        "name": f"GREENROOM_{cluster}_WEBHOOKS",
        "subjects": [f"greenroom.{cluster}.webhook.>"],
        "max_msgs_per_subject": 1,
        "storage": "file",
        "num_replicas": replicas,
        "allow_direct": True,
        "allow_atomic": True,
    }


def branch(endpoint: str, entity: str) -> str:
    """Return the part of a subject that says who is told, and of which entity."""
    kind, _, ident = entity.partition("/")
    return f"{name_of_endpoint(endpoint)}.{token(kind)}.{token(ident)}"


def name_of_endpoint(endpoint: str) -> str:
    """Return what an endpoint is called in subjects."""
    return blake2b(endpoint.encode(), digest_size=8).hexdigest()


def counter_of(prefix: str, endpoint: str, entity: str) -> str:
    """Return the subject under which an entity's messages to an endpoint are counted."""
    return f"{prefix}.count.{branch(endpoint, entity)}"


def counted(prefix: str, endpoint: str, entity: str, count: int) -> Outgoing:
    """Spell how many of an entity's messages to an endpoint were entered."""
    subject = counter_of(prefix, endpoint, entity)
    return Outgoing(subject, str(count).encode(), {ENDPOINT: endpoint}, None)


def spelled_place(prefix: str, after: int, done: int = 0, expected: int | None = None) -> Outgoing:
    """Spell how far the journal is entered: up to a message's number, and so many of the next."""
    place = json.dumps({"after": after, "done": done}).encode()
    return Outgoing(f"{prefix}.cursor", place, {}, expected)


def read_place(stored: Stored) -> tuple[int, int]:
    """Return the number up to which the journal is entered, and how many of the next."""
    place = json.loads(stored.data)
    return place["after"], place["done"]


def spelled(prefix: str, message: Message) -> Outgoing:
    """Spell a message that waits."""
    about = attrs.asdict(message, filter=attrs.filters.exclude("id", "attempts"))
    about["created_at"] = iso(message.created_at)
    subject = f"{prefix}.message.{branch(message.endpoint, message.entity)}.{message.seq}"
    return Outgoing(subject, json.dumps(about, ensure_ascii=False).encode(), {}, None)


def message_of(stored: Stored) -> Message:
    """Read a message that waits."""
    about = json.loads(stored.data)
    created = instant(about.pop("created_at"))
    return Message(id=stored.number, created_at=created, attempts=0, **about)
