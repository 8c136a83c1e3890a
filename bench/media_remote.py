"""A deployment's media plane under people on stock aiortc: hosts on screen, and who watches them.

``python -m bench.media_remote`` has publishers send picture and sound into a session and viewers
watch them, everything over the documented wire. It tells packets sent, received and lost, how soon
each viewer had a picture, every freeze, and what each viewer got a second.
"""

import argparse
import json
from collections.abc import Sequence
from statistics import median
from typing import Any

import attrs
import psutil

from bench.load.stretch import Stretch
from bench.load.target import Target, described, opened
from bench.load.team import GENERATORS, Team
from bench.load.watch import BUSY, ask, metrics_url
from bench.load.wire import LoadFailed
from bench.media_crowd import PICTURE_SECONDS, Plan
from bench.script import command

WORKER = {"GREENROOM_MEDIA_WORKERS": "1"}
"""Of a daemon of our own."""


def run(
    publishers: int = 2,
    viewers: int = 8,
    seconds: float = 20.0,
    generators: int = GENERATORS,
    url: str | None = None,
    token_key: str | None = None,
) -> dict[str, Any]:
    """Have people watch each other, and return what came of it.

    :param publishers: hosts who send a picture of 320 x 180 at 15 frames/s, and sound.
    :param viewers: who watch all of them.
    :param seconds: measured, once everybody is in.
    :param generators: processes that share the people.
    :raises LoadFailed: somebody was refused, or nobody saw a picture.
    """
    if publishers < 1 or viewers < 1:
        raise LoadFailed("this takes one publisher and one viewer at least")
    with opened(url, token_key, settings=WORKER) as target:
        session = f"{target.event}-s"
        names = [f"publisher-{number}" for number in range(publishers)]
        description = described(target.event, [session])
        description["session"][0]["hosts"] = names
        target.load(description)
        plans = _plans(target, session, names, viewers, seconds, generators)
        with Team("bench.media_crowd", target, [attrs.asdict(plan) for plan in plans]) as team:
            team.hear()
            team.ask("come")  # the viewers, once all who show themselves do
            with Stretch(target, team.used) as stretch:
                found, machine, worker = _measured(target, team, seconds)
    return {
        "bench": "media",
        "publishers": publishers,
        "seconds": seconds,
        "generators": len(plans),
        **_summed(found),
        "media_worker_cpu": worker,
        "machine_cpu": round(machine, 3),
        "watching": {
            "limit": _limit(found, machine, worker),
            "latency": {},
            "series": stretch.series(),
        },
    }


def _plans(
    target: Target,
    session: str,
    names: Sequence[str],
    viewers: int,
    seconds: float,
    generators: int,
) -> list[Plan]:
    """Share the people out: those who publish go by themselves where there is more than a core."""
    hosts = frozenset({session})
    shown = [(name, target.token(name, sessions=hosts)) for name in names]
    watching = [(f"viewer-{n}", target.token(f"viewer-{n}")) for n in range(viewers)]
    number = min(generators, viewers + 1)
    if number == 1:
        return [Plan(target.url, session, shown, watching, names, seconds)]
    return [
        Plan(target.url, session, shown, [], names, seconds),
        *(Plan(target.url, session, [], watching[index :: number - 1], names, seconds)
          for index in range(number - 1)),
    ]  # fmt: skip


def _measured(
    target: Target, team: Team, seconds: float
) -> tuple[list[dict[str, Any]], float, float | None]:
    """Return each generator's result, the machine's load and the workers' processors' part."""
    where = metrics_url(target.url)
    psutil.cpu_percent()
    before = ask(where).get("media_cpu_seconds")
    found = team.ask("go")
    machine = psutil.cpu_percent() / 100
    after = ask(where).get("media_cpu_seconds")
    if before is None or after is None or after <= before:
        return found, machine, None  # workers tell their figures now and then only
    return found, machine, round((after - before) / seconds, 3)


def _summed(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the generators' results as one.

    :raises LoadFailed: nobody saw a picture.
    """
    watching = [viewer for one in found for viewer in one["viewers"]]
    firsts = [v["first_picture_s"] for v in watching if v["first_picture_s"] is not None]
    if not any(viewer["frames"] for viewer in watching):
        raise LoadFailed(
            f"nobody saw a picture within {PICTURE_SECONDS:.0f} seconds: can the UDP ports of the "
            "media workers be reached from here, at the addresses that media.addresses names?"
        )
    sent = sum(packets for one in found for packets in one["sent"])
    received, lost = (sum(viewer[key] for viewer in watching) for key in ("packets", "lost"))
    rates = [viewer["bits_per_second"] / 1000 for viewer in watching]
    return {
        "viewers": len(watching),
        "sent_packets": round(sent),
        "received_packets": round(received),
        "lost_packets": round(lost),
        "lost_percent": round(100 * lost / max(1, lost + received), 3),
        "without_picture": len(watching) - len(firsts),
        "first_picture_p50_s": round(median(firsts), 3) if firsts else None,
        "first_picture_max_s": round(max(firsts), 3) if firsts else None,
        "freezes": sum(viewer["freezes"] for viewer in watching),
        "longest_freeze_s": max(viewer["longest_freeze_s"] for viewer in watching),
        "viewer_kbit_per_second": {
            "lowest": round(min(rates), 1),
            "median": round(median(rates), 1),
            "highest": round(max(rates), 1),
        },
        "generator_cpu": round(max(one["cpu"] for one in found), 3),
        "per_viewer": watching,
    }


def _limit(found: Sequence[dict[str, Any]], machine: float, worker: float | None) -> str:
    """Say what was saturated; the generator first: then nothing is known of the server."""
    if max(one["cpu"] for one in found) >= BUSY:
        return "generator"
    if worker is not None and worker >= BUSY:
        return "server"
    return "machine" if machine >= BUSY else "nothing"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--publishers", type=int, default=2)
    parser.add_argument("--viewers", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--generators", type=int, default=GENERATORS)
    print(json.dumps(run(**vars(parser.parse_args())), indent=2))


if __name__ == "__main__":
    command(main)
