"""Fairs from seeds: every promise holds, the same seed does the same, and faults are found."""

import json
import os
import subprocess
import sys
from datetime import timedelta

import attrs
import pytest
import trio
from click.testing import CliRunner

from actors.answers import Answers
from actors.durable import DurableActor
from actors.rules import quota
from actors.rules.agenda import availability
from actors.rules.breakout import timing
from actors.rules.meeting import room, steps
from actors.rules.person import PersonRules
from actors.rules.session import presence, stage
from actors.rules.session.rules import SessionRules
from actors.rules.session.stage_events import Invited
from actors.rules.session.state import SessionState
from bench.simulate import Plan, audience, many, simulate
from bench.simulate.clock import JumpingClock
from bench.simulate.disk import FAULTS
from bench.simulate.frames import Inbox
from bench.simulate.many import SimulationStuck, outcomes
from engine.cli.simulate import simulate as command
from transport.hub import Hub

SEEDS = range(12)
"""Of two days each; ``test_seeds.py`` plays a thousand smaller ones."""


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_no_seed_breaks_a_promise():
    found = list(outcomes(SEEDS))
    assert [outcome.seed for outcome in found] == list(SEEDS)
    assert {outcome.seed: outcome.broken for outcome in found if outcome.broken} == {}
    faults = {fault for outcome in found for fault in outcome.faults}
    assert faults == {*FAULTS, "restart"}
    assert all(outcome.asked > 100 for outcome in found)


def test_a_simulation_that_fails_is_told_with_its_seed_and_reason():
    played = outcomes([5, 6], people=0)
    with pytest.raises(SimulationStuck, match=r"seed 5 failed: [A-Za-z]+Error: "):
        next(played)


def test_a_simulation_that_takes_too_long_is_given_up(monkeypatch):
    monkeypatch.setattr(many, "OUTCOME_SECONDS", 0.01)
    with pytest.raises(SimulationStuck, match="seed 5 is stuck"):
        next(outcomes([5]))


def _digest_apart(hash_seed: str) -> str:
    code = "from bench.simulate import Plan, simulate; print(simulate(Plan(seed=7, days=1)).digest)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=True, timeout=120,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
    )  # fmt: skip
    return done.stdout


@pytest.mark.timeout(200)
def test_the_same_seed_does_the_same_again_in_any_process():
    assert _digest_apart("1") == _digest_apart("2")


@pytest.mark.timeout(200)
def test_a_large_fair_breaks_no_promise_and_its_visitors_do_something():
    plan = Plan(seed=3, people=120, days=2)
    outcome = simulate(plan)
    assert plan.is_large
    assert outcome.broken == ()
    assert outcome.asked > 10 * plan.people
    assert outcome.faults["restart"] == plan.crashes == 1


