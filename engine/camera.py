"""A bot's camera and microphone: generated picture and sound, published as a client does.

It runs as a process of its own (``python -m engine.camera``), because encoding would hold up the
engine's loop. The token comes by the environment, so that no process list shows it.
"""

import asyncio
import math
import os
import sys
import time
from collections.abc import Mapping
from fractions import Fraction
from functools import partial
from typing import Any

import trio
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import VideoFrame

from actors.errors import Refused
from transport.client import Client, Disconnected, open_client
from transport.media.client import MediaClient, ThreadedClient, Tone

TOKEN = "GREENROOM_BOT_TOKEN"  # noqa: S105  the variable's name
WIDTH, HEIGHT, RATE = 480, 270, 12
"""Pixels, and frames a second."""

CLOCK = 90_000
"""Ticks a second of a picture's time stamps (RFC 7741)."""

CALL_SECONDS = 15.0
"""Time for publishing to be set up."""


class Waves(MediaStreamTrack):
    """A calm picture: bands of green light that drift upwards."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._count = 0
        self._start = 0.0

    async def recv(self) -> VideoFrame:
        """Return the next frame when its time has come."""
        if self.readyState != "live":
            raise MediaStreamError
        self._start = self._start or time.monotonic()
        await asyncio.sleep(max(0.0, self._start + self._count / RATE - time.monotonic()))
        frame = VideoFrame(WIDTH, HEIGHT, "yuv420p")
        for plane, tint in zip(frame.planes, (None, 124, 116), strict=True):
            rows = plane.buffer_size // plane.line_size
            levels = (self._light(row / rows) if tint is None else tint for row in range(rows))
            plane.update(b"".join(bytes([level]) * plane.line_size for level in levels))
        frame.pts = self._count * CLOCK // RATE
        frame.time_base = Fraction(1, CLOCK)
        self._count += 1
        return frame

    def _light(self, height: float) -> int:
        drift = self._count / RATE / 4
        return int(84 + 22 * math.sin(2 * math.pi * (height * 1.5 + drift)))


async def run_camera(url: str, token: str, session: str) -> None:
    """Join a session, and publish into it for as long as the connection lasts."""
    async with open_client(url, token) as client:
        await client.call("session.join", session=session)
        await client.call("media.set", session=session, mic=True, camera=True)
        threaded = ThreadedClient()
        media = MediaClient(f"session/{session}", _caller(client), watches=False)
        try:
            sources = (Waves(), Tone(volume=0.02))
            await trio.to_thread.run_sync(threaded.run, media.publish(*sources), CALL_SECONDS)
            async for event in client.events():
                if event.type in ("rtc.restarted", "rtc.offer"):
                    told = media.event(event.type, event.data)
                    await trio.to_thread.run_sync(threaded.run, told, CALL_SECONDS)
        finally:
            threaded.close()


def _caller(client: Client) -> Any:
    """Return what calls the wire's methods from the media client's asyncio loop."""
    token = trio.lowlevel.current_trio_token()

    async def call(method: str, params: dict[str, Any]) -> Mapping[str, Any]:
        calling = partial(client.call, method, **params)
        ask = partial(trio.from_thread.run, calling, trio_token=token)
        answer: Mapping[str, Any] = await asyncio.get_running_loop().run_in_executor(None, ask)
        return answer

    return call


def main() -> None:
    """Run one camera; arguments: the engine's address and the session's id."""
    url, session = sys.argv[1:3]
    try:
        trio.run(run_camera, url, os.environ[TOKEN], session)
    except* (Refused, Disconnected, KeyboardInterrupt):
        # The demo has ended, or has no media: a bot without a picture is a bot all the same.
        sys.exit(0)


if __name__ == "__main__":
    main()
