"""1-1 chats: agendas, their slots, meetings and private notes (rules 37 to 45)."""

from datetime import timedelta
from typing import Any

from actors.rules.records import instant, iso
from storage.projections.model import Fact, Projection, Tables

STATES = (
    "requested",
    "withdrawn",
    "approved",
    "declined",
    "confirmed",
    "reschedule_proposed",
    "rescheduled",
    "reschedule_refused",
    "moved",
    "reassign_offered",
    "reassigned",
    "reassign_refused",
    "cancelled",
    "met",
    "completed",
    "no_show",
    "missed",
)
"""Types of ``meeting.*`` events that carry the whole meeting."""


def _drafted(tables: Tables, fact: Fact) -> None:
    data = fact.data
    owner = {"event": data["event"], "person": data["owner"]}
    party, about = data["party"], data.get("about")
    tables.put("agendas", owner, name=party["name"], company=party["company"], zone=data["zone"])
    if about is not None:
        tables.change("agendas", owner, draft_about=about)
    tables.run(
        "DELETE FROM slots WHERE event = ? AND person = ? AND day = ? AND published = 0",
        data["event"],
        data["owner"],
        data["day"],
    )
    length = timedelta(minutes=data["minutes"])
    for start in data["starts"]:
        tables.put(
            "slots",
            {**owner, "starts_at": start, "published": 0},
            day=data["day"],
            minutes=data["minutes"],
            ends_at=iso(instant(start) + length),
        )
    tables.put("agenda_days", {**owner, "day": data["day"]}, drafted=1)


def _published(tables: Tables, fact: Fact) -> None:
    event, person = fact.data["event"], fact.data["owner"]
    tables.run(
        "DELETE FROM slots WHERE event = ?1 AND person = ?2 AND published = 1 AND day IN"
        " (SELECT day FROM agenda_days WHERE event = ?1 AND person = ?2 AND drafted = 1)",
        event,
        person,
    )
    tables.run(
        "INSERT OR REPLACE INTO slots (event, person, starts_at, published, day, minutes, ends_at)"
        " SELECT event, person, starts_at, 1, day, minutes, ends_at FROM slots"
        " WHERE event = ? AND person = ? AND published = 0",
        event,
        person,
    )
    tables.run("UPDATE agenda_days SET drafted = 0 WHERE event = ? AND person = ?", event, person)
    tables.run(
        "UPDATE agendas SET about = coalesce(draft_about, about), published_at = ?"
        " WHERE event = ? AND person = ?",
        fact.at,
        event,
        person,
    )


def _side(prefix: str, party: dict[str, Any]) -> dict[str, Any]:
    return {prefix: party["id"], f"{prefix}_name": party["name"]}


def _changed(tables: Tables, fact: Fact) -> None:
    meeting = fact.data["meeting"]
    tables.put(
        "meetings",
        {"id": meeting["id"]},
        event=meeting["event"],
        **_side("employee", meeting["employee"]),
        company=meeting["employee"]["company"],
        **_side("participant", meeting["participant"]),
        initiator=meeting["initiator"],
        state=meeting["state"],
        message=meeting["message"],
        question=meeting["question"],
        answer=meeting["answer"],
        reason=meeting["reason"],
        refer=meeting["refer"],
        starts_at=meeting["start"],
        ends_at=meeting["end"],
        proposal=meeting["proposal"],
        missing=meeting["missing"],
        revision=meeting["revision"],
        requested_at=meeting["created_at"],
        changed_at=meeting["changed_at"],
    )


def _joined(tables: Tables, fact: Fact) -> None:
    tables.add(
        "attendance",
        {"topic": fact.entity, "person": fact.data["person"], "joined_at": fact.at},
    )


def _left(tables: Tables, fact: Fact) -> None:
    tables.change(
        "attendance",
        {"topic": fact.entity, "person": fact.data["person"], "left_at": None},
        left_at=fact.at,
    )


def _ended(tables: Tables, fact: Fact) -> None:
    tables.change("attendance", {"topic": fact.entity, "left_at": None}, left_at=fact.at)
    tables.change("meetings", {"id": fact.id}, ended_at=fact.at)


def _noted(tables: Tables, fact: Fact) -> None:
    tables.put(
        "meeting_notes",
        {"meeting": fact.id, "person": fact.data["person"]},
        text=fact.data["text"],
        at=fact.at,
    )


PROJECTIONS: dict[str, Projection] = {
    "agenda.drafted": _drafted,
    "agenda.published": _published,
    "meeting.joined": _joined,
    "meeting.left": _left,
    "meeting.ended": _ended,
    "meeting.noted": _noted,
    **{f"meeting.{state}": _changed for state in STATES},
}
