"""Which rules and which actor every kind of entity has."""

from collections.abc import Mapping
from typing import Any

import attrs

from actors.entity import EntityActor
from actors.event import EventActor
from actors.holding import HeldActor
from actors.participant import ParticipantActor
from actors.rules.agenda.rules import AgendaRules
from actors.rules.base import Rules
from actors.rules.company import CompanyRules
from actors.rules.event import EventRules
from actors.rules.meeting.rules import MeetingRules
from actors.rules.person import PersonRules
from actors.rules.room import RoomRules
from actors.rules.session.rules import SessionRules
from actors.rules.support import SupportRules
from actors.session import SessionActor


@attrs.frozen
class Kind:
    """How entities of one kind are run.

    :param timed: whether deadlines of its entities must be kept although nobody looks: after a
        start they are woken in time for them.
    """

    rules: Rules[Any]
    actor: type[EntityActor] = EntityActor
    timed: bool = False


KINDS: Mapping[str, Kind] = {
    "event": Kind(EventRules(), EventActor),
    "company": Kind(CompanyRules(), HeldActor),
    "session": Kind(SessionRules(), SessionActor, timed=True),
    "room": Kind(RoomRules()),
    "agenda": Kind(AgendaRules(), HeldActor, timed=True),
    "chat": Kind(MeetingRules(), HeldActor, timed=True),
    "person": Kind(PersonRules(), ParticipantActor),
    "support": Kind(SupportRules()),
}

NOTICING = frozenset(name for name, kind in KINDS.items() if kind.rules.notices_absence)
"""Kinds of entities to which it matters that somebody who follows them has gone."""
