"""A company's employees never offer more 1-1 slots than it has (rules 38, 39)."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import attrs


@attrs.define
class _Book:
    limit: int | None = None
    used: dict[str, int] = attrs.field(factory=dict)


class Companies:
    """Follows quotas, and the slots that agendas really hold."""

    def __init__(self, breach: Callable[[str], None]) -> None:
        self._breach = breach
        self._books: dict[str, _Book] = {}
        self._drafts: dict[str, dict[str, int]] = {}
        self._plans: dict[str, dict[str, int]] = {}
        self._company: dict[str, str] = {}

    def take(self, entity: str, kind: str, data: Mapping[str, Any], at: datetime) -> None:
        """Look at a company's entry."""
        del at
        book = self._books.setdefault(entity, _Book())
        if kind == "company.quota":
            book.limit = data["slots"]
        elif kind == "quota.taken":
            grows = data["slots"] > book.used.get(data["employee"], 0)
            book.used[data["employee"]] = data["slots"]
            total = sum(book.used.values())
            if grows and book.limit is not None and total > book.limit:
                self._breach(f"{entity}: {total} slots are offered of {book.limit}")

    def of_agenda(self, entity: str, kind: str, data: Mapping[str, Any], at: datetime) -> None:
        """Look at an agenda's entry."""
        del at
        if kind == "agenda.drafted":
            self._company[entity] = f"company/{data['party']['company']}"
            self._drafts.setdefault(entity, {})[data["day"]] = len(data["starts"])
        elif kind == "agenda.published":
            self._plans[entity] = dict(self._drafts.get(entity, {}))

    def close(self) -> None:
        """See that each company's book says what its employees' agendas hold."""
        for entity, company in self._company.items():
            drafts, plans = self._drafts[entity], self._plans.get(entity, {})
            held = sum(max(drafts.get(day, 0), plans.get(day, 0)) for day in {*drafts, *plans})
            employee = entity.partition(".")[2]
            booked = self._books[company].used.get(employee, 0)
            if booked != held:
                self._breach(f"{company}: {employee} holds {held} slots, in the book are {booked}")
