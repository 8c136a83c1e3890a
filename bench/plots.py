"""Plots as inline SVG: lines over time, percentiles on a log scale. Nothing is fetched."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from math import ceil, floor, log10
from typing import Any

from bench.load.latency import decoded

WIDTH, HEIGHT, LEFT, RIGHT, BOTTOM, TOP = 560, 230, 56, 22, 38, 22
COLOURS = ("#3b7cc4", "#cf6a3c", "#4f9a60", "#9868bd")
"""Of lines, in order; plain to see on white and on black."""

MARKS = 5
"""Marks on an axis, about."""

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
        highest = max((y for _, y in points), default=1.0) or 1.0  # nothing but noughts
        lowest = min((y for _, y in points if y > 0), default=highest)
        self.bottom = 10.0 ** floor(log10(lowest)) if log else 0.0
        self.top = 10.0 ** ceil(log10(highest * 1.0001)) if log else round_marks(0.0, highest)[-1]

    def x(self, value: float) -> float:
        """Return a value's place from left to right."""
        span = (self.right - self.left) or 1.0
        return LEFT + (value - self.left) / span * (WIDTH - LEFT - RIGHT)

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
            return round_marks(0.0, self.top)
        first, last = round(log10(self.bottom)), round(log10(self.top))
        return [10.0**power for power in range(first, last + 1)]


def round_marks(low: float, high: float) -> list[float]:
    """Return about :data:`MARKS` round numbers from at most ``low`` to at least ``high``."""
    rough = (high - low) / MARKS or 1.0
    power = 10.0 ** floor(log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough * 0.999)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [round(step * number, 12) for number in range(first, max(first + 1, last) + 1)]


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
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        parts.append(_text(LEFT - 6, y + 4, _plain(mark), "end"))
    within = (x for x in round_marks(frame.left, frame.right) if frame.left <= x <= frame.right)
    below_axis = labels or {x: _plain(x) for x in within}
    parts += [_text(frame.x(x), HEIGHT - BOTTOM + 16, text) for x, text in below_axis.items()]
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, below))
    parts.append(_text(4, TOP - 10, unit, "start"))
    apart = min(170, (WIDTH - LEFT) / len(series))
    for index, (name, points) in enumerate(series.items()):
        colour = COLOURS[index % len(COLOURS)]
        path = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in points)
        left = LEFT + index * apart
        parts += [
            f'<polyline fill="none" stroke="{colour}" stroke-width="1.8" points="{path}"/>',
            f'<rect x="{left:.0f}" y="{HEIGHT + 5}" width="10" height="10" fill="{colour}"/>',
            _text(left + 15, HEIGHT + 15, name, "start"),
        ]
    return f"<figure><figcaption>{escape(title)}</figcaption>{''.join(parts)}</svg></figure>"


def percentiles(title: str, histograms: Mapping[str, str]) -> str:
    """Return latency by percentile, nines evenly spaced, on a log scale.

    :param histograms: name -> an encoded HDR histogram; of many, those of the most are shown.
    """
    series = {}
    every = {name: decoded(encoded) for name, encoded in histograms.items()}
    most = sorted(every, key=lambda name: -len(every[name]))[: len(COLOURS)]
    for name in most:
        latencies = every[name]
        series[name] = [(_nines(part), max(0.001, latencies.at(part))) for part in PARTS]
    labels = {_nines(part): f"{part:g}" for part in (50.0, 90.0, 99.0, 99.9, 99.99)}
    unit = "ms, on a log scale"
    return lines(title, series, unit=unit, below="percentile", log=True, labels=labels)


def _nines(percentile: float) -> float:
    return -log10(1 - percentile / 100)


def _titled(title: str, what: str) -> str:
    return f"{title}: {what}" if title else what[0].upper() + what[1:]


def histograms(found: Mapping[str, Any]) -> dict[str, str]:
    """Return the encoded histograms of one part of a result, by name."""
    named = ((name, value) for name, value in found.items() if isinstance(value, Mapping))
    return {name.replace("_", " "): value["hdr"] for name, value in named if "hdr" in value}


def plotted(found: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the plots of every part of a result that has any, with its name."""
    if plots := of_load("", found):
        yield path or "all of it", plots
    for key, value in found.items():
        if isinstance(value, Mapping):
            yield from plotted(value, f"{path} {key}".strip().replace("_", " "))
        elif isinstance(value, list):
            named = (one for one in value if isinstance(one, Mapping) and "name" in one)
            for one in named:
                yield from plotted(one, one["name"])


def of_load(title: str, found: Mapping[str, Any]) -> str:
    """Return the plots of one load: latency and rate over time, percentiles, CPU, memory."""
    over = found.get("over_time", [])
    samples = found.get("series", [])
    kept = histograms(found)
    memory = found.get("memory")
    looks = memory if isinstance(memory, list) else []
    plots = [
        lines(
            _titled(title, "latency over time"),
            {name: [(row["second"], row[f"{name}_ms"]) for row in over] for name in ("p50", "p99")},
            unit="ms, on a log scale",
            log=True,
        ),
        percentiles(_titled(title, "latency by percentile"), kept),
        lines(
            _titled(title, "CPU"),
            {
                name: [(one["at"], 100 * one[key]) for one in samples if key in one]
                for key, name in (
                    ("server", "server, of one core"),
                    ("machine", "machine, of all cores"),
                    ("generator", "generator, of one core"),
                )
            },
            unit="%",
        ),
        lines(
            _titled(title, "memory of the server"),
            {"resident": [(one["at"], one["rss"] / 2**20) for one in samples if "rss" in one]},
            unit="MiB",
        ),
        lines(
            _titled(title, "waiting in mailboxes"),
            {
                name: [(one["at"], one[key]) for one in samples if key in one]
                for key, name in (("mailboxes", "all"), ("deepest_mailbox", "the deepest"))
            },
            unit="messages",
        ),
        lines(
            _titled(title, "memory of the page"),
            {"heap": [(one["at"], one["heap_mb"]) for one in looks if "heap_mb" in one]},
            unit="MB",
        ),
    ]
    return "".join(plots)
