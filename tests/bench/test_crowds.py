"""People of one session in several processes: all are counted, and whoever fails is told of."""

import time

import pytest

from bench import breakout, join
from bench.load.wire import LoadFailed

OURS = {"people": 12, "generators": 2}


def given(daemon):
    url = f"ws://127.0.0.1:{daemon.port}/v1/ws"
    return {"url": url, "token_key": f"{daemon.key.id}:{daemon.key.secret}"}


def test_those_who_join_from_two_processes_are_all_counted():
    result = join.run(**OURS)
    assert (result["people"], result["generators"]) == (12, 2)
    assert result["latency"]["count"] == result["snapshots"] == result["people_counted"] == 12
    assert 0 < result["seconds"] * 1000 <= result["latency"]["max_ms"] + 100
    assert result["joining"].keys() >= {"limit", "generator", "machine", "server"}


@pytest.mark.slow
def test_those_who_are_moved_from_two_processes_are_each_moved_once():
    result = breakout.run(rooms=3, **OURS)
    assert (result["people"], result["generators"]) == (12, 2)
    assert result["moved_exactly_once"] == 12
    assert 0 < result["told_of_opening_ms"] <= result["in_their_rooms_ms"]
    assert result["told_of_close_ms"] > 0


def test_there_are_no_more_processes_than_people(deployment):
    assert join.run(people=1, generators=2, **given(deployment))["generators"] == 1
    with pytest.raises(LoadFailed, match="one generator at least"):
        join.run(people=1, generators=0, **given(deployment))


def test_a_server_that_dies_between_moves_is_told_with_what_was_measured(deployment, monkeypatch):
    ask = breakout.Host.ask

    def ask_or_kill(host, number, method, **params):
        if number != breakout.CLOSE:
            return ask(host, number, method, **params)
        deployment.kill()
        return time.monotonic()

    monkeypatch.setattr(breakout.Host, "ask", ask_or_kill)
    told = r"hung up; everybody was told of their rooms within \d+ ms \(generator \d of 2\)"
    with pytest.raises(LoadFailed, match=told):
        breakout.run(rooms=2, **OURS, **given(deployment))


def test_a_host_who_is_refused_is_told_of_although_others_wait(deployment):
    with pytest.raises(LoadFailed, match="somebody was refused: invalid_params"):
        breakout.run(rooms=10**6, **OURS, **given(deployment))
