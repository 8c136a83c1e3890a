"""Shorter texts than the rules allow, where the operator wants that.

The rules bound every text themselves, so that their states have a bound whatever is configured;
here what clients and the server API send is held to less.
"""

from collections.abc import Mapping
from typing import Any

import attrs

from actors.errors import Refused
from actors.rules.base import COMMANDS, Command
from actors.rules.text import limit_of


class TextLengths:
    """The lengths of one server.

    :param lengths: characters, by method and member: ``chat.send.text``.
    """

    def __init__(self, lengths: Mapping[str, int]) -> None:
        self._by_method: dict[str, dict[str, int]] = {}
        for name, length in lengths.items():
            method, _, member = name.rpartition(".")
            self._by_method.setdefault(method, {})[member] = length

    def check(self, command: Command) -> None:
        """Look at a command's texts.

        :raises Refused: ``invalid_params``, with the ``path`` of one that is too long.
        """
        for member, length in self._by_method.get(command.method, {}).items():
            text: Any = getattr(command, member)
            if text is not None and len(text) > length:
                problem = f"{member} has {len(text)} characters; {length} are allowed."
                raise Refused("invalid_params", problem, path=member)


def longest(name: str) -> int | None:
    """Return the characters the rules allow a text; None if there is no such text.

    :param name: its command's method and its member: ``chat.send.text``.
    """
    method, _, member = name.rpartition(".")
    cls = COMMANDS.get(method)
    found = [field for field in attrs.fields(cls) if field.name == member] if cls else []
    return limit_of(found[0].validator) if found else None
