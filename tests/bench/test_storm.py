"""Everybody drops out of a real daemon's sessions at once, comes back, and has missed nothing."""

import json
import time

import pytest

from bench import storm_daemon
from bench.figures import read
from bench.load.dialects import GREENROOM
from bench.load.wire import Address, Place
from bench.storm_fair import Fair, Host


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


def test_what_a_host_says_late_is_late_for_those_who_hear_it(monkeypatch):
    said = []

    class Heard:
        def sendall(self, frame):
            said.append(frame)

    monkeypatch.setattr("bench.storm_fair.masked", json.loads)
    host = Host("session/s", "token")
    host.wire = Heard()
    fair = Fair([], [host], Place(Address("h", 80), GREENROOM, 0, None), rate=5.0)
    began = time.monotonic()
    fair.talk(on=True)
    time.sleep(0.5)  # whatever keeps the generator: three were due meanwhile
    fair.run(0.0)
    times = [float(frame["params"]["text"].split()[1]) for frame in said]
    assert times == pytest.approx([began, began + 0.2, began + 0.4], abs=0.05)
