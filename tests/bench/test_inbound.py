"""Where a command's time goes: stages are stamped, add up, and what has none is told too."""

import json
from pathlib import Path

import pytest
import trio
import trio.testing

from bench import inbound, inbound_paper, inbound_ways
from bench.figures import read
from bench.inbound_paper import PARTS, REST
from bench.load.staged import OF_WRITER, STAGES, STEPS, WOKEN, WRITING
from bench.load.stages import Meter, Stamp, freed, since
from bench.report import markdown
from bench.results import Record, all_in

RESULTS = Path(__file__).parents[2] / "bench" / "results"


class Clock:
    """Nanoseconds that pass when somebody says so."""

    def __init__(self):
        self.now = 0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_a_stage_is_charged_for_its_own_time_alone(clock):
    meter = Meter("rest", clock)

    def inner():
        clock.now += 5
        raise ValueError

    def outer():
        clock.now += 10
        with pytest.raises(ValueError, match=r"^$"):
            meter.around(inner, "inner")()
        clock.now += 1

    meter.begin()
    clock.now += 100
    meter.around(outer, "outer")()
    assert meter.spent == {"rest": 100, "outer": 11, "inner": 5}
    assert meter.inside == {"rest": 1, "outer": 1}


def test_a_stage_is_left_while_it_waits(clock):
    meter = Meter("rest", clock)
    reached = trio.Event()

    async def wait():
        clock.now += 3
        await reached.wait()
        clock.now += 4
        return "done"

    async def cancelled():
        try:
            await trio.sleep_forever()
        finally:
            clock.now += 2

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(meter.along(cancelled, "cancelled"))
            await trio.testing.wait_all_tasks_blocked()
            clock.now += 50
            reached.set()
            assert await meter.along(wait, "wait")() == "done"
            nursery.cancel_scope.cancel()

    meter.begin()
    trio.run(main)
    assert (meter.spent["wait"], meter.spent["cancelled"]) == (7, 2)


def test_what_the_stamps_cost_is_told_apart():
    before = {"spent": {"a": 10}, "entered": {"a": 1}, "inside": {}}
    after = {"spent": {"a": 1_010, "b": 20}, "entered": {"a": 11, "b": 1}, "inside": {"a": 1}}
    found, stamps = freed(since(before, after), Stamp(own=30.0, outer=50.0))
    assert found == {"a": 650.0, "b": 0.0}
    assert stamps == pytest.approx(370.0)
    assert Stamp.measured().own > 0


def told(spent, processor, waited):
    stages = {"spent": spent, "entered": {"decode": 10}, "inside": {}}
    waits = {"seconds": {"answer": waited}, "commands": {"": waited and 10}}
    return {"stages": stages, "stamp": {"own": 100.0, "outer": 0.0}, "waits": waits,
            "processor": {"": processor}}  # fmt: skip


def test_stages_and_the_rest_add_up_to_all_of_it():
    before = told({"decode": 0, "projection": 0}, 0, 0.0)
    before["stages"]["entered"] = {}
    after = told({"decode": 51_000, "projection": 20_000}, 91_000, 0.02)
    found = inbound_ways.costs(before, after, sent=10)
    assert found["stages"] == {"decode": 5.0, "projection": 2.0}
    assert (found["whole"], found["stamps"], found["rest"]) == (9.0, 0.1, 2.0)
    assert found["waits"] == {"answer": 2_000.0}


def test_every_stage_belongs_to_a_part_of_the_way():
    named = {stage for _, _, stage in (*STAGES, *OF_WRITER)} | {WOKEN, WRITING}
    assert named <= {stage for stages in PARTS.values() for stage in stages}
    assert all(callable(getattr(owner, name)) for owner, name, _ in (*STAGES, *OF_WRITER))
    assert set(PARTS) == set(inbound_paper.DONE)


WAY = {
    "whole": 100.0, "rest": 1.0, "stamps": 9.0, "waits": {"commit": 1_500.0},
    "stages": {
        "commit: begin, write and sync": 40.0, "decode": 5.0, "structure": 15.0, "WebSocket": 22.0,
        "projection": 8.0, STEPS: 9.0,
    },
}  # fmt: skip


def test_each_stage_is_measured_although_a_log_takes_each_message_once(monkeypatch):
    monkeypatch.setattr(inbound, "way", lambda *_: WAY)
    monkeypatch.setattr(inbound, "from_socket_to_socket", lambda *_: 110.0)
    monkeypatch.setattr(inbound, "TIMES", 10)
    monkeypatch.setattr(inbound, "ROUNDS", 1)
    found = inbound.run()["microseconds"]
    assert {"decide", "evolve and answer"} <= found.keys()


def test_the_page_tells_the_parts_the_largest_three_and_what_was_done_about_them(monkeypatch):
    monkeypatch.setattr(inbound, "way", lambda *_: WAY)
    monkeypatch.setattr(inbound, "from_socket_to_socket", lambda *_: 110.0)
    monkeypatch.setattr(inbound, "TIMES", 10)
    monkeypatch.setattr(inbound, "ROUNDS", 1)
    result = inbound.run()
    machine = all_in(RESULTS)[0].machine
    page = markdown([Record("inbound", "greenroom bench inbound", machine, [result])])
    assert "| **the commit** | 40.0 | 40.0 |" in page
    assert f"| **{REST}** | 10.0 | 10.0 |" in page
    assert "| all of it, of a daemon without stamps | 110.0 | 110.0 |" in page
    largest = "the commit (40%), reading from sockets (22%), parse, structure and rates (20%)"
    assert f"The three largest, one by one: {largest}." in page
    assert "with wsproto" in page.partition("Done about reading from sockets")[2]
    assert "commit 1.50 ms" in page
    figures = {one.name: one.value for one in read("inbound", json.loads(json.dumps(result)))}
    parts = [value for name, value in figures.items() if name.startswith("one by one: ")]
    assert sum(parts) == pytest.approx(100.0)


def test_a_result_without_ways_tells_its_stages_alone():
    assert inbound_paper.text({"microseconds": {"decode": 1.0}}) == ""


@pytest.mark.slow
def test_the_stages_of_a_daemon_come_to_most_of_what_it_takes():
    found = inbound_ways.way(2, 1.0)
    parts = inbound_paper.parts(found)
    assert sum(parts.values()) == pytest.approx(found["whole"], rel=0.02)
    assert parts[REST] < found["whole"] / 4
    assert min(parts[part] for part in ("the commit", "the mailbox", "the answer")) > 0
    assert found["waits"]["commit, until the entity goes on"] > 0
