import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage import MemoryJournal, SqliteJournal

sys.path.insert(0, str(Path(__file__).parent))  # for journal_streams


@pytest.fixture(params=["memory", "sqlite"])
async def journal(request, tmp_path) -> AsyncIterator[MemoryJournal | SqliteJournal]:
    if request.param == "memory":
        yield MemoryJournal()
    else:
        async with SqliteJournal.open(tmp_path / "greenroom.db") as journal:
            yield journal
