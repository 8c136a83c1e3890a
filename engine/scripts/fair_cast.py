"""Who and what the scripted fair consists of."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from actors.rules.base import Person

EVENT = "fair"
ZONE = "Europe/Berlin"
DAYS = ("2026-12-01", "2026-12-02")
OPENING = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
"""When the script begins: the morning before the fair."""

QUOTA = 28
"""1-1 slots of each company: six for each employee on the first day, and four more."""

ONE_TO_ONE: Mapping[str, Any] = {
    "initiators": "both",
    "durations": [15, 30],
    "hours": ["09:00", "12:00"],
    "day_hours": {DAYS[1]: ["10:00", "11:00"]},
}

COMPANIES: Mapping[str, str] = {
    "acme": "Acme Robotics",
    "umbra": "Umbra Energy",
    "tessel": "Tessel Health",
    "novum": "Novum Bank",
    "polar": "Polar Foods",
}

_STAFF = (
    *("Hana", "Hugo", "Ines", "Ivo", "Jana", "Jonas", "Kira", "Karl", "Lena", "Luis"),
    *("Mara", "Milan", "Nora", "Nils", "Olga", "Otto", "Pia", "Paul", "Rosa", "Ravi"),
)
_FIRST = (
    *("Ana", "Ben", "Cem", "Dina", "Elif", "Finn", "Gita", "Hugo", "Iris", "Jan"),
    *("Kofi", "Lea", "Mateo", "Noor", "Omar", "Priya", "Quinn", "Ruth", "Sami", "Tara"),
)
_LAST = ("Adler", "Baker", "Costa", "Diaz", "Evans", "Fuchs", "Gupta", "Haas", "Ito", "Jung")

DESKS = len(_STAFF) // len(COMPANIES)
"""Employees of each company."""


def _employee(index: int, name: str) -> Person:
    company = list(COMPANIES)[index // DESKS]
    return Person(id=name.lower(), name=name, event=EVENT, role="employee", company=company)


def _visitor(index: int) -> Person:
    name = f"{_FIRST[index % len(_FIRST)]} {_LAST[index // len(_FIRST)]}"
    return Person(id=name.lower().replace(" ", "-"), name=name, event=EVENT)


EMPLOYEES = tuple(_employee(index, name) for index, name in enumerate(_STAFF))
VISITORS = tuple(_visitor(index) for index in range(len(_FIRST) * len(_LAST)))
ORGANIZER = Person(id="organizer", name="The organizer", event=EVENT, role="organizer")
HELPER = Person(id="sue", name="Sue, support", event=EVENT, grants=frozenset({"support"}))
EVERYBODY = (ORGANIZER, HELPER, *EMPLOYEES, *VISITORS)

ABOUT: Mapping[str, Any] = {
    "background": "Engineering or design",
    "experience": "Students welcome",
    "languages": ["English", "German"],
    "topics": ["Internships", "First jobs"],
}
QUESTION = "Which city would you like to work in?"


def asks_question(employee: Person) -> bool:
    """Whether an employee has a custom question: the first of each company does."""
    return EMPLOYEES.index(employee) % DESKS == 0


def colleague(employee: Person) -> Person:
    """Return the colleague an employee points to."""
    index = EMPLOYEES.index(employee)
    return EMPLOYEES[index - index % DESKS + (index + 1) % DESKS]


def description() -> dict[str, Any]:
    """Return the event in the shape of the file ``greenroom load`` reads."""
    return {
        "event": {"id": EVENT, "name": "Spring Fair", "time_zone": ZONE, "days": list(DAYS)},
        "company": [{"id": id_, "name": name, "slots": 0} for id_, name in COMPANIES.items()],
        "session": [_workshop(), *(_booth(company) for company in COMPANIES)],
    }


def _workshop() -> dict[str, Any]:
    return {
        "id": "acme-workshop",
        "title": "Hands-on robots",
        "kind": "workshop",
        "company": "acme",
        "start": datetime(2026, 12, 1, 9, 0, tzinfo=UTC),
        "minutes": 30,
        "capacity": 20,
    }


def _booth(company: str) -> dict[str, Any]:
    return {
        "id": f"{company}-booth",
        "title": f"The booth of {COMPANIES[company]}",
        "kind": "coffee_chat",
        "company": company,
        "start": datetime(2026, 12, 1, 8, 0, tzinfo=UTC),
        "minutes": int(timedelta(hours=3) / timedelta(minutes=1)),
    }
