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
from storage.outbox import Endpoint, Outbox
from storage.store import FILE_NAME, Store

__all__ = [
    "FILE_NAME",
    "Damaged",
    "Endpoint",
    "InUse",
    "JournalOverloaded",
    "MemoryJournal",
    "NewerVersion",
    "NotOurs",
    "Outbox",
    "SqliteJournal",
    "StorageRefused",
    "Store",
    "Unwritable",
]
