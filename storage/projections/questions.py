"""Questions and votes (rule 20).

The table knows who asked an anonymous question, as organizers may look it up; an export leaves it
out.
"""

from typing import Any

from storage.projections.model import Fact, Projection, Tables


def _key(fact: Fact) -> dict[str, Any]:
    return {"session": fact.id, "id": fact.data["id"]}


def _asked(tables: Tables, fact: Fact) -> None:
    data = fact.data
    tables.put(
        "questions",
        _key(fact),
        position=fact.position,
        person=data["author"],
        name=data["author_name"],
        anonymous=data["anonymous"],
        text=data["text"],
        state="open",
        votes=0,
        asked_at=fact.at,
        changed_at=fact.at,
    )


def _voted(tables: Tables, fact: Fact) -> None:
    data = fact.data
    key = {"session": fact.id, "question": data["id"], "person": data["person"]}
    if data["on"]:
        tables.add("votes", key, at=fact.at)
    else:
        tables.remove("votes", key)
    tables.change("questions", _key(fact), votes=data["votes"])


def _into(state: str) -> Projection:
    def project(tables: Tables, fact: Fact) -> None:
        tables.change("questions", _key(fact), state=state, changed_at=fact.at)

    return project


def _answered(tables: Tables, fact: Fact) -> None:
    tables.change(
        "questions",
        _key(fact),
        state="answered",
        answer=fact.data["text"],
        answered_by=fact.data["by"],
        changed_at=fact.at,
    )


def _deleted(tables: Tables, fact: Fact) -> None:
    tables.remove("questions", _key(fact))
    tables.remove("votes", {"session": fact.id, "question": fact.data["id"]})


PROJECTIONS: dict[str, Projection] = {
    "qa.asked": _asked,
    "qa.voted": _voted,
    "qa.lived": _into("live"),
    "qa.answered": _answered,
    "qa.dismissed": _into("dismissed"),
    "qa.reopened": _into("open"),
    "qa.deleted": _deleted,
}
