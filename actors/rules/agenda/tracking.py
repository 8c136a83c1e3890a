"""Keeping an agenda up to date, and listing its meetings (rules 39, 40, 45).

Most entries arrive as events of a transaction that also changes the meeting. What time alone
brings (a chat that ended, somebody who was missing) the meeting tells afterwards.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from actors.rules.agenda import commands as ask
from actors.rules.agenda.events import Drafted, Published, Tracked
from actors.rules.agenda.state import AgendaState, Plan
from actors.rules.agenda.views import meeting_view
from actors.rules.base import SYSTEM, Command, Event, Send
from actors.rules.directory import ListEmployee
from actors.rules.event_model import DeskEntry
from actors.rules.meeting.record import TABS, Meeting
from actors.rules.meeting.request import tracked
from actors.rules.person import Notify
from actors.rules.records import plain


def _track(state: AgendaState, command: ask.Track, now: datetime) -> Sequence[Event]:
    known = state.meetings.get(command.meeting.id)
    if known is not None and known.revision >= command.meeting.revision:
        return ()
    return [tracked(command.meeting, command.person, now, command.notice)]


def _list(state: AgendaState, command: Command, now: datetime) -> Sequence[Event]:
    del state, command, now
    return ()


def _on_drafted(state: AgendaState, event: Drafted) -> None:
    state.party, state.role, state.zone = event.party, "employee", event.zone
    state.draft[event.day] = Plan(minutes=event.minutes, starts=event.starts)
    if event.about is not None:
        state.draft_about = event.about


def _on_published(state: AgendaState, event: Published) -> None:
    del event
    state.draft = {day: plan for day, plan in state.draft.items() if plan.starts}
    state.plans, state.about, state.published = dict(state.draft), state.draft_about, True


def _on_tracked(state: AgendaState, event: Tracked) -> None:
    meeting = event.meeting
    if event.party is not None:
        _name_owner(state, event)
    if meeting.id not in state.meetings and meeting.asker.id == event.owner:
        state.requests += meeting.revision == 1
    offered = meeting.offer is not None and meeting.offer.id == event.owner
    if meeting.is_party(event.owner) or offered:
        state.meetings[meeting.id] = meeting
    else:
        state.meetings.pop(meeting.id, None)


def _name_owner(state: AgendaState, event: Tracked) -> None:
    named = state.party is not None and event.party is not None and event.party.name == event.owner
    if not named:
        state.party = event.party
    if not state.role:
        state.zone = event.meeting.zone
    # Whoever has a desk stays an employee: a colleague may have asked before it was there.
    if not state.draft and not state.published:
        state.role = event.role


def _tab(meeting: Meeting, owner: str) -> str:
    # A chat that somebody is asked to take over is a request to them.
    return meeting.tab if meeting.is_party(owner) else "requested"


def _answer_list(
    state: AgendaState, command: ask.ListMeetings, events: Sequence[Event], now: datetime
) -> dict[str, Any]:
    del events
    owner = command.by.id
    tabs = Counter(_tab(meeting, owner) for meeting in state.meetings.values())
    found = [m for m in state.meetings.values() if _tab(m, owner) == command.tab]
    found.sort(key=lambda m: (m.start or m.created_at, m.id))
    ids = [meeting.id for meeting in found]
    first = ids.index(command.after) + 1 if command.after in ids else 0
    page = found[first : first + command.limit]
    return {
        "tab": command.tab,
        "meetings": [meeting_view(state, meeting, now) for meeting in page],
        "counts": {tab: tabs[tab] for tab in TABS},
        "next": page[-1].id if first + len(page) < len(found) else None,
    }


def _notify(entity: str, event: Tracked) -> Sequence[Send]:
    del entity
    if not event.notice:
        return ()
    notify = Notify(
        by=SYSTEM,
        event=event.event,
        person=event.owner,
        kind=event.notice,
        data={"meeting": plain(event.meeting)},
    )
    return [Send(notify.entity, notify)]


def _list_in_event(entity: str, event: Drafted | Published) -> Sequence[Send]:
    """Tell the event whose agenda this is, so that it can be found (rule 39)."""
    del entity
    party = event.party
    if party is None:
        return ()
    offers = isinstance(event, Published)
    entry = DeskEntry(id=party.id, name=party.name, company=party.company, offers=offers)
    listed = ListEmployee(by=SYSTEM, event=event.event, employee=entry)
    return [Send(listed.entity, listed)]


DECIDE = {ask.Track: _track, ask.ListMeetings: _list}
EVOLVE = {Drafted: _on_drafted, Published: _on_published, Tracked: _on_tracked}
ANSWER = {ask.ListMeetings: _answer_list}
EFFECTS = {Tracked: _notify, **dict.fromkeys((Drafted, Published), _list_in_event)}
