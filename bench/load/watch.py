"""Looks at a server under load: processor, memory, files, tasks, actors, mailboxes.

What the machine knows of the process is read there, if the server runs here. What only the server
knows, how many messages wait in its mailboxes above all, it tells at ``/metrics``. A deployment
elsewhere tells everything there, if it lets us look.
"""

import http.client
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import attrs
import psutil
import trio
from prometheus_client.parser import text_string_to_metric_families

from bench.load.target import Target
from bench.load.wire import tls_context

METRICS = "GREENROOM_BENCH_METRICS"
"""The variable that says where ``/metrics`` is, if not beside the WebSocket."""

BUSY = 0.9
"""Part of a core above which a process counts as saturated; of all cores for the machine."""

ASK_EVERY = 1.0
"""Seconds between two questions to the server: an answer costs it some milliseconds."""

ASK_SECONDS = 5.0
"""How long an answer may take."""

TOLD = {
    "greenroom_kernel_waiting": "mailboxes",
    "greenroom_kernel_deepest": "deepest_mailbox",
    "greenroom_kernel_actors": "actors",
    "greenroom_kernel_restarts_total": "restarts",
    "greenroom_kernel_timers": "timers",
    "greenroom_runtime_tasks": "tasks",
    "greenroom_runtime_blocks": "blocks",
    "greenroom_runtime_heap_bytes": "heap",
    "greenroom_node_num_clients": "clients",
    "greenroom_node_num_subscriptions": "subscriptions",
    "greenroom_node_fanout_backlog": "backlog",
    "process_cpu_seconds_total": "cpu_seconds",
    "process_resident_memory_bytes": "rss",
    "process_open_fds": "files",
    "greenroom_media_cpu_seconds_total": "media_cpu_seconds",
}
"""What is taken from ``/metrics``, and what it is called here."""


def metrics_url(url: str) -> str:
    """Return where the server at a WebSocket's URL tells its metrics."""
    given = os.environ.get(METRICS)
    if given:
        return given
    parts = urlsplit(url)
    return f"{'https' if parts.scheme == 'wss' else 'http'}://{parts.netloc}/metrics"


def ask(url: str) -> dict[str, float]:
    """Return what a server tells at its ``/metrics``; nothing if it does not tell."""
    try:
        asking = connection(url)
    except (ValueError, http.client.HTTPException):
        return {}
    try:
        asking.request("GET", urlsplit(url).path or "/metrics")
        answer = asking.getresponse()
        text = answer.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return {}
    finally:
        asking.close()
    return read(text) if answer.status == http.HTTPStatus.OK else {}


def connection(url: str) -> http.client.HTTPConnection:
    """Return a way to ask a server over HTTP; it connects with the first request."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return http.client.HTTPSConnection(parts.netloc, timeout=ASK_SECONDS, context=tls_context())
    return http.client.HTTPConnection(parts.netloc, timeout=ASK_SECONDS)


def read(text: str) -> dict[str, float]:
    """Return what is of interest in Prometheus' text format."""
    found: dict[str, float] = {}
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                name = TOLD.get(sample.name)
                if name is not None:
                    found[name] = found.get(name, 0.0) + sample.value  # of all workers
    except ValueError:
        return {}  # something else answers there
    return found


