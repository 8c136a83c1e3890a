"""What the actors count, for Prometheus, beside what the transport counts."""

import sys
from collections.abc import Iterable

import attrs
import trio
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from trio.lowlevel import in_trio_run

from actors.kernel import ActorSystem
from actors.services import Services
from engine.allocator import in_use

COUNTED = {
    "commands": "Commands that reached an entity, also those refused",
    "refused": "Commands refused",
    "repeated": "Commands known by their key and answered from memory",
    "retried": "Commands asked again because an actor failed",
    "failed": "Commands on which a rule failed",
    "commits": "Appends to the journal",
    "events": "Events appended to the journal",
    "commit_failures": "Appends the journal did not take",
    "effects": "Messages from one entity to another",
    "effects_refused": "Messages between entities that were refused",
    "effects_lost": "Messages between entities that were given up",
}
"""The actors' counters and what they count."""


class EngineCollector(Collector):
    """Reads the actors' counters and the kernel's statistics when it is scraped."""

    def __init__(self, system: ActorSystem, services: Services) -> None:
        self._system = system
        self._services = services

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the names are known without asking."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Return every figure."""
        counters = attrs.asdict(self._services.counters)
        for name, about in COUNTED.items():
            yield CounterMetricFamily(f"greenroom_actors_{name}", about, counters[name])
        present = len(self._services.presence)
        yield GaugeMetricFamily(
            "greenroom_actors_following", "People following an entity, by entity, summed", present
        )
        yield from self._kernel()
        yield from _memory()
        if in_trio_run():
            tasks = trio.lowlevel.current_statistics().tasks_living
            yield GaugeMetricFamily("greenroom_runtime_tasks", "Tasks of the event loop", tasks)

    def _kernel(self) -> Iterable[Metric]:
        now = self._system.statistics()
        for name, about in (
            ("actors", "Actors in memory, supervisors included"),
            ("waiting", "Messages in all mailboxes"),
            ("deepest", "Messages in the fullest mailbox"),
            ("timers", "Pending timers"),
        ):
            yield GaugeMetricFamily(f"greenroom_kernel_{name}", about, getattr(now, name))
        for name, about in (
            ("spawned", "Actors started"),
            ("ended", "Actors that ended for good"),
            ("restarts", "Restarts of actors"),
            ("failures", "Exceptions in actors"),
            ("handled", "Messages handled"),
        ):
            yield CounterMetricFamily(f"greenroom_kernel_{name}", about, getattr(now, name))
        letters = CounterMetricFamily(
            "greenroom_kernel_dead_letters", "Messages nobody handled", labels=["reason"]
        )
        for reason, count in now.dead_letters.items():
            letters.add_metric([reason], count)
        yield letters


def _memory() -> Iterable[Metric]:
    """Tell what is in use: resident memory also has the room that allocators keep."""
    yield GaugeMetricFamily(
        "greenroom_runtime_blocks",
        "Blocks in use in Python's own allocator",
        sys.getallocatedblocks(),
    )
    heap = in_use()
    if heap is not None:
        yield GaugeMetricFamily(
            "greenroom_runtime_heap_bytes", "Bytes in use in the C library's heap", heap
        )
