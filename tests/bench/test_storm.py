"""Everybody drops out of a real daemon's sessions at once, comes back, and has missed nothing."""

import pytest

from bench import storm_daemon
from bench.figures import read


@pytest.mark.slow
def test_a_small_storm_of_two_processes_loses_nothing_and_repeats_nothing(monkeypatch):
    monkeypatch.setattr(storm_daemon, "PER_TOPIC", 20)
    quick = {"away": 0.5, "spread": 0.2, "before": 0.5, "after": 0.5}
    found = storm_daemon.run(clients=45, rate=10, generators=3, **quick)
    assert (found["generators"], found["clients"]) == (2, 45)
    assert found["delivered_percent"] == 100
    assert (found["missed"], found["repeated"], found["snapshots_after_drop"]) == (0, 0, 0)
    assert found["acknowledged"] == found["published"] >= 3
    names = [figure.name for figure in read("storm_daemon", found) if figure.met is False]
    assert not {name for name in names if "delivered" in name or "missed" in name}
