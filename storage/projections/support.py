"""Support tickets with their threads, and the companies' profiles (rules 22, 23)."""

from collections.abc import Mapping
from typing import Any

from storage.projections.model import Fact, Projection, Tables


def _wrote(tables: Tables, fact: Fact, ticket: str, number: int, words: Mapping[str, Any]) -> None:
    tables.put(
        "ticket_messages",
        {"event": fact.id, "ticket": ticket, "seq": fact.seq, "number": number},
        person=words["by"]["id"],
        name=words["by"]["name"],
        staff=words["staff"],
        text=words["text"],
        at=words["at"],
    )


def _asked(tables: Tables, fact: Fact) -> None:
    ticket = fact.data["ticket"]
    tables.put(
        "tickets",
        {"event": fact.id, "id": ticket["id"]},
        person=ticket["person"]["id"],
        name=ticket["person"]["name"],
        state=ticket["state"],
        place=ticket["where"],
        diagnostics=ticket["diagnostics"],
        asked_at=ticket["asked_at"],
        changed_at=ticket["changed_at"],
    )
    for number, words in enumerate(ticket["thread"]):
        _wrote(tables, fact, ticket["id"], number, words)


def _replied(tables: Tables, fact: Fact) -> None:
    data = fact.data
    _wrote(tables, fact, data["id"], 0, data["message"])
    key = {"event": fact.id, "id": data["id"]}
    tables.change("tickets", key, state=data["state"], changed_at=fact.at)


def _resolved(tables: Tables, fact: Fact) -> None:
    tables.change(
        "tickets",
        {"event": fact.id, "id": fact.data["id"]},
        state="resolved",
        changed_at=fact.at,
        resolved_by=fact.data["by"]["id"],
    )


def _profile(tables: Tables, fact: Fact) -> None:
    company = fact.data["company"]
    tables.put(
        "companies",
        {"id": fact.id},
        event=company["event"],
        name=company["name"],
        info=company["info"],
        links=company["links"],
        faqs=company["faqs"],
        jobs=company["jobs"],
        changed_at=fact.at,
    )


def _quota(tables: Tables, fact: Fact) -> None:
    tables.put("companies", {"id": fact.id}, slots=fact.data["slots"])


PROJECTIONS: dict[str, Projection] = {
    "support.asked": _asked,
    "support.replied": _replied,
    "support.resolved": _resolved,
    "company.changed": _profile,
    "company.quota": _quota,
}
