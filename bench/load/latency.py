"""Latencies as HDR histograms: one microsecond to one minute, three digits, mergeable."""

from collections.abc import Iterable, Mapping
from typing import Any

from hdrh.histogram import HdrHistogram

LOWEST, HIGHEST, DIGITS = 1, 60_000_000, 3
"""Microseconds, and significant digits."""

PERCENTILES = (50.0, 90.0, 99.0, 99.9)


class Latencies:
    """A histogram of latencies, recorded in seconds and told in milliseconds."""

    def __init__(self) -> None:
        self._histogram: Any = HdrHistogram(LOWEST, HIGHEST, DIGITS)

    @classmethod
    def of(cls, waits: Iterable[float]) -> "Latencies":
        """Return a histogram of some waits, in seconds."""
        result = cls()
        for wait in waits:
            result.record(wait)
        return result

    @classmethod
    def merged(cls, encoded: Iterable[str]) -> "Latencies":
        """Return the sum of what :meth:`encode` returned elsewhere."""
        result = cls()
        for one in encoded:
            result._histogram.decode_and_add(one)
        return result

    def record(self, seconds: float) -> None:
        """Count one; what is beyond the ends counts as the end."""
        self._histogram.record_value(min(max(round(seconds * 1e6), LOWEST), HIGHEST))

    def encode(self) -> str:
        """Return it in HdrHistogram's own compressed form."""
        text: str = self._histogram.encode().decode()
        return text

    def __len__(self) -> int:
        return int(self._histogram.get_total_count())

    def at(self, percentile: float) -> float:
        """Return the latency in milliseconds that so many percent did not exceed."""
        return float(self._histogram.get_value_at_percentile(percentile)) / 1000

    def so_far(self) -> str:
        """Return in words what was measured when a load ended early."""
        if not len(self):
            return "nothing had been answered"
        return (
            f"until then {len(self):,} were answered, p50 {self.at(50):.1f} ms, "
            f"p99 {self.at(99):.1f} ms"
        )

    def summary(self) -> dict[str, Any]:
        """Return count, percentiles and maximum, in milliseconds, and the whole histogram."""
        if not len(self):
            return {"count": 0}
        named = {f"p{percentile:g}_ms": self.at(percentile) for percentile in PERCENTILES}
        longest = float(self._histogram.get_max_value()) / 1000
        return {"count": len(self), **named, "max_ms": longest, "hdr": self.encode()}


def decoded(encoded: str) -> Latencies:
    """Return the histogram of :meth:`Latencies.encode`."""
    return Latencies.merged([encoded])


def over_time(by_second: Mapping[int, Latencies]) -> list[dict[str, float]]:
    """Return the latencies of each second as rows: how many, and two percentiles."""
    return [
        {"second": second, "done": len(one), "p50_ms": one.at(50), "p99_ms": one.at(99)}
        for second, one in sorted(by_second.items())
    ]
