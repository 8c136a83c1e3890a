"""What stock aiortc needs to get back what a line has lost, over its private names.

Its router does not know whose RTX streams are whose, and its receiver asks for a missing packet
only when it notices another gap (``NackGenerator.add``): where the first request or its answer is
lost as well, the picture stands until then.
"""

import asyncio
from collections import Counter
from typing import Any

from aiortc import RTCPeerConnection, sdp

ASK_AGAIN_AFTER = 0.1
"""Seconds until a missing packet is asked for again."""

ASKED_AT_MOST = 10
"""How often: what has not come by then was never at the server."""


def expect_retransmissions(connection: RTCPeerConnection) -> dict[Any, int]:
    """Tell aiortc's router whose RTX streams are whose; return each video receiver's SSRC.

    The router knows a video's own stream only, and drops others where two m-lines take the payload
    type: with a second camera, nothing lost would ever come again.
    """
    described = sdp.SessionDescription.parse(connection.remoteDescription.sdp)
    receivers = {each.mid: each.receiver for each in connection.getTransceivers()}
    found: dict[Any, int] = {}
    for section in described.media:
        receiver = receivers.get(section.rtp.muxId)
        for group in section.ssrc_group:
            if receiver is not None and group.semantic == "FID":
                router = receiver.transport._rtp_router  # noqa: SLF001  aiortc has no other way
                router.ssrc_table[int(group.items[1])] = receiver
                found[receiver] = int(group.items[0])
    return found


async def ask_again(streams: dict[Any, int]) -> None:
    """Ask for what stays missing, until cancelled.

    :param streams: the SSRC of each video receiver; may grow meanwhile.
    """
    asked: dict[Any, Counter[int]] = {}
    while True:
        await asyncio.sleep(ASK_AGAIN_AFTER)
        for receiver, ssrc in tuple(streams.items()):
            generator = receiver._RTCRtpReceiver__nack_generator  # noqa: SLF001  as above
            before = asked.get(receiver, Counter())
            now = asked[receiver] = Counter(
                {number: before[number] for number in generator.missing}
            )
            again = sorted(each for each in now if each in before and now[each] < ASKED_AT_MOST)
            now.update(again)
            if again:
                await receiver._send_rtcp_nack(ssrc, again)  # noqa: SLF001  as above
