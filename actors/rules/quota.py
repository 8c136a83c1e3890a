"""A company's 1-1 slots, counted over all its employees (rules 38, 39).

The company keeps the book. An employee's draft and the company's entry for it are written
together, so two employees who take the last slots at once cannot both have them.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

import attrs

from actors.errors import Refused
from actors.rules.base import Event, event

MAX_SLOTS = 100_000
"""The largest quota an organizer may give."""


@attrs.define
class Quota:
    """How many slots a company may offer, and who offers how many.

    :param limit: None for a company without a limit.
    :param used: employee -> slots, drafted or published.
    """

    limit: int | None = None
    used: dict[str, int] = attrs.field(factory=dict)

    @property
    def total(self) -> int:
        """Slots in use by all employees."""
        return sum(self.used.values())

    def view(self, employee: str) -> dict[str, int | None]:
        """Return what an employee is shown of it."""
        return {"limit": self.limit, "used": self.total, "mine": self.used.get(employee, 0)}

    def book(self) -> dict[str, Any]:
        """Return what an organizer is shown of it: who offers how many."""
        return {"limit": self.limit, "used": self.total, "employees": dict(self.used)}


@event("quota.taken")
@attrs.frozen(kw_only=True)
class QuotaTaken(Event):
    """An employee now offers this many slots; for the company's people, not for visitors."""

    published: ClassVar[bool] = False

    employee: str
    slots: int


def take(quota: Quota, employee: str, slots: int, at: datetime) -> list[Event]:
    """Enter an employee's number of slots in the book.

    Giving slots back is always possible, even where the organizer has lowered the quota.

    :raises Refused: ``quota_exceeded``, with ``limit``, ``used`` by the others, and ``left``.
    """
    before = quota.used.get(employee, 0)
    others = quota.total - before
    if slots > before and quota.limit is not None and others + slots > quota.limit:
        left = max(0, quota.limit - others)
        raise Refused(
            "quota_exceeded",
            f"Your company has {quota.limit} slots for 1-1 chats; {left} of them are left for you.",
            limit=quota.limit,
            used=others,
            left=left,
        )
    if slots == before:
        return []
    return [QuotaTaken(at=at, employee=employee, slots=slots)]


def taken(quota: Quota, event: QuotaTaken) -> None:
    """Change the book by one entry."""
    if event.slots:
        quota.used[event.employee] = event.slots
    else:
        quota.used.pop(event.employee, None)


EVOLVE: dict[type[Event], Callable[[Quota, QuotaTaken], None]] = {QuotaTaken: taken}
