"""People who come on screen: whoever is let in late was asked late, and no answer is cut off."""

import pytest
import trio

from bench.diary import Diary
from bench.load.target import Target
from bench.stage import Accepting, Asking
from engine.tokens import Key

TARGET = Target("ws://h/", Key("k", "s" * 20), "stage")


class Slow:
    """A client whose every answer takes a second."""

    async def call(self, method, **params):
        await trio.sleep(1.0)
        return {}


async def test_nobody_is_let_in_from_before_the_host_was_told(autojump_clock):
    diary = Diary()
    host = Accepting(TARGET, "host-s", "s", diary, think=1.0, seed=1)
    host._client = Slow()
    host._queue = {"ana": 1.0}
    await trio.sleep(30.0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(host._act, 5.0)  # a look that is late
        await trio.sleep(0.5)
        nursery.start_soon(host._answer, "stage.requested", {"person": "ben"})
    waits = diary.by_method["stage.accept"]
    assert waits.at(100) == pytest.approx(26_000, rel=0.01)
    assert waits.at(50) < 3_000
    assert host._queue == {}


class Orders:
    """The process that is told what to do."""

    def __init__(self):
        self.said = []

    def say(self, data=None):
        self.said.append(data)

    async def heard(self, word):
        return [word, "0.0"]


async def test_what_is_without_an_answer_at_the_end_is_waited_for(autojump_clock, monkeypatch):
    monkeypatch.setattr("bench.stage.time.monotonic", lambda: 0.0)

    async def run(self, until):
        diary, ends = self._diary, until + 20.0
        diary.waiting += 1
        await trio.sleep_until(ends)
        diary.note("stage.request", until, ends)
        diary.waiting -= 1

    monkeypatch.setattr("bench.stage.Asker.run", run)
    orders = Orders()
    asking = Asking(session="s", people=2, seconds=1.0, index=1, number=2)
    target = Target("ws://h/", Key("k", "s" * 20), "stage", ours=True)
    await asking.run(target, orders)
    assert orders.said[-1]["diary"]["counts"]["commands_carried_out"] == 1
