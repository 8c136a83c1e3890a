"""What lasts: the journal's implementations, snapshots and the read model."""

from storage.errors import (
    Damaged,
    InUse,
    JournalOverloaded,
    NewerVersion,
    NotOurs,
    StorageRefused,
    Unwritable,
)
from storage.journal import SqliteJournal
from storage.memory import MemoryJournal

__all__ = [
    "Damaged",
    "InUse",
    "JournalOverloaded",
    "MemoryJournal",
    "NewerVersion",
    "NotOurs",
    "SqliteJournal",
    "StorageRefused",
    "Unwritable",
]
