"""Spreading a burst over the time a narrow line takes for it.

A key frame is many packets at once. A publisher paces them by its own line; a viewer whose line is
narrower would lose some of them in the first full queue, and ask for another key frame. The pacer
in front of such a viewer is a token bucket, as WebRTC's own is (draft-ietf-rmcat-gcc-02, section 4:
2.5 times the estimate). Viewers whose line is wide enough for whatever comes have none.
"""

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transport.media.forwarding import Table, Written

PACE = 2.5
"""How much faster than the estimate packets may leave."""

BURST_SECONDS = 0.1
"""What a line is trusted to hold at once, in seconds of its estimate."""

SMALLEST_BURST = 2_400
"""Octets that may always leave at once: two packets."""

LONGEST_WAIT = 0.1
"""Seconds after which a packet leaves whatever the line."""

WAITING_LIMIT = 256
"""Packets that wait at most; the oldest leave for those that come."""


class Pacer:
    """One viewer's.

    :param waiting: where it enters itself while packets wait in it, so that it is ticked.
    :param now: seconds on a steady clock.
    """

    def __init__(self, waiting: "dict[Pacer, None]", now: float) -> None:
        self._register = waiting
        self._queue: deque[tuple[float, Table, Written]] = deque()
        self._at = now
        self._rate = 0.0
        self._tokens = 0.0
        self.bucket = 0.0

    def __len__(self) -> int:
        return len(self._queue)

    def __bool__(self) -> bool:
        return True

    def estimated(self, bitrate: float) -> None:
        """Take what the line carries.

        :param bitrate: bit/s.
        """
        self._rate = PACE * bitrate / 8
        self.bucket = max(SMALLEST_BURST, BURST_SECONDS * bitrate / 8)

    def is_needed(self, burst: float) -> bool:
        """Tell whether a stream needs it.

        :param burst: the octets that have come of it at once.
        """
        return burst > self.bucket

    def _fill(self, now: float) -> None:
        self._tokens = min(self.bucket, self._tokens + (now - self._at) * self._rate)
        self._at = now

    def offer(self, table: "Table", written: "Written", now: float) -> bool:
        """Send a packet, or keep it until its time; False if it has to wait."""
        self._fill(now)
        if not self._queue and self._tokens > 0:
            self._tokens -= written.size
            table.send(written)
            return True
        if len(self._queue) >= WAITING_LIMIT:
            self._send_one()
        self._queue.append((now + LONGEST_WAIT, table, written))
        self._register[self] = None
        return False

    def _send_one(self) -> None:
        _, table, written = self._queue.popleft()
        self._tokens -= written.size
        table.send(written)

    def tick(self, now: float) -> None:
        """Send what is due; to be called about a hundred times a second while packets wait."""
        self._fill(now)
        while self._queue and (self._tokens > 0 or now >= self._queue[0][0]):
            self._send_one()
        if not self._queue:
            self._register.pop(self, None)

    def flush(self) -> None:
        """Send everything at once: what comes next must not overtake it."""
        while self._queue:
            self._send_one()
        self._register.pop(self, None)
