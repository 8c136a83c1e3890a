"""The soak's short form: pages and stock aiortc through a whole daemon, in the room and back."""

import pytest

from bench.media_soak import run
from tests.transport.media.harness import allowed

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

SECONDS = 2.0
LEAST = 5
"""Frames of 30 that a busy machine must leave."""

AUDIBLE = 0.02
"""Of the loudest sample there can be."""


def test_all_see_and_hear_each_other_in_a_room_and_moving_there_and_back_keeps_everything():
    result = run(SECONDS, ("clean",), ("breakout",))
    (scene,) = result["scenes"]
    pairs = scene["pairs"]
    # Two pages and one aiortc, each of both others: a second camera is not the first.
    assert len({(pair["viewer"], pair["of"]) for pair in pairs}) == 6
    assert min(pair["frames"] for pair in pairs) >= LEAST, scene
    in_pages = [pair for pair in pairs if pair["with"] == "Chromium"]
    assert all(pair["energy"] > 0 for pair in in_pages)
    assert not any(pair["lost"] for pair in in_pages), scene
    on_aiortc = [pair for pair in pairs if pair["with"] == "aiortc"]
    # Sound comes in frames of 20 ms; Chromium's microphone beeps each second.
    assert all(pair["sounds"] > LEAST and pair["loudest"] > AUDIBLE for pair in on_aiortc), scene
    moves = result["moves"]
    assert moves["kept"]
    assert moves["restored"]
    assert len(moves["seconds"]) == 6
    # The middle one: a single one may have met a busy machine.
    assert sorted(moves["seconds"])[3] < allowed(0.5)
