"""What others notice of a client that never reads: messages are compared, not deliveries."""

import pytest

from bench import slow
from bench.figures import read
from bench.slow import Round, compared, delays

READERS, MESSAGES = 200, 45


def test_a_message_takes_as_long_as_nearly_all_readers_wait_for_it():
    heard = [
        (sent + wait, wait)
        for sent, slowest in ((0.9, 5.0), (1.1, 0.030), (1.5, 0.010), (1.95, 5.0))
        for wait in [0.001] * (READERS - 3) + [slowest] * 2 + [9.0]
    ]
    assert delays(heard, 1.0, 1.9) == [pytest.approx(0.030), pytest.approx(0.010)]


def rounds(*, every=(), once=()):
    """Ten rounds of messages of 10 ms; some have longer ones, in each round or in the first."""
    usual = [0.010] * (MESSAGES - len(every) - len(once))
    return [Round([*usual, *every, *(once if number == 0 else ())], 0.5, 1 << 20)
            for number in range(10)]  # fmt: skip


def test_a_hiccup_of_the_machine_moves_nothing_and_a_stall_in_each_round_does():
    assert compared(rounds(), rounds(once=(0.200,)))["p99_ratio"] == 1.0
    assert compared(rounds(), rounds(every=(0.200,)))["p99_ratio"] == 20.0


def test_a_server_that_takes_more_for_each_message_is_seen_whatever_the_clock_says():
    dear = [Round(one.delays, one.cpu * 1.5, one.memory) for one in rounds()]
    found = compared(rounds(), dear)
    assert (found["p99_ratio"], found["server_cpu_ratio"]) == (1.0, 1.5)


@pytest.mark.slow
def test_one_that_never_reads_is_closed_in_each_round_and_costs_the_others_no_message():
    found = slow.run(clients=5, rate=80, seconds=1.0, rounds=1)
    assert (found["slow_consumers"], found["missed"]) == (1, 0)
    told = {figure.name.rpartition(": ")[2]: figure for figure in read("slow", found)}
    assert told["closed as slow, of those that never read"].met
    assert told["missed by the others"].met
    assert {"p99", "median", "server CPU"} <= told.keys()
