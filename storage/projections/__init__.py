"""What each type of event does to the read model's tables."""

from storage.projections import (
    breakout,
    chat,
    event,
    meetings,
    questions,
    session,
    stage,
    support,
)
from storage.projections.model import Projection

PARTS = (event, session, stage, questions, chat, breakout, meetings, support)

PROJECTIONS: dict[str, Projection] = {}
for part in PARTS:
    for type_name, project in part.PROJECTIONS.items():
        if type_name in PROJECTIONS:
            raise ValueError(f"two projections of {type_name}")
        PROJECTIONS[type_name] = project

__all__ = ["PROJECTIONS"]
