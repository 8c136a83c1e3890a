"""The reconnect storm through the whole daemon: sessions, presence, chat and the journal.

``python -m bench.storm_daemon`` lets 5,000 people join sessions, a hundred each. The hosts send 50
chat messages a second in all, each acknowledged when it is on disk. Everybody but the hosts drops,
and comes back after 2 s, while they go on. What each has heard is counted by the messages' own
numbers. The sessions are shared out over processes.
"""

import json
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import psutil

from bench.child import BenchFailed
from bench.load.stretch import Stretch
from bench.load.target import Daemon, Target, described, opened
from bench.load.team import GENERATORS, LEAD, Team
from bench.load.watch import BUSY, ask, metrics_url
from bench.script import command
from bench.storm import PER_TOPIC, TICK, command_line, processor
from bench.storm_fair import Storm
from bench.storm_tally import summed

TELL_SECONDS = 5.0


def run(  # noqa: PLR0913  one flag of the command line a parameter
    clients: int = 5_000,
    rate: float = 50,
    *,
    away: float = 2.0,
    spread: float = 1.0,
    before: float = 3.0,
    after: float = 5.0,
    seed: int = 1,
    generators: int = GENERATORS,
    url: str | None = None,
    token_key: str | None = None,
) -> dict[str, Any]:
    """Run the storm once and return what everybody received.

    :param rate: chat messages a second, all sessions together.
    :param away: seconds everybody is gone.
    :param spread: seconds over which they come back, as their jitter spreads them.
    :param generators: processes that share the sessions.
    :raises LoadFailed: somebody was refused, or never came back or caught up.
    """
    count = max(1, clients // PER_TOPIC)
    number = min(generators, count)
    with _opened(url, token_key) as (target, watch):
        sessions = [f"{target.event}-s{session}" for session in range(count)]
        storm = Storm(
            sessions=sessions, clients=clients, rate=rate, away=away, spread=spread,
            before=before, after=after, seed=seed, index=0, number=number,
        )  # fmt: skip
        shares = [attrs.asdict(attrs.evolve(storm, index=index)) for index in range(number)]
        with Team("bench.storm_fair", target, shares) as team:
            target.load(described(target.event, sessions))
            team.hear()
            team.ask("enter")
            with Stretch(target, team.used) as stretch:
                found = _storm(team, watch, storm)
            found["coming_back"]["series"] = stretch.series()
    return {"bench": "storm_daemon", "generators": number, **found}


@contextmanager
def _opened(url: str | None, token_key: str | None) -> Iterator[tuple[Target, "Watch | Told"]]:
    """Yield a deployment, or a daemon of our own, and who tells how it is."""
    if url is not None:
        with opened(url, token_key) as target:
            yield target, Told(target)
        return
    with tempfile.TemporaryDirectory(prefix="greenroom-bench-") as folder:
        file = Path(folder) / "late.json"
        daemon = Daemon(Path(folder), program=("bench.load.watched", str(file)))
        try:
            pid = daemon.start()
            here = f"ws://127.0.0.1:{daemon.port}/v1/ws"
            target = Target(here, daemon.key, "storm", pid, daemon, ours=True)
            yield target, Watch(daemon, file)
        finally:
            daemon.stop()


@attrs.frozen
class Watch:
    """Reads how late the daemon's loop was."""

    daemon: Daemon
    file: Path

    def read(self) -> dict[str, float]:
        """Return the worst since the last time.

        :raises BenchFailed: the daemon does not tell.
        """
        self.file.unlink(missing_ok=True)
        assert self.daemon.process is not None  # noqa: S101  it was started
        self.daemon.process.send_signal(signal.SIGUSR1)
        end = time.monotonic() + TELL_SECONDS
        while time.monotonic() < end:
            if self.file.exists() and (text := self.file.read_text("utf-8")):
                found: dict[str, float] = json.loads(text)
                return found
            time.sleep(TICK)
        raise BenchFailed("the daemon does not tell how late it was")

    def cpu(self) -> float:
        """Return the seconds of processor it has used."""
        assert self.daemon.process is not None  # noqa: S101  it was started
        return processor(self.daemon.process.pid)


@attrs.frozen
class Told:
    """What a deployment tells of itself."""

    target: Target

    def read(self) -> dict[str, float]:
        """Return nothing: only a daemon of our own tells how late its loop was."""
        return {}

    def cpu(self) -> float | None:
        """Return the seconds of processor it has used; None if it does not say."""
        return ask(metrics_url(self.target.url)).get("cpu_seconds")


def _storm(team: Team, watch: Watch | Told, storm: Storm) -> dict[str, Any]:
    begin = time.monotonic() + LEAD
    drop, back = begin + storm.before, begin + storm.before + storm.away
    team.tell(f"storm {begin}")
    _sleep_until(drop - LEAD)
    watch.read()  # what was late until now
    _sleep_until(back)
    psutil.cpu_percent()
    server = watch.cpu()
    used = team.hear()
    machine, after = psutil.cpu_percent() / 100, watch.cpu()
    time.sleep(storm.after)
    late = watch.read()
    taken = {
        "seconds": max(one["seconds"] for one in used),
        "server": None if server is None or after is None else after - server,
        "clients": sum(one["clients"] for one in used),
    }
    tallies = team.ask("report")
    return {
        **summed(tallies, {**taken, **late}),
        "acknowledged": sum(one["acknowledged"] for one in tallies),
        "coming_back": _limit(taken, max(one["clients"] for one in used), machine),
    }


def _sleep_until(instant: float) -> None:
    time.sleep(max(0.0, instant - time.monotonic()))


def _limit(taken: Mapping[str, Any], busiest: float, machine: float) -> dict[str, Any]:
    """Say what was saturated while everybody came back; the generator first of all."""
    saturated = BUSY * taken["seconds"]
    if busiest >= saturated:
        limit = "generator"
    elif (taken["server"] or 0.0) >= saturated:
        limit = "server"
    else:
        limit = "machine" if machine >= BUSY else "nothing"
    return {"limit": limit, "latency": {}}


if __name__ == "__main__":
    command(partial(command_line, run, __doc__))
