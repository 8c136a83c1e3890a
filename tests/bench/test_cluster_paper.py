"""What is reckoned for more nodes follows from the measured figures."""

import pytest

from bench.cluster_paper import paper, text


def way(name, node, nats, delivery):
    return {
        "way": name,
        "commands": {"node_cpu_us_per_command": node, "nats_cpu_us_per_command": nats},
        "fanout": {"node_cpu_us_per_delivery": delivery},
    }


RESULT = {
    "talkers": 32,
    "listeners": 300,
    "ways": [
        way("one node, SQLite", 400.0, 0.0, 5.0),
        way("one node, NATS", 500.0, 100.0, 5.0),
        way("two nodes, NATS", 700.0, 150.0, 6.0),
    ],
}


def test_each_further_node_of_a_session_costs_what_the_second_did():
    ten, hundred, thousand = paper(RESULT)
    assert ten.by_nodes == pytest.approx(10 * 1e6 / (500 + 9 * 200))
    assert ten.by_nats == pytest.approx(1e6 / (100 + 9 * 50))
    assert ten.deliveries == pytest.approx(2_000_000)
    assert ten.first == "NATS"
    # A session has no more nodes than people.
    assert hundred.over == thousand.over == 32
    assert thousand.by_nats == hundred.by_nats
    assert thousand.renewals == pytest.approx(1000 / 0.6)
    assert ten.idle == 0
    assert 15 < hundred.idle < 40
    assert thousand.idle >= 1000 - 128


def test_the_page_tells_it():
    told = text(RESULT)
    assert "2,000 commands a second in sessions of 32 people, or 200,000 deliveries" in told
    assert "| 10 | 4,348 | 1,818 | NATS | 2,000,000 | 0 | 17 |" in told
