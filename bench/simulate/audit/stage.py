"""The stage is never too full, shows nobody who did not agree, and nobody unmutes another."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from bench.simulate.audit.seen import Seen, instant

COUNTDOWN = timedelta(seconds=5)
MILLISECOND = timedelta(milliseconds=1)
SOURCES = ("mic", "camera", "screen")


class Stage:
    """Follows sessions' stages and media flags (rules 9 to 18)."""

    def __init__(self, breach: Callable[[str], None]) -> None:
        self._breach = breach

    def take(self, seen: Seen, kind: str, data: Mapping[str, Any], at: datetime) -> None:
        """Look at an entry of the stage."""
        if kind == "media.shares_allowed":
            return
        person = data["person"]
        if person not in seen.here and kind != "media.changed":
            self._breach(f"{seen.entity}: {kind} of {person}, who is not there")
        match kind:
            case "media.changed":
                self._flags(seen, person, data)
            case "stage.requested" | "stage.invited":
                self._wished(seen, kind, person, data)
            case "stage.accepted":
                self._accepted(seen, person, data, at)
            case "stage.countdown":
                self._countdown(seen, person, data, at)
            case "stage.entered":
                self._entered(seen, person, data, at)
            case "stage.left":
                self._left(seen, person, data)
            case _:  # withdrawn, declined, uninvited, answered, cancelled, missed
                if kind in ("stage.cancelled", "stage.missed") and person not in seen.seats:
                    self._breach(f"{seen.entity}: {kind} of {person}, who had no seat")
                seen.off_stage(person)

    def _wished(self, seen: Seen, kind: str, person: str, data: Mapping[str, Any]) -> None:
        if kind == "stage.invited":
            seen.invited.add(person)
            return
        if person not in seen.asked:
            seen.asked.append(person)
        seen.invited.discard(person)
        if data["position"] != seen.asked.index(person) + 1:
            self._breach(f"{seen.entity}: {person} was told place {data['position']} (rule 9)")

    def _countdown(self, seen: Seen, person: str, data: Mapping[str, Any], at: datetime) -> None:
        if seen.seats.get(person) != "accepted":
            self._breach(f"{seen.entity}: a countdown for {person} without a seat")
        seen.seats[person] = "countdown"
        seen.shown_from[person] = instant(data["ends_at"])
        if abs(seen.shown_from[person] - at - COUNTDOWN) > MILLISECOND:
            self._breach(f"{seen.entity}: {person}'s countdown is not 5 s (rule 12)")

    def _accepted(self, seen: Seen, person: str, data: Mapping[str, Any], at: datetime) -> None:
        if len(seen.seats) >= seen.stage_cap:
            self._breach(f"{seen.entity}: {person} is one too many for the stage (rule 13)")
        agreed = {
            "request": person in seen.asked,
            "invite": person in seen.invited,
            "return": seen.returning.get(person, at) > at,
        }
        if not agreed[data["how"]]:
            self._breach(f"{seen.entity}: {person} never agreed to be on screen (rule 14)")
        if seen.here.get(person) is not None:
            self._breach(f"{seen.entity}: {person} is let on stage, and is in a room")
        seen.off_stage(person)
        seen.seats[person] = "accepted"

    def _entered(self, seen: Seen, person: str, data: Mapping[str, Any], at: datetime) -> None:
        if seen.seats.get(person) != "countdown":
            self._breach(f"{seen.entity}: {person} is on screen without a countdown (rule 12)")
        elif at < seen.shown_from[person]:
            self._breach(f"{seen.entity}: {person} is on screen before the time (rule 12)")
        seen.seats[person] = "on_screen"
        on = {source for source in ("mic", "camera") if data[source]}
        seen.sends[person] = frozenset(on)

    def _left(self, seen: Seen, person: str, data: Mapping[str, Any]) -> None:
        if person not in seen.seats:
            self._breach(f"{seen.entity}: {person} left the stage, and was not on it")
        seen.off_stage(person)
        seen.returning.pop(person, None)
        if data["may_return_until"] is not None:
            seen.returning[person] = instant(data["may_return_until"])
            if data["reason"] != "left":
                self._breach(f"{seen.entity}: {person} was {data['reason']} and may return")

    def _flags(self, seen: Seen, person: str, data: Mapping[str, Any]) -> None:
        on = frozenset(source for source in SOURCES if data[source])
        blocked, before = frozenset(data["blocked"]), seen.blocked.get(person, frozenset())
        if data["by"] == person:
            if blocked != before and person not in seen.hosts:
                self._breach(f"{seen.entity}: {person} changed what is blocked (rule 17)")
        elif on - seen.sends.get(person, on):
            self._breach(f"{seen.entity}: {data['by']} turned on {set(on)} of {person} (rule 17)")
        if on and person in seen.here and not (
            person in seen.hosts or seen.seats.get(person) == "on_screen"
        ):  # fmt: skip
            self._breach(f"{seen.entity}: {person} is seen or heard from the audience (rule 5)")
        seen.blocked[person], seen.sends[person] = blocked, on
