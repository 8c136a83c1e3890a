"""What more nodes than were measured would carry, reckoned from a result of ``bench.cluster``."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from transport.cluster.lease import Timing
from transport.cluster.placement import SHARDS, preferred

NODES = (10, 100, 1_000)

MICROSECONDS = 1e6


@attrs.frozen
class Paper:
    """What so many nodes would carry; rates are those of busy cores, one to each node and to NATS.

    :param over: nodes that one session's people are spread over.
    :param by_nodes: commands a second until the nodes' cores are full.
    :param by_nats: commands a second until one core of NATS is full: the journal is one stream,
        and a stream has one leader.
    :param deliveries: a second, of sessions so large that deliveries are all that counts.
    :param idle: nodes that own no shard, and only carry connections.
    :param renewals: of leases, a second.
    """

    nodes: int
    over: int
    by_nodes: float
    by_nats: float
    deliveries: float
    idle: int
    renewals: float

    @property
    def first(self) -> str:
        """What is full first."""
        return "NATS" if self.by_nats < self.by_nodes else "the nodes"


def paper(result: Mapping[str, Any], nodes: Sequence[int] = NODES) -> Iterator[Paper]:
    """Reckon what so many nodes would carry.

    People of a session as large as the measured one are at any node. An owner sends each event once
    to every other node where somebody listens; what that costs the nodes and NATS is the difference
    between two nodes and one.
    """
    one, two = (way for way in result["ways"] if "NATS" in way["way"])
    own, nats = (one["commands"][f"{who}_cpu_us_per_command"] for who in ("node", "nats"))
    more, more_nats = (
        max(0.0, two["commands"][f"{who}_cpu_us_per_command"] - alone)
        for who, alone in (("node", own), ("nats", nats))
    )
    timing = Timing()
    for count in nodes:
        over = min(count, result["talkers"])
        names = [f"{number:08x}" for number in range(count)]
        owners = {preferred(shard, names) for shard in range(SHARDS)}
        yield Paper(
            count,
            over,
            count * MICROSECONDS / (own + (over - 1) * more),
            MICROSECONDS / (nats + (over - 1) * more_nats),
            count * MICROSECONDS / one["fanout"]["node_cpu_us_per_delivery"],
            count - len(owners),
            count / timing.renew,
        )


def text(result: Mapping[str, Any]) -> str:
    """Return it as a part of a page, in Markdown."""
    one = next(way for way in result["ways"] if "NATS" in way["way"])
    commands = MICROSECONDS / one["commands"]["node_cpu_us_per_command"]
    deliveries = MICROSECONDS / one["fanout"]["node_cpu_us_per_delivery"]
    lines = [
        (
            f"Sizing: a node's core carries about {commands:,.0f} commands a second in sessions of"
            f" {result['talkers']} people, or {deliveries:,.0f} deliveries a second where"
            f" {result['listeners']} listen. One event's bookings stay on one node.\n"
        ),
        (
            "More nodes, on paper: reckoned from the processor times above, with a core for each"
            f" node and one for the busiest stream of NATS; sessions of {result['talkers']} people"
            " who are at any node.\n"
        ),
        (
            "| nodes | commands/s, nodes | commands/s, NATS | full first | deliveries/s"
            " | nodes that own nothing | renewals/s |\n|---:|---:|---:|---|---:|---:|---:|"
        ),
    ]
    lines += [
        f"| {each.nodes:,} | {each.by_nodes:,.0f} | {each.by_nats:,.0f} | {each.first}"
        f" | {each.deliveries:,.0f} | {each.idle:,} | {each.renewals:,.0f} |"
        for each in paper(result)
    ]
    return "\n".join(lines) + "\n"
