"""Which parts of plain data a person wrote, or say who they are.

The journal's data and the snapshots' states are plain data of many shapes, and snapshots of older
shapes stay in use. So this goes by the names of members, which the rules use alike everywhere. In
doubt it blanks too much of a forgotten person's surroundings rather than too little.
"""

from collections.abc import Mapping
from typing import Any

SUBJECTS = ("person", "owner", "author", "asker", "party", "employee", "participant", "id")
"""Members that name whom an object is about."""
WRITERS = ("by", "author", "answered_by")
"""Members that name who wrote an object's words."""
NAMES = frozenset({"name", "by_name", "author_name", "person_name", "answered_by_name"})
WORDS = frozenset(
    {
        "text",
        "message",
        "question",
        "answer",
        "reason",
        "note",
        "where",
        "diagnostics",
        "about",
        "draft_about",
        "background",
        "experience",
        "languages",
        "topics",
        "thread",
    }
)
KEYED_WORDS = frozenset({"notes"})
"""Objects whose values are words, by the id of who wrote them."""
NOT_PEOPLE = frozenset({"company", "companies", "event", "plan", "profile", "program"})
"""Members under which an ``id`` is not a person's."""


def blank(value: Any, person: str, *, own: bool = False, under: str = "") -> Any:
    """Return plain data with a person's words and names emptied.

    :param own: whether all of it is theirs, whoever it names.
    :param under: the name of the member that ``value`` stands under.
    """
    if isinstance(value, list):
        return [blank(each, person, own=own, under=under) for each in value]
    if not isinstance(value, Mapping):
        return value
    about = own or _is_about(value, person, under)
    wrote = about or any(_names(value.get(name), person) for name in WRITERS)
    return {
        key: _member(key, item, person, under, own=own, about=about, wrote=wrote)
        for key, item in value.items()
    }


def _member(
    key: Any, item: Any, person: str, under: str, *, own: bool, about: bool, wrote: bool
) -> Any:
    if key in WORDS and wrote and not _is_thread(key, item):
        return empty(item)
    if key in NAMES and (about or (wrote and key != "name")):
        return empty(item)
    if key == person and under in KEYED_WORDS:
        return empty(item)
    return blank(item, person, own=own or key == person, under=str(key))


def _is_thread(key: str, item: Any) -> bool:
    """Say whether the words have writers of their own, who are asked one by one."""
    return key == "thread" or (
        isinstance(item, Mapping) and any(name in item for name in ("by", "person"))
    )


def _is_about(value: Mapping[str, Any], person: str, under: str) -> bool:
    if "employee" in value and "participant" in value:  # what is said is between the two
        return any(_names(value[side], person) for side in ("employee", "participant"))
    return any(
        _names(value.get(name), person)
        for name in SUBJECTS
        if not (name == "id" and under in NOT_PEOPLE)
    )


def _names(value: Any, person: str) -> bool:
    return value == person or (isinstance(value, Mapping) and value.get("id") == person)


def empty(value: Any) -> Any:
    """Return the empty value of the same shape, so that what was valid stays valid."""
    if isinstance(value, str):
        return ""
    if isinstance(value, Mapping):
        return {key: empty(item) for key, item in value.items()}
    return [] if isinstance(value, list) else value