def test_time_jumps_to_whoever_wakes_next_and_nobody_wakes_who_gave_up():
    clock, woken = JumpingClock(), []

    async def sleep(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((seconds, trio.current_time()))

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for seconds in (3e6, 0.5, 2.0):
                nursery.start_soon(sleep, seconds)
            with trio.move_on_after(1.0):
                await clock.sleep(1.5)
            assert trio.current_time() == 1.0

    trio.run(main, clock=clock)
    assert woken == [(0.5, 0.5), (2.0, 2.0), (3e6, 3e6)]


# Broken rules, and whether they are seen


def _broken(*seeds: int, people: int = 5) -> str:
    """Return what is broken first in the first of some fairs in which anything is."""
    for seed in seeds:
        if broken := simulate(Plan(seed=seed, people=people, first=True)).broken:
            return "\n".join(broken)
    return ""


def test_a_repeated_command_that_is_carried_out_twice_is_found(monkeypatch):
    monkeypatch.setattr(Answers, "find", lambda *_: None)
    assert "twice" in _broken(0, 1)


def test_a_slot_that_is_given_twice_is_found(monkeypatch):
    monkeypatch.setattr(availability, "is_busy", lambda *_: False)
    assert "at the same time (rule 42)" in _broken(0, 1, 2, 3)


def test_a_slot_that_nobody_offered_is_found(monkeypatch):
    moved = steps.STEPS[steps.ask.Pick]
    monkeypatch.setitem(
        steps.STEPS, steps.ask.Pick, lambda desk, command: _hours_later(moved(desk, command))
    )
    assert "is no slot of" in _broken(0, 1)


def _hours_later(event):
    meeting, hours = event.meeting, timedelta(hours=7)
    later = attrs.evolve(meeting, start=meeting.start + hours, end=meeting.end + hours)
    return attrs.evolve(event, meeting=later)


def test_a_seat_too_many_is_found(monkeypatch):
    monkeypatch.setattr(SessionState, "full", lambda _: False)
    assert "there was none (rule 2)" in _broken(*range(6))


def test_a_stage_that_is_too_full_is_found(monkeypatch):
    monkeypatch.setattr(stage, "_has_space", lambda _: True)
    # Many are there and everybody wants to be on it, for then it is sure to be full.
    monkeypatch.setattr(audience, "WEIGHTS", (0, 0, 0, 0, 1, *[0] * 8))
    assert "one too many for the stage (rule 13)" in _broken(1, 2, 3, people=15)


def test_somebody_on_screen_who_never_agreed_is_found(monkeypatch):
    decide = SessionRules.decide

    def pull(self, state, command, now):
        events = decide(self, state, command, now)
        if isinstance(command, stage.Invite) and events and isinstance(events[0], Invited):
            member = state.member(command.person)
            wish = stage.Answer(by=command.by, session=state.id, accept=True)
            return [stage._accepted(state, member, command.by, "request", wish, now)]
        return events

    monkeypatch.setattr(SessionRules, "decide", pull)
    assert "never agreed to be on screen (rule 14)" in _broken(1, 6, 0, 2, 3, 4)


def test_somebody_left_behind_in_a_room_is_found(monkeypatch):
    closed = timing.closed
    monkeypatch.setattr(
        timing, "closed", lambda *given: attrs.evolve(closed(*given), moved=[], media={})
    )
    assert "were moved back (rule 30)" in _broken(5, 6, 0, 1, 2, 3)


def test_somebody_missing_too_early_is_found(monkeypatch):
    monkeypatch.setattr(room, "NO_SHOW_AFTER", room.NO_SHOW_AFTER / 2)
    assert "after the start (rule 45)" in _broken(0, 1, 2, 3)


def test_a_door_that_is_open_to_everybody_is_found(monkeypatch):
    monkeypatch.setattr(presence, "may_join", lambda *_: None)
    assert "came" in _broken(0, 1, 2, 3)


def test_a_notification_that_is_forgotten_is_found(monkeypatch):
    whole = PersonRules.snapshot

    def half(self, state, person, now):
        found = whole(self, state, person, now)["notifications"]
        return {"notifications": found[1:]}

    monkeypatch.setattr(PersonRules, "snapshot", half)
    assert "finds the notifications" in _broken(0)


def test_an_event_that_one_listener_is_not_sent_is_found(monkeypatch):
    broadcast, count = Hub._broadcast, iter(range(10**9))

    def forgetful(self, place, frames, seq):
        if next(count) % 20 == 19 and place.subscriptions:
            if seq is not None:
                place.history.add(seq, frames)
            return
        broadcast(self, place, frames, seq)

    monkeypatch.setattr(Hub, "_broadcast", forgetful)
    assert "came after" in _broken(0, 1, 2)


def test_an_actor_that_never_leaves_memory_is_found(monkeypatch):
    monkeypatch.setattr(DurableActor, "may_passivate", lambda _: False)
    assert "actors are left over" in "\n".join(simulate(Plan(seed=1, days=1)).broken)


@pytest.fixture(scope="module")
def over_quota():
    """What the command says of a fair whose companies may offer any number of slots."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quota.Quota, "total", property(lambda _: -1_000))
        yield CliRunner().invoke(command, ["--seed", "1", "--days", "1", "--first", "--json"])


def test_a_quota_that_is_exceeded_is_found(over_quota):
    assert "slots are offered of" in over_quota.stderr


def test_a_failing_seed_is_told_with_the_command_that_plays_it_again(over_quota):
    assert over_quota.exit_code == 1
    assert "greenroom simulate --seed 1 --people 5 --days 1\n" in over_quota.stderr
    assert '"seed": 1' in over_quota.stdout


def test_a_fair_ends_at_its_first_broken_promise_if_that_is_enough(over_quota):
    told = json.loads(over_quota.stdout)
    assert len(told["broken"]) == 1
    assert told["simulated_seconds"] < 3600


def test_an_event_that_is_missing_in_between_is_found():
    wrong: list[str] = []
    inbox = Inbox(lambda data: [data], wrong.append, "ana")  # type: ignore[arg-type,list-item]
    for seq, kind in ((3, "snapshot"), (4, "chat.posted"), (6, "chat.posted")):
        inbox.write({"topic": "session/ux", "seq": seq, "type": kind})  # type: ignore[arg-type]
    assert wrong == ["ana: session/ux: chat.posted 6 came after 4"]
