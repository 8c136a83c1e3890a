"""The media bench counts what it says it counts."""

import os
import socket
import time

import pytest

from bench import figures
from bench.media_drive import Sweeper
from bench.media_load import processor_seconds
from bench.media_relay import SIZE, _slope


def test_media_is_counted_and_nothing_else_is():
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        for receiver in (one, two):
            receiver.bind(("127.0.0.1", 0))
        for _ in range(Sweeper.AT_ONCE + 5):
            sender.sendto(b"\x90\x60" + bytes(1100), one.getsockname())
        sender.sendto(b"\x90\xe0" + bytes(90), two.getsockname())
        for other in (b"\x80\xc8", b"\x81\xc9", b"\x01\x01", b"\x16\xfe"):
            sender.sendto(other + bytes(60), two.getsockname())
        sweeper, numbers = Sweeper(), [one.fileno(), two.fileno()]
        assert sweeper.sweep(numbers) == Sweeper.AT_ONCE + 6
        assert sweeper.sweep(numbers) == 0


def test_a_process_s_clock_is_finer_than_a_tick():
    before = processor_seconds(os.getpid())
    while (used := processor_seconds(os.getpid()) - before) == 0:
        pass
    assert 0 < used < 0.01
    assert abs(processor_seconds(os.getpid()) - time.process_time()) < 0.01


def test_a_viewer_costs_what_its_frames_cost():
    points = [{"viewers": count, "percent": 5 + 10 * count, "frames": SIZE[2]} for count in (1, 3)]
    assert _slope(points) == pytest.approx(10)
    # Half of the frames for everybody: twice the price.
    halved = [{**each, "frames": SIZE[2] / 2} for each in points]
    assert _slope(halved) == pytest.approx(20)


def test_figures_are_read_with_and_without_c_and_janus():
    step = {"out_per_second": 100_000.0, "microseconds_per_packet": 9.0, "loss": 0.0}
    crowd = {
        "viewers": 300, "loss": 0.02, "bytes_per_connection": 1.3e5, "setups_per_second": 200.0,
        "microseconds_per_packet": 9.0,
    }  # fmt: skip
    relay = {"relay": {"percent_per_viewer": 9.0}, "ours": {"percent_per_viewer": 0.2}}
    python = {"forwarding": {"python": {"best": step}}, "audience": {"python": crowd},
              "janus": None, "relay": relay}  # fmt: skip
    read = {each.name: each for each in figures.read("media", python)}
    assert read["lost, 300 viewers, fan-out in python"].met is False
    assert read["a peer connection"].met
    assert read["one more viewer"].ratio == pytest.approx(45)
    assert read["one more viewer"].met
    fast = {**step, "microseconds_per_packet": 6.0}
    both = {**python, "audience": {"c": {**crowd, **fast}, "python": crowd},
            "janus": {"c": fast, "python": step, "janus": step, "ratios": {"c": 0.6}}}  # fmt: skip
    read = {each.name: each for each in figures.read("media", both)}
    assert read["a packet to 300 viewers, fan-out in c"].ratio == pytest.approx(1.5)
    assert read["a packet, the same load, fan-out in c"].met
