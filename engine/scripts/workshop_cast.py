"""Who plays the scripted workshop, when and where."""

from datetime import UTC, datetime, timedelta
from typing import Any

from actors.rules.base import Person
from engine.scripts.opening import Cast

EVENT, SESSION, COMPANY = "fair", "ux", "acme"
TOPIC = f"session/{SESSION}"
ZONE = "Europe/Berlin"
START = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
OPENING = START - timedelta(minutes=40)
SEATS = 59
"""One fewer than want to come."""

_FIRST = (
    "Ana", "Ben", "Cem", "Dora", "Emil", "Fay", "Gus", "Hedda", "Ida", "Jon", "Kira", "Leo",
    "Mia", "Nils", "Ota", "Pia", "Quin", "Rea", "Sam", "Tea",
)  # fmt: skip
_LAST = ("Adler", "Braun", "Clausen")


def _person(name: str, **claims: Any) -> Person:
    return Person(id=name.lower().replace(" ", "-"), name=name, event=EVENT, **claims)


def _host(name: str) -> Person:
    hosted = frozenset({SESSION})
    return _person(name, role="employee", company=COMPANY, sessions=hosted)


HANA, HUGO, HILDA = HOSTS = tuple(_host(name) for name in ("Hana", "Hugo", "Hilda"))
GUESTS = tuple(_person(f"{first} {last}") for last in _LAST for first in _FIRST)
ANA, BEN, CEM, DORA, EMIL, FAY = GUESTS[:6]
OLGA = _person("Olga", role="organizer", grants=frozenset({"support"}))


def description() -> dict[str, Any]:
    """Return the event, as the file that ``greenroom load`` reads."""
    return {
        "event": {
            "id": EVENT,
            "name": "Spring Fair",
            "time_zone": ZONE,
            "days": [START.date().isoformat()],
        },
        "company": [
            {
                "id": COMPANY,
                "name": "Acme Robotics",
                "info": "We build robots that hand people things.",
                "faqs": [{"question": "Remote?", "answer": "Yes, anywhere in the EU."}],
                "jobs": [{"title": "UX engineer", "url": "https://acme.example/jobs/ux"}],
            }
        ],
        "session": [
            {
                "id": SESSION,
                "title": "Hands-on UX workshop",
                "kind": "workshop",
                "company": COMPANY,
                "start": START,
                "minutes": 90,
                "capacity": SEATS,
                "hosts": [host.id for host in HOSTS],
                "anonymous_questions": True,
            }
        ],
    }


WORKSHOP = Cast(
    opening=OPENING,
    zone=ZONE,
    description=description,
    people=(OLGA, *HOSTS, *GUESTS),
    headline="Spring Fair. A workshop with 3 hosts and 60 participants.",
)
