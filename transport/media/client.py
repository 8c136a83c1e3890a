"""A media client on stock aiortc: publishes generated pictures and sound, and watches.

For bots, benchmarks and embedders. It lives on asyncio; :class:`ThreadedClient` runs it beside a
program that does not. It speaks the documented methods and events and nothing else, so it is also
an example of a client.
"""

import array
import asyncio
import contextlib
import dataclasses
import fractions
import math
import secrets
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs
from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
    sdp,
)
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, VideoFrame

from transport.media.repair import ask_again, expect_retransmissions

CALL_WITHIN = 10.0
HANG_UP_WITHIN = 0.5
"""Seconds that peer connections which are being closed get to say so."""

VIDEO_CLOCK = 90_000
SOUND_RATE = 48_000
SOUND_FRAME = 960
SILENCE_AFTER = 0.5
"""Seconds without a frame that count as a freeze."""

GAPS_KEPT = 1000

Call = Callable[[str, dict[str, Any]], Awaitable[Mapping[str, Any]]]
"""Calls a method of the wire and returns its result."""


class MovingPicture(MediaStreamTrack):
    """Generated video: a bright bar that moves, so that every frame differs.

    :param width: pixels, even; ``height`` likewise.
    :param rate: frames a second.
    :param noise: share of the picture, 0 to 1, that is random: it costs bitrate.
    """

    kind = "video"

    def __init__(
        self, width: int = 320, height: int = 240, rate: int = 15, noise: float = 0.0
    ) -> None:
        super().__init__()
        self._size = width, height
        self._rate = rate
        self._noise = noise
        self._count = 0
        self._start = 0.0

    async def recv(self) -> VideoFrame:
        """Return the next frame when its time has come."""
        if self.readyState != "live":
            raise MediaStreamError
        self._start = self._start or time.monotonic()
        await asyncio.sleep(max(0.0, self._start + self._count / self._rate - time.monotonic()))
        width, height = self._size
        frame = VideoFrame(width, height, "yuv420p")
        bar = (self._count * 8) % height
        for index, plane in enumerate(frame.planes):
            tall = plane.buffer_size // plane.line_size
            level = 60 if index == 0 else (96 + 8 * (self._count % 8))
            data = bytearray([level]) * plane.buffer_size
            if index == 0:
                first = bar * plane.line_size
                last = min(tall, bar + 16) * plane.line_size
                data[first:last] = bytes([235]) * (last - first)
                random = int(self._noise * len(data))
                data[:random] = secrets.token_bytes(random)
            plane.update(bytes(data))
        frame.pts = self._count * VIDEO_CLOCK // self._rate
        frame.time_base = fractions.Fraction(1, VIDEO_CLOCK)
        self._count += 1
        return frame


class Tone(MediaStreamTrack):
    """Generated sound: a sine.

    :param pitch: Hz.
    :param volume: 0 to 1.
    """

    kind = "audio"

    def __init__(self, pitch: float = 440.0, volume: float = 0.2) -> None:
        super().__init__()
        self._count = 0
        self._start = 0.0
        step = 2 * math.pi * round(pitch * SOUND_FRAME / SOUND_RATE) / SOUND_FRAME
        wave = (int(32767 * volume * math.sin(step * at)) for at in range(SOUND_FRAME))
        # A whole number of periods a frame: the same bytes serve for every frame.
        self._frame = array.array("h", wave).tobytes()

    async def recv(self) -> AudioFrame:
        """Return the next 20 ms when their time has come."""
        if self.readyState != "live":
            raise MediaStreamError
        self._start = self._start or time.monotonic()
        due = self._start + self._count * SOUND_FRAME / SOUND_RATE
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        frame = AudioFrame(format="s16", layout="mono", samples=SOUND_FRAME)
        frame.planes[0].update(self._frame)
        frame.sample_rate = SOUND_RATE
        frame.pts = self._count * SOUND_FRAME
        frame.time_base = fractions.Fraction(1, SOUND_RATE)
        self._count += 1
        return frame


