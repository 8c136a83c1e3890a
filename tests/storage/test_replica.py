"""A node's copy of the journal in NATS: a question that it cannot answer in time is refused."""

import pytest
import trio

from actors.ports import StorageUnavailable
from storage import Store, replica
from storage.replica import Replica, ReplicaArchive
from tests.storage.test_archive import said


class Source:
    """A cluster's journal as far as a copy needs it, with a NATS replica that may lag."""

    def __init__(self):
        self.kept = []
        self.shown = 0

    async def messages(self, after, limit):
        return [
            (number, name, [entry])
            for number, (name, entry) in enumerate(self.kept[: self.shown], 1)
            if after < number <= after + limit
        ]

    async def end_of(self, entity):
        return max((n for n, (name, _) in enumerate(self.kept, 1) if name == entity), default=0)

    async def end(self):
        return len(self.kept)


async def test_a_question_waits_for_the_copy_and_no_longer_than_it_may(tmp_path, monkeypatch):
    source = Source()
    source.kept = [("session/ux", said(1, "one")), ("session/ux", said(2, "two"))]
    source.shown = 1
    async with Store.open(tmp_path / "g.db") as store, trio.open_nursery() as nursery:
        copy = Replica(source, store.journal)
        archive = ReplicaArchive(source, copy, store.journal)
        nursery.start_soon(copy.run)
        # Of another topic everything is there: it is answered at once.
        assert await archive.chat_history("session/other", None, 5) == []
        with monkeypatch.context() as patch:
            patch.setattr(replica, "REACH_SECONDS", 0.05)
            with pytest.raises(StorageUnavailable, match="has not reached the newest"):
                await archive.chat_history("session/ux", None, 5)
            assert not await archive.catch_up()
        source.shown = 2
        assert [one["text"] for one in await archive.chat_history("session/ux", None, 5)] == [
            "two",
            "one",
        ]
        assert await archive.catch_up()
        nursery.cancel_scope.cancel()
