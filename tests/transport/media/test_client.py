"""The Python media client: both peer connections anew when its WebSocket was another."""

import asyncio
from unittest.mock import AsyncMock, MagicMock

import pytest
from aiortc import RTCPeerConnection

from transport.media import client as module
from transport.media import repair
from transport.media.client import MediaClient, Tone, Watched


def connection(configuration):
    """Stand in for a peer connection."""
    assert configuration.iceServers == []
    made = MagicMock(spec=RTCPeerConnection)
    made.localDescription.sdp = made.remoteDescription.sdp = offered(1)
    made.getSenders.return_value = made.getTransceivers.return_value = []
    return made


def offered(version):
    return f"v=0\r\no=- 1 {version} IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"


async def told(made, version, epoch=1):
    await made.event("rtc.offer", {"sdp": offered(version), "epoch": epoch, "tracks": []})


def client(monkeypatch, **options):
    calls = []

    async def call(method, params):
        calls.append(method)
        return {"sdp": offered(1), "epoch": 1}

    monkeypatch.setattr(module, "RTCPeerConnection", connection)
    return MediaClient("session/ux", call, **options), calls


async def test_an_offer_of_another_websocket_makes_both_peer_connections_anew(monkeypatch):
    made, calls = client(monkeypatch)
    await made.publish(Tone())
    await told(made, 1)
    up, down = made.publisher, made.subscriber
    await told(made, 2)
    assert (made.publisher, made.subscriber) == (up, down)
    await told(made, 1)
    up.close.assert_awaited_once()
    down.close.assert_awaited_once()
    assert made.publisher not in (None, up)
    assert made.subscriber not in (None, down)
    assert calls == ["rtc.offer", "rtc.answer", "rtc.answer", "rtc.offer", "rtc.answer"]
    # A server that was started anew has told so: its first offer is no other WebSocket's.
    await made.event("rtc.restarted", {"epoch": 2})
    up = made.publisher
    await told(made, 1, 2)
    assert made.publisher is up


async def test_who_only_publishes_answers_nothing_and_publishes_anew_all_the_same(monkeypatch):
    made, calls = client(monkeypatch, watches=False)
    await made.publish(Tone())
    for version in (1, 2, 1):
        await told(made, version)
    assert calls == ["rtc.offer", "rtc.offer"]
    assert made.subscriber is None


def test_each_freeze_is_known_by_its_length():
    watched = Watched("video")
    for now in (1.0, 1.1, 1.9, 2.0, 5.0):
        watched.note(now)
    assert (watched.frames, watched.freezes) == (5, 2)
    assert [round(gap, 1) for gap in watched.gaps] == [0.8, 3.0]
    assert round(watched.longest_gap, 1) == 3.0


class Ended(Exception):  # noqa: N818  ends a loop
    """The time that a test gives is over."""


async def test_what_stays_missing_is_asked_for_again_and_not_for_ever(monkeypatch):
    receiver, missing = MagicMock(), {7}
    receiver._send_rtcp_nack = AsyncMock()
    receiver._RTCRtpReceiver__nack_generator.missing = missing
    waits = []

    async def sleep(seconds):
        waits.append(seconds)
        if len(waits) == 3:
            missing.add(5)
        if len(waits) == 5:
            missing.discard(7)
        if len(waits) == 30:
            raise Ended

    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(Ended):
        await repair.ask_again({receiver: 77})
    asked = [call.args for call in receiver._send_rtcp_nack.await_args_list]
    # aiortc itself has asked once when it noticed.
    assert asked[:4] == [(77, [7]), (77, [7]), (77, [5, 7]), (77, [5])]
    assert sum(5 in numbers for _, numbers in asked) == repair.ASKED_AT_MOST
    assert set(waits) == {repair.ASK_AGAIN_AFTER}
