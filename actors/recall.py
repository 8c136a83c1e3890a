"""Older chat than an entity keeps in memory comes from the archive (rule 21).

The entity has answered already, so whoever asks here may read the topic.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from actors.ports import Archive
from actors.rules.base import Command
from actors.rules.chat import History, Search

SEARCHED = 50
"""Messages a search finds at most."""


def recalls(command: Command) -> bool:
    """Whether a command's answer may have to be completed from the archive."""
    return isinstance(command, (History, Search))


async def recall(
    archive: Archive, command: Command, answer: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return an entity's answer, completed from the archive where it ends too early.

    :raises StorageUnavailable: the archive cannot be read.
    """
    if isinstance(command, History):
        return await _older(archive, command, answer)
    if isinstance(command, Search):
        found = await archive.chat_search(command.topic, command.query, SEARCHED)
        return {**answer, "messages": _views(found, command.by.id)} if found else answer
    return answer


async def _older(
    archive: Archive, command: History, answer: Mapping[str, Any]
) -> Mapping[str, Any]:
    messages = list(answer["messages"])
    missing = command.limit - len(messages)
    if not answer["more"] or missing <= 0:
        return answer
    before = messages[0]["id"] if messages else command.before
    older = await archive.chat_history(command.topic, before, missing + 1)
    found = _views(older[:missing], command.by.id)
    return {**answer, "messages": [*reversed(found), *messages], "more": len(older) > missing}


def _views(messages: Sequence[Mapping[str, Any]], reader: str) -> list[dict[str, Any]]:
    return [{**message, "reactions": _counted(message, reader)} for message in messages]


def _counted(message: Mapping[str, Any], reader: str) -> dict[str, Any]:
    """Count reactions, as the entity's own answers do: who reacted is nobody's business."""
    return {
        emoji: {"count": len(people), "mine": reader in people}
        for emoji, people in message["reactions"].items()
    }
