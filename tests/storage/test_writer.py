"""The writer's background work: it stands back while people are served, and is done at the end."""

import time

import trio
from sqlite_utils import Database

from storage import SqliteJournal
from storage.group import Run
from storage.writer import PAUSE_SECONDS, Writer

SLICES = 2_000


class Backlog:
    """Work that would take the whole thread for a while."""

    def __init__(self) -> None:
        self.left = SLICES
        self.begun = False

    def step(self, _: Database) -> bool:
        self.left -= self.begun
        return self.left > 0


async def test_background_work_pauses_while_people_are_served_and_is_done_at_the_end(tmp_path):
    path = tmp_path / "greenroom.db"
    async with SqliteJournal.open(path):
        pass
    backlog = Backlog()
    writer = Writer(path, [backlog])
    await writer.submit(Run(lambda _: None))
    backlog.begun, since = True, time.monotonic()
    for _ in range(20):
        await writer.submit(Run(lambda _: None))
        await trio.sleep(PAUSE_SECONDS / 2)
    done = SLICES - backlog.left
    assert 0 < done <= (time.monotonic() - since) / PAUSE_SECONDS + 2
    await writer.aclose()
    assert backlog.left == 0
