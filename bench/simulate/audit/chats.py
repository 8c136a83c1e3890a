"""1-1 chats: no slot twice, nobody in two at once, and how they ended (rules 39 to 45)."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import attrs

BOOKED = frozenset({"confirmed", "no_show", "missed", "completed"})

LEADS = {
    "requested": {"in_scheduling", "declined", "withdrawn", "cancelled"},
    "in_scheduling": {"confirmed", "cancelled"},
    "confirmed": {"completed", "no_show", "missed", "cancelled"},
    "no_show": {"confirmed"},
    "missed": {"confirmed"},
}
"""What a state may become; a late arrival makes a missed chat one that took place (rule 45)."""

MISSING_AFTER = timedelta(minutes=10)
GRACE = timedelta(minutes=2)

Span = tuple[datetime, datetime]


@attrs.define
class Chat:
    """One 1-1 chat as the journal tells it.

    :param here: person -> since when they are in it.
    :param stays: person -> from when to when they have been in it.
    """

    status: str = "requested"
    revision: int = 0
    span: Span | None = None
    parties: tuple[str, ...] = ()
    employee: str = ""
    here: dict[str, datetime] = attrs.field(factory=dict)
    stays: dict[str, list[Span]] = attrs.field(factory=dict)
    missing: list[str] = attrs.field(factory=list)

    def was_there(self, person: str, since: datetime, until: datetime) -> bool:
        """Say whether somebody was in it at any moment of a stretch of time."""
        if person in self.here:
            return self.here[person] < until
        return any(begin < until and end > since for begin, end in self.stays.get(person, ()))


def _overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _instant(text: Any) -> datetime:
    return text if isinstance(text, datetime) else datetime.fromisoformat(text)


class Chats:
    """Follows every 1-1 chat, and everybody's time."""

    def __init__(self, breach: Callable[[str], None]) -> None:
        self._breach = breach
        self.chats: dict[str, Chat] = {}
        self.of: dict[str, set[str]] = {}
        """Person -> the chats they are a side of."""
        self._drafts: dict[str, dict[str, list[Span]]] = {}
        self._offered: dict[str, set[Span]] = {}
        self._sessions: dict[str, dict[str, Span]] = {}

    # Agendas

    def of_agenda(self, entity: str, kind: str, data: Mapping[str, Any], at: datetime) -> None:
        """Look at an agenda's entry."""
        del at
        owner = entity.partition(".")[2]
        match kind:
            case "agenda.drafted":
                length = timedelta(minutes=data["minutes"])
                starts = [_instant(start) for start in data["starts"]]
                day = [(start, start + length) for start in starts]
                if any(_overlap(*pair) for pair in pairwise(day)):
                    self._breach(f"{owner} offers slots that overlap on {data['day']}")
                self._drafts.setdefault(owner, {})[data["day"]] = day
            case "agenda.published":
                days = self._drafts.get(owner, {}).values()
                self._offered[owner] = {slot for day in days for slot in day}
            case "agenda.attended":
                self._attended(owner, data["attendance"])

    def _attended(self, owner: str, session: Mapping[str, Any]) -> None:
        held = self._sessions.setdefault(owner, {})
        if session["cancelled"] or session["role"] == "waiting":
            held.pop(session["id"], None)
        else:
            held[session["id"]] = (_instant(session["start"]), _instant(session["end"]))

    # Chats

    def take(self, entity: str, kind: str, data: Mapping[str, Any], at: datetime) -> None:
        """Look at a chat's entry."""
        chat = self.chats.setdefault(entity, Chat())
        match kind:
            case "meeting.joined":
                chat.here[data["person"]] = at
                if data["person"] not in chat.parties:
                    self._breach(f"{data['person']} is in {entity}, which is not theirs (rule 44)")
            case "meeting.left":
                self._out(chat, data["person"], at)
            case "meeting.ended":
                for person in list(chat.here):
                    self._out(chat, person, at)
                if chat.span is None or at < chat.span[1] + GRACE:
                    self._breach(f"{entity} ended before its time (rule 44)")
        if "meeting" in data:
            self._changed(entity, chat, kind, data["meeting"], at)

    @staticmethod
    def _out(chat: Chat, person: str, at: datetime) -> None:
        since = chat.here.pop(person, None)
        if since is not None:
            chat.stays.setdefault(person, []).append((since, at))

    def _changed(
        self, entity: str, chat: Chat, kind: str, now: Mapping[str, Any], at: datetime
    ) -> None:
        before = chat.status
        if chat.revision + 1 != now["revision"]:
            self._breach(f"{entity}: revision {now['revision']} follows {chat.revision}")
        if now["state"] != before and now["state"] not in LEADS.get(before, ()):
            self._breach(f"{entity}: from {before} to {now['state']}")
        span = None if now["start"] is None else (_instant(now["start"]), _instant(now["end"]))
        moved = span != chat.span
        chat.status, chat.revision, chat.missing = now["state"], now["revision"], now["missing"]
        self._sides(entity, chat, now)
        chat.span = span
        if kind == "meeting.requested" and chat.employee not in self._offered:
            self._breach(f"{entity}: asked before the availability was confirmed (rule 39)")
        if now["state"] in BOOKED and (moved or before not in BOOKED or "reassigned" in kind):
            self._booked(entity, chat, kind, at)
        if moved:
            for person in list(chat.here):
                self._out(chat, person, at)
            chat.stays.clear()
        self._outcome(entity, chat, kind, at)

    def _sides(self, entity: str, chat: Chat, now: Mapping[str, Any]) -> None:
        parties = (now["employee"]["id"], now["participant"]["id"])
        if parties != chat.parties:
            for person in chat.parties:
                self.of.get(person, set()).discard(entity)
                if person not in parties:
                    chat.here.pop(person, None)
            for person in parties:
                self.of.setdefault(person, set()).add(entity)
        chat.parties, chat.employee = parties, parties[0]

    def _booked(self, entity: str, chat: Chat, kind: str, at: datetime) -> None:
        assert chat.span is not None  # noqa: S101  the caller has looked
        if kind == "meeting.confirmed" and chat.span not in self._offered.get(chat.employee, ()):
            self._breach(f"{entity}: {chat.span[0]} is no slot of {chat.employee} (rule 42)")
        if kind in ("meeting.confirmed", "meeting.rescheduled") and chat.span[0] <= at:
            self._breach(f"{entity}: booked after it had begun")
        # A colleague who takes over gives their time; the other side's was taken before, and they
        # may have got a seat meanwhile.
        given = (chat.employee,) if kind == "meeting.reassigned" else chat.parties
        for person in given:
            for other in self._meeting(person, chat.span, entity):
                self._breach(f"{person} is in {entity} and {other} at the same time (rule 42)")
            for session, span in self._sessions.get(person, {}).items():
                if _overlap(span, chat.span):
                    self._breach(f"{person} has session {session} during {entity} (rule 42)")

    def _meeting(self, person: str, span: Span, without: str) -> Iterator[str]:
        for entity in sorted(self.of.get(person, ())):
            chat = self.chats[entity]
            booked = chat.status in BOOKED and chat.span is not None
            if entity != without and booked and _overlap(span, chat.span or span):
                yield entity

    def _outcome(self, entity: str, chat: Chat, kind: str, at: datetime) -> None:
        if chat.span is None or kind not in ("meeting.completed", "meeting.no_show",
                                             "meeting.missed"):  # fmt: skip
            return
        start, came = chat.span[0], {*chat.stays, *chat.here}
        there = [each for each in chat.parties if chat.was_there(each, start, at)]
        if kind == "meeting.completed":
            if not came.issuperset(chat.parties):
                self._breach(f"{entity} is completed, and only {sorted(came)} came (rule 45)")
            return
        if at < start + MISSING_AFTER:
            self._breach(f"{entity}: {kind} already {at - start} after the start (rule 45)")
        if set(there) & set(chat.missing):
            self._breach(f"{entity}: {chat.missing} missing, {there} there (rule 45)")
        if kind == "meeting.no_show" and len(chat.missing) != 1:
            self._breach(f"{entity}: a no-show with {chat.missing} missing (rule 45)")