@attrs.define(eq=False)
class Watch:
    """One server, looked at again and again.

    :param target: what is loaded; its process may be another one later.
    """

    target: Target
    _spent: float | None = None
    _stood: float = 0.0
    _at: float = 0.0
    _pid: int | None = None
    _asked: float = float("-inf")
    _silent: bool = False

    def look(self) -> dict[str, float]:
        """Return what is known of this moment.

        ``machine`` is a part of all processors, ``server`` one of a single one, ``rss`` bytes;
        ``starved`` is the part of the time in which the server was ready to run and was not let.
        The server itself is asked at most once in :data:`ASK_EVERY` seconds, and no more once a
        deployment has not answered.
        """
        sample = {"machine": psutil.cpu_percent() / 100}
        now = time.monotonic()
        if now - self._asked >= ASK_EVERY and not self._silent:
            self._asked = now
            told = ask(metrics_url(self.target.url))
            self._silent = not told and self.target.daemon is None  # a peer, or not let in
            sample |= told
        sample |= self._process()
        spent, stood = sample.pop("cpu_seconds", None), sample.pop("stood_seconds", 0.0)
        if spent is not None:
            sample |= self._used(spent, stood)
        return sample

    def _process(self) -> dict[str, float]:
        try:
            process = self.target.process()
            if process is None:
                return {}
            times = process.cpu_times()
            return {
                "cpu_seconds": times.user + times.system,
                "rss": float(process.memory_info().rss),
                "files": float(process.num_fds()),
                **stood(process.pid),
            }
        except psutil.Error:
            return {}  # killed; the next one starts from nothing

    def _used(self, spent: float, stood: float) -> dict[str, float]:
        before, at, pid, stood_before = self._spent, self._at, self._pid, self._stood
        self._spent, self._at, self._pid = spent, time.monotonic(), self.target.pid
        self._stood = stood
        if before is None or pid != self._pid or spent < before or self._at <= at:
            return {}
        length = self._at - at
        return {"server": (spent - before) / length, "starved": (stood - stood_before) / length}


def stood(pid: int) -> dict[str, float]:
    """Return how long a process's first thread has waited for a processor; nothing if unknown.

    Linux tells it in nanoseconds (``Documentation/scheduler/sched-stats.rst``).
    """
    try:
        told = Path(f"/proc/{pid}/schedstat").read_text("ascii").split()
        return {"stood_seconds": int(told[1]) / 1e9}
    except (OSError, ValueError, IndexError):
        return {}


def cpu_of(target: Target) -> float | None:
    """Return the processor seconds a server has used; None if a deployment does not tell."""
    process = target.process()
    if process is None:
        return ask(metrics_url(target.url)).get("cpu_seconds")
    times = process.cpu_times()
    return float(times.user + times.system)


Used = Callable[[], Sequence[float]]
"""Tells the seconds of processor that each of the generators has used."""


def busiest(before: Sequence[float], now: Sequence[float], seconds: float) -> float:
    """Return the part of a core that the busiest generator took."""
    spent = (after - earlier for earlier, after in zip(before, now, strict=True))
    return max(spent, default=0.0) / seconds


async def sample(
    target: Target, used: Used, series: list[dict[str, float]], measured: float, every: float
) -> None:
    """Look at a server and at the generators again and again; for a nursery.

    :param series: takes what was seen.
    :param measured: when warm-up is over, by trio's clock: samples count ``at`` from then.
    :param every: seconds between two looks.
    """
    watch = Watch(target)
    psutil.cpu_percent()
    at, before = trio.current_time(), used()
    while True:
        await trio.sleep(every)
        now, ours = trio.current_time(), used()
        own = {"at": now - measured, "generator": busiest(before, ours, now - at)}
        before, at = ours, now
        series.append(own | await trio.to_thread.run_sync(watch.look))


LIMITS = ("generator", "server", "machine")
OFTEN = 0.05
"""Of the time: busy for less, it did not decide the figures."""


def mean(series: Sequence[Mapping[str, float]], key: str) -> float | None:
    """Return a sampled figure's mean; None if it was never seen."""
    found = [one[key] for one in series if key in one]
    return round(sum(found) / len(found), 3) if found else None


def limit_of(series: Sequence[Mapping[str, float]]) -> str:
    """Say what was saturated, and for how long if not all the time.

    The generator comes first: then nothing is known of the server.
    """
    for who in LIMITS:
        if (mean(series, who) or 0.0) >= BUSY:
            return who
    for who in LIMITS:
        found = [one[who] >= BUSY for one in series if who in one]
        if sum(found) > len(found) * OFTEN:
            return f"the {who} for {sum(found) / len(found):.0%} of the time"
    return "nothing"
