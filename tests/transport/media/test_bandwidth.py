"""How fast a line that has become narrow is noticed, and how little it is held against it after."""

import random

import pytest

from transport.media import bandwidth, rtcp
from transport.media.bandwidth import LOWER_EVERY, Estimate, Losses, Probe
from transport.media.impairment import Line
from transport.media.layers import SETTLES, Choice, Wish

LAYERS = Wish([100_000, 300_000, 900_000], [180, 360, 720])


def sending(bitrate, seconds):
    estimate = Estimate(0.0)
    for second in range(1, seconds + 1):
        estimate.sent(bitrate // 8, 100)
        estimate.tick(float(second))
    return estimate


@pytest.mark.parametrize(("remb", "fuller"), [(450_000, False), (300_000, True)])
def test_a_first_remb_tells_of_a_full_line_if_it_is_far_below_what_is_sent(remb, fuller):
    estimate = sending(500_000, 4)
    assert estimate.told(remb, 4.1) is fuller
    assert (estimate.bitrate < 500_000) is fuller


def test_the_same_lost_packets_lower_an_estimate_once():
    estimate = sending(1_000_000, 4)
    estimate.reported(0.3, 4.0)
    once = estimate.bitrate
    for tenth in range(1, 10):
        estimate.reported(0.3, 4.0 + tenth / 10)
    assert estimate.bitrate == once
    estimate.reported(0.3, 4.0 + LOWER_EVERY)
    assert estimate.bitrate < once


def test_what_was_lost_before_a_fall_says_nothing_of_the_lower_layer():
    losses = Losses()

    def report(highest, lost):
        return rtcp.Report(1, 0, lost, highest, 0, 0, 0)

    losses.reported(report(1000, 0), 1.0)
    assert losses.reported(report(1100, 50), 2.0) > 0.4
    losses.fell(2.1)
    assert losses.reported(report(1200, 90), 2.5) == 0.0
    assert losses.reported(report(1300, 100), 2.1 + LOWER_EVERY) == 0.1


def test_a_probe_is_not_judged_by_what_the_one_before_it_lost_last():
    probe = Probe(100_000, 200_000, 1.0)
    probe.repairs(0.6)
    assert probe.succeeded
    probe.repairs(0.6)
    assert not probe.succeeded


def test_a_probe_that_ends_late_takes_nothing_back():
    estimate = sending(1_000_000, 4)
    carried = estimate.bitrate
    estimate.carried(300_000)
    assert estimate.bitrate == carried >= bandwidth.GROWTH * 1_000_000


def test_a_full_line_gets_at_once_what_fits_with_room_and_nothing_more_for_a_while():
    choice = Choice()
    assert choice.layers([LAYERS], [2], 1_000_000, 1.0) == [2]
    # The middle layer would just fit, beside all that waits before the line.
    assert choice.layers([LAYERS], [2], 340_000, 2.0) == [0]
    assert choice.layers([LAYERS], [0], 2_000_000, 2.0 + SETTLES / 2) == [0]
    assert choice.layers([LAYERS], [0], 2_000_000, 2.0 + SETTLES) == [2]


def test_a_picture_shown_small_for_a_moment_waits_for_nothing():
    choice = Choice()
    small = Wish(LAYERS.bitrates, LAYERS.heights, 180)
    assert choice.layers([small], [2], 9e6, 1.0) == [0]
    assert choice.layers([LAYERS], [0], 9e6, 1.2) == [2]
    assert choice.layers([LAYERS], [2], 9e6, 1.4, pressure=1) == [1]
    assert choice.layers([LAYERS], [1], 9e6, 1.6) == [2]


def test_each_client_has_a_narrow_line_of_its_own():
    line, chance = Line(bandwidth=80_000, queue=1.5), random.Random(1)
    assert line.delay(10_000, 0.0, chance, ("192.0.2.1", 1)) == pytest.approx(1.0)
    assert line.delay(1_000, 0.0, chance, ("192.0.2.1", 1)) == pytest.approx(1.1)
    assert line.delay(1_000, 0.0, chance, ("192.0.2.2", 1)) == pytest.approx(0.1)
