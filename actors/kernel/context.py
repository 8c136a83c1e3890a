"""Which actor is running here, and which is being built."""

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.kernel.cell import Cell

current: ContextVar["Cell | None"] = ContextVar("current_actor", default=None)
"""The cell whose task this is; tasks a handler starts inherit it."""

nascent: ContextVar["Cell | None"] = ContextVar("nascent_actor", default=None)
"""The cell whose actor is being built."""


def waits_for(cell: Any, goal: Any) -> bool:
    """Return whether ``cell`` is ``goal``, or waits (through others) for an answer from it."""
    seen = set()
    todo = [cell]
    while todo:
        here = todo.pop()
        if here is goal:
            return True
        if id(here) not in seen:
            seen.add(id(here))
            todo.extend(future.target for future in here.awaiting or ())
    return False
