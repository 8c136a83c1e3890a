"""The fan-out bench: who fails does not end it, and ratios are taken within a round."""

import pytest

from bench import fanout
from bench.figures import read
from bench.sink import _frame_bytes
from transport.codec import TEXT, frame


def test_who_fails_is_told_and_the_others_are_measured(monkeypatch):
    monkeypatch.setitem(fanout.DIALECT, "greenroom", "plain")  # which it does not speak
    monkeypatch.setattr(fanout, "DELIVERIES", 50)
    result = fanout.run([10], [200], rounds=2, peers=["raw", "greenroom"])
    (case,) = result["cases"]
    assert "handshake refused" in case["failed"]["greenroom"]
    assert case["peers"].keys() == {"raw"}
    assert case["peers"]["raw"]["frame_bytes"] == 204
    (figure,) = read("fanout", result)
    assert figure.name.endswith("Greenroom failed")
    assert figure.met is False


def test_a_peer_that_failed_stands_beside_ours():
    peer = {"cpu_us_per_recipient": 2.0, "memory_bytes_per_connection": 9_000}
    case = {"subscribers": 10, "size": 200, "peers": {"greenroom": peer}, "failed": {"ws": "no"}}
    named = [figure.peer for figure in read("fanout", {"cases": [case]})]
    assert named == ["ws failed", ""]


def test_ratios_are_the_median_of_the_rounds_own():
    costs = {
        "greenroom": [3.0, 30.0, 6.0],
        "raw": [2.0, 20.0, 5.0],  # a machine that is slow for a while is slow for both
        "websockets": [6.0, 60.0, 12.0],
        "python-socketio": [40.0, 41.0, 42.0],
        "ws": [1.0, 1.0, 1.0],
    }
    assert fanout.ratios(costs) == {"of_best_python_peer": 0.5, "of_floor": 1.5}
    costs["websockets"] = [6.0, 12.0, 60.0]
    assert fanout.ratios(costs)["of_best_python_peer"] == 0.5
    del costs["websockets"]
    assert fanout.ratios(costs)["of_best_python_peer"] == 0.14
    assert fanout.ratios({"raw": [1.0]}) == {}


@pytest.mark.parametrize("size", [0, 1, 125, 126, 200, 65_535, 65_536])
def test_the_clients_know_where_a_frame_ends(size):
    framed = frame(TEXT, b"x" * size)
    assert _frame_bytes(framed) == len(framed)
    assert _frame_bytes(framed + b"more") == len(framed)
    assert _frame_bytes(framed[:1]) == 2
