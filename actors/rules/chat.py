"""Chat (rules 21, 28, 33), shared by sessions, breakout rooms and 1-1 chats.

A part for any state that is a :class:`HasChat`: give this module to :class:`parts.Parts`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from actors.errors import Refused
from actors.rules.base import Command, Event, Person
from actors.rules.chat_model import (
    KINDS_OF_REACTION,
    ChatState,
    Delete,
    Deleted,
    HasChat,
    History,
    Mute,
    Muted,
    Post,
    Posted,
    React,
    Reacted,
    Search,
    Slow,
    Slowed,
    Standing,
)
from actors.rules.message_log import DIGITS, PAGE, Message, number_of
from actors.rules.records import iso
from actors.rules.text import invalid

MODERATORS = frozenset({"moderate", "oversee"})


def standing(state: HasChat, person: Person) -> Standing:
    """Return what a person may do in the chat.

    :raises Refused: not even read it.
    """
    result = state.chat_standing(person)
    if result is None:
        raise Refused("forbidden", "This chat is for those who take part.")
    return result


def _moderator(state: HasChat, person: Person) -> None:
    if standing(state, person) not in MODERATORS:
        raise Refused("forbidden", "Only hosts moderate the chat.")


def _post(state: HasChat, command: Post, now: datetime) -> Sequence[Event]:
    by, chat = command.by, state.chat
    _may_post(chat, standing(state, by), by.id, now)
    if command.reply_to is not None and not _existed(chat, command.reply_to):
        raise Refused("not_found", "The message you answer is not there.")
    return [
        Posted(
            at=now,
            id=str(chat.last + 1),
            person=by.id,
            name=by.name,
            role=state.role_of(by),
            text=command.text,
            reply_to=command.reply_to,
        )
    ]


def _may_post(chat: ChatState, rank: Standing, person: str, now: datetime) -> None:
    if rank == "moderate":
        return
    if rank in {"read", "oversee"}:
        raise Refused("wrong_state", "This chat can be read, but not written in now.")
    if chat.closed or person in chat.muted:
        raise Refused("forbidden", "A host has muted the chat.")
    if chat.slow and person in chat.spoke:
        wait = chat.spoke[person] + timedelta(seconds=chat.slow) - now
        if wait > timedelta():
            raise Refused(
                "rate_limited",
                f"One message in {chat.slow} seconds.",
                retry_after=round(wait.total_seconds(), 3),
            )


def _existed(chat: ChatState, id_: str) -> bool:
    number = number_of(id_)
    return number is not None and number <= chat.last


def _found(chat: ChatState, id_: str) -> Message:
    message = chat.messages.get(id_)
    if message is None:
        raise Refused("not_found", "This message is not there, or too old.")
    return message


def _delete(state: HasChat, command: Delete, now: datetime) -> Sequence[Event]:
    rank, chat = standing(state, command.by), state.chat
    if rank in MODERATORS and _existed(chat, command.id) and chat.messages.get(command.id) is None:
        # Too old for memory: the archive marks it.
        return [Deleted(at=now, id=command.id, by=command.by.id)]
    message = _found(chat, command.id)
    if rank not in MODERATORS and message.person != command.by.id:
        raise Refused("forbidden", "Only its author or a host deletes a message.")
    return () if message.deleted else [Deleted(at=now, id=message.id, by=command.by.id)]


def _react(state: HasChat, command: React, now: datetime) -> Sequence[Event]:
    rank, chat, by = standing(state, command.by), state.chat, command.by.id
    if rank in {"read", "oversee"}:
        raise Refused("wrong_state", "This chat can only be read now.")
    if rank == "write" and by in chat.muted:
        raise Refused("forbidden", "A host has muted the chat.")
    message = _found(chat, command.id)
    if message.deleted:
        raise Refused("wrong_state", "This message was deleted.")
    people = message.reactions.get(command.emoji, set())
    if (by in people) == command.on:
        return ()
    if not people and len(message.reactions) >= KINDS_OF_REACTION:
        raise Refused("too_large", "This message has enough different reactions.")
    count = len(people) + (1 if command.on else -1)
    return [
        Reacted(at=now, id=message.id, person=by, emoji=command.emoji, on=command.on, count=count)
    ]


def _mute(state: HasChat, command: Mute, now: datetime) -> Sequence[Event]:
    _moderator(state, command.by)
    chat, person = state.chat, command.person
    muted = chat.closed if person is None else person in chat.muted
    if muted == command.muted:
        return ()
    return [Muted(at=now, person=person, muted=command.muted, by=command.by.id)]


def _slow(state: HasChat, command: Slow, now: datetime) -> Sequence[Event]:
    _moderator(state, command.by)
    if command.seconds == state.chat.slow:
        return ()
    return [Slowed(at=now, seconds=command.seconds, by=command.by.id)]


def _read(state: HasChat, command: History | Search, now: datetime) -> Sequence[Event]:  # noqa: ARG001  the shape of a decide function
    standing(state, command.by)
    if isinstance(command, History) and command.before is not None:
        _number(command.before)
    return ()


def _number(id_: str) -> int:
    if not (id_.isascii() and id_.isdecimal()) or len(id_) > DIGITS:
        raise invalid("before", "before is the id of a message.")
    return int(id_)


# Evolve


def _on_posted(state: HasChat, event: Posted) -> None:
    chat = state.chat
    chat.last = int(event.id)
    chat.messages.append(
        Message(
            id=event.id,
            person=event.person,
            name=event.name,
            role=event.role,
            text=event.text,
            at=event.at,
            reply_to=event.reply_to,
        )
    )
    chat.spoke[event.person] = event.at


def _on_deleted(state: HasChat, event: Deleted) -> None:
    message = state.chat.messages.get(event.id)
    if message is not None:
        message.deleted = True
        message.text = ""
        message.reactions = {}
        state.chat.messages.put(message)


def _on_reacted(state: HasChat, event: Reacted) -> None:
    message = state.chat.messages.get(event.id)
    if message is None:
        return
    people = message.reactions.setdefault(event.emoji, set())
    if event.on:
        people.add(event.person)
    else:
        people.discard(event.person)
        if not people:
            del message.reactions[event.emoji]
    state.chat.messages.put(message)


def _on_muted(state: HasChat, event: Muted) -> None:
    if event.person is None:
        state.chat.closed = event.muted
    elif event.muted:
        state.chat.muted.add(event.person)
    else:
        state.chat.muted.discard(event.person)


def _on_slowed(state: HasChat, event: Slowed) -> None:
    state.chat.slow = event.seconds


# Views


def message_view(message: Message, reader: str) -> dict[str, Any]:
    """Return a message as ``reader`` sees it: reactions as counts, with their own marked."""
    return {
        "id": message.id,
        "person": message.person,
        "name": message.name,
        "role": message.role,
        "text": message.text,
        "at": iso(message.at),
        "reply_to": message.reply_to,
        "deleted": message.deleted,
        "reactions": {
            emoji: {"count": len(people), "mine": reader in people}
            for emoji, people in message.reactions.items()
        },
    }


def page(chat: ChatState, reader: str, before: int | None, limit: int) -> dict[str, Any]:
    """Return up to ``limit`` messages before a number, oldest first.

    ``more`` says whether older ones exist. A page that is short of its limit although there is
    more ends where memory ends: the rest is in the archive.
    """
    end = chat.last + 1 if before is None else min(before, chat.last + 1)
    start = max(chat.first_kept, end - limit)
    found = chat.messages.between(start, end)
    return {
        "messages": [message_view(message, reader) for message in found],
        "more": start > 1 and end > 1,
    }


def chat_view(state: HasChat, person: Person) -> dict[str, Any]:
    """Return the chat's share of a snapshot: settings and the newest page."""
    chat = state.chat
    return {
        "closed": chat.closed,
        "slow": chat.slow,
        "muted": sorted(chat.muted)
        if state.chat_standing(person) in MODERATORS
        else sorted(chat.muted & {person.id}),
        **page(chat, person.id, None, PAGE),
    }


