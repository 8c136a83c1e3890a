"""A viewer behind a line that is too narrow, on a clock of the test's own.

The receiver does what browsers do: tells what it lost each second, asks again for what is missing,
and lowers its REMB when packets come ever later (draft-ietf-rmcat-gcc-02, section 5, in short).
"""

import random
from collections import deque

import attrs

from transport.media import rtcp, rtp, srtp

RTX = 97
TRIES, ASK_AGAIN = 4, 0.1
HALF = 0.25
"""Seconds of delays that are set against the same before them."""

LATER = 0.06
"""Seconds a second by which packets come later on a line that fills."""

IP_AND_UDP = 28


@attrs.define
class Stream:
    """What has come of one SSRC."""

    first: int
    highest: int
    count: int = 1
    told: tuple[int, int] = (0, 0)

    def report(self, ssrc):
        expected = self.highest - self.first + 1
        new, came = expected - self.told[0], self.count - self.told[1]
        self.told = expected, self.count
        fraction = max(0, min(255, 256 * (new - came) // new)) if new > 0 else 0
        return rtcp.Report(ssrc, fraction, max(0, expected - self.count), self.highest, 0, 0, 0)


class NarrowLine:
    """Between the worker and a visitor.

    :param queue: seconds of packets that the line holds before it drops.
    :param loss: share lost in any case; ``jitter`` in seconds.
    """

    def __init__(self, subscription, visitor, queue=0.2, loss=0.0, jitter=0.0):
        self.visitor, self.queue, self.loss, self.jitter = visitor, queue, loss, jitter
        self.bandwidth = None
        self.sent = self.lost = 0
        lines = [each.line for each in subscription.outputs()]
        self._media = {line.repair: line.ssrc for line in lines if line.repair}
        self._chance = random.Random(1)
        self._free_at = self._reported_at = self._told_at = self._fell_at = 0.0
        self._flying, self._delays = [], deque()
        self._streams, self._missing = {}, {}
        self._remb = 300_000.0

    def run(self, now):
        """Take what the worker has sent, and let the visitor answer."""
        for data, address in self.visitor.wire.sent:
            if (
                address == self.visitor.address
                and 128 <= data[0] < 192
                and not rtp.is_rtcp(data[1])
            ):
                self._send(data, now)
        self.visitor.wire.sent.clear()
        self._flying.sort(key=lambda each: each[0])
        while self._flying and self._flying[0][0] <= now:
            self._receive(*self._flying.pop(0))
        self._ask(now)
        if now - self._told_at >= 0.2:
            self._tell(now)
        if now - self._reported_at >= 1.0:
            self._reported_at = now
            reports = [stream.report(ssrc) for ssrc, stream in self._streams.items()]
            self.visitor.rtcp(rtcp.pack_receiver_report(1, reports), now)

    def _send(self, data, now):
        self.sent += 1
        wait = 0.0
        start = max(now, self._free_at)
        if self._chance.random() < self.loss or (self.bandwidth and start - now > self.queue):
            self.lost += 1
            return
        if self.bandwidth:
            self._free_at = start + 8 * (len(data) + IP_AND_UDP) / self.bandwidth
            wait = self._free_at - now
        at = now + wait + 0.02 + self._chance.random() * self.jitter
        self._flying.append((at, now, data))

    def _receive(self, at, sent, data):
        ssrc, number = int.from_bytes(data[8:12], "big"), int.from_bytes(data[2:4], "big")
        self._delays.append((at, at - sent, len(data)))
        if data[1] & 0x7F == RTX:
            ssrc, number = self._media[ssrc], self._original(data)
            self._missing.pop((ssrc, number), None)
            return
        stream = self._streams.setdefault(ssrc, Stream(number, number, 0))
        stream.count += 1
        ahead = rtp.distance(number, stream.highest & 0xFFFF)
        for step in range(1, ahead):
            self._missing[ssrc, stream.highest + step & 0xFFFF] = [at, 0]
        stream.highest += max(0, ahead)
        self._missing.pop((ssrc, number), None)

    def _original(self, data):
        visitor = self.visitor
        visitor.buffer.view[: len(data)] = data
        length = srtp.unprotect(visitor.dtls.keys.inbound, visitor.buffer, len(data), rtcp=False)
        return int.from_bytes(rtp.parse(visitor.buffer.data, length).payload[:2], "big")

    def _ask(self, now):
        due = {}
        for (ssrc, number), waiting in list(self._missing.items()):
            if waiting[1] == TRIES:
                del self._missing[ssrc, number]
            elif now >= waiting[0]:
                waiting[:] = now + ASK_AGAIN, waiting[1] + 1
                due.setdefault(ssrc, []).append(number)
        for ssrc, numbers in due.items():
            self.visitor.rtcp(rtcp.pack_nack(1, ssrc, sorted(numbers)[:100]), now)

    def _tell(self, now):
        while self._delays and now - self._delays[0][0] > 2 * HALF:
            self._delays.popleft()
        rate = 8 * sum(size for _, _, size in self._delays) / (2 * HALF)
        before = [delay for at, delay, _ in self._delays if at < now - HALF]
        after = [delay for at, delay, _ in self._delays if at >= now - HALF]
        slope = 0.0
        if before and after:
            slope = (sum(after) / len(after) - sum(before) / len(before)) / HALF
        passed, self._told_at = now - self._told_at, now
        if slope > LATER and now - self._fell_at > 2 * HALF:
            self._remb, self._fell_at = 0.85 * rate, now
        else:
            rise = self._remb * 1.08 ** min(1.0, passed) + 1000 * passed
            self._remb = min(rise, max(self._remb, 1.5 * rate + 10_000))
        self.visitor.rtcp(rtcp.pack_bandwidth_estimate(1, int(self._remb), ()), now)