class _Lent(MediaStreamTrack):
    """A track for one peer connection, which stops what it has when it ends on either side."""

    def __init__(self, source: MediaStreamTrack) -> None:
        super().__init__()
        self.kind = source.kind
        self._source = source

    async def recv(self) -> Any:
        """Return the source's next frame."""
        if self.readyState != "live":
            raise MediaStreamError
        return await self._source.recv()


@attrs.define
class Watched:
    """What came on one m-line.

    :param longest_gap: seconds between two frames, since the first.
    :param gaps: the seconds of each freeze; the newest :data:`GAPS_KEPT`.
    :param loudest: the largest sample of sound, 0 for silence to 1.
    """

    kind: str
    frames: int = 0
    first_at: float = 0.0
    last_at: float = 0.0
    longest_gap: float = 0.0
    freezes: int = 0
    height: int = 0
    loudest: float = 0.0
    gaps: deque[float] = attrs.field(factory=lambda: deque(maxlen=GAPS_KEPT))

    def note(self, now: float, height: int = 0) -> None:
        """Note a decoded frame."""
        if self.last_at:
            gap = now - self.last_at
            self.longest_gap = max(self.longest_gap, gap)
            if gap > SILENCE_AFTER:
                self.freezes += 1
                self.gaps.append(gap)
        else:
            self.first_at = now
        self.frames += 1
        self.last_at = now
        self.height = height or self.height

    def look(self) -> None:
        """Count from now on."""
        self.frames = self.freezes = 0
        self.longest_gap = self.loudest = 0.0
        self.gaps.clear()
        self.last_at = self.last_at and time.monotonic()


