"""Putting people out, and keeping them out (rule 24)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import attrs

from actors.errors import Refused
from actors.rules.base import Command, Event, Person, command
from actors.rules.breakout.rights import settled
from actors.rules.records import iso
from actors.rules.session.events import Banned, Kicked, Unbanned
from actors.rules.session.guards import OfSession, moderator
from actors.rules.session.presence import leaving
from actors.rules.session.registration import withdraw
from actors.rules.session.state import Ban, SessionState
from actors.rules.text import MESSAGE_LIMIT, an_id, up_to

BANS_LIMIT = 10_000
"""Bans a session may hold."""


@command("people.kick")
@attrs.frozen(kw_only=True)
class Kick(OfSession):
    """Put somebody out, who may come back (hosts and organizers)."""

    person: str = an_id()
    message: str = attrs.field(default="", validator=up_to(MESSAGE_LIMIT, empty=True))


@command("people.ban")
@attrs.frozen(kw_only=True)
class BanPerson(OfSession):
    """Put somebody out for good, present or not (hosts and organizers)."""

    person: str = an_id()


@command("people.unban")
@attrs.frozen(kw_only=True)
class UnbanPerson(OfSession):
    """Lift a ban (hosts and organizers)."""

    person: str = an_id()


def _target(state: SessionState, by: Person, person: str) -> None:
    moderator(state, by)
    member = state.members.get(person)
    hosts = person in state.plan.hosts or (member is not None and member.host)
    organizer = member is not None and member.role == "organizer"
    if (hosts or organizer) and not (by.is_organizer or by.is_system):
        raise Refused("forbidden", "Only organizers put a host or an organizer out.")
    if person == by.id:
        raise Refused("wrong_state", "To go yourself, leave.")


def _kick(state: SessionState, command: Kick, now: datetime) -> Sequence[Event]:
    person = command.person
    _target(state, command.by, person)
    if state.member(person) is None:
        raise Refused("not_found", "They are not in the session.")
    kicked = Kicked(at=now, person=person, by=command.by.id, message=command.message)
    return [kicked, *leaving(state, person, "kicked", now)]


def _ban(state: SessionState, command: BanPerson, now: datetime) -> Sequence[Event]:
    person = command.person
    _target(state, command.by, person)
    if person in state.bans:
        return ()
    if len(state.bans) >= BANS_LIMIT:
        raise Refused("overloaded", "This session has too many bans.")
    member = state.members.get(person)
    banned = Banned(
        at=now, person=person, by=command.by.id, name=person if member is None else member.name
    )
    out = leaving(state, person, "banned", now)
    told = settled(state, now, banned={person: True})
    return [banned, *out, *withdraw(state, person, now), *told]


def _unban(state: SessionState, command: UnbanPerson, now: datetime) -> Sequence[Event]:
    moderator(state, command.by)
    if command.person not in state.bans:
        return ()
    person = command.person
    unbanned = Unbanned(at=now, person=person, by=command.by.id)
    return [unbanned, *settled(state, now, banned={person: False})]


def _on_kicked(state: SessionState, event: Kicked) -> None:
    # Whoever a host has put out asks before they are on screen again (rule 16).
    state.stage.returning.pop(event.person, None)


def _on_banned(state: SessionState, event: Banned) -> None:
    state.bans[event.person] = Ban(event.person, event.name, event.by, event.at)
    state.stage.returning.pop(event.person, None)


def _on_unbanned(state: SessionState, event: Unbanned) -> None:
    state.bans.pop(event.person, None)


def bans_view(state: SessionState, person: Person) -> list[dict[str, Any]]:
    """Return the bans, to those who may lift them."""
    if not state.moderates(person):
        return []
    return [
        {"person": ban.person, "name": ban.name, "by": ban.by, "at": iso(ban.at)}
        for ban in state.bans.values()
    ]


def _answer(
    state: SessionState, command: Command, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events, now
    return {"bans": bans_view(state, command.by)}


DECIDE: dict[type[Command], Any] = {Kick: _kick, BanPerson: _ban, UnbanPerson: _unban}
ANSWER: dict[type[Command], Any] = {BanPerson: _answer, UnbanPerson: _answer}
EVOLVE: dict[type[Event], Any] = {
    Kicked: _on_kicked,
    Banned: _on_banned,
    Unbanned: _on_unbanned,
}
