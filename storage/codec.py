"""Journal rows: entries to bytes and back."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import msgpack

from actors.packing import pack
from actors.ports import Entry, Snapshot, Standing, Write

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Row = tuple[str, int, str, int, bytes, bytes]
"""``entity, seq, type, at`` (microseconds since 1970, UTC), ``data, meta`` (msgpack)."""


@attrs.frozen
class PackedWrite:
    """A write as rows, made before it queues so that a value msgpack cannot hold fails early.

    :param last_seq: the entity's last number once these rows are in.
    :param snapshot: to be kept on the way.
    :param wake: when it has to be back in memory, in microseconds since 1970.
    """

    entity: str
    expected_seq: int
    last_seq: int
    rows: tuple[Row, ...]
    snapshot: Snapshot | None = None
    wake: int | None = 0


def microseconds(at: datetime) -> int:
    """Return an instant as whole microseconds since 1970, UTC."""
    return (at - EPOCH) // MICROSECOND


def instant(value: int) -> datetime:
    """Return the instant that :func:`microseconds` turned into a number."""
    return EPOCH + timedelta(microseconds=value)


def unpack(data: bytes) -> Any:
    """Return the plain data of msgpack bytes.

    :raises ValueError: these bytes are not msgpack.
    """
    return msgpack.unpackb(data, strict_map_key=False)


def pack_write(write: Write) -> PackedWrite:
    """Turn a write into rows.

    :raises ValueError: the entries' numbers do not follow ``expected_seq`` one by one.
    :raises TypeError: an entry holds something that is not plain data.
    """
    rows: list[Row] = []
    seq = write.expected_seq
    for entry in write.entries:
        seq += 1
        if entry.seq != seq:
            raise ValueError(f"{write.entity}: entry {entry.seq} where {seq} must follow")
        rows.append(
            (
                write.entity,
                seq,
                entry.type,
                microseconds(entry.at),
                pack(entry.data),
                pack(entry.meta),
            )
        )
    wake = None if write.wake is None else microseconds(write.wake)
    return PackedWrite(write.entity, write.expected_seq, seq, tuple(rows), write.snapshot, wake)


def standing(entity: str, seq: int, wake: int | None) -> Standing:
    """Return where an entity stands, of a row."""
    return Standing(entity, seq, None if wake is None else instant(wake))


def entries(rows: Iterable[tuple[int, str, int, bytes, bytes]]) -> list[Entry]:
    """Return the entries of rows ``(seq, type, at, data, meta)``."""
    return [
        Entry(seq, type_name, instant(at), unpack(data), unpack(meta))
        for seq, type_name, at, data, meta in rows
    ]


def kind_of(entity: str) -> str:
    """Return the ``kind`` of ``kind/id``."""
    return entity.partition("/")[0]
