"""Events, their companies and bans, and what people were notified of (rules 22, 24, 49)."""

from storage.projections.model import Fact, Projection, Tables


def _changed(tables: Tables, fact: Fact) -> None:
    event = fact.data["event"]
    tables.put(
        "events",
        {"id": event["id"]},
        name=event["name"],
        time_zone=event["time_zone"],
        days=event["days"],
        one_to_one=event["one_to_one"],
    )


def _banned(tables: Tables, fact: Fact) -> None:
    tables.put(
        "event_bans",
        {"event": fact.id, "person": fact.data["person"]},
        by=fact.data["by"],
        message=fact.data["message"],
        at=fact.at,
    )


def _unbanned(tables: Tables, fact: Fact) -> None:
    tables.remove("event_bans", {"event": fact.id, "person": fact.data["person"]})


def _listed(tables: Tables, fact: Fact) -> None:
    company = fact.data["company"]
    tables.put("companies", {"id": company["id"]}, event=fact.id, name=company["name"])


def _notified(tables: Tables, fact: Fact) -> None:
    event, person = fact.scoped
    tables.put(
        "notifications",
        {"event": event, "person": person, "id": fact.data["id"], "seq": fact.seq},
        kind=fact.data["kind"],
        data=fact.data["data"],
        at=fact.at,
    )


def _read(tables: Tables, fact: Fact) -> None:
    event, person = fact.scoped
    for given in fact.data["ids"]:
        tables.change(
            "notifications",
            {"event": event, "person": person, "id": given, "read_at": None},
            read_at=fact.at,
        )


PROJECTIONS: dict[str, Projection] = {
    "event.changed": _changed,
    "event.banned": _banned,
    "event.unbanned": _unbanned,
    "company.listed": _listed,
    "notification.added": _notified,
    "notifications.read": _read,
}
