"""Questions to the read model."""

from collections.abc import Sequence
from typing import Any

import trio
from sqlite_utils import Database

from actors.ports import StorageUnavailable
from storage import follower, readmodel
from storage.journal import SqliteJournal

CATCH_UP_SECONDS = 2.0
"""How long a question waits for the projection of what was committed before it."""
CATCH_UP_PAUSE = 0.01

Message = dict[str, Any]
"""A chat message: ``id, person, name, role, text, at, reply_to, deleted`` as on the wire, and
``reactions``, emoji -> ids of who reacted, sorted."""

_COLUMNS = "m.number, m.person, m.name, m.role, m.text, m.at, m.reply_to, m.deleted_at"


class SqliteArchive:
    """Answers from the tables in a journal's file.

    An answer holds everything of its topic that was committed before the question. If the
    projection is more than :data:`CATCH_UP_SECONDS` behind, there is a refusal in its place: a page
    that leaves messages out looks like one from which they were lost.

    :param journal: the open journal.
    """

    def __init__(self, journal: SqliteJournal) -> None:
        self._journal = journal

    async def chat_history(self, topic: str, before: str | None, limit: int) -> Sequence[Message]:
        """Return chat messages older than ``before`` (an id), newest first; tombstones included.

        :raises StorageUnavailable: the file cannot be read, or the projection is behind.
        """
        number = int(before) if before is not None else 2**62

        def query(db: Database) -> list[Message]:
            rows = db.conn.execute(
                f"SELECT {_COLUMNS} FROM chat_messages m"  # noqa: S608  a constant
                " WHERE topic = ? AND number < ? ORDER BY number DESC LIMIT ?",
                (topic, number, limit),
            )
            return _messages(db, topic, rows.fetchall())

        await self._reach(topic)
        return await self._journal.query(query)

    async def chat_search(self, topic: str, query: str, limit: int) -> Sequence[Message]:
        """Return the messages of a topic that hold every word of ``query``, best first.

        A word may be the beginning of a longer one; case and accents do not matter, and no
        character has a meaning of its own.

        :raises StorageUnavailable: the file cannot be read, or the projection is behind.
        """
        match = " ".join(f'"{word.replace(chr(34), chr(34) * 2)}"*' for word in words(query))
        if not match:
            return []

        def search(db: Database) -> list[Message]:
            rows = db.conn.execute(
                f"SELECT {_COLUMNS} FROM chat_messages_fts f"  # noqa: S608  a constant
                " JOIN chat_messages m ON m.position = f.rowid"
                " WHERE chat_messages_fts MATCH ? AND m.topic = ? AND m.deleted_at IS NULL"
                " ORDER BY f.rank, m.number DESC LIMIT ?",
                (match, topic, limit),
            )
            return _messages(db, topic, rows.fetchall())

        await self._reach(topic)
        return await self._journal.query(search)

    async def catch_up(self) -> bool:
        """Wait until the read model has everything that is committed now; False if it takes long.

        :raises StorageUnavailable: the file cannot be read.
        """
        return await self._projected(await self._journal.query(follower.end))

    async def _reach(self, topic: str) -> None:
        """Wait until the read model has all of a topic that is committed now.

        :raises StorageUnavailable: that takes long.
        """
        end = await self._journal.query(lambda db: follower.end_of(db, topic))
        if not await self._projected(end):
            raise StorageUnavailable(f"the read model has not reached the newest of {topic}")

    async def _projected(self, position: int) -> bool:
        """Wait until the read model stands at a position; False if it takes long."""
        ends = trio.current_time() + CATCH_UP_SECONDS
        while not (reached := await self._journal.query(readmodel.position) >= position):
            # The writer's thread cannot set an event for every slice without waking the loop for
            # nothing.
            if trio.current_time() > ends:
                break
            await trio.sleep(CATCH_UP_PAUSE)
        return reached


def words(query: str) -> list[str]:
    """Split a query at whatever is neither letter nor digit."""
    return "".join(c if c.isalnum() else " " for c in query).split()


def _messages(db: Database, topic: str, rows: Sequence[tuple[Any, ...]]) -> list[Message]:
    found = {row[0]: _message(row) for row in rows}
    if not found:
        return []
    marks = ", ".join("?" * len(found))
    reactions = db.conn.execute(
        "SELECT number, emoji, person FROM chat_reactions"  # noqa: S608  marks are question marks
        f" WHERE topic = ? AND number IN ({marks}) ORDER BY number, emoji, person",
        (topic, *found),
    )
    for number, emoji, person in reactions:
        found[number]["reactions"].setdefault(emoji, []).append(person)
    return list(found.values())


def _message(row: tuple[Any, ...]) -> Message:
    number, person, name, role, text, at, reply_to, deleted_at = row
    return {
        "id": str(number),
        "person": person,
        "name": name,
        "role": role,
        "text": text,
        "at": at,
        "reply_to": reply_to,
        "deleted": deleted_at is not None,
        "reactions": {},
    }
