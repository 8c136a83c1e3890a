"""The kernel's benchmark runs, and its figures are of the right kind."""

import json
import math

import pytest

from bench.actors import TARGETS, render, run


@pytest.mark.slow
def test_a_quick_run_measures_every_contender():
    result = json.loads(json.dumps(run(quick=True, rounds=1)))
    for row in result["per_second"].values():
        assert all(rate > 0 and math.isfinite(rate) for rate in row.values())
    for number, size in result["memory"]["greenroom"].items():
        assert size["answered"] == int(number)
    assert result["lateness"]["samples"] >= 2
    assert set(TARGETS) <= set(result["ratios"])
    assert set(result["met"]) == {*TARGETS, "tell", "lateness"}
    text = render(result)
    assert "ThreadingActor" not in text
    assert "pykka" in text
