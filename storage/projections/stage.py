"""Who asked for the stage, what was decided, and how long they were on screen (rules 9 to 18).

A row of ``stage`` is one turn: from the request or the invitation to its end.
"""

from typing import Any

from storage.projections.model import Fact, Projection, Tables

OVER = "('withdrawn', 'declined', 'uninvited', 'refused', 'cancelled', 'missed', 'left')"
"""States in which a turn has ended."""


def _turn(tables: Tables, fact: Fact) -> dict[str, Any] | None:
    """Return the key of a person's turn that is not over."""
    person = fact.data["person"]
    rows = tables.run(
        "SELECT max(turn) FROM stage WHERE session = ? AND person = ?"  # noqa: S608  a constant
        f" AND state NOT IN {OVER}",
        fact.id,
        person,
    )
    turn = rows[0][0]
    return None if turn is None else {"session": fact.id, "person": person, "turn": turn}


def _begin(tables: Tables, fact: Fact, **values: Any) -> None:
    key = _turn(tables, fact) or {
        "session": fact.id,
        "person": fact.data["person"],
        "turn": fact.seq,
    }
    tables.put("stage", key, **values)


def _requested(tables: Tables, fact: Fact) -> None:
    data = fact.data
    _begin(
        tables,
        fact,
        name=data["name"],
        state="pending",
        mic=data["mic"],
        camera=data["camera"],
        requested_at=fact.at,
    )


def _invited(tables: Tables, fact: Fact) -> None:
    _begin(
        tables,
        fact,
        name=fact.data["name"],
        state="invited",
        invited_by=fact.data["by"],
        requested_at=fact.at,
    )


def _accepted(tables: Tables, fact: Fact) -> None:
    data = fact.data
    _begin(
        tables,
        fact,
        name=data["name"],
        state="accepted",
        mic=data["mic"],
        camera=data["camera"],
        decided_by=data["by"],
        decided_at=fact.at,
    )


def _declined(tables: Tables, fact: Fact) -> None:
    _go(
        tables,
        fact,
        state="declined",
        decided_by=fact.data["by"],
        decided_at=fact.at,
        message=fact.data["message"],
    )


def _answered(tables: Tables, fact: Fact) -> None:
    if not fact.data["accept"]:
        _go(tables, fact, state="refused")


def _countdown(tables: Tables, fact: Fact) -> None:
    _go(tables, fact, state="countdown")


def _entered(tables: Tables, fact: Fact) -> None:
    data = fact.data
    _begin(
        tables,
        fact,
        name=data["name"],
        state="on_screen",
        mic=data["mic"],
        camera=data["camera"],
        entered_at=fact.at,
    )


def _left(tables: Tables, fact: Fact) -> None:
    removed_by = fact.data.get("by") if fact.data["reason"] == "removed" else None
    _go(tables, fact, state="left", left_at=fact.at, removed_by=removed_by)


def _into(state: str) -> Projection:
    return lambda tables, fact: _go(tables, fact, state=state)


def _go(tables: Tables, fact: Fact, **values: Any) -> None:
    key = _turn(tables, fact)
    if key is not None:
        tables.change("stage", key, **values)


PROJECTIONS: dict[str, Projection] = {
    "stage.requested": _requested,
    "stage.withdrawn": _into("withdrawn"),
    "stage.accepted": _accepted,
    "stage.declined": _declined,
    "stage.invited": _invited,
    "stage.uninvited": _into("uninvited"),
    "stage.answered": _answered,
    "stage.countdown": _countdown,
    "stage.cancelled": _into("cancelled"),
    "stage.missed": _into("missed"),
    "stage.entered": _entered,
    "stage.left": _left,
}
