"""What holds for all tests."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent

ONE_AT_A_TIME = (HERE / "browser", HERE / "transport" / "media", HERE / "cluster")
"""Tests with browsers, media and several processes: two at once would disturb each other."""


def pytest_collection_modifyitems(items):
    for item in items:
        if any(folder in item.path.parents for folder in ONE_AT_A_TIME):
            item.add_marker(pytest.mark.xdist_group("heavy"))
