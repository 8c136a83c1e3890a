"""The messages of a chat that are in memory: the newest as they are, the older ones packed.

A message is some nine objects, and a chat keeps thousands. Hardly anybody looks at one again that
is older than the newest page: it is kept as the bytes it is in a snapshot, which are one object, a
third of the room, nothing for the collector to walk through, and copied as they are into the next
snapshot.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Self

import attrs

from actors.packing import Reader, Writer, pack, unpack
from actors.rules.records import converter, keeping

KEPT = 2000
"""Messages held in memory; older ones are in the archive."""

PAGE = 50
"""Messages in a snapshot, and in a page when the client names no limit."""

DIGITS = 15
"""Of a number that no chat reaches."""


@attrs.define
class Message:
    """One message; deleted, it stays as a tombstone so that ids and replies hold.

    :param reactions: emoji -> ids of who reacted with it.
    """

    id: str
    person: str
    name: str
    role: str
    text: str
    at: datetime
    reply_to: str | None = None
    deleted: bool = False
    reactions: dict[str, set[str]] = attrs.field(factory=dict)


_plain = keeping.get_unstructure_hook(Message)
_build = converter.get_structure_hook(Message)


def number_of(id_: str) -> int | None:
    """Return a message's number, which its id spells; None: it is no such id."""
    if not (id_.isascii() and id_.isdecimal()) or id_[0] == "0" or len(id_) > DIGITS:
        return None
    return int(id_)


def _packed(message: Message) -> bytes:
    return pack(_plain(message))


def _unpacked(packed: bytes) -> Message:
    message: Message = _build(unpack(packed), Message)
    return message


@attrs.define
class MessageLog:
    """Messages whose numbers follow one another, the newest :data:`KEPT` of them.

    What is handed out is for reading; a change to it counts once it was :meth:`put`.
    """

    _first: int = attrs.field(default=1, init=False)
    _older: deque[bytes] = attrs.field(factory=deque, init=False)
    _newest: deque[Message] = attrs.field(factory=deque, init=False)

    def __len__(self) -> int:
        return len(self._older) + len(self._newest)

    def __iter__(self) -> Iterator[Message]:
        yield from map(_unpacked, self._older)
        yield from self._newest

    def saying(self, text: str) -> Iterator[Message]:
        """Return those with a text in them, in whatever case, the newest first."""
        wanted = text.casefold()
        yield from (each for each in reversed(self._newest) if wanted in each.text.casefold())
        # A message is built only where it is found: that takes longer than to look.
        looked_at = map(unpack, reversed(self._older))
        found = (each for each in looked_at if wanted in each["text"].casefold())
        yield from (_build(each, Message) for each in found)

    def get(self, id_: str) -> Message | None:
        """Return the message with an id, if it is in memory."""
        number = number_of(id_)
        return None if number is None else self._at(number)

    def between(self, start: int, end: int) -> Sequence[Message]:
        """Return those in memory with numbers from ``start`` to below ``end``."""
        numbers = range(max(start, self._first), min(end, self._first + len(self)))
        return [message for number in numbers if (message := self._at(number)) is not None]

    def _at(self, number: int) -> Message | None:
        place = number - self._first
        if not 0 <= place < len(self):
            return None
        packed = len(self._older)
        return _unpacked(self._older[place]) if place < packed else self._newest[place - packed]

    def append(self, message: Message) -> None:
        """Add the message with the next number; the oldest goes when there are enough.

        :raises ValueError: its number does not follow the last one's.
        """
        number = number_of(message.id)
        if number is None or (len(self) and number != self._first + len(self)):
            raise ValueError(f"message {message.id} is not the next one")
        if not len(self):
            self._first = number
        self._newest.append(message)
        if len(self._newest) > PAGE:
            self._older.append(_packed(self._newest.popleft()))
        if len(self) > KEPT:
            self._older.popleft()
            self._first += 1

    def put(self, message: Message) -> None:
        """Keep a message, which was handed out, as it is now.

        :raises ValueError: it is not in memory any more.
        """
        place = int(message.id) - self._first
        if not 0 <= place < len(self):
            raise ValueError(f"message {message.id} is not in memory")
        if place < len(self._older):
            self._older[place] = _packed(message)
        else:
            self._newest[place - len(self._older)] = message

    def write(self, writer: Writer) -> None:
        """Write them as a map of ids and messages."""
        writer.open_map(len(self))
        for number, packed in enumerate(self._older, self._first):
            writer.write(str(number))
            writer.copy(packed)
        for message in self._newest:
            writer.write(message.id)
            writer.write(_plain(message))

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Return what :meth:`write` wrote, which is a map of ids and messages, oldest first."""
        log = cls()
        length = reader.open_map()
        for place in range(length):
            id_ = reader.read()
            if place == 0:
                log._first = int(id_)
            if place < length - PAGE:
                log._older.append(reader.copy())
            else:
                log._newest.append(_build(reader.read(), Message))
        return log


def _log_of(plain: Mapping[str, Any], _: Any) -> MessageLog:
    log = MessageLog()
    for message in plain.values():
        log.append(_build(message, Message))
    return log


converter.register_unstructure_hook(
    MessageLog, lambda log: {message.id: converter.unstructure(message) for message in log}
)
converter.register_structure_hook(MessageLog, _log_of)
