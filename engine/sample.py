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


def _sessions(start: datetime) -> list[dict[str, Any]]:
    def session(key: str, title: str, kind: str, company: str, **more: Any) -> dict[str, Any]:
        return {"id": key, "title": title, "kind": kind, "company": company, **more}

    return [
        session(
            SESSION,
            "Hands-on UX workshop",
            "workshop",
            "acme",
            start=start,
            minutes=120,
            capacity=50,
            hosts=["hana", "hugo"],
        ),
        session(
            "grid",
            "Inside Umbra: batteries at scale",
            "company_presentation",
            "umbra",
            start=start + timedelta(minutes=3),
            minutes=60,
            hosts=["uma"],
        ),
        session(
            "coffee",
            "Coffee with Tessel",
            "coffee_chat",
            "tessel",
            start=start + timedelta(hours=2),
            minutes=30,
            capacity=12,
            hosts=["theo"],
        ),
        session(
            "careers",
            "Careers at Acme",
            "company_presentation",
            "acme",
            start=start + timedelta(hours=24),
            minutes=45,
            hosts=["hana"],
        ),
    ]
