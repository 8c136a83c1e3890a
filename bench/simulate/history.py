"""What really happened: every entry of the journal in the order of the writes, and who looks on.

The auditors read plain entries and know the product's promises in their own words. They share no
code with the rules, so that a rule that is wrong is not excused by itself.
"""

import hashlib
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson

from actors.ports import Entry
from actors.rules.base import EVENTS
from bench.simulate.audit.chats import Chats
from bench.simulate.audit.company import Companies
from bench.simulate.audit.session import Sessions
from bench.simulate.audit.words import Words

BROKEN_KEPT = 20
"""Broken promises that are told of one simulation; the first ones say most."""


class History:
    """The journal's entries as they come, checked at once.

    :param now: tells the simulated time, to say when a promise was broken.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._hash = hashlib.blake2s(digest_size=8)
        self._heads: dict[str, int] = {}
        self._keys: set[tuple[str, str]] = set()
        self._published: dict[str, list[str]] = {}
        self.broken: list[str] = []
        self.on_broken: Callable[[], object] = lambda: None
        """Is called when a promise was found broken."""
        self.events = 0
        self.met: Counter[str] = Counter()
        self.words = Words(self.breach)
        self.sessions = Sessions(self.breach)
        self.companies = Companies(self.breach)
        self.chats = Chats(self.breach)
        self._audits: dict[str, tuple[Callable[[str, str, Any, datetime], None], ...]] = {
            "session": (self.words.take, self.sessions.take),
            "room": (self.words.take,),
            "chat": (self.words.take, self.chats.take),
            "agenda": (self.companies.of_agenda, self.chats.of_agenda),
            "company": (self.words.take, self.companies.take),
            "person": (self.words.notified,),
            "support": (self.words.take,),
        }

    def breach(self, sentence: str) -> None:
        """Note that a promise was broken."""
        if len(self.broken) < BROKEN_KEPT:
            self.broken.append(f"{self._now():%m-%d %H:%M:%S} {sentence}")
        self.on_broken()

    def take(self, entity: str, entry: Entry) -> None:
        """Look at an entry that is on disk."""
        self.events += 1
        self.met[entry.type] += 1
        if self._heads.get(entity, 0) + 1 != entry.seq:
            self.breach(f"{entity}: entry {entry.seq} follows {self._heads.get(entity, 0)}")
        self._heads[entity] = entry.seq
        self._hash.update(
            orjson.dumps(
                [entity, entry.seq, entry.type, entry.at, entry.data, entry.meta],
                default=bytes.hex,  # of a packed answer
            )
        )
        self._number(entity, entry)
        self._key(entity, entry)
        for audit in self._audits.get(entity.partition("/")[0], ()):
            audit(entity, entry.type, entry.data, entry.at)

    def _number(self, entity: str, entry: Entry) -> None:
        if not EVENTS[entry.type].published:
            return
        told = self._published.setdefault(entity, [])
        told.append(entry.type)
        if entry.meta.get("number") != len(told):
            self.breach(f"{entity}: {entry.type} has number {entry.meta.get('number')}")

    def _key(self, entity: str, entry: Entry) -> None:
        key = entry.meta.get("done", {}).get("key")
        if key is None:
            return
        if (entity, key) in self._keys:
            self.breach(f"{entity}: the command {key} was carried out twice")
        self._keys.add((entity, key))

    # What others ask

    @property
    def digest(self) -> str:
        """Name the history so far."""
        return self._hash.hexdigest()

    def standing(self, topic: str) -> int:
        """Return the number of a topic's last event."""
        return len(self._published.get(topic, ()))

    def told(self, topic: str, number: int) -> str | None:
        """Return the type of a topic's event; None if it is not on disk."""
        types = self._published.get(topic, ())
        return types[number - 1] if 0 < number <= len(types) else None

    def carried_out(self, person: str, key: str, entity: str) -> bool:
        """Say whether a person's command has changed an entity.

        :param key: its method, a NUL, and its key.
        """
        return (entity, f"{person}\0{key}") in self._keys
