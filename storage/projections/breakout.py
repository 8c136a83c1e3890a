"""Breakout rooms, and who was assigned where, round by round (rules 25 to 33)."""

from storage.projections.model import Fact, Projection, Tables


def _round(tables: Tables, fact: Fact) -> int | None:
    rows = tables.run("SELECT max(round) FROM breakout_rooms WHERE session = ?", fact.id)
    number: int | None = rows[0][0]
    return number


def _opened(tables: Tables, fact: Fact) -> None:
    data = fact.data
    for room in data["rooms"]:
        tables.put(
            "breakout_rooms",
            {"session": fact.id, "round": data["round"], "room": room["id"]},
            name=room["name"],
            opened_at=fact.at,
            closed_at=None,
        )
    for person, room in data["assigned"].items():
        tables.put(
            "breakout_assignments",
            {"session": fact.id, "round": data["round"], "person": person},
            room=room,
            at=fact.at,
        )


def _moved(tables: Tables, fact: Fact) -> None:
    key = {"session": fact.id, "round": _round(tables, fact), "person": fact.data["person"]}
    if fact.data["assigned"] is None:
        tables.remove("breakout_assignments", key)
    else:
        tables.put("breakout_assignments", key, room=fact.data["assigned"], at=fact.at)


def _renamed(tables: Tables, fact: Fact) -> None:
    key = {"session": fact.id, "round": _round(tables, fact), "room": fact.data["room"]}
    tables.change("breakout_rooms", key, name=fact.data["name"])


def _closed(tables: Tables, fact: Fact) -> None:
    key = {"session": fact.id, "round": fact.data["round"]}
    tables.change("breakout_rooms", key, closed_at=fact.at)


PROJECTIONS: dict[str, Projection] = {
    "breakout.opened": _opened,
    "breakout.moved": _moved,
    "breakout.renamed": _renamed,
    "breakout.closed": _closed,
}
