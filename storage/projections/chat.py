"""Chat messages and their reactions, of sessions, rooms and 1-1 chats (rule 21)."""

from storage.projections.model import Fact, Projection, Tables


def _posted(tables: Tables, fact: Fact) -> None:
    data = fact.data
    tables.put(
        "chat_messages",
        {"topic": fact.entity, "number": int(data["id"])},
        position=fact.position,
        person=data["person"],
        name=data["name"],
        role=data["role"],
        text=data["text"],
        at=fact.at,
        reply_to=data.get("reply_to"),
    )


def _deleted(tables: Tables, fact: Fact) -> None:
    number = int(fact.data["id"])
    tables.change(
        "chat_messages",
        {"topic": fact.entity, "number": number},
        text="",
        deleted_at=fact.at,
        deleted_by=fact.data["by"],
    )
    tables.remove("chat_reactions", {"topic": fact.entity, "number": number})


def _reacted(tables: Tables, fact: Fact) -> None:
    key = {
        "topic": fact.entity,
        "number": int(fact.data["id"]),
        "emoji": fact.data["emoji"],
        "person": fact.data["person"],
    }
    if fact.data["on"]:
        tables.add("chat_reactions", key, at=fact.at)
    else:
        tables.remove("chat_reactions", key)


PROJECTIONS: dict[str, Projection] = {
    "chat.posted": _posted,
    "chat.deleted": _deleted,
    "chat.reacted": _reacted,
}
