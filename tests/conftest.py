"""What holds for all tests."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent

ONE_AT_A_TIME = (HERE / "browser", HERE / "transport" / "media", HERE / "cluster")
"""Tests with browsers, media and several processes: those of one folder run one at a time."""

ATTEMPTS = 3
"""How often a test of real time and real processes may be tried.

A machine that does other work meanwhile misses a deadline now and then; a fault of ours misses it
each time. Tests on the jumping clock have one attempt.
"""


def pytest_collection_modifyitems(items):
    for item in items:
        heavy = [folder for folder in ONE_AT_A_TIME if folder in item.path.parents]
        for folder in heavy:
            item.add_marker(pytest.mark.xdist_group(folder.name))
        if heavy or item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.flaky(reruns=ATTEMPTS - 1, reruns_delay=1))
