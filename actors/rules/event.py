"""An event: name, days, time zone, companies, program, 1-1 policy, and whom it has banned."""

import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import attrs

from actors.errors import Refused
from actors.rules import directory, program
from actors.rules.base import (
    SYSTEM,
    Command,
    Event,
    Look,
    Person,
    Recovered,
    Returned,
    Send,
)
from actors.rules.event_model import (
    EPOCH,
    PAGE_LIMIT,
    About,
    Admit,
    Ban,
    Banish,
    Banned,
    Bans,
    Change,
    Changed,
    Companies,
    CompanyCard,
    CompanyListed,
    Create,
    EventState,
    Get,
    ListCompany,
    Lobby,
    Readmit,
    Revoke,
    Revoked,
    Unbanned,
)
from actors.rules.parts import Composed, Parts
from actors.rules.person import Notify
from actors.rules.policy import Policy
from actors.rules.program_model import lobby
from actors.rules.records import iso
from actors.rules.text import invalid

# Decide


def _may_organize(command: Command, state: EventState) -> None:
    by = command.by
    if by.is_system or (by.is_organizer and by.event == state.id):
        return
    raise Refused("forbidden", "Only the event's organizers may do this.")


def admit(state: EventState, person: Person) -> None:
    """Let a person pass.

    :raises Refused: ``unauthorized`` for a revoked token, ``banned``, or ``not_found`` for an event
        that was never created.
    """
    revoked = state.revoked.get(person.id)
    if revoked is not None and (person.issued is None or person.issued < revoked):
        raise Refused("unauthorized", "The token has been revoked.")
    if person.is_system:
        return
    if not state.created:
        raise Refused("not_found", f"There is no event called {state.id}.")
    if person.id in state.bans:
        message = state.bans[person.id].message
        raise Refused("banned", message or "You have been banned from this event.")


def gate(state: EventState) -> Callable[[Person], None]:
    """Return :func:`admit` of an event as it is now, whatever becomes of its state."""
    bans, revoked = dict(state.bans), dict(state.revoked)
    known = EventState(id=state.id, created=state.created, bans=bans, revoked=revoked)
    return partial(admit, known)


def _admit(state: EventState, command: Command, now: datetime) -> Sequence[Event]:
    del now
    admit(state, command.by)
    return ()


def _nothing(state: EventState, command: Command, now: datetime) -> Sequence[Event]:
    del state, command, now
    return ()


def _create(state: EventState, command: Create, now: datetime) -> Sequence[Event]:
    if not command.by.is_system:
        raise Refused("forbidden", "Events are created by the service that runs them.")
    if not command.days:
        raise invalid("days", "An event has at least one day.")
    policy = Policy.of(command.time_zone, command.days, command.one_to_one)
    return _changed(state, _about(state.id, command.name, policy), now)


def _change(state: EventState, command: Change, now: datetime) -> Sequence[Event]:
    _may_organize(command, state)
    if not state.created:
        raise Refused("not_found", f"There is no event called {state.id}.")
    if command.days == []:
        raise invalid("days", "An event has at least one day.")
    terms = state.policy
    policy = Policy.of(
        command.time_zone or state.time_zone,
        state.days if command.days is None else command.days,
        one_to_one(terms) if command.one_to_one is None else command.one_to_one,
    )
    return _changed(state, _about(state.id, command.name or state.name, policy), now)


def _about(id_: str, name: str, policy: Policy) -> About:
    return About(
        id=id_, name=name, time_zone=policy.zone, days=policy.days, one_to_one=one_to_one(policy)
    )


def one_to_one(policy: Policy) -> dict[str, Any]:
    """Return a policy's own members, as the load file has them."""
    return {
        "initiators": policy.initiators,
        "durations": policy.durations,
        "hours": policy.hours,
        "day_hours": policy.day_hours,
    }


def _changed(state: EventState, about: About, now: datetime) -> Sequence[Event]:
    if state.created and about == _about(state.id, state.name, state.policy):
        return ()
    return [Changed(at=now, event=about)]


def _list_company(state: EventState, command: ListCompany, now: datetime) -> Sequence[Event]:
    if state.companies.get(command.company) == command.name:
        return ()
    return [CompanyListed(at=now, company=CompanyCard(id=command.company, name=command.name))]


def _ban(state: EventState, command: Banish, now: datetime) -> Sequence[Event]:
    _may_organize(command, state)
    if command.person == command.by.id:
        raise Refused("forbidden", "Nobody bans themselves.")
    if command.person in state.bans:
        return ()
    return [Banned(at=now, person=command.person, by=command.by.id, message=command.message)]


def _unban(state: EventState, command: Readmit, now: datetime) -> Sequence[Event]:
    _may_organize(command, state)
    if command.person not in state.bans:
        return ()
    return [Unbanned(at=now, person=command.person, by=command.by.id)]


