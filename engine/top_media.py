"""The media workers' part of ``greenroom top``: workers, rooms, tracks, viewers.

A viewer's layers are named as publishers name them, ``-`` for a stream without any.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

ROWS = 12
"""Rooms, tracks and viewers drawn at most; the busiest stand first."""

Worker = Mapping[str, Any]


def media_tables(workers: Sequence[Worker], rows: int = ROWS) -> Iterator[RenderableType]:
    """Draw what the workers counted last.

    :param workers: what :meth:`~transport.media.plane.WorkerPlane.statistics` returned.
    :param rows: rooms, tracks, and viewers, at most.
    """
    if not workers:
        return
    yield _workers(workers)
    rooms = [
        (room, worker["worker"], people)
        for worker in workers
        for room, people in worker.get("rooms", {}).items()
    ]
    if rooms:
        rooms.sort(key=lambda each: each[2]["people"], reverse=True)
        yield _rooms(rooms[:rows])
        yield from _rest(len(rooms) - rows, "rooms")
    tracks = [
        (track, layer)
        for worker in workers
        for track in worker.get("tracks", ())
        for layer in track["layers"]
    ]
    if tracks:
        tracks.sort(key=lambda each: each[1]["bitrate"], reverse=True)
        yield _tracks(tracks[:rows])
        yield from _rest(len(tracks) - rows, "layers")
    viewers = [viewer for worker in workers for viewer in worker.get("viewers", ())]
    if viewers:
        viewers.sort(key=lambda each: each["loss"], reverse=True)
        yield _viewers(viewers[:rows])
        yield from _rest(len(viewers) - rows, "viewers")


def _rest(more: int, what: str) -> Iterator[RenderableType]:
    if more > 0:
        yield Text(f"... and {more} more {what}", style="dim")


def _table(first: str, *titles: str) -> Table:
    table = Table(box=None, padding=(0, 1))
    table.add_column(first, no_wrap=True)
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)
    return table


def _workers(workers: Sequence[Worker]) -> Table:
    titles = ("starts", "CPU s", "packets in", "out", "resent", "paced", "dropped", "peers")
    table = _table("media worker", *titles)
    for worker in workers:
        counters = worker.get("counters", {})
        dropped = sum(count for name, count in counters.items() if name.startswith("dropped_"))
        down = worker.get("down")
        table.add_row(
            Text(f"{worker['worker']}{'  down' if down else ''}", style="red" if down else ""),
            Text(f"{worker['epoch']:,}", style="yellow" if worker["epoch"] > 1 else ""),
            f"{counters.get('cpu_milliseconds', 0) / 1000:,.1f}",
            *(
                f"{counters.get(name, 0):,}"
                for name in ("packets_in", "packets_out", "resent", "paced")
            ),
            f"{dropped:,}",
            f"{worker.get('publications', 0) + worker.get('subscriptions', 0):,}",
        )
    return table


def _rooms(rooms: Sequence[tuple[str, int, Mapping[str, Any]]]) -> Table:
    table = _table("room", "worker", "people", "may send", "may watch")
    for room, worker, people in rooms:
        counts = (f"{people[part]:,}" for part in ("people", "publishers", "viewers"))
        table.add_row(room, str(worker), *counts)
    return table


def _tracks(tracks: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> Table:
    titles = ("layer", "codec", "height", "kbit/s", "packets", "lost", "NACK", "PLI", "viewers")
    table = _table("track", *titles)
    table.add_column("in")
    for track, layer in tracks:
        table.add_row(
            f"{track['person']} {track['source']}",
            layer["rid"] or "-",
            layer["codec"] or "-",
            str(layer["height"] or "-"),
            f"{layer['bitrate'] / 1000:,.0f}",
            *(f"{layer[name]:,}" for name in ("packets", "lost", "nacks", "plis", "viewers")),
            Text(" ".join(track["rooms"]), overflow="ellipsis", no_wrap=True),
        )
    return table


def _viewers(viewers: Sequence[Mapping[str, Any]]) -> Table:
    table = _table(
        "viewer", "layers", "kbit/s", "line kbit/s", "loss %", "round trip ms", "packets", "resent"
    )
    for viewer in viewers:
        trip = viewer["rtt"]
        table.add_row(
            viewer["person"],
            " ".join(viewer["layers"]),
            f"{viewer['bitrate'] / 1000:,.0f}",
            f"{viewer['estimate'] / 1000:,.0f}",
            f"{100 * viewer['loss']:.1f}",
            "-" if trip is None else f"{1000 * trip:.1f}",
            f"{viewer['packets']:,}",
            f"{viewer['resent']:,}",
        )
    return table
