from collections.abc import AsyncIterator

import pytest

from storage import MemoryJournal, SqliteJournal


@pytest.fixture(params=["memory", "sqlite"])
async def journal(request, tmp_path) -> AsyncIterator[MemoryJournal | SqliteJournal]:
    if request.param == "memory":
        yield MemoryJournal()
    else:
        async with SqliteJournal.open(tmp_path / "greenroom.db") as journal:
            yield journal
