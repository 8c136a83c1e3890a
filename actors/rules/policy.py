"""What the organizer allows of 1-1 chats (rules 37, 38)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, get_args

import attrs

from actors.errors import Refused
from actors.rules import zones
from actors.rules.zones import Slot

Initiators = Literal["employees", "participants", "both"]

MAX_DAYS = 60
"""Days of one event."""

MIN_MINUTES, MAX_MINUTES = 5, 240
"""The shortest and longest 1-1 chat an organizer may allow."""

MAX_DURATIONS = 12
"""Different durations one event may offer."""

DEFAULT_HOURS = ("09:00", "17:00")


@attrs.frozen(kw_only=True)
class Policy:
    """An event's rules for 1-1 chats.

    :param zone: IANA name; hours are its wall clock's (rule 46).
    :param days: the event's dates, ``YYYY-MM-DD``.
    :param initiators: whose requests are allowed (rule 37).
    :param durations: minutes an employee may choose from; empty means no 1-1 chats.
    :param hours: from and until when chats may be booked, ``HH:MM``.
    :param day_hours: other hours for some of the days.
    """

    zone: str = "UTC"
    days: list[str] = attrs.field(factory=list)
    initiators: str = "both"
    durations: list[int] = attrs.field(factory=list)
    hours: list[str] = attrs.field(factory=lambda: list(DEFAULT_HOURS))
    day_hours: dict[str, list[str]] = attrs.field(factory=dict)

    @classmethod
    def of(
        cls, zone: str, days: Sequence[str], one_to_one: Mapping[str, Any] | None = None
    ) -> "Policy":
        """Return a checked policy.

        :param one_to_one: ``initiators``, ``durations``, ``hours`` and ``day_hours``, each
            optional; None means that the event offers no 1-1 chats.
        :raises Refused: ``invalid_params`` with ``path`` naming the member at fault.
        """
        given = dict(one_to_one or {})
        policy = cls(
            zone=zone,
            days=sorted(days),
            initiators=given.pop("initiators", "both"),
            durations=_numbers(given.pop("durations", [])),
            hours=_texts(given.pop("hours", DEFAULT_HOURS), "hours"),
            day_hours=_by_day(given.pop("day_hours", {})),
        )
        if given:
            name = min(given)
            raise _invalid(f"A 1-1 policy has no member {name!r}.", name)
        policy.check()
        return policy

    def check(self) -> None:
        """Check every member.

        :raises Refused: ``invalid_params`` with ``path`` naming the member at fault.
        """
        zones.find(self.zone)
        if len(self.days) > MAX_DAYS:
            raise _invalid(f"An event has at most {MAX_DAYS} days.", "days")
        for day in self.days:
            zones.to_day(day, "days")
        if self.initiators not in get_args(Initiators):
            raise _invalid("initiators is employees, participants or both.", "initiators")
        if len(self.durations) > MAX_DURATIONS:
            raise _invalid(f"At most {MAX_DURATIONS} durations.", "durations")
        if any(not MIN_MINUTES <= minutes <= MAX_MINUTES for minutes in self.durations):
            raise _invalid(f"Durations are {MIN_MINUTES} to {MAX_MINUTES} minutes.", "durations")
        _check_hours(self.hours, "hours")
        for day, hours in self.day_hours.items():
            zones.to_day(day, "day_hours")
            _check_hours(hours, f"day_hours.{day}")

    def allows(self, initiator: str) -> bool:
        """Whether ``employee`` or ``participant`` may begin with a request (rule 37)."""
        return self.initiators in ("both", initiator + "s")

    def bookable(self, day: str, minutes: int) -> tuple[Slot, ...]:
        """Return the slots of a day that may be offered; none for a day outside the event."""
        if day not in self.days or minutes not in self.durations:
            return ()
        opens, closes = self.day_hours.get(day, self.hours)
        return zones.expand(self.zone, day, opens, closes, minutes)

    def ahead(self, day: str, minutes: int, now: datetime) -> tuple[Slot, ...]:
        """Return the bookable slots of a day that have not begun: nobody could pick another."""
        return tuple(slot for slot in self.bookable(day, minutes) if slot.start > now)


def _check_hours(hours: Sequence[str], path: str) -> None:
    if len(hours) != 2:  # noqa: PLR2004  from and until
        raise _invalid("Hours are two times of day, from and until.", path)
    if zones.minute_of_day(hours[0], path) >= zones.minute_of_day(hours[1], path):
        raise _invalid("The hours end before they begin.", path)


def _numbers(value: Any) -> list[int]:
    if not isinstance(value, Sequence) or any(type(item) is not int for item in value):
        raise _invalid("durations is a list of minutes.", "durations")
    return sorted(set(value))


def _texts(value: Any, path: str) -> list[str]:
    listed = isinstance(value, Sequence) and not isinstance(value, str)
    if not listed or any(not isinstance(item, str) for item in value):
        raise _invalid("Hours are two times of day, from and until.", path)
    return list(value)


def _by_day(value: Any) -> dict[str, list[str]]:
    if not isinstance(value, Mapping):
        raise _invalid("day_hours maps days to hours.", "day_hours")
    return {str(day): _texts(hours, f"day_hours.{day}") for day, hours in value.items()}


def _invalid(message: str, path: str) -> Refused:
    return Refused("invalid_params", message, path=path)
