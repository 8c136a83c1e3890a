"""What breaks, and what it costs: real processes, killed, stopped, cut off and restarted.

A small crowd chats, votes and books meanwhile; ``python -m bench.outage`` is the same with
300 people. ``suffer`` compares all that was acknowledged with what is kept and heard.
"""

import pytest

from bench.outage import suffer
from bench.outage_faults import FAULTS
from bench.outage_stage import Setting, staged

PEOPLE, PAUSE = 40, 4.0
pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]


async def through(folder, setting, *chosen, scale=0.4):
    """Let a crowd go through faults on one stage; return what each cost."""
    async with staged(folder, setting, PEOPLE, PAUSE, scale=scale) as stage:
        found = []
        for fault in chosen:
            found.append(await suffer(stage, FAULTS[fault]))
            print(found[-1])
            stage.people.spread(stage.urls)
        assert stage.people.outcomes["confirmed"]
        assert found[-1].reloaded <= PEOPLE // 20, "nearly all resume by number"
        return found


async def test_the_owner_is_killed_and_another_stopped_and_another_cut_off(tmp_path):
    killed, stopped, cut = await through(
        tmp_path,
        Setting(relays=True),
        "owner-killed",
        "owner-stopped",
        "owner-cut-off",
    )
    # Whoever is connected elsewhere waits for the take-over alone: the lease and a little.
    assert killed.elsewhere < 5
    assert stopped.elsewhere < 6
    lease_and_five = 8
    assert cut.longest < lease_and_five


async def test_nats_restarts_a_clock_is_wrong_and_all_nodes_are_restarted(tmp_path):
    restarted, skewed, rolled = await through(
        tmp_path, Setting(), "nats-restarted", "clock-skewed", "nodes-restarted"
    )
    assert restarted.longest < 8
    assert skewed.longest < 5
    assert rolled.longest < 8


async def test_the_server_that_leads_the_journal_dies(tmp_path):
    (died,) = await through(tmp_path, Setting(servers=3), "leader-killed")
    # NATS takes 4 to 9 s to elect a leader; the nodes wait for it without starting anew, and go on
    # as soon as there is one.
    assert died.longest < died.election + 3
