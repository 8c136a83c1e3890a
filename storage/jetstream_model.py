"""What the journal in NATS knows of entities, and how their rows are spelled."""

from bisect import bisect_right
from secrets import token_hex
from typing import Any
from urllib.parse import quote, unquote

import attrs
import msgpack

from actors.errors import GreenroomError
from actors.ports import Entry, StorageUnavailable
from storage.codec import Row, entries
from storage.jetstream_api import Stored

MARKS = 64
"""Places in an entity's subject that are remembered, to read from there."""

APPEND, LAST, PARTS = "Greenroom-Append", "Greenroom-Last", "Greenroom-Parts"
"""Headers: an append's id, the number of its last event, the pieces of a snapshot."""


RETRY_PAUSE = 0.1
"""Seconds between two tries."""

READ_SECONDS = 5.0
"""How long a read waits for a replica to catch up with the leader."""

BATCHES = 32
"""Atomic batches under way at once; the server allows 50 a stream."""

HEADER_BYTES = 4096
"""Room left in a message for its headers."""

ENTITIES = 20_000
"""Entities whose places are remembered."""


class ClusterRefused(GreenroomError):  # noqa: N818  as storage's other refusals
    """The NATS given cannot carry a journal; the message says what it lacks."""


@attrs.frozen
class Head:
    """Where an entity stands: its own last number, and its last message's in the stream."""

    seq: int
    number: int
    append: str = ""


@attrs.define
class Known:
    """What is remembered of an entity. ``marks``: own number, stream's number; both rise."""

    head: Head | None = None
    marks: list[tuple[int, int]] = attrs.field(factory=list)

    def mark(self, seq: int, number: int) -> None:
        """Remember where the entity's event ``seq`` stands in the stream."""
        if not self.marks or seq > self.marks[-1][0]:
            self.marks.append((seq, number))
            if len(self.marks) > MARKS:
                del self.marks[: MARKS // 2 : 2]

    def start(self, after: int) -> int:
        """Return the stream's number from which on everything after ``after`` stands."""
        at = bisect_right(self.marks, after, key=lambda mark: mark[0])
        return self.marks[at - 1][1] + 1 if at else 1


@attrs.define
class Part:
    """An entity's share of an append."""

    entity: str
    subject: str
    expected: int
    rows: list[Row]

    @property
    def last(self) -> int:
        """The entity's last number once these rows are in."""
        return self.rows[-1][1] if self.rows else self.expected


def rows_of(message: Stored, entity: str) -> list[Any]:
    """Return the rows that a message holds.

    :raises StorageUnavailable: it is damaged.
    """
    try:
        unpacker = msgpack.Unpacker(strict_map_key=False)
        unpacker.feed(message.data)
        return list(unpacker)
    except ValueError as error:
        raise StorageUnavailable(f"{entity}: a message is damaged: {error}") from error


def entries_of(message: Stored, entity: str) -> list[Entry]:
    """Return the entries that a message holds."""
    return entries(rows_of(message, entity))


def token(text: str) -> str:
    """Spell a name so that it is one token of a subject: no dots, blanks or wildcards."""
    return quote(text, safe="").replace(".", "%2E") or "%"


def name_of(subject: str) -> str:
    """Return the name (``kind/id``) of the entity whose subject ends so."""
    kind, ident = subject.rsplit(".", 2)[1:]
    return f"{unquote(kind)}/{unquote(ident)}"


def stream_configurations(cluster: str, replicas: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return how the streams of the journal and of the snapshots are made.

    :param replicas: NATS servers that hold each.
    """
    common = {"storage": "file", "num_replicas": replicas, "allow_direct": True}
    common |= {"allow_atomic": True, "retention": "limits"}
    journal = {
        **common,
        "name": f"GREENROOM_{cluster}_JOURNAL",
        "subjects": [f"greenroom.{cluster}.journal.*.*"],
        "discard": "new",
        "deny_delete": True,
        "metadata": {"greenroom_identity": token_hex(8)},
    }
    snapshots = {
        **common,
        "name": f"GREENROOM_{cluster}_SNAPSHOTS",
        "subjects": [f"greenroom.{cluster}.snapshot.*.*.*"],
        "max_msgs_per_subject": 1,
        "discard": "old",
    }
    return journal, snapshots
