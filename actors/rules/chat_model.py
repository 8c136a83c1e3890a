"""What a chat is made of: its state, commands and events; :mod:`actors.rules.chat` moves them."""

from datetime import datetime
from typing import Any, Literal, Protocol

import attrs

from actors.rules.base import Command, Event, Person, command, event
from actors.rules.message_log import KEPT, PAGE, MessageLog
from actors.rules.text import ID_LIMIT, NAME_LIMIT, an_id, between, invalid, up_to

TEXT_LIMIT = 4000
"""Characters of one message."""

PAGE_LIMIT = 200
"""Messages in one page at most."""

EMOJI_LIMIT = 32
"""Characters of one reaction: the longest joined emoji are below it."""

KINDS_OF_REACTION = 20
"""Different reactions on one message."""

SLOWEST = 3600
"""Seconds between two messages of one person at most."""

Standing = Literal["moderate", "oversee", "write", "read"]
"""``moderate`` is to write and to moderate, ``oversee`` to moderate without writing."""


@attrs.define
class ChatState:
    """What was said lately, and who may not speak.

    :param last: the number of the newest message; ids are these numbers, counted from 1.
    :param muted: people whose chat a host has muted.
    :param closed: whether only moderators may write.
    :param slow: seconds everybody else waits between two messages.
    :param spoke: when each person wrote last.
    """

    last: int = 0
    messages: MessageLog = attrs.field(factory=MessageLog)
    muted: set[str] = attrs.field(factory=set)
    closed: bool = False
    slow: int = 0
    spoke: dict[str, datetime] = attrs.field(factory=dict)

    @property
    def first_kept(self) -> int:
        """The number of the oldest message in memory."""
        return max(1, self.last - KEPT + 1)


class HasChat(Protocol):
    """A state with a chat."""

    chat: ChatState

    def chat_standing(self, person: Person) -> Standing | None:
        """Say what a person may do in the chat now; None: not even read it."""

    def role_of(self, person: Person) -> str:
        """Return the role to show beside a person's name."""


# Commands


def _topic_field() -> Any:
    return attrs.field(validator=(up_to(ID_LIMIT * 2), _is_topic))


def _is_topic(_: Any, __: Any, value: str) -> None:
    kind, _slash, rest = value.partition("/")
    if kind not in {"session", "room", "chat"} or not rest:
        raise invalid("topic", "A chat belongs to a session/…, room/… or chat/… topic.")


@attrs.frozen(kw_only=True)
class _OnTopic(Command):
    topic: str = _topic_field()

    @property
    def entity(self) -> str:
        return self.topic


@command("chat.send")
@attrs.frozen(kw_only=True)
class Post(_OnTopic):
    """Write a message.

    :param reply_to: the id of the message this answers.
    """

    text: str = attrs.field(validator=up_to(TEXT_LIMIT))
    reply_to: str | None = attrs.field(default=None, validator=up_to(ID_LIMIT))


@command("chat.delete")
@attrs.frozen(kw_only=True)
class Delete(_OnTopic):
    """Delete a message: one's own, or any as a host."""

    id: str = an_id()


@command("chat.react")
@attrs.frozen(kw_only=True)
class React(_OnTopic):
    """Add a reaction, or with ``on`` false take it back."""

    id: str = an_id()
    emoji: str = attrs.field(validator=up_to(EMOJI_LIMIT))
    on: bool = True


@command("chat.history")
@attrs.frozen(kw_only=True)
class History(_OnTopic):
    """Read a page of messages.

    :param before: the id the page ends before; absent: the newest page.
    """

    before: str | None = attrs.field(default=None, validator=up_to(ID_LIMIT))
    limit: int = attrs.field(default=PAGE, validator=between(1, PAGE_LIMIT))


@command("chat.search")
@attrs.frozen(kw_only=True)
class Search(_OnTopic):
    """Find messages that hold a text."""

    query: str = attrs.field(validator=up_to(NAME_LIMIT))


@attrs.frozen(kw_only=True)
class _OnSession(Command):
    session: str = an_id()
    room: str | None = attrs.field(default=None, validator=up_to(ID_LIMIT))

    @property
    def entity(self) -> str:
        return f"room/{self.session}.{self.room}" if self.room else f"session/{self.session}"


@command("chat.mute")
@attrs.frozen(kw_only=True)
class Mute(_OnSession):
    """Mute one person's chat, or without ``person`` the whole chat; ``muted`` false lifts it.

    :param room: a breakout room, if its chat is meant.
    """

    person: str | None = attrs.field(default=None, validator=up_to(ID_LIMIT))
    muted: bool = True


@command("chat.slow")
@attrs.frozen(kw_only=True)
class Slow(_OnSession):
    """Let everybody but hosts write once in ``seconds``; 0 lifts it."""

    seconds: int = attrs.field(validator=between(0, SLOWEST))


# Events


@event("chat.posted")
@attrs.frozen(kw_only=True)
class Posted(Event):
    """Somebody wrote."""

    id: str
    person: str
    name: str
    role: str
    text: str
    reply_to: str | None = None


@event("chat.deleted")
@attrs.frozen(kw_only=True)
class Deleted(Event):
    """A message became a tombstone."""

    id: str
    by: str


@event("chat.reacted")
@attrs.frozen(kw_only=True)
class Reacted(Event):
    """A reaction was added or taken back; ``count`` is how many hold it now."""

    id: str
    person: str
    emoji: str
    on: bool
    count: int


@event("chat.muted")
@attrs.frozen(kw_only=True)
class Muted(Event):
    """A person's chat, or the whole chat (``person`` null), was muted or freed."""

    person: str | None
    muted: bool
    by: str


@event("chat.slowed")
@attrs.frozen(kw_only=True)
class Slowed(Event):
    """The chat was slowed to one message a person in ``seconds``; 0: not any more."""

    seconds: int
    by: str
