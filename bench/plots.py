"""Plots as inline SVG: lines over time, percentiles on a log scale. Nothing is fetched."""

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, floor, log10
from typing import Any

from bench.load.latency import decoded

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 560, 220, 56, 34, 12
COLOURS = ("#2563a8", "#b4512a", "#3d7d4a", "#7a4b9c")
PARTS = (50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.99)

Points = Sequence[tuple[float, float]]


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _plain(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.2g}"  # noqa: PLR2004  below, digits behind the point tell something


class _Frame:
    """Axes, and where a point falls between them."""

    def __init__(self, series: Mapping[str, Points], *, log: bool) -> None:
        points = [point for line in series.values() for point in line]
        self.log = log
        self.left, self.right = min(x for x, _ in points), max(x for x, _ in points)
        highest = max((y for _, y in points), default=1.0) or 1.0
        lowest = min((y for _, y in points if y > 0), default=highest)
        self.bottom = 10.0 ** floor(log10(lowest)) if log else 0.0
        self.top = 10.0 ** ceil(log10(highest * 1.0001)) if log else highest * 1.1

    def x(self, value: float) -> float:
        """Return a value's place from left to right."""
        span = (self.right - self.left) or 1.0
        return LEFT + (value - self.left) / span * (WIDTH - LEFT - 10)

    def y(self, value: float) -> float:
        """Return a value's place from top to bottom."""
        if self.log:
            value = max(value, self.bottom)
            part = log10(value / self.bottom) / (log10(self.top / self.bottom) or 1.0)
        else:
            part = value / self.top
        return HEIGHT - BOTTOM - part * (HEIGHT - BOTTOM - TOP)

    def marks(self) -> list[float]:
        """Return the values marked on the upright axis."""
        if not self.log:
            return [self.top * part / 4 for part in range(5)]
        first, last = round(log10(self.bottom)), round(log10(self.top))
        return [10.0**power for power in range(first, last + 1)]


def lines(
    title: str,
    series: Mapping[str, Points],
    *,
    unit: str,
    below: str = "seconds",
    log: bool = False,
    labels: Mapping[float, str] | None = None,
) -> str:
    """Return a plot of several lines; nothing if there are no points.

    :param series: name -> points ``(x, y)``.
    :param labels: what stands below the axis, by x; numbers otherwise.
    """
    series = {name: points for name, points in series.items() if points}
    if not series:
        return ""
    frame = _Frame(series, log=log)
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT + 20}" role="img"><title>{escape(title)}</title>']
    for mark in frame.marks():
        y = frame.y(mark)
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - 10}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        parts.append(_text(LEFT - 6, y + 4, _plain(mark), "end"))
    below_axis = labels or {x: _plain(x) for x in (frame.left, frame.right)}
    parts += [_text(frame.x(x), HEIGHT - BOTTOM + 16, text) for x, text in below_axis.items()]
    parts.append(_text(WIDTH / 2, HEIGHT - 2, f"{below}; upright: {unit}"))
    for index, (name, points) in enumerate(series.items()):
        colour = COLOURS[index % len(COLOURS)]
        path = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in points)
        left = LEFT + index * 170
        parts += [
            f'<polyline fill="none" stroke="{colour}" stroke-width="1.8" points="{path}"/>',
            f'<rect x="{left}" y="{HEIGHT + 6}" width="10" height="10" fill="{colour}"/>',
            _text(left + 15, HEIGHT + 15, name, "start"),
        ]
    return f"<figure><figcaption>{escape(title)}</figcaption>{''.join(parts)}</svg></figure>"


def percentiles(title: str, histograms: Mapping[str, str]) -> str:
    """Return latency by percentile, nines evenly spaced, on a log scale.

    :param histograms: name -> an encoded HDR histogram.
    """
    series = {}
    for name, encoded in histograms.items():
        latencies = decoded(encoded)
        series[name] = [(_nines(part), max(0.001, latencies.at(part))) for part in PARTS]
    labels = {_nines(part): f"{part:g}" for part in (50.0, 90.0, 99.0, 99.9, 99.99)}
    return lines(title, series, unit="ms, log", below="percentile", log=True, labels=labels)


def _nines(percentile: float) -> float:
    return -log10(1 - percentile / 100)


def of_load(title: str, found: Mapping[str, Any]) -> str:
    """Return the plots of one load: latency and rate over time, percentiles, CPU, memory."""
    over = found.get("over_time", [])
    samples = found.get("series", [])
    hdr = found.get("latency", {}).get("hdr")
    plots = [
        lines(
            f"{title}: latency over time",
            {name: [(row["second"], row[f"{name}_ms"]) for row in over] for name in ("p50", "p99")},
            unit="ms, log",
            log=True,
        ),
        percentiles(f"{title}: latency by percentile", {"latency": hdr}) if hdr else "",
        lines(
            f"{title}: CPU",
            {
                name: [(one["at"], one[name]) for one in samples if name in one]
                for name in ("server", "machine")
            },
            unit="cores (server), part (machine)",
        ),
        lines(
            f"{title}: memory of the server",
            {"resident": [(one["at"], one["rss"] / 2**20) for one in samples if "rss" in one]},
            unit="MiB",
        ),
        lines(
            f"{title}: waiting in mailboxes",
            {"messages": [(o["at"], o["mailboxes"]) for o in samples if "mailboxes" in o]},
            unit="messages",
        ),
    ]
    return "".join(plots)
