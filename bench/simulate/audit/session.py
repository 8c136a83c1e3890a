"""A session's life, seats and people (rules 1 to 8, 24), and its parts."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from bench.simulate.audit.rooms import Rooms
from bench.simulate.audit.seen import Seen, instant
from bench.simulate.audit.stage import Stage
from bench.simulate.audit.talk import Talk

LIFE = {
    "session.backstage": {"scheduled"},
    "session.started": {"backstage"},
    "session.hostless": {"live"},
    "session.resumed": {"hostless"},
    "session.ended": {"scheduled", "backstage", "live", "hostless"},
    "session.cancelled": {"scheduled", "backstage"},
}
"""The states an event may come in."""

BECOMES = {
    "session.backstage": "backstage",
    "session.started": "live",
    "session.hostless": "hostless",
    "session.resumed": "live",
    "session.ended": "ended",
    "session.cancelled": "cancelled",
}

HELD = timedelta(minutes=10)
AFTERWARDS = ("session.unregistered", "people.banned", "people.unbanned", "chat.deleted",
              "chat.muted", "chat.slowed", "qa.deleted", "media.changed",
              "media.shares_allowed")  # fmt: skip
"""What may still happen once a session is over."""


def area_of(kind: str) -> str:
    """Return what an event is about."""
    return kind.partition(".")[0]


class Sessions:
    """Follows every session."""

    def __init__(self, breach: Callable[[str], None]) -> None:
        self._breach = breach
        self.seen: dict[str, Seen] = {}
        self._stage, self._talk, self._rooms = Stage(breach), Talk(breach), Rooms(breach)

    def take(self, entity: str, kind: str, data: Mapping[str, Any], at: datetime) -> None:
        """Look at a session's entry."""
        seen = self.seen.get(entity)
        if seen is None:
            seen = self.seen[entity] = Seen(entity)
        area = area_of(kind)
        if seen.status in ("ended", "cancelled") and kind not in AFTERWARDS:
            self._breach(f"{entity}: {kind} after it was {seen.status}")
        if area in ("session", "people"):
            self._life(seen, kind, data, at)
        if area in ("stage", "media"):
            self._stage.take(seen, kind, data, at)
        elif area in ("chat", "qa"):
            self._talk.take(seen, kind, data, at)
        elif area == "breakout":
            self._rooms.take(seen, kind, data, at)

    def _life(self, seen: Seen, kind: str, data: Mapping[str, Any], at: datetime) -> None:
        if kind in LIFE:
            if seen.status not in LIFE[kind]:
                self._breach(f"{seen.entity}: {kind} while it was {seen.status}")
            self._turn(seen, kind, data, at)
            seen.status = BECOMES[kind]
        if kind in ("session.created", "session.changed"):
            self._planned(seen, kind, data["plan"], at)
        elif kind in ("session.joined", "session.left"):
            self._came_or_went(seen, kind, data, at)
        elif area_of(kind) == "people":
            self._put_out(seen, kind, data["person"])
        else:
            self._seats(seen, kind, data, at)

    def _came_or_went(self, seen: Seen, kind: str, data: Mapping[str, Any], at: datetime) -> None:
        if kind == "session.joined":
            self._joined(seen, data, at)
        else:
            self._left(seen, data["person"])

    @staticmethod
    def _put_out(seen: Seen, kind: str, person: str) -> None:
        if kind == "people.unbanned":
            seen.banned.discard(person)
            return
        seen.put_out.add(person)
        seen.outs[person] += 1
        if kind == "people.banned":
            seen.banned.add(person)

    def _seats(self, seen: Seen, kind: str, data: Mapping[str, Any], at: datetime) -> None:
        match kind:
            case "session.registered" | "session.promoted":
                self._registered(seen, kind, data["person"])
            case "session.queued":
                if not seen.full:
                    self._breach(f"{seen.entity}: {data['person']} waits for a seat that is free")
                seen.waiting.append(data["person"])
            case "session.unregistered":
                self._unregistered(seen, data["person"])
            case "session.released":
                if at < seen.start + HELD:
                    self._breach(f"{seen.entity}: seats let go before their time (rule 2)")
                seen.released, seen.waiting = True, []

    def _turn(self, seen: Seen, kind: str, data: Mapping[str, Any], at: datetime) -> None:
        if kind == "session.hostless":
            if seen.hosts_here():
                self._breach(f"{seen.entity}: hostless with {seen.hosts_here()} in it (rule 7)")
            seen.hostless_until = instant(data["until"])
        elif kind == "session.resumed" and not seen.hosts_here():
            self._breach(f"{seen.entity}: resumed without a host (rule 7)")
        elif kind == "session.ended":
            lasts = seen.hostless_until is not None and at < seen.hostless_until
            if data["reason"] == "hostless" and (seen.hosts_here() or lasts):
                self._breach(f"{seen.entity}: ended as hostless too early (rule 7)")
            if set(data["people"]) != set(seen.here):
                self._breach(f"{seen.entity}: ended with {data['people']}, in were {seen.here}")
        if kind in ("session.ended", "session.cancelled"):
            if seen.rooms_open:
                self._breach(f"{seen.entity}: over with its rooms open")
            seen.empty(cancelled=kind == "session.cancelled")

    @staticmethod
    def _planned(seen: Seen, kind: str, plan: Mapping[str, Any], at: datetime) -> None:
        start = instant(plan["start"])
        if kind == "session.created":
            seen.status = "scheduled"
        elif start != seen.start:
            seen.released = False
            if seen.status == "backstage" and not seen.here and at < start - timedelta(minutes=15):
                seen.status = "scheduled"
        seen.start, seen.minutes = start, plan["minutes"]
        seen.capacity, seen.stage_cap = plan["capacity"], plan["stage_cap"]
        seen.anonymous, seen.hosts = plan["anonymous_questions"], set(plan["hosts"])

    def _registered(self, seen: Seen, kind: str, person: str) -> None:
        if seen.full:
            self._breach(f"{seen.entity}: {person} got a seat, and there was none (rule 2)")
        if kind == "session.promoted":
            if seen.waiting[:1] != [person]:
                self._breach(f"{seen.entity}: {person} was promoted before {seen.waiting[:1]}")
            if person in seen.waiting:
                seen.waiting.remove(person)
        seen.registered.add(person)

    def _unregistered(self, seen: Seen, person: str) -> None:
        if person in seen.waiting:
            seen.waiting.remove(person)
        elif person in seen.registered:
            seen.registered.discard(person)
        else:
            self._breach(f"{seen.entity}: {person} gave up a seat they never had")

    def _joined(self, seen: Seen, data: Mapping[str, Any], at: datetime) -> None:
        person, entity = data["person"], seen.entity
        if person in seen.here:
            self._breach(f"{entity}: {person} came in twice")
        if person in seen.banned:
            self._breach(f"{entity}: {person} is banned and came in (rule 24)")
        if data["seated"] and seen.capacity is not None:
            if not (seen.released or at >= seen.start + HELD):
                if person not in seen.registered:
                    self._breach(f"{entity}: {person} took a seat that is held (rule 2)")
            elif len(seen.seated) >= seen.capacity:
                self._breach(f"{entity}: {person} came in, and there was no seat (rule 2)")
        early = timedelta(minutes=5 if data["seated"] else 15)
        if at < seen.start - early:
            self._breach(f"{entity}: {person} came before the doors opened (rule 4)")
        seen.here[person] = None
        seen.put_out.discard(person)
        if data["seated"]:
            seen.seated.add(person)

    def _left(self, seen: Seen, person: str) -> None:
        if person not in seen.here:
            self._breach(f"{seen.entity}: {person} left, and was not there")
        seen.leave(person)
