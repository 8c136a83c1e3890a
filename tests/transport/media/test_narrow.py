"""A line somewhat too narrow: what does not fit is left out, and the rest comes whole."""

import pytest

from tests.transport.media.hall import DELTA, KEY, described, publisher, room_with_two, video
from tests.transport.media.narrow_line import NarrowLine
from tests.transport.media.test_feedback import (
    TICK,
    Camera,
    of,
    parsed,
    simulcast_offer,
    two,
)
from transport.media import rtcp

OPEN, LOOK, AFTER = 5.0, 6.0, 12.0
"""Seconds on a wide line, on the narrow one until it is looked at, and looked at."""

CONSENT = 10.0

FRAME, PARTS = 0.04, 6
"""Seconds a frame of the cameras without layers, and its packets of a thousand octets."""

CAMERA = 1_250_000
"""Bit/s of such a camera with everything around it; ``HIGH`` of the high layer likewise."""
HIGH = 1_550_000


class Viewing:
    """Somebody watches by a line; what they are shown is noted each tick."""

    def __init__(self, board, bob, cameras, **weather):
        self.board, self.bob, self.cameras = board, bob, cameras
        self.subscription = board.subscriptions["c-bob"]
        self.line = NarrowLine(self.subscription, bob, **weather)
        self.now = 1.0

    def run(self, seconds, film):
        """Let time pass; return what share was lost, and the layers shown at each instant."""
        sent, lost, shown = self.line.sent, self.line.lost, []
        for _ in range(round(seconds / TICK)):
            film(self.now)
            self.board.tick(self.now)
            self.line.run(self.now)
            shown.append([
                each.layer.rid
                for each in self.subscription.outputs()
                if each.layer and each.line.kind == "video"
            ])  # fmt: skip
            self.now += TICK
            if self.now % CONSENT < TICK:
                for each in (*self.cameras, self.bob):
                    each.check(self.now)
        return (self.line.lost - lost) / (self.line.sent - sent), shown


@pytest.mark.parametrize("share", [0.75, 0.9])
def test_a_line_too_narrow_for_the_high_layer_gets_the_low_one_whole(share):
    board, ana, bob, _ = two(None, simulcast_offer())
    camera = Camera(ana)
    here = Viewing(board, bob, [ana])
    _, shown = here.run(OPEN, camera.film)
    assert shown[-1] == ["f"]
    here.line.bandwidth = share * HIGH
    here.run(LOOK, camera.film)
    lost, shown = here.run(AFTER, camera.film)
    # Now and then it is tried whether the line carries more; that costs some packets.
    assert {tuple(each) for each in shown} == {("q",)}
    assert lost < 0.05


def test_what_is_sent_again_does_not_allow_for_more_of_it():
    board, ana, bob, _ = two(None, simulcast_offer())
    camera = Camera(ana)
    here = Viewing(board, bob, [ana])
    here.run(OPEN, camera.film)
    # Just enough for the low layer: answers to NACKs alone once kept such a line full for good.
    here.line.bandwidth = 0.55 * HIGH
    here.run(2 * LOOK, camera.film)
    lost, _ = here.run(AFTER, camera.film)
    assert lost < 0.15


def two_cameras(**weather):
    board, ana, bob, _ = room_with_two()
    board.allow("session/ux", "cy", frozenset({"video"}), True, 0.0)
    cy = publisher(board, "cy", "session/ux", ("192.0.2.50", 1), described())
    here = Viewing(board, bob, [ana, cy], **weather)
    count = 0

    def film(now):
        nonlocal count
        count += 1
        if count % round(FRAME / TICK):
            return
        for each in here.cameras:
            key = bool(of(rtcp.KeyFrameRequest, parsed(each)))
            for part in range(PARTS):
                number = 1000 + count // round(FRAME / TICK) * PARTS + part
                body = KEY if key and not part else DELTA
                each.rtp(video(number, body + bytes(976)), now)

    return here, film


@pytest.mark.parametrize("share", [0.8, 0.9])
def test_a_line_too_narrow_for_two_pictures_gets_one_of_them_whole(share):
    here, film = two_cameras()
    _, shown = here.run(OPEN, film)
    assert len(shown[-1]) == 2
    here.line.bandwidth = 2 * share * CAMERA
    here.run(LOOK, film)
    lost, shown = here.run(AFTER, film)
    assert {len(each) for each in shown} == {1}
    assert lost < 0.02


def test_no_picture_is_given_up_for_what_a_line_loses_at_any_rate():
    here, film = two_cameras(loss=0.05, jitter=0.05)
    here.run(OPEN, film)
    lost, shown = here.run(AFTER, film)
    assert {len(each) for each in shown} == {2}
    assert 0.03 < lost < 0.07
