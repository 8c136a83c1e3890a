"""Sessions: their plan and course, registrations, attendance and bans (rules 1 to 8, 24)."""

from datetime import timedelta

from actors.rules.records import instant, iso
from storage.projections.model import Fact, Projection, Tables


def _planned(tables: Tables, fact: Fact) -> None:
    plan = fact.data["plan"]
    length = timedelta(minutes=plan["minutes"])
    tables.add("sessions", {"id": fact.id}, state="scheduled")
    tables.change(
        "sessions",
        {"id": fact.id},
        event=fact.data["facts"]["event"],
        title=plan["title"],
        kind=plan["kind"],
        company=plan["company"],
        hosts=plan["hosts"],
        starts_at=plan["start"],
        ends_at=iso(instant(plan["start"]) + length),
        capacity=plan["capacity"],
    )


def _backstage(tables: Tables, fact: Fact) -> None:
    tables.change("sessions", {"id": fact.id}, state="backstage")


def _started(tables: Tables, fact: Fact) -> None:
    tables.change("sessions", {"id": fact.id}, state="live", started_at=fact.at)


def _ended(tables: Tables, fact: Fact) -> None:
    tables.change("sessions", {"id": fact.id}, state="ended", ended_at=fact.at)
    _everybody_out(tables, fact)


def _cancelled(tables: Tables, fact: Fact) -> None:
    tables.change("sessions", {"id": fact.id}, state="cancelled", ended_at=fact.at)
    _everybody_out(tables, fact)


def _everybody_out(tables: Tables, fact: Fact) -> None:
    tables.change("attendance", {"topic": fact.entity, "left_at": None}, left_at=fact.at)


def _booked(state: str) -> Projection:
    def project(tables: Tables, fact: Fact) -> None:
        tables.put(
            "registrations",
            {"session": fact.id, "person": fact.data["person"]},
            name=fact.data["name"],
            state=state,
            at=fact.at,
        )

    return project


def _unregistered(tables: Tables, fact: Fact) -> None:
    tables.remove("registrations", {"session": fact.id, "person": fact.data["person"]})


def _joined(tables: Tables, fact: Fact) -> None:
    data = fact.data
    tables.put(
        "attendance",
        {"topic": fact.entity, "person": data["person"], "joined_at": fact.at},
        name=data["name"],
        role="host" if data["host"] else data["role"],
        left_at=None,
    )


def _left(tables: Tables, fact: Fact) -> None:
    tables.change(
        "attendance",
        {"topic": fact.entity, "person": fact.data["person"], "left_at": None},
        left_at=fact.at,
    )


def _banned(tables: Tables, fact: Fact) -> None:
    tables.put(
        "session_bans",
        {"session": fact.id, "person": fact.data["person"]},
        by=fact.data["by"],
        at=fact.at,
    )


def _unbanned(tables: Tables, fact: Fact) -> None:
    tables.remove("session_bans", {"session": fact.id, "person": fact.data["person"]})


PROJECTIONS: dict[str, Projection] = {
    "session.created": _planned,
    "session.changed": _planned,
    "session.backstage": _backstage,
    "session.started": _started,
    "session.ended": _ended,
    "session.cancelled": _cancelled,
    "session.registered": _booked("registered"),
    "session.promoted": _booked("registered"),
    "session.queued": _booked("waiting"),
    "session.unregistered": _unregistered,
    "session.joined": _joined,
    "session.left": _left,
    "people.banned": _banned,
    "people.unbanned": _unbanned,
}