def _revoke(state: EventState, command: Revoke, now: datetime) -> Sequence[Event]:
    if not command.by.is_system:
        raise Refused("forbidden", "Tokens are revoked by the service that mints them.")
    before = command.before or now
    if before > now:
        raise invalid("before", "before lies in the future.")
    # Up to the millisecond: the journal keeps no more, and tokens say no more.
    before += timedelta(microseconds=-before.microsecond % 1000)
    if before <= state.revoked.get(command.person, EPOCH):
        return ()
    return [Revoked(at=now, person=command.person, before=before)]


def _list_bans(state: EventState, command: Bans, now: datetime) -> Sequence[Event]:
    del now
    _may_organize(command, state)
    return ()


# Evolve


def _on_changed(state: EventState, event: Changed) -> None:
    about = event.event
    state.created = True
    state.name, state.time_zone, state.days = about.name, about.time_zone, list(about.days)
    state.policy = Policy.of(about.time_zone, about.days, about.one_to_one)


def _on_listed(state: EventState, event: CompanyListed) -> None:
    state.companies[event.company.id] = event.company.name


def _on_banned(state: EventState, event: Banned) -> None:
    state.bans[event.person] = Ban(by=event.by, at=event.at, message=event.message)


def _on_unbanned(state: EventState, event: Unbanned) -> None:
    state.bans.pop(event.person, None)


def _on_revoked(state: EventState, event: Revoked) -> None:
    state.revoked[event.person] = event.before


# Answer


def about_view(state: EventState) -> dict[str, Any]:
    """Return what the event is."""
    return attrs.asdict(_about(state.id, state.name, state.policy))


def _companies(state: EventState) -> list[dict[str, str]]:
    ordered = sorted(state.companies.items(), key=lambda item: (item[1].casefold(), item[0]))
    return [{"id": id_, "name": name} for id_, name in ordered]


def _answer_about(
    state: EventState, command: Command, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del command, events, now
    return {"event": about_view(state)}


def _answer_companies(
    state: EventState, command: Companies, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events, now
    found = _companies(state)
    ids = [each["id"] for each in found]
    first = ids.index(command.after) + 1 if command.after in ids else 0
    page = found[first : first + command.limit]
    more = first + len(page) < len(found)
    return {"companies": page, "next": page[-1]["id"] if more else None}


def _answer_ban(
    state: EventState, command: Banish | Readmit, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events, now
    return {"person": command.person, "banned": command.person in state.bans}


def _answer_revoked(
    state: EventState, command: Revoke, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events, now
    before = state.revoked.get(command.person, EPOCH)
    return {"person": command.person, "before": iso(before)}


def _answer_bans(
    state: EventState, command: Bans, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events, now
    ids = list(state.bans)
    first = ids.index(command.after) + 1 if command.after in state.bans else 0
    page = ids[first : first + command.limit]
    more = first + len(page) < len(ids)
    return {
        "bans": [_ban_view(id_, state.bans[id_]) for id_ in page],
        "next": page[-1] if more else None,
    }


def _ban_view(person: str, ban: Ban) -> dict[str, Any]:
    return {"person": person, "by": ban.by, "at": iso(ban.at), "message": ban.message}


# Effects


def _tell_banned(entity: str, event: Banned) -> Sequence[Send]:
    event_id = entity.partition("/")[2]
    notify = Notify(
        by=SYSTEM,
        event=event_id,
        person=event.person,
        kind="event.banned",
        data={"message": event.message},
        kept=False,
    )
    return [Send(notify.entity, notify)]


DECIDE = {
    Admit: _admit,
    Create: _create,
    Change: _change,
    ListCompany: _list_company,
    Banish: _ban,
    Readmit: _unban,
    Revoke: _revoke,
    Bans: _list_bans,
    Get: _admit,
    Lobby: _admit,
    Look: _admit,
    Companies: _admit,
    Returned: _nothing,
    Recovered: _nothing,
}
EVOLVE = {
    Changed: _on_changed,
    CompanyListed: _on_listed,
    Banned: _on_banned,
    Unbanned: _on_unbanned,
    Revoked: _on_revoked,
}
ANSWER = {
    Get: _answer_about,
    Create: _answer_about,
    Change: _answer_about,
    Companies: _answer_companies,
    Banish: _answer_ban,
    Readmit: _answer_ban,
    Revoke: _answer_revoked,
    Bans: _answer_bans,
}
EFFECTS = {Banned: _tell_banned}

_PARTS = Parts(sys.modules[__name__], program, directory)


class EventRules(Composed[EventState]):
    """The rules of ``event/ID``."""

    kind = "event"
    parts = _PARTS

    def initial(self, entity: str) -> EventState:
        """Return an event that nobody has created yet."""
        return EventState(id=entity.partition("/")[2])

    def snapshot(self, state: EventState, person: Person, now: datetime) -> dict[str, Any]:
        """Return the lobby as one person sees it."""
        return {
            "event": about_view(state),
            "companies": _companies(state)[:PAGE_LIMIT],
            **lobby(state, person, now),
        }
