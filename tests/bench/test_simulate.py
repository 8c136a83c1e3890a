"""Fairs from seeds: every promise holds, the same seed does the same, and a fault is found."""

import pytest

from actors.answers import Answers
from bench.simulate import Plan, simulate
from bench.simulate_many import outcomes
from bench.simulate_world import Inbox

SEEDS = 100
"""As many as are worth the time of every run; `make simulate` plays a thousand."""


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_no_seed_breaks_a_promise():
    found = list(outcomes(range(SEEDS)))
    assert [outcome["seed"] for outcome in found] == list(range(SEEDS))
    assert {outcome["seed"]: outcome["broken"] for outcome in found if outcome["broken"]} == {}
    faults = {fault for outcome in found for fault in outcome["faults"]}
    assert faults == {"refused", "lost", "crash before", "crash after"}
    assert all(outcome["commands"] > 100 for outcome in found)


def test_the_same_seed_does_the_same_again():
    plan = Plan(seed=7, minutes=1)
    first, second = simulate(plan), simulate(plan)
    assert first == second
    assert simulate(Plan(seed=8, minutes=1)).digest != first.digest


def test_a_repeated_command_that_is_carried_out_twice_is_found(monkeypatch):
    monkeypatch.setattr(Answers, "find", lambda *_: None)
    broken = [promise for seed in range(4) for promise in simulate(Plan(seed=seed)).broken]
    assert any("2 times" in promise for promise in broken)


def test_an_event_that_is_missing_in_between_is_found():
    inbox = Inbox()
    for seq, kind in ((3, "snapshot"), (4, "chat.posted"), (6, "chat.posted")):
        inbox._take({"topic": "session/ux", "seq": seq, "type": kind})
    assert inbox.wrong == ["session/ux: chat.posted 6 came after 4"]
