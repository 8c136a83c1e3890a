"""What an auditor has seen of one session so far."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import attrs

NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def instant(value: Any) -> datetime:
    """Return an instant from an entry's data."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


@attrs.define
class Seen:
    """One session as the journal tells it.

    :param here: person -> the breakout room they are in; None: the main call.
    :param seated: those present who take one of a limited session's seats.
    :param put_out: whoever was kicked or banned, and has not come back.
    :param outs: person -> how often they were kicked or banned.
    :param asked: who has asked for the stage, or was invited, and may thus be let on it.
    :param seats: person -> ``accepted``, ``countdown`` or ``on_screen``.
    :param shown_from: person -> when their countdown ends.
    :param blocked: person -> what a host has blocked.
    :param sends: person -> what is on; absent where that is not known.
    :param votes: question -> who votes for it.
    """

    entity: str
    status: str = "none"
    start: datetime = NEVER
    minutes: int = 0
    capacity: int | None = None
    stage_cap: int = 10
    anonymous: bool = False
    hosts: set[str] = attrs.field(factory=set)
    released: bool = False
    registered: set[str] = attrs.field(factory=set)
    waiting: list[str] = attrs.field(factory=list)
    here: dict[str, str | None] = attrs.field(factory=dict)
    seated: set[str] = attrs.field(factory=set)
    banned: set[str] = attrs.field(factory=set)
    put_out: set[str] = attrs.field(factory=set)
    outs: Counter[str] = attrs.field(factory=Counter)
    hostless_until: datetime | None = None
    asked: list[str] = attrs.field(factory=list)
    invited: set[str] = attrs.field(factory=set)
    returning: dict[str, datetime] = attrs.field(factory=dict)
    seats: dict[str, str] = attrs.field(factory=dict)
    shown_from: dict[str, datetime] = attrs.field(factory=dict)
    blocked: dict[str, frozenset[str]] = attrs.field(factory=dict)
    sends: dict[str, frozenset[str]] = attrs.field(factory=dict)
    muted: set[str | None] = attrs.field(factory=set)
    slow: int = 0
    spoke: dict[str, datetime] = attrs.field(factory=dict)
    votes: dict[str, set[str]] = attrs.field(factory=dict)
    rooms_open: bool = False
    assigned: dict[str, str] = attrs.field(factory=dict)
    assign: str = ""

    @property
    def full(self) -> bool:
        """Whether every seat is registered."""
        return self.capacity is not None and len(self.registered) >= self.capacity

    def hosts_here(self) -> list[str]:
        """Return the hosts who are in."""
        return [person for person in self.here if person in self.hosts]

    def leave(self, person: str) -> None:
        """Let somebody be gone."""
        self.here.pop(person, None)
        self.seated.discard(person)
        self.off_stage(person)

    def off_stage(self, person: str) -> None:
        """Let somebody be neither on the stage nor on the way to it."""
        if person in self.asked:
            self.asked.remove(person)
        self.invited.discard(person)
        self.seats.pop(person, None)
        self.sends.pop(person, None)

    def empty(self, *, cancelled: bool) -> None:
        """Let nobody be there any more."""
        for person in list(self.here):
            self.leave(person)
        self.asked.clear()
        self.invited.clear()
        self.seats.clear()
        self.waiting.clear()
        if cancelled:
            self.registered.clear()
