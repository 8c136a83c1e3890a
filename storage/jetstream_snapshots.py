"""Snapshots of entities in NATS JetStream.

They only spare replaying events, so nobody waits for them: any replica tells the last one it has,
and one that cannot be kept at once is not kept. Each is one message or several, under a subject
each that begins with the entity's.
"""

from secrets import token_hex

import trio

from actors.ports import Snapshot, StorageUnavailable
from storage import jetstream_api as api
from storage.jetstream_api import Connection, Outgoing, Stored, StreamRefused
from storage.jetstream_model import (
    APPEND,
    BATCHES,
    HEADER_BYTES,
    LAST,
    PARTS,
    READ_SECONDS,
    RETRY_PAUSE,
)

SAVE_SECONDS = 1.0
"""How long a snapshot may take to be kept."""


class Snapshots:
    """The stream of snapshots.

    :param stream: its name.
    """

    def __init__(self, connection: Connection, stream: str) -> None:
        self._connection = connection
        self._stream = stream
        self._batches = trio.CapacityLimiter(BATCHES)

    async def save(self, subject: str, snapshot: Snapshot) -> None:
        """Keep a snapshot unless a newer one is held.

        :raises StorageUnavailable: NATS does not take it, or not at once.
        """
        held = await api.latest(self._connection, self._stream, f"{subject}.0")
        if held is not None and int(held.headers[LAST]) > snapshot.seq:
            return
        limit = self._connection.payload_limit - HEADER_BYTES
        pieces = [snapshot.state[at : at + limit] for at in range(0, len(snapshot.state), limit)]
        pieces = pieces or [b""]
        ident = token_hex(8)
        headers = {LAST: str(snapshot.seq), PARTS: str(len(pieces)), APPEND: ident}
        expected = held.number if held is not None else 0
        messages = [
            Outgoing(f"{subject}.{index}", piece, headers, expected if index == 0 else None)
            for index, piece in enumerate(pieces)
        ]
        try:
            async with self._batches:
                await api.store(self._connection, ident, messages, SAVE_SECONDS)
        except StreamRefused as refused:
            if refused.code not in api.WRONG_LAST:  # else a newer one has come meanwhile
                raise StorageUnavailable(str(refused)) from refused

    async def load(self, subject: str) -> Snapshot | None:
        """Return the newest snapshot, if there is one; a replica may answer with an older one.

        :raises StorageUnavailable: NATS does not answer.
        """
        with trio.move_on_after(READ_SECONDS):
            while True:
                first = await api.latest(self._connection, self._stream, f"{subject}.0")
                if first is None:
                    return None
                pieces = await self._pieces(subject, first)
                if pieces is not None:
                    return Snapshot(int(first.headers[LAST]), b"".join(pieces))
                await trio.sleep(RETRY_PAUSE)
        raise StorageUnavailable(f"{subject}: the snapshot cannot be read")

    async def _pieces(self, subject: str, first: Stored) -> list[bytes] | None:
        """Return a snapshot's pieces; None if it was replaced while being read."""
        pieces = [first.data]
        for index in range(1, int(first.headers[PARTS])):
            piece = await api.latest(self._connection, self._stream, f"{subject}.{index}")
            if piece is None or piece.headers[APPEND] != first.headers[APPEND]:
                return None
            pieces.append(piece.data)
        return pieces
