"""Where a command's time goes in a whole daemon: its processor time by stage, and its waits.

The daemon stamps what it does (:mod:`bench.load.staged`). What the stamps themselves cost is
measured and left out; what other threads did is the rest.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.commands import TEXT, UNLIMITED, WARMUP
from bench.load.audience import audience
from bench.load.stages import Stamp, freed, since
from bench.load.swarm import Load, Swarm
from bench.load.target import Target, described, opened
from bench.storm_daemon import Watch

LEAST = 0.1
"""Microseconds below which a stage goes with the rest."""


def way(people: int, seconds: float) -> dict[str, Any]:
    """Return what a durable chat command costs a daemon by stage, and how long it waits.

    :param people: in the session; all of them send as fast as they are answered, and all are told.
    """
    with tempfile.TemporaryDirectory(prefix="greenroom-bench-") as folder:
        file = Path(folder) / "stages.json"
        program = ("bench.load.staged", str(file))
        with opened(settings=UNLIMITED, program=program) as target:
            session = f"{target.event}-s"
            target.load(described(target.event, [session]))
            request = ("chat.send", {"topic": f"session/{session}", "text": TEXT})
            load = Load(
                audience(target, session, people), [request], warmup=WARMUP, seconds=seconds
            )
            return _loaded(target, load, file)


def _loaded(target: Target, load: Load, file: Path) -> dict[str, Any]:
    assert target.daemon is not None  # noqa: S101  it is ours
    watch: Any = Watch(target.daemon, file)
    with Swarm(target, load) as swarm:
        swarm.ready()
        before = watch.read()
        sent = swarm.run()["sent"]
        return costs(before, watch.read(), sent)


def costs(before: Mapping[str, Any], after: Mapping[str, Any], sent: int) -> dict[str, Any]:
    """Return microseconds a command: of all, by stage, and on the clock.

    :param before: what the daemon told before the load; ``after``, behind it.
    :param sent: how many commands it was sent meanwhile.
    """
    stages, stamps = freed(since(before["stages"], after["stages"]), Stamp(**after["stamp"]))
    each = {stage: nanoseconds / 1e3 / sent for stage, nanoseconds in stages.items()}
    large = {stage: cost for stage, cost in each.items() if cost >= LEAST}
    used = after["processor"][""] - before["processor"][""]
    whole = (used - stamps) / 1e3 / sent
    waits = since(before["waits"], after["waits"])
    answered = max(1, waits["commands"][""])
    return {
        "whole": round(whole, 1),
        "stages": {stage: round(cost, 2) for stage, cost in large.items()},
        "rest": round(whole - sum(large.values()), 2),
        "stamps": round(stamps / 1e3 / sent, 1),
        "waits": {wait: round(of / answered * 1e6, 1) for wait, of in waits["seconds"].items()},
    }
