"""The media plane for Prometheus: what the workers counted last, in its text format's terms.

People are not named here: tracks are summed by room, source and layer, viewers by room, and all
1-1 chats, whose names hold people's, count as one room.
:meth:`WorkerPlane.statistics` has each of them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from transport.media.plane import WorkerPlane
from transport.telemetry import nameless

_WORKER_COUNTS = {
    "nacked": "Packets viewers asked for again",
    "resent": "Packets sent again, and those that probed a line",
    "paced": "Packets held back for a narrow line",
    "duplicates": "Packets that came twice",
    "connected": "Peer connections whose handshake was done",
    "handshake_failed": "Peer connections whose handshake failed",
    "faults": "Errors caught",
}
_TRACK_FIGURES = {
    "packets": "Packets received",
    "lost": "Packets that never came",
    "nacks": "Packets asked for again",
    "plis": "Key frames asked for",
    "bitrate": "Bit/s that publishers send",
    "viewers": "Viewers who get it now",
}
_VIEWER_FIGURES = {
    "rtt": ("round_trip_seconds", "Longest round trip to a viewer"),
    "loss": ("viewer_loss", "Largest share of packets that a viewer lost of late"),
}


class MediaCollector(Collector):
    """Reads a plane when it is scraped.

    :param plane: whose :attr:`~WorkerPlane.latest` is read; nothing waits for a worker.
    """

    def __init__(self, plane: WorkerPlane) -> None:
        self._plane = plane

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the names are known without asking."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Return every figure of every worker."""
        workers = self._plane.latest
        yield from _workers(workers)
        yield from _rooms(workers)
        yield from _tracks(workers)
        yield from _viewers(workers)


def _workers(workers: list[Mapping[str, Any]]) -> Iterable[Metric]:
    up = GaugeMetricFamily("greenroom_media_up", "Whether a worker answers", labels=["worker"])
    epochs = CounterMetricFamily("greenroom_media_starts", "Starts of a worker", labels=["worker"])
    cpu = CounterMetricFamily("greenroom_media_cpu_seconds", "Processor time", labels=["worker"])
    packets = CounterMetricFamily(
        "greenroom_media_packets", "Packets forwarded", labels=["worker", "direction"]
    )
    dropped = CounterMetricFamily(
        "greenroom_media_dropped", "Datagrams dropped", labels=["worker", "reason"]
    )
    peers = GaugeMetricFamily(
        "greenroom_media_peers", "Peer connections", labels=["worker", "side"]
    )
    for worker in workers:
        name, counters = str(worker["worker"]), worker.get("counters", {})
        up.add_metric([name], 0 if worker.get("down") else 1)
        epochs.add_metric([name], worker["epoch"])
        cpu.add_metric([name], counters.get("cpu_milliseconds", 0) / 1000)
        for direction in ("in", "out"):
            packets.add_metric([name, direction], counters.get(f"packets_{direction}", 0))
        for reason, count in counters.items():
            if reason.startswith("dropped_"):
                dropped.add_metric([name, reason.removeprefix("dropped_")], count)
        peers.add_metric([name, "publish"], worker.get("publications", 0))
        peers.add_metric([name, "subscribe"], worker.get("subscriptions", 0))
    return up, epochs, cpu, packets, dropped, peers, *_worker_counts(workers)


def _worker_counts(workers: list[Mapping[str, Any]]) -> Iterable[Metric]:
    for figure, text in _WORKER_COUNTS.items():
        family = CounterMetricFamily(f"greenroom_media_{figure}", text, labels=["worker"])
        for worker in workers:
            family.add_metric([str(worker["worker"])], worker.get("counters", {}).get(figure, 0))
        yield family


def _rooms(workers: list[Mapping[str, Any]]) -> Iterable[Metric]:
    people = GaugeMetricFamily(
        "greenroom_media_room_people", "People in a room", labels=["room", "part"]
    )
    sums: Counter[tuple[str, str]] = Counter()
    for worker in workers:
        for room, counted in worker.get("rooms", {}).items():
            for part in ("publishers", "viewers"):
                sums[nameless(room), part] += counted[part]
    for labels, total in sums.items():
        people.add_metric(labels, total)
    return (people,)


def _tracks(workers: list[Mapping[str, Any]]) -> Iterable[Metric]:
    sums: Counter[tuple[str, str, str, str]] = Counter()
    for worker in workers:
        for track in worker.get("tracks", ()):
            for room in map(nameless, track["rooms"]):
                for layer in track["layers"]:
                    for figure in _TRACK_FIGURES:
                        sums[figure, room, track["source"], layer["rid"]] += layer[figure]
    for figure, text in _TRACK_FIGURES.items():
        # Tracks come and go, so their sum may fall: a gauge.
        family = GaugeMetricFamily(
            f"greenroom_media_track_{figure}", text, labels=["room", "source", "layer"]
        )
        for (name, *labels), total in sums.items():
            if name == figure:
                family.add_metric(labels, total)
        yield family


def _viewers(workers: list[Mapping[str, Any]]) -> Iterable[Metric]:
    worst: dict[tuple[str, str], float] = defaultdict(float)
    for worker in workers:
        for viewer in worker.get("viewers", ()):
            for room in map(nameless, viewer["rooms"]):
                for figure in _VIEWER_FIGURES:
                    worst[figure, room] = max(worst[figure, room], viewer[figure] or 0.0)
    for figure, (name, text) in _VIEWER_FIGURES.items():
        family = GaugeMetricFamily(f"greenroom_media_{name}", text, labels=["room"])
        for (known, room), value in worst.items():
            if known == figure:
                family.add_metric([room], value)
        yield family
