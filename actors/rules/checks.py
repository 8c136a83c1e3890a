"""More validators of what people write: ids that name entities, and links."""

import re
from typing import Any

import attrs

from actors.rules.text import ID_LIMIT, Validator, invalid

ADDRESS_LIMIT = 2000
"""Characters of a link's address."""

_ID = re.compile(r"[A-Za-z0-9_-]+")
_SCHEMES = ("https://", "http://", "mailto:")


def identifier(value: str, path: str = "id") -> str:
    """Return the id of an event, company or session.

    Dots and slashes separate the parts of entities' names, so these ids hold none.

    :raises Refused: ``invalid_params``.
    """
    if len(value) > ID_LIMIT or not _ID.fullmatch(value):
        raise invalid(path, f"{path} is 1 to {ID_LIMIT} letters, digits, underscores and hyphens.")
    return value


def entity_id() -> Validator:
    """Return the validator of an event's, company's or session's id."""

    def validate(_: Any, attribute: "attrs.Attribute[Any]", value: str | None) -> None:
        if value is not None:
            identifier(value, attribute.name)

    return validate


def is_address(path: str, value: str) -> str:
    """Return a link's address if a browser may open it without running anything.

    :raises Refused: ``invalid_params``, too long or neither http, https nor mailto.
    """
    if len(value) > ADDRESS_LIMIT or not value.lower().startswith(_SCHEMES):
        raise invalid(path, f"{path} must be a link that begins with https://, http:// or mailto:.")
    return value


def person(value: str, path: str = "person") -> str:
    """Return the id of a person, which may hold anything but blanks at its ends.

    :raises Refused: ``invalid_params``.
    """
    if not value or len(value) > ID_LIMIT or value != value.strip():
        raise invalid(path, f"{path} must hold ids of people.")
    return value
