"""The messages of a chat that are in memory: the newest as they are, the older ones packed.

A message is some nine objects, and a chat keeps thousands. Hardly anybody looks at one again that
is older than the newest page: those are kept by the page, as the bytes they are in a snapshot.
That is a third of the room, nothing for the collector to walk through, and copied as it is into the
next snapshot and out of one: a session that crashes leaves no thousands of holes behind.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Self

import attrs

from actors.packing import Reader, Writer
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


def _write(writer: Writer, message: Message) -> None:
    writer.write(message.id)
    writer.write(_plain(message))


def _read(reader: Reader) -> Message:
    reader.skip()
    message: Message = _build(reader.read(), Message)
    return message


def _page_of(messages: Iterable[Message]) -> bytes:
    writer = Writer()
    for message in messages:
        _write(writer, message)
    return writer.packed()


@attrs.define(eq=False)
class MessageLog:
    """Messages whose numbers follow one another, the newest :data:`KEPT` of them.

    What is handed out is for reading; a change to it counts once it was :meth:`put`.
    """

    _first: int = attrs.field(default=1, init=False)
    """The oldest message's number."""

    _gone: int = attrs.field(default=0, init=False)
    """Messages at the front of the oldest page that are not kept any more."""

    _pages: deque[bytes] = attrs.field(factory=deque, init=False)
    """The older messages: :data:`PAGE` ids and messages each, packed."""

    _newest: deque[Message] = attrs.field(factory=deque, init=False)

    def __len__(self) -> int:
        return len(self._pages) * PAGE - self._gone + len(self._newest)

    def __iter__(self) -> Iterator[Message]:
        skipped = self._gone
        for page in self._pages:
            yield from self._messages(page, skipped)
            skipped = 0
        yield from self._newest

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MessageLog) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # it changes

    @staticmethod
    def _messages(page: bytes, skipped: int, end: int = PAGE) -> Iterator[Message]:
        """Return a page's messages after the first few, up to a place in it."""
        reader = Reader(page)
        reader.skip(2 * skipped)
        for _ in range(skipped, end):
            yield _read(reader)

    def saying(self, text: str) -> Iterator[Message]:
        """Return those with a text in them, in whatever case, the newest first."""
        wanted = text.casefold()
        yield from (each for each in reversed(self._newest) if wanted in each.text.casefold())
        for number, page in enumerate(reversed(self._pages), 1):
            oldest = number == len(self._pages)
            reader = Reader(page)
            plain = [reader.read() for _ in range(2 * PAGE)][1::2]
            kept = plain[self._gone if oldest else 0 :]
            # A message is built only where it is found: that takes longer than to look.
            found = (each for each in reversed(kept) if wanted in each["text"].casefold())
            yield from (_build(each, Message) for each in found)

    def get(self, id_: str) -> Message | None:
        """Return the message with an id, if it is in memory."""
        number = number_of(id_)
        if number is None:
            return None
        return next(iter(self.between(number, number + 1)), None)

    def between(self, start: int, end: int) -> Sequence[Message]:
        """Return those in memory with numbers from ``start`` to below ``end``."""
        # Places are counted from the oldest page's beginning.
        base = self._first - self._gone
        start = max(start - base, self._gone)
        end = min(end - base, self._gone + len(self))
        packed = len(self._pages) * PAGE
        found: list[Message] = []
        while start < min(end, packed):
            page, within = divmod(start, PAGE)
            found += self._messages(self._pages[page], within, min(end - page * PAGE, PAGE))
            start = (page + 1) * PAGE
        found += islice(self._newest, max(start - packed, 0), max(end - packed, 0))
        return found

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
        if len(self._newest) == 2 * PAGE:
            self._pages.append(_page_of(self._newest.popleft() for _ in range(PAGE)))
        if len(self) > KEPT:
            self._first += 1
            self._gone += 1
            if self._gone == PAGE:
                self._pages.popleft()
                self._gone = 0

    def put(self, message: Message) -> None:
        """Keep a message, which was handed out, as it is now.

        :raises ValueError: it is not in memory any more.
        """
        place = int(message.id) - self._first + self._gone
        if not self._gone <= place < self._gone + len(self):
            raise ValueError(f"message {message.id} is not in memory")
        page, within = divmod(place, PAGE)
        if page < len(self._pages):
            messages = list(self._messages(self._pages[page], 0))
            messages[within] = message
            self._pages[page] = _page_of(messages)
        else:
            self._newest[place - len(self._pages) * PAGE] = message

    def write(self, writer: Writer) -> None:
        """Write them as a map of ids and messages."""
        writer.open_map(len(self))
        for number, page in enumerate(self._pages):
            writer.copy(page if number else self._kept(page))
        for message in self._newest:
            _write(writer, message)

    def _kept(self, oldest: bytes) -> bytes:
        reader = Reader(oldest)
        reader.skip(2 * self._gone)
        return reader.rest()

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Return what :meth:`write` wrote, which is a map of ids and messages, oldest first."""
        log = cls()
        left = reader.open_map()
        while left >= 2 * PAGE:
            log._pages.append(reader.copy(2 * PAGE))
            left -= PAGE
        log._newest.extend(_read(reader) for _ in range(left))
        oldest = next(iter(log), None)
        log._first = 1 if oldest is None else int(oldest.id)
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
