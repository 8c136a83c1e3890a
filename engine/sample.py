"""The sample event of ``greenroom demo``, in the shape of the file ``greenroom load`` reads."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

ZONE = "Europe/Berlin"
EVENT = "fair"
SESSION = "ux"


def sample_event(now: datetime) -> dict[str, Any]:
    """Return an event whose workshop has just begun and whose program goes on from ``now``.

    :param now: an aware instant; the event's days are its day in the event's zone and the next.
    """
    local = now.astimezone(ZoneInfo(ZONE))
    days = [(local + timedelta(days=offset)).date().isoformat() for offset in (0, 1)]
    return {
        "event": {
            "id": EVENT,
            "name": "Spring Fair",
            "time_zone": ZONE,
            "days": days,
            "one_to_one": {
                "initiators": "both",
                "durations": [15, 30],
                "hours": ["00:00", "24:00"],
            },
        },
        "company": _companies(),
        "session": _sessions(local.replace(second=0, microsecond=0)),
    }


def _companies() -> list[dict[str, Any]]:
    return [
        {
            "id": "acme",
            "name": "Acme Robotics",
            "info": "We build robots that hand people things. 240 people in Berlin and Lisbon.",
            "slots": 40,
            "faqs": [
                {"question": "Can I work remotely?", "answer": "Yes, anywhere in the EU."},
                {"question": "Do you sponsor visas?", "answer": "Yes, and we help with moving."},
            ],
            "jobs": [
                {"title": "UX engineer", "url": "https://acme.example/jobs/ux"},
                {"title": "Robotics intern", "url": "https://acme.example/jobs/intern"},
            ],
        },
        {
            "id": "umbra",
            "name": "Umbra Energy",
            "info": "Storage for the sun's energy, from the cell to the grid.",
            "slots": 20,
            "faqs": [{"question": "Which languages?", "answer": "English, and German helps."}],
            "jobs": [{"title": "Grid analyst", "url": "https://umbra.example/jobs/grid"}],
        },
        {
            "id": "tessel",
            "name": "Tessel Health",
            "info": "Software that gives doctors an hour a day back.",
            "slots": 20,
            "faqs": [],
            "jobs": [{"title": "Backend engineer", "url": "https://tessel.example/jobs/backend"}],
        },
    ]


_SESSIONS = (
    {
        "id": SESSION,
        "title": "Hands-on UX workshop",
        "kind": "workshop",
        "company": "acme",
        "after": timedelta(),
        "minutes": 120,
        "capacity": 50,
        "hosts": ["hana", "hugo"],
    },
    {
        "id": "grid",
        "title": "Inside Umbra: batteries at scale",
        "kind": "company_presentation",
        "company": "umbra",
        "after": timedelta(minutes=3),
        "minutes": 60,
        "hosts": ["uma"],
    },
    {
        "id": "coffee",
        "title": "Coffee with Tessel",
        "kind": "coffee_chat",
        "company": "tessel",
        "after": timedelta(hours=2),
        "minutes": 30,
        "capacity": 12,
        "hosts": ["theo"],
    },
    {
        "id": "careers",
        "title": "Careers at Acme",
        "kind": "company_presentation",
        "company": "acme",
        "after": timedelta(hours=24),
        "minutes": 45,
        "hosts": ["hana"],
    },
)
"""The program; ``after`` is counted from the sample's start."""


def _sessions(start: datetime) -> list[dict[str, Any]]:
    sessions: list[dict[str, Any]] = [dict(each) for each in _SESSIONS]
    return [{"start": start + each.pop("after"), **each} for each in sessions]