def _answer_post(
    state: HasChat, command: Post, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events, now
    (message,) = state.chat.messages.between(state.chat.last, state.chat.last + 1)
    return {"message": message_view(message, command.by.id)}


def _answer_one(
    state: HasChat, command: Delete | React, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events, now
    message = state.chat.messages.get(command.id)
    return {"message": message_view(message, command.by.id)} if message else {}


def _answer_history(
    state: HasChat, command: History, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events, now
    before = None if command.before is None else _number(command.before)
    return page(state.chat, command.by.id, before, command.limit)


def _answer_search(
    state: HasChat, command: Search, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events, now
    found = islice(state.chat.messages.saying(command.query), PAGE)
    return {"messages": [message_view(message, command.by.id) for message in found]}


def _answer_settings(
    state: HasChat, command: Command, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del command, events, now
    chat = state.chat
    return {"closed": chat.closed, "slow": chat.slow, "muted": sorted(chat.muted)}


DECIDE = {
    Post: _post,
    Delete: _delete,
    React: _react,
    Mute: _mute,
    Slow: _slow,
    History: _read,
    Search: _read,
}
EVOLVE = {
    Posted: _on_posted,
    Deleted: _on_deleted,
    Reacted: _on_reacted,
    Muted: _on_muted,
    Slowed: _on_slowed,
}
ANSWER = {
    Post: _answer_post,
    Delete: _answer_one,
    React: _answer_one,
    History: _answer_history,
    Search: _answer_search,
    Mute: _answer_settings,
    Slow: _answer_settings,
}

__all__ = [
    "ANSWER",
    "DECIDE",
    "EVOLVE",
    "KINDS_OF_REACTION",
    "ChatState",
    "Delete",
    "Deleted",
    "HasChat",
    "History",
    "Mute",
    "Muted",
    "Post",
    "Posted",
    "React",
    "Reacted",
    "Search",
    "Slow",
    "Slowed",
    "Standing",
    "chat_view",
    "message_view",
    "page",
    "standing",
]
