"""What the transport counts, for Prometheus.

The names follow Centrifugo's conventions under ``greenroom_``, so that its users' dashboards and
alerts carry over by search and replace.
"""

from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

LATENCIES = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The transport's instruments.

    :param registry: where they are registered; one of their own by default, so that several
        servers can live in one process.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry = registry or CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"greenroom_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"greenroom_{name}", text, registry=registry)

        self.clients = gauge("node_num_clients", "Connections that have said connect")
        self.people = gauge("node_num_users", "People with at least one connection")
        self.topics = gauge("node_num_topics", "Topics with listeners or history")
        self.subscriptions = gauge("node_num_subscriptions", "Subscriptions, all topics")
        self.backlog = gauge("node_fanout_backlog", "Broadcasts not yet handed to every outbox")
        self.history_bytes = gauge("node_history_bytes", "Frames kept for resuming clients")
        self.published = counter("node_messages_published", "Events published by the actors")
        self.delivered = counter("node_messages_sent", "Event frames handed to outboxes")
        self.received = counter("transport_messages_received", "Messages clients sent", "transport")
        self.accepted = counter("transport_connections_accepted", "Connections taken", "kind")
        self.rejected = counter("transport_connections_rejected", "Connections refused", "reason")
        self.disconnects = counter(
            "client_num_server_disconnects", "Connections the server ended", "code"
        )
        self.errors = counter("client_num_reply_errors", "Error replies", "method", "reason")
        self.recovered = counter("client_recover", "Topics resumed", "recovered")
        self.commands = Histogram(
            "greenroom_client_command_duration_seconds",
            "From a request read to its reply written",
            ("method",),
            buckets=LATENCIES,
            registry=registry,
        )
        self.webhooks = counter("webhook_deliveries", "Webhook attempts", "outcome")

        # Finding a labelled instrument costs as much as counting with it.
        self.count_accepted = _by_label(self.accepted, "inc")
        self.count_recovered = _by_label(self.recovered, "inc")
        self.count_received = _by_label(self.received, "inc")
        self.time_command = _by_label(self.commands, "observe")

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)


def _by_label(instrument: Any, method: str) -> Callable[..., None]:
    known: dict[str, Callable[[float], None]] = {}

    def count(label: str, amount: float = 1.0) -> None:
        add = known.get(label)
        if add is None:
            add = known[label] = getattr(instrument.labels(label), method)
        add(amount)

    return count
