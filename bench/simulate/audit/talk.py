"""Chat and questions: who may speak, how often, and one vote a person (rules 20, 21)."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from bench.simulate.audit.seen import Seen


class Talk:
    """Follows sessions' chats and questions."""

    def __init__(self, breach: Callable[[str], None]) -> None:
        self._breach = breach

    def take(self, seen: Seen, kind: str, data: Mapping[str, Any], at: datetime) -> None:
        """Look at an entry of the chat or of the questions."""
        match kind:
            case "chat.posted":
                self._posted(seen, data, at)
            case "chat.muted" if data["muted"]:
                seen.muted.add(data["person"])
            case "chat.muted":
                seen.muted.discard(data["person"])
            case "chat.slowed":
                seen.slow = data["seconds"]
            case "qa.asked":
                seen.votes[data["id"]] = set()
                if data["author"] not in seen.here:
                    self._breach(f"{seen.entity}: {data['author']} asks and is not there")
                if data["anonymous"] and (data["person"] or data["name"] or not seen.anonymous):
                    self._breach(f"{seen.entity}: an anonymous question has a name (rule 20)")
            case "qa.voted":
                self._voted(seen, data)
            case "qa.deleted":
                del seen.votes[data["id"]]

    def _posted(self, seen: Seen, data: Mapping[str, Any], at: datetime) -> None:
        person = data["person"]
        if person not in seen.here or person in seen.banned:
            self._breach(f"{seen.entity}: {person} writes and is not there (rule 21)")
        if seen.here.get(person) is not None and person not in seen.hosts:
            self._breach(f"{seen.entity}: {person} writes in main from a room (rule 28)")
        if person not in seen.hosts and data["role"] != "organizer":
            if person in seen.muted or None in seen.muted:
                self._breach(f"{seen.entity}: {person} is muted and writes (rule 21)")
            since = at - seen.spoke.get(person, at - timedelta(days=1))
            if since < timedelta(seconds=seen.slow):
                self._breach(f"{seen.entity}: {person} writes after {since}, too soon (rule 21)")
        seen.spoke[person] = at

    def _voted(self, seen: Seen, data: Mapping[str, Any]) -> None:
        votes, person = seen.votes[data["id"]], data["person"]
        if (person in votes) == data["on"]:
            self._breach(f"{seen.entity}: {person} votes twice for {data['id']} (rule 20)")
        (votes.add if data["on"] else votes.discard)(person)
        if len(votes) != data["votes"]:
            self._breach(f"{seen.entity}: {data['id']} has {len(votes)} votes, not {data['votes']}")
