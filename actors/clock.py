"""Clocks: the machine's, and trio's, which a test may jump."""

from datetime import UTC, datetime, timedelta

import trio


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> datetime:
        """Return the present instant, UTC."""
        return datetime.now(UTC)


class TrioClock:
    """Wall time that advances with trio's clock, so that a mock clock moves it.

    :param start: the instant at which this clock begins.
    """

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._origin = trio.current_time()
        self._known = (self._origin, start)

    def now(self) -> datetime:
        """Return the present instant, UTC."""
        time, now = self._known
        if (current := trio.current_time()) != time:  # a jumped clock stands still in between
            now = self._start + timedelta(seconds=current - self._origin)
            self._known = (current, now)
        return now
