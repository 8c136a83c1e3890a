"""Clients that cheat: whatever they send or ask, nobody gets what the engine did not allow."""

import pytest

from actors.errors import Refused
from tests.transport.media.hall import (
    DELTA,
    KEY,
    PICTURE,
    SOUND,
    answer_to,
    audio,
    described,
    publisher,
    video,
    viewer,
)
from tests.transport.media.test_sans_io import OFFER
from transport.media import rtcp
from transport.media.rtp import Packet
from transport.media.switchboard import Switchboard

BOTH = frozenset({"audio", "video"})
MID_NUMBER = 9


def named(mid="1", ssrc=None):
    """An offer that numbers the MID extension, and may describe a stream."""
    extension = f"a=extmap:{MID_NUMBER} urn:ietf:params:rtp-hdrext:sdes:mid\n"
    stream = f"a=ssrc:{ssrc} cname:x\n" if ssrc is not None else ""
    offer = described().replace("a=mid:0\n", f"a=mid:0\n{extension}")
    return offer.replace("a=mid:1\n", f"a=mid:{mid}\n{extension}{stream}")


@pytest.mark.parametrize("rights", [frozenset({"audio"}), frozenset(), None])
def test_a_block_or_removal_cuts_the_very_next_packet(hall, rights):
    board, ana, bob, _ = hall
    ana.rtp(video(1))
    assert len(bob.received()) == 1
    board.allow("session/ux", "ana", rights, True, 1.0)
    for number in range(2, 30):
        ana.rtp(video(number))
    # The same picture under the sound's type, a stranger's SSRC, another payload type.
    ana.rtp(video(40, KEY, ssrc=55, payload_type=SOUND))
    ana.rtp(video(41, KEY, ssrc=99))
    assert [each for each in bob.received() if each.payload_type != SOUND] == []


def test_what_was_sent_before_a_block_is_not_sent_again_after_it(hall):
    board, ana, bob, _ = hall
    for number in range(1, 6):
        ana.rtp(video(number))
    lost = [(each.ssrc, each.sequence) for each in bob.received()]
    board.allow("session/ux", "ana", frozenset(), True, 1.0)
    for number in range(6, 12):
        ana.rtp(video(number))
    subscription = board.subscriptions["c-bob"]
    subscription.tick(2.0, 0)
    # Numbers that would be those of the pictures held back.
    beyond = [(lost[-1][1] + step) & 0xFFFF for step in range(1, 8)]
    subscription.report(rtcp.Nack(lost[0][0], tuple(beyond)), 2.0)
    subscription.report(rtcp.KeyFrameRequest(lost[0][0]), 2.0)
    assert bob.received() == []


def test_nobody_is_shown_who_offers_tracks_without_being_on_screen(hall):
    board, _, bob, _ = hall
    board.allow("session/ux", "eve", frozenset(), True, 0.0)
    eve = publisher(board, "eve", "session/ux", ("192.0.2.30", 1))
    for number in range(1, 20):
        eve.rtp(video(number))
        eve.rtp(audio(number, level=0))
        board.tick(1.0 + number)
    assert bob.received() == []
    # Nor does the loudest voice of all count as speaking.
    assert "eve" not in dict(board.rooms["session/ux"].levels.speakers(2.0))


@pytest.mark.parametrize("mid", ["0", "1", "7"])
def test_others_streams_and_names_of_m_lines_are_ones_own_only(hall, mid):
    board, ana, bob, _ = hall
    board.allow("session/ux", "eve", frozenset(), True, 0.0)
    ana.rtp(video(1))
    ana.rtp(audio(1))
    seen = {each.ssrc: each.sequence for each in bob.received()}
    # Eve describes Ana's streams as hers, and sends with Ana's SSRCs and names of m-lines.
    eve = publisher(board, "eve", "session/ux", ("192.0.2.30", 1), named(ssrc=77))
    for number in range(2, 20):
        for ssrc, payload_type in ((77, PICTURE), (55, SOUND)):
            extensions = {MID_NUMBER: mid.encode()}
            eve.rtp(Packet(number, 1, ssrc, payload_type, True, KEY, extensions))
    assert bob.received() == []
    # Ana's own go on, unbroken.
    ana.rtp(video(2, DELTA))
    (after,) = bob.received()
    assert after.sequence == (seen[after.ssrc] + 1) & 0xFFFF


