"""Breakout rooms: who may be in which, and everybody is back in the end (rules 25 to 32)."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from bench.simulate.audit.seen import Seen, instant

REST = timedelta(seconds=5)

WHENEVER = frozenset({"breakout.opened", "breakout.closed", "breakout.settled"})
"""What may happen while no rooms are open; of hosts and bans closed ones hear too, to be read."""


class Rooms:
    """Follows where people are in sessions with rooms."""

    def __init__(self, breach: Callable[[str], None]) -> None:
        self._breach = breach

    def take(self, seen: Seen, kind: str, data: Mapping[str, Any], at: datetime) -> None:
        """Look at an entry of the rooms."""
        if "ends_at" in data:
            end = seen.start + timedelta(minutes=seen.minutes)
            if instant(data["ends_at"]) > end - REST and kind == "breakout.opened":
                self._breach(f"{seen.entity}: rooms last longer than the session (rule 30)")
        match kind:
            case "breakout.opened":
                self._opened(seen, data)
            case "breakout.moved":
                self._moved(seen, data)
            case "breakout.closed":
                inside = {person for person, room in seen.here.items() if room is not None}
                if set(data["moved"]) != inside:
                    self._breach(f"{seen.entity}: {sorted(inside)} were in rooms at the close,"
                                 f" and {data['moved']} were moved back (rule 30)")  # fmt: skip
                if not seen.rooms_open:
                    self._breach(f"{seen.entity}: rooms closed twice")
                seen.rooms_open = False
                for person in data["moved"]:
                    self._put(seen, person, None)
        if kind not in WHENEVER and not seen.rooms_open:
            self._breach(f"{seen.entity}: {kind} at {at} with no rooms open")

    @staticmethod
    def _put(seen: Seen, person: str, room: str | None) -> None:
        if person in seen.here:
            seen.here[person] = room
            seen.sends.pop(person, None)

    def _opened(self, seen: Seen, data: Mapping[str, Any]) -> None:
        if seen.rooms_open:
            self._breach(f"{seen.entity}: rooms opened twice (rule 25)")
        seen.rooms_open, seen.assign = True, data["assign"]
        seen.assigned = dict(data["assigned"])
        sizes = Counter(data["assigned"].values())
        each = [sizes[room["id"]] for room in data["rooms"]]
        if data["assign"] == "random" and max(each) - min(each) > 1:
            self._breach(f"{seen.entity}: random rooms of sizes {each} (rule 25)")
        for person in data["moved"]:
            self._put(seen, person, data["assigned"][person])

    def _moved(self, seen: Seen, data: Mapping[str, Any]) -> None:
        person, room = data["person"], data["room"]
        if person not in seen.here:
            self._breach(f"{seen.entity}: {person} is moved, and is not there")
        elif seen.here[person] != data["previous"]:
            self._breach(f"{seen.entity}: {person} comes from {data['previous']}, not"
                         f" from {seen.here[person]} (rule 29)")  # fmt: skip
        own = seen.assigned.get(person)
        if data["chosen"] and room is not None and data["by"] is None:
            free = own is None and seen.assign == "self"
            if person not in seen.hosts and not free and own != room:
                self._breach(f"{seen.entity}: {person} went to {room}, theirs is {own} (rule 27)")
        if data["assigned"] is None:
            seen.assigned.pop(person, None)
        else:
            seen.assigned[person] = data["assigned"]
        self._put(seen, person, room)
