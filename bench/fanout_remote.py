"""One message to everybody in a session of a deployment: when the first has it, and the last.

Messages are sent at times fixed beforehand; latency counts from them. One person in each
generator's process sends, the others listen, and clocks are this machine's own.
"""

from collections.abc import Sequence
from typing import Any

from bench.load.audience import audience
from bench.load.latency import Latencies
from bench.load.swarm import Load, Swarm
from bench.load.target import Target, described, opened
from bench.load.team import GENERATORS

SECONDS = 8.0
"""Of each measurement, warm-up apart."""

RATE = 4.0
"""Messages a second, of all senders; one person may send ten."""

ENVELOPE = 300
"""Bytes of a delivery beside its text, about."""


def run(
    url: str,
    token_key: str | None,
    subscribers: Sequence[int],
    sizes: Sequence[int],
    generators: int = GENERATORS,
) -> dict[str, Any]:
    """Load a deployment with each number of subscribers and each size.

    :param sizes: bytes of a delivery, about, its envelope included.
    :param generators: processes that share the people.
    :raises LoadFailed: somebody was refused, or the server ended.
    """
    cases: dict[str, Any] = {}
    with opened(url, token_key) as target:
        for count in subscribers:
            for size in sizes:
                session = f"{target.event}-{count}-{size}"
                target.load(described(target.event, [session]))
                text = "x" * max(1, size - ENVELOPE)
                request = ("chat.send", {"topic": f"session/{session}", "text": text})
                load = Load(
                    audience(target, session, count + generators), [request], rate=RATE,
                    seconds=SECONDS, senders=1, marked=True, generators=generators,
                )  # fmt: skip
                cases[f"{count:,} subscribers, {size:,} bytes"] = _case(target, load)
    return {"bench": "fanout", "deployment": cases}


def _case(target: Target, load: Load) -> dict[str, Any]:
    with Swarm(target, load) as swarm:
        swarm.ready()
        found = swarm.run()
        return {**found, **_delivered(swarm, len(load.people) - swarm.generators, load.warmup)}


def _delivered(swarm: Swarm, listeners: int, warmup: float) -> dict[str, Any]:
    """Return how late the first and the last listener had each message, warm-up left out."""
    first, last, came = Latencies(), Latencies(), 0.0
    begun = min(swarm.meant.values(), default=0.0) + warmup
    messages = {mark: due for mark, due in swarm.meant.items() if due >= begun}
    for mark, due in messages.items():
        heard = swarm.heard.get(mark)
        if heard is not None:
            first.record(heard[0] - due)
            last.record(heard[1] - due)
            came += heard[2]
    return {
        "subscribers": listeners,
        "messages": len(messages),
        "first": first.summary(),
        "last": last.summary(),
        "delivered_percent": round(100 * came / max(1, len(messages) * listeners), 3),
    }
