"""The processes of a load: shared out, told what to do, and heard, whatever becomes of them."""

import psutil
import pytest

from bench import stage
from bench.load.target import Target
from bench.load.team import Team
from bench.load.wire import LoadFailed
from engine.tokens import Key

TARGET = Target("ws://h/", Key("k", "s" * 32), "fair", ours=True)
PARTS = "tests.bench.parts"


@pytest.fixture
def team():
    with Team(PARTS, TARGET, [{"number": 0}, {"number": 1}]) as team:
        yield team
    assert not any(psutil.pid_exists(member.child.process.pid) for member in team._members)


async def test_each_process_is_told_of_the_target_and_answers_with_its_share(team):
    told = {"event": "fair", "secret": "s" * 32, "kind": [True, False]}
    assert await team.heard() == [told, told]
    assert team.ask("double 1 2.5") == [
        {"failed": 0, "double": [2 * number, ["1", "2.5"]]} for number in range(2)
    ]
    assert not team.look()
    assert all(seconds > 0 for seconds in team.used())


def test_whoever_cannot_go_on_is_told_of_and_nobody_waits_for_the_others(team):
    team.hear()
    with pytest.raises(LoadFailed, match=r"^number 1 \(generator 2 of 2\)$"):
        team.ask("fail")


def test_a_process_that_broke_is_told_of_in_a_line(team):
    team.hear()
    with pytest.raises(LoadFailed, match=r"^a generator ended early: number 1$"):
        team.ask("break")


def test_an_order_that_nobody_hears_any_more_is_told_of(team):
    team.hear()
    for member in team._members:
        member.child.process.kill()
        member.child.process.wait()
    with pytest.raises(LoadFailed, match="ended early"):
        team.ask("double")


def test_a_load_without_generators_is_refused():
    with pytest.raises(LoadFailed, match="one generator at least"):
        Team(PARTS, TARGET, [])


def test_an_order_out_of_turn_is_refused():
    with Team(PARTS, TARGET, [{"number": 0}]) as team:
        team.hear()
        with pytest.raises(LoadFailed, match=r"^told 'go' in place of double or fail or break$"):
            team.ask("go")


@pytest.mark.slow
def test_people_of_two_processes_come_on_screen_by_one_host():
    result = stage.run(people=4, seconds=2.0, generators=2)
    assert (result["generators"], result["failed"]) == (2, 0)
    assert result["on_screen"] >= 4
    assert result["countdown_late"]["count"] == result["on_screen"]