class MediaClient:
    """One person's publish and subscribe peer connections.

    :param room: the topic to send into and to watch.
    :param call: calls a method of the wire.
    :param configuration: of both peer connections; without servers of its own, the ones that the
        server hands out are used.
    :param watches: whether offers are answered; one who only publishes need not decode others.
    """

    def __init__(
        self,
        room: str,
        call: Call,
        configuration: RTCConfiguration | None = None,
        *,
        watches: bool = True,
    ) -> None:
        self.room = room
        self.watched: dict[str, Watched] = {}
        self.tracks: list[Mapping[str, Any]] = []
        self.epoch = 0
        self.publisher: RTCPeerConnection | None = None
        self.subscriber: RTCPeerConnection | None = None
        self._call = call
        self._watches = watches
        self._version = 0
        self._configuration = configuration or RTCConfiguration(iceServers=[])
        self._servers: Any = ()
        self._sources: tuple[MediaStreamTrack, ...] = ()
        self._pumps: set[asyncio.Task[None]] = set()
        self._streams: dict[Any, int] = {}
        self._asking: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()

    async def publish(self, *sources: MediaStreamTrack) -> None:
        """Send these tracks; called again, send them over a new peer connection."""
        self._sources = sources
        if self.publisher is not None:
            await self.publisher.close()
        connection = self.publisher = RTCPeerConnection(self._configured())
        for source in sources:
            connection.addTrack(_Lent(source))
        await connection.setLocalDescription(await connection.createOffer())
        params = {"room": self.room, "sdp": connection.localDescription.sdp}
        answer = await self._call("rtc.offer", params)
        self.epoch = max(self.epoch, answer["epoch"])
        await connection.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))

    async def event(self, kind: str, data: Mapping[str, Any]) -> None:
        """Take an event of the wire; others than ``rtc.*`` are ignored.

        After its WebSocket was lost and found again, or the media server was started anew, both
        peer connections are made anew.
        """
        async with self._lock:
            if kind == "rtc.offer":
                await self._offered(data)
            elif kind == "rtc.tracks":
                self.tracks = list(data["tracks"])
            elif kind == "rtc.restarted":
                self.epoch = data["epoch"]
                await self._begin_anew()

    async def _begin_anew(self) -> None:
        self._version = 0
        await self._drop_subscriber()
        if self._sources:
            await self.publish(*self._sources)

    async def _offered(self, data: Mapping[str, Any]) -> None:
        if data["epoch"] != self.epoch:
            self.epoch = data["epoch"]
            self._version = 0
            await self._drop_subscriber()
        origin = sdp.SessionDescription.parse(data["sdp"]).origin or "- 0 0"
        version = int(origin.split()[2])
        if version <= self._version:
            # Versions of one session grow (RFC 8829, section 5.2.2): this is another WebSocket's.
            await self._begin_anew()
        self._version = version
        if not self._watches:
            return
        if self.subscriber is None:
            self._servers = data.get("ice_servers", ())
            self.subscriber = RTCPeerConnection(self._configured())
            self.subscriber.on("track", self._watch)
            self._streams = {}
        await self.subscriber.setRemoteDescription(RTCSessionDescription(data["sdp"], "offer"))
        await self.subscriber.setLocalDescription(await self.subscriber.createAnswer())
        self._streams.update(expect_retransmissions(self.subscriber))
        self.tracks = list(data["tracks"])
        params = {"room": self.room, "sdp": self.subscriber.localDescription.sdp}
        await self._call("rtc.answer", params)

    def _configured(self) -> RTCConfiguration:
        servers = [RTCIceServer(**server) for server in self._servers]
        return dataclasses.replace(
            self._configuration,
            iceServers=self._configuration.iceServers or servers,
            # Any other policy leaves aiortc's second video on a transport that it throws away.
            bundlePolicy=RTCBundlePolicy.MAX_BUNDLE,
        )

    async def _drop_subscriber(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None
        if self.subscriber is not None:
            await self.subscriber.close()
            self.subscriber = None

    def _watch(self, track: MediaStreamTrack) -> None:
        # The transceiver knows its m-line; the event only gives the track.
        connection = self.subscriber
        mids = [
            transceiver.mid
            for transceiver in (connection.getTransceivers() if connection else ())
            if transceiver.receiver.track is track
        ]
        loop = asyncio.get_running_loop()
        if self._asking is None:
            self._asking = loop.create_task(ask_again(self._streams))
        task = loop.create_task(self._pump(track, (mids or [""])[0] or ""))
        self._pumps.add(task)
        task.add_done_callback(self._pumps.discard)

    async def _pump(self, track: MediaStreamTrack, mid: str) -> None:
        watched = self.watched.setdefault(mid, Watched(track.kind))
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                height = frame.height if isinstance(frame, VideoFrame) else 0
                watched.note(time.monotonic(), height)
                if isinstance(frame, AudioFrame):
                    samples = array.array("h", bytes(frame.planes[0]))
                    high, low = max(samples) / 32768, min(samples) / 32768
                    watched.loudest = max(watched.loudest, high, -low)

    def of(self, person: str, source: str) -> Watched:
        """Return what came from somebody, by who is on which m-line now."""
        for track in self.tracks:
            if (track["person"], track["source"]) == (person, source):
                return self.watched.setdefault(track["mid"], Watched(source))
        return Watched(source)

    async def close(self) -> None:
        """Hang up."""
        for task in tuple(self._pumps):
            task.cancel()
        for source in self._sources:
            source.stop()
        await self._drop_subscriber()
        if self.publisher is not None:
            await self.publisher.close()
            self.publisher = None


class ThreadedClient:
    """Media clients on an asyncio loop in a thread of its own, for programs on trio or on none."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._live, name="media clients", daemon=True)
        self._thread.start()

    def _live(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    async def _settle(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            # Leaving a TURN server takes a round trip after the peer connection is closed.
            _, slow = await asyncio.wait(others, timeout=HANG_UP_WITHIN)
            for task in slow:
                task.cancel()
            if slow:
                await asyncio.wait(slow, timeout=HANG_UP_WITHIN)
        # A datagram transport lets go of its socket in the next turns of the loop.
        await asyncio.sleep(0.05)

    def run(self, work: Awaitable[Any], timeout: float = CALL_WITHIN) -> Any:
        """Run a coroutine on the loop from another thread and return its result.

        :raises TimeoutError: it took longer than ``timeout`` seconds.
        """

        async def awaited() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(awaited(), self.loop).result(timeout)

    def close(self) -> None:
        """End the loop and the thread, once what is hanging up has hung up."""
        with contextlib.suppress(TimeoutError):
            self.run(self._settle(), 3 * HANG_UP_WITHIN)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(CALL_WITHIN)
        if not self._thread.is_alive():
            self.loop.close()