def test_a_picture_does_not_pass_under_the_right_to_speak(hall):
    board, _, bob, _ = hall
    board.allow("session/ux", "eve", frozenset({"audio"}), True, 0.0)
    eve = publisher(board, "eve", "session/ux", ("192.0.2.30", 1), named())
    for number in range(1, 20):
        # The camera under its own name, and under the microphone's.
        eve.rtp(Packet(number, 1, 77, PICTURE, True, KEY, {MID_NUMBER: b"1"}))
        eve.rtp(Packet(number, 1, 78, PICTURE, True, KEY, {MID_NUMBER: b"0"}))
    assert bob.received() == []


def test_a_screen_does_not_pass_as_a_camera_that_is_not_allowed():
    facts = []
    board = Switchboard([("192.0.2.1", 5000)], lambda kind, data: facts.append((kind, data)))
    board.allow("session/ux", "eve", frozenset({"screen"}), True, 0.0)
    board.allow("session/ux", "bob", frozenset(), True, 0.0)
    bob = viewer(board, facts, "bob", "session/ux", ("192.0.2.8", 9))
    eve = publisher(board, "eve", "session/ux", ("192.0.2.30", 1))
    eve.rtp(video(1))
    assert bob.received() == []
    # Said to be a screen it passes, as one.
    board.offer("c-eve", "eve", "session/ux", described(), {"1": "screen"}, 1.0)
    board.answer("c-bob", answer_to(board, facts), 1.0)
    eve.rtp(video(2))
    (shown,) = [each["source"] for each in facts[-1][1]["tracks"]]
    assert shown == "screen"


def test_nobody_outside_the_room_is_sent_anything(hall):
    board, ana, bob, _ = hall
    board.allow("session/ux", "bob", None, False, 1.0)
    ana.rtp(video(1))
    ana.rtp(audio(1))
    assert bob.received() == []


def test_nobody_subscribes_to_a_room_they_are_not_in(hall):
    board, *_ = hall
    for order in (
        lambda: board.join("room/ux.1", "c-eve", "eve", 1.0),
        lambda: board.restart("session/ux", "c-eve", "eve", 1.0),
        lambda: board.offer("c-eve", "eve", "session/ux", OFFER, {}, 1.0),
        lambda: board.join("room/ux.1", "c-bob", "bob", 1.0),
        lambda: board.restart("chat/other", "c-bob", "bob", 1.0),
    ):
        with pytest.raises(Refused) as refused:
            order()
        assert refused.value.reason == "forbidden"
    # Nor may somebody be sent what waits: view is a right of its own.
    board.allow("session/ux", "eve", frozenset(), False, 1.0)
    board.join("session/ux", "c-eve", "eve", 1.0)
    assert board._visible("eve", "session/ux") == []


def test_an_answer_counts_for_ones_own_offer_only(hall):
    board, ana, bob, facts = hall
    sdp = answer_to(board, facts)
    for connection in ("c-eve", "c-ana", "c-bob"):
        # Eve has no offer, Ana none either, and Bob's is answered.
        with pytest.raises(Refused) as refused:
            board.answer(connection, sdp, 1.0)
        assert refused.value.reason == "wrong_state"
    ana.rtp(video(1))
    assert len(bob.received()) == 1


def test_a_viewer_who_sends_is_not_forwarded(hall):
    board, _, bob, _ = hall
    bob.rtp(video(1))
    assert board.counters["dropped_stream"] == 1
    assert board.counters["packets_out"] == 0


def test_what_is_said_in_a_chat_stays_there_though_one_is_on_screen_elsewhere(hall):
    board, ana, bob, facts = hall
    for person in ("ana", "eva"):
        board.allow("chat/7", person, BOTH, True, 0.0)
    # Ana talks to Eva from a second connection, and to Bob on stage from the first.
    answer = board.offer("c-ana-2", "ana", "chat/7", described(), {}, 0.0)
    assert answer
    eva = viewer(board, facts, "eva", "chat/7", ("192.0.2.40", 1))
    ana.rtp(video(1))
    assert len(bob.received()) == 1
    assert eva.received() == []
    assert [each["person"] for each in board.subscriptions["c-eva"].tracks()] == ["ana", "ana"]
    stage, chat = board.publications["c-ana"], board.publications["c-ana-2"]
    shown = dict(board._visible("bob", "session/ux"))["ana"]
    assert set(shown.values()) == set(stage.tracks.values())
    heard = dict(board._visible("eva", "chat/7"))["ana"]
    assert set(heard.values()) == set(chat.tracks.values())
