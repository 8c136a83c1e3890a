"""Where a command's time goes: stages are stamped, add up, and what has none is told too."""

from bench import inbound


def test_each_stage_is_measured_although_a_log_takes_each_message_once(monkeypatch):
    monkeypatch.setattr(inbound, "from_socket_to_socket", lambda *_: 110.0)
    monkeypatch.setattr(inbound, "TIMES", 10)
    monkeypatch.setattr(inbound, "ROUNDS", 1)
    found = inbound.run()["microseconds"]
    assert {"decide", "evolve and answer"} <= found.keys()
