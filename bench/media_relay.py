"""The same publisher and viewers through aiortc's MediaRelay and through a media worker."""

import asyncio
import multiprocessing
import statistics
import time
from multiprocessing.connection import Connection
from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay
from aiortc.mediastreams import MediaStreamError

from bench.media_drive import apart
from bench.media_load import ROOM, Unit, processor_seconds
from transport.media.client import MovingPicture

VIEWERS = 1, 3, 6
"""Viewers of the measurements; what one costs is the slope of the line through them."""

SIZE = (640, 360, 30)
SETTLE = 2.0
NOISE = 0.2
"""Share of the picture that is noise: enough to fill what the encoder may send."""

_BARE = RTCConfiguration(iceServers=[])


def _serve(pipe: Connection) -> None:
    asyncio.run(_relay(pipe))


async def _relay(pipe: Connection) -> None:
    """Answer offers: the first publishes, the others watch it through a MediaRelay."""
    relay = MediaRelay()
    tracks: list[Any] = []
    connections: list[RTCPeerConnection] = []
    while (order := await asyncio.to_thread(pipe.recv)) is not None:
        connection = RTCPeerConnection(_BARE)
        connections.append(connection)
        if order[0] == "publish":
            connection.on("track", tracks.append)
        else:
            connection.addTrack(relay.subscribe(tracks[0], buffered=False))
        await connection.setRemoteDescription(RTCSessionDescription(order[1], "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        pipe.send(connection.localDescription.sdp)
    for connection in connections:
        await connection.close()


class _Viewer:
    """Counts decoded frames."""

    def __init__(self) -> None:
        self.frames = 0
        self.connection = RTCPeerConnection(_BARE)
        self.connection.on("track", self._watch)
        self._task: asyncio.Task[None] | None = None

    def _watch(self, track: Any) -> None:
        if track.kind == "video" and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._pump(track))

    async def _pump(self, track: Any) -> None:
        try:
            while True:
                await track.recv()
                self.frames += 1
        except MediaStreamError:
            return


class _Relayed:
    """aiortc's way."""

    def __init__(self) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        self.pid = self._process.pid or 0

    async def _ask(self, kind: str, connection: RTCPeerConnection) -> None:
        await connection.setLocalDescription(await connection.createOffer())
        self._pipe.send((kind, connection.localDescription.sdp))
        answer = await asyncio.to_thread(self._pipe.recv)
        await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def publish(self, connection: RTCPeerConnection) -> None:
        await self._ask("publish", connection)

    async def view(self, viewer: _Viewer, number: int) -> None:  # noqa: ARG002  the other needs it
        viewer.connection.addTransceiver("video", "recvonly")
        await self._ask("view", viewer.connection)

    def stop(self) -> None:
        self._pipe.send(None)
        self._process.join(10)


class _Forwarded:
    """Ours."""

    def __init__(self) -> None:
        self._unit = Unit.start()
        self.pid = self._unit.process.pid

    async def publish(self, connection: RTCPeerConnection) -> None:
        await connection.setLocalDescription(await connection.createOffer())
        allowed = {"room": ROOM, "person": "ana", "publish": ["video"], "view": False}
        self._unit.order("allow", allowed)
        sdp = connection.localDescription.sdp
        who = {"room": ROOM, "person": "ana", "connection": "ana"}
        answer = self._unit.order("offer", {**who, "sdp": sdp, "tracks": {}})
        await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def view(self, viewer: _Viewer, number: int) -> None:
        name = f"viewer-{number}"
        self._unit.order("allow", {"room": ROOM, "person": name, "publish": [], "view": True})
        self._unit.order("join", {"room": ROOM, "person": name, "connection": name})
        offer = self._unit.facts[-1][1]["sdp"]
        connection = viewer.connection
        await connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        sdp = connection.localDescription.sdp
        self._unit.order("answer", {"connection": name, "sdp": sdp})

    def stop(self) -> None:
        self._unit.stop()


async def _measure(unit: _Relayed | _Forwarded, seconds: float) -> list[dict[str, float]]:
    """Return percent of a core at each number of viewers, and the frames a second they saw."""
    publisher = RTCPeerConnection(_BARE)
    publisher.addTrack(MovingPicture(*SIZE, noise=NOISE))
    await unit.publish(publisher)
    await asyncio.sleep(SETTLE)
    viewers: list[_Viewer] = []
    found: list[dict[str, float]] = []
    for count in VIEWERS:
        while len(viewers) < count:
            viewers.append(_Viewer())
            await unit.view(viewers[-1], len(viewers))
        await asyncio.sleep(SETTLE)
        frames = sum(viewer.frames for viewer in viewers)
        cpu, started = processor_seconds(unit.pid), time.monotonic()
        await asyncio.sleep(seconds)
        took = time.monotonic() - started
        percent = 100 * (processor_seconds(unit.pid) - cpu) / took
        seen = sum(viewer.frames for viewer in viewers) - frames
        found.append({"viewers": count, "percent": percent, "frames": seen / took / count})
    for each in (publisher, *(viewer.connection for viewer in viewers)):
        await each.close()
    return found


def _slope(points: list[dict[str, float]]) -> float:
    """Return the percent of a core that one more viewer takes: least squares through the points.

    What counts is what was shown: a viewer who saw half of the frames is half a viewer, so that
    frames that are dropped for want of time make nobody look cheap.
    """
    shown = [each["viewers"] * each["frames"] / SIZE[2] for each in points]
    return statistics.linear_regression(shown, [each["percent"] for each in points]).slope


def compare(rounds: int = 3, seconds: float = 4.0) -> dict[str, Any]:
    """Measure both in turn; return what one more viewer costs in each, and how many times more.

    :param rounds: of both; the median counts, and the range is told.
    :param seconds: of each measurement.
    """
    kinds: dict[str, type[_Relayed | _Forwarded]] = {"relay": _Relayed, "ours": _Forwarded}
    points: dict[str, list[list[dict[str, float]]]] = {name: [] for name in kinds}
    for _ in range(rounds):
        for name, kind in kinds.items():
            unit = kind()
            try:
                with apart(unit.pid):
                    points[name].append(asyncio.run(_measure(unit, seconds)))
            finally:
                unit.stop()
    found: dict[str, Any] = {}
    for name, several in points.items():
        slopes = [_slope(each) for each in several]
        found[name] = {
            "percent_per_viewer": statistics.median(slopes),
            "slopes": slopes,
            "frames": statistics.median(point["frames"] for each in several for point in each),
            "rounds": several,
        }
    relay, ours = found["relay"]["slopes"], found["ours"]["slopes"]
    return {
        **found,
        "ratio": statistics.median(relay) / statistics.median(ours),
        "ratio_low": min(relay) / max(ours),
        "ratio_high": max(relay) / min(ours),
    }
