"""What people wrote is kept once, and what they are to be told is kept until they read it."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

KEPT = 200
"""Unread notifications of one person (rule 49); the oldest makes room."""


class Words:
    """Texts in the journal, each of them unique to one command; and unread notifications."""

    def __init__(self, breach: Callable[[str], None]) -> None:
        self._breach = breach
        self.said: Counter[str] = Counter()
        self.unread: dict[str, dict[str, str]] = {}
        """Entity -> id -> kind."""

    def take(self, entity: str, kind: str, data: Mapping[str, Any], at: datetime) -> None:
        """Look for words in an entry."""
        del at
        match kind:
            case "chat.posted" | "qa.asked" | "breakout.broadcast" | "meeting.noted":
                text = data["text"]
            case "support.asked":
                text = data["ticket"]["thread"][0]["text"]
            case "support.replied":
                text = data["message"]["text"]
            case "company.changed":
                text = data["company"]["info"]
            case "meeting.requested":
                text = data["meeting"]["message"]
            case _:
                return
        self.said[text] += 1
        if self.said[text] > 1 and text:
            self._breach(f"{text!r} is in {entity} {self.said[text]} times")

    def notified(self, entity: str, kind: str, data: Mapping[str, Any], at: datetime) -> None:
        """Follow a person's notifications (rule 49)."""
        del at
        unread = self.unread.setdefault(entity, {})
        if kind == "notification.added":
            if data["id"] in unread:
                self._breach(f"{entity}: notification {data['id']} was added twice")
            unread[data["id"]] = data["kind"]
            while len(unread) > KEPT:
                del unread[next(iter(unread))]
        else:
            for each in data["ids"]:
                if unread.pop(each, None) is None:
                    self._breach(f"{entity}: notification {each} was read, and never there")
