"""Checks of what people send in, each with a refusal that names the member at fault."""

import re

from actors.errors import Refused

MAX_ID = 128
"""Characters of an id."""

MAX_NAME = 200
"""Characters of a name or title."""

MAX_MESSAGE = 1000
"""Characters of a message that goes with a request or a decision."""

_ID = re.compile(r"[A-Za-z0-9_-]+")


def invalid(message: str, path: str) -> Refused:
    """Return the refusal of a param, ``path`` naming it."""
    return Refused("invalid_params", message, path=path)


def text(value: str, limit: int, path: str, *, empty: bool = False) -> str:
    """Return a text without its surrounding blanks.

    :raises Refused: ``invalid_params``, it is empty or longer than ``limit`` characters.
    """
    stripped = value.strip()
    if not stripped and not empty:
        raise invalid(f"{path} must not be empty.", path)
    if len(stripped) > limit:
        raise invalid(f"{path} has more than {limit} characters.", path)
    return stripped


def name(value: str, path: str = "name") -> str:
    """Return a checked name.

    :raises Refused: ``invalid_params``.
    """
    return text(value, MAX_NAME, path)


def identifier(value: str, path: str = "id") -> str:
    """Return the id of an event, company or session: letters, digits, ``_`` and ``-``.

    Dots and slashes separate the parts of entity names, so no id may hold one.

    :raises Refused: ``invalid_params``.
    """
    if len(value) > MAX_ID or not _ID.fullmatch(value):
        raise invalid(
            f"{path} must be 1 to {MAX_ID} letters, digits, underscores or hyphens.", path
        )
    return value


def person(value: str, path: str = "person") -> str:
    """Return a person's id, which may hold anything but blanks at its ends.

    :raises Refused: ``invalid_params``.
    """
    if not value or len(value) > MAX_ID or value != value.strip():
        raise invalid(f"{path} must be the id of a person.", path)
    return value


def web_address(value: str, path: str, limit: int = 2000) -> str:
    """Return a link's address, which a browser may open without running anything.

    :raises Refused: ``invalid_params``, not http, https or mailto.
    """
    checked = text(value, limit, path)
    if not checked.lower().startswith(("https://", "http://", "mailto:")):
        raise invalid(f"{path} must begin with https://, http:// or mailto:.", path)
    return checked
