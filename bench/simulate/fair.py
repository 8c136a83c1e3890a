"""The fair of a simulation: its days, companies, sessions and people, made from the seed."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from math import ceil
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import attrs

from actors.rules.base import Person
from bench.simulate.plan import Plan

EVENT = "fair"
ZONE = "Europe/Berlin"

SUNDAYS = (date(2026, 10, 25), date(2027, 3, 28))
"""When clocks are set back, and forward, between 01:00 and 03:00."""

NIGHT = ["00:30", "05:00"]
"""Hours of 1-1 chats on that day: they cross the change."""

KINDS = ("workshop", "company_presentation", "coffee_chat")
ATTENDANCES = 2
"""Sessions each visitor comes to, on average, at a large fair."""

AUDIENCE = 60
"""People in a session of a large fair, on average."""

FATES = ("held", "held", "held", "held", "held", "late", "hostless", "back", "left", "cancelled")
"""``late``: its hosts come after the start; ``hostless``: they go and it ends by itself;
``back``: they go and one comes back; ``left``: nobody ever starts it; ``cancelled``."""


@attrs.frozen(kw_only=True)
class Show:
    """A session as the program has it.

    :param fate: one of :data:`FATES`.
    """

    id: str
    kind: str
    company: str
    start: datetime
    minutes: int
    capacity: int | None
    hosts: tuple[str, ...]
    fate: str
    stage_cap: int

    @property
    def end(self) -> datetime:
        """The planned end."""
        return self.start + timedelta(minutes=self.minutes)


@attrs.frozen(kw_only=True)
class Fair:
    """Everything that is planned.

    :param begin: the afternoon before the first day, when agendas and registrations are made.
    """

    days: tuple[str, ...]
    begin: datetime
    end: datetime
    quotas: dict[str, int]
    shows: tuple[Show, ...]
    employees: tuple[Person, ...]
    visitors: tuple[Person, ...]
    organizer: Person
    staff: tuple[Person, ...]

    def on(self, day: str) -> Iterator[Show]:
        """Yield the sessions that begin on a day of the fair."""
        return (show for show in self.shows if local_day(show.start) == day)

    def description(self) -> dict[str, Any]:
        """Return what the file of an event would say."""
        return {
            "event": {
                "id": EVENT,
                "name": "Fair",
                "time_zone": ZONE,
                "days": list(self.days),
                "one_to_one": {
                    "durations": [15, 20],
                    "hours": ["09:00", "12:00"],
                    "day_hours": {day.isoformat(): NIGHT for day in SUNDAYS},
                },
            },
            "company": [
                {"id": name, "name": name.title(), "slots": slots}
                for name, slots in self.quotas.items()
            ],
            "session": [_described(show) for show in self.shows],
        }


def _described(show: Show) -> dict[str, Any]:
    limited = {} if show.capacity is None else {"capacity": show.capacity}
    return {
        "id": show.id,
        "title": show.id.title(),
        "kind": show.kind,
        "company": show.company,
        "start": show.start,
        "minutes": show.minutes,
        "hosts": list(show.hosts),
        "stage_cap": show.stage_cap,
        "anonymous_questions": True,
        **limited,
    }


def local_day(at: datetime) -> str:
    """Return the date of an instant at the fair."""
    return at.astimezone(ZoneInfo(ZONE)).date().isoformat()


def at_fair(day: str, minute: int) -> datetime:
    """Return the instant at which the fair's clock shows a minute of a day."""
    midnight = datetime.combine(date.fromisoformat(day), time.min)
    wall = (midnight + timedelta(minutes=minute)).replace(tzinfo=ZoneInfo(ZONE))
    return wall.astimezone(UTC)


def build(plan: Plan) -> Fair:
    """Return the fair of a plan."""
    random = Random(f"fair {plan.seed}")
    sunday = SUNDAYS[plan.seed % len(SUNDAYS)]
    first = sunday - timedelta(days=plan.days // 2)
    days = tuple((first + timedelta(days=number)).isoformat() for number in range(plan.days))
    count = max(1, min(100, plan.people // 150))
    companies = [f"company{number}" for number in range(count)]
    each = 4 if plan.is_large else 3
    employees = [
        _person(f"e{number}", "employee", companies[number % count])
        for number in range(count * each)
    ]
    return Fair(
        days=days,
        begin=at_fair(days[0], 0) - timedelta(hours=12),
        end=at_fair(days[-1], 0) + timedelta(hours=24),
        quotas={name: random.randint(each * 4, each * 14) for name in companies},
        shows=tuple(_shows(plan, random, days, employees)),
        employees=tuple(employees),
        visitors=tuple(_person(f"p{number}", "participant") for number in range(plan.people)),
        organizer=_person("olga", "organizer"),
        staff=tuple(_person(name, "participant", grants=["support"]) for name in ("sam", "sue")),
    )


def _person(name: str, role: Any, company: str | None = None, grants: Any = ()) -> Person:
    return Person(
        id=name,
        name=name.title(),
        event=EVENT,
        role=role,
        company=company,
        grants=frozenset(grants),
    )


def _shows(
    plan: Plan, random: Random, days: tuple[str, ...], employees: list[Person]
) -> Iterator[Show]:
    wanted = ceil(plan.people * ATTENDANCES / AUDIENCE / plan.days)
    for number, day in enumerate(days):
        begins = [random.choice(range(8 * 60, 18 * 60, 15)) for _ in range(max(1, wanted - 1))]
        if date.fromisoformat(day) in SUNDAYS:
            begins.append(90)  # while the clocks change
        for index, minute in enumerate(begins):
            yield _show(f"s{number}-{index}", at_fair(day, minute), plan, random, employees)


def _show(name: str, start: datetime, plan: Plan, random: Random, employees: list[Person]) -> Show:
    host = random.choice(employees)
    colleagues = [each.id for each in employees if each.company == host.company]
    second = [each for each in colleagues if each != host.id][: random.choice((0, 0, 1))]
    seats = range(10, 2 * AUDIENCE) if plan.is_large else range(1, max(3, plan.people))
    limited = 0.4 if plan.is_large else 0.6
    return Show(
        id=name,
        kind=random.choice(KINDS),
        company=str(host.company),
        start=start,
        minutes=random.choice((30, 45, 60) if plan.is_large else (15, 30)),
        capacity=random.choice(seats) if random.random() < limited else None,
        hosts=(host.id, *second),
        fate=random.choice(FATES),
        stage_cap=random.choice((2, 10) if plan.is_large else (1, 1, 2)),
    )
