"""Every bench by its name: what it runs, for how long, and whether it can load a deployment."""

import importlib.util
from collections.abc import Mapping
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class Bench:
    """One bench: the function ``run`` of the module ``bench.NAME``.

    :param about: one line for people.
    :param quick: parameters of the short form, for a look.
    :param full: parameters of the form whose figures are published.
    :param takes: seconds that a run of the quick form usually takes, and of the full one, on two
        cores.
    :param seconds: how long each may take before it is given up.
    :param module: the module of ``run``, if another one.
    :param remote: whether it can load somebody's own deployment.
    :param there: the module that does so, if another one.
    :param quick_there: its parameters of the short form; the full one is its own.
    :param apart: whether it is so long that ``all`` leaves its full form out.
    :param runs: how often the full form is run, where one run says little of the next.
    """

    about: str
    quick: Mapping[str, Any]
    full: Mapping[str, Any]
    takes: tuple[float, float]
    seconds: tuple[float, float]
    module: str = ""
    remote: bool = False
    there: str = ""
    quick_there: Mapping[str, Any] = attrs.field(factory=dict)
    apart: bool = False
    runs: int = 1

    def usual_runs(self, *, quick: bool, remote: bool) -> int:
        """Return how often it is run if nobody says."""
        return 1 if quick or remote else self.runs

    def module_of(self, name: str, *, remote: bool) -> str:
        """Return the module of its ``run``, or of the one for deployments."""
        return (self.there if remote else "") or self.module or name

    def parameters(self, *, quick: bool, remote: bool) -> Mapping[str, Any]:
        """Return the parameters of one of its forms."""
        if remote and self.there:
            return self.quick_there if quick else {}
        return self.quick if quick else self.full


BENCHES: Mapping[str, Bench] = {
    "actors": Bench(
        about="the kernel beside Pykka's threads and trio's channels",
        quick={"quick": True, "rounds": 2}, full={}, takes=(8, 25), seconds=(60, 400),
    ),
    "journal": Bench(
        about="durable appends and recovery",
        quick={"seconds": 1.0, "writers": [1, 100]}, full={}, takes=(15, 17), seconds=(90, 400),
    ),
    "projection": Bench(
        about="the read model's share: rows projected, alone and beside a busy loop",
        quick={"rows": 2_000}, full={}, takes=(3, 5), seconds=(30, 60), runs=3,
    ),
    "inbound": Bench(
        about="where the time of one command goes, stage by stage",
        quick={}, full={}, takes=(30, 30), seconds=(120, 120),
    ),
    "fanout": Bench(
        about="one message to everybody, beside the peers",
        quick={"subscribers": [1_000], "sizes": [200], "rounds": 3}, full={"rounds": 3},
        takes=(35, 115), seconds=(120, 480),
        remote=True,
    ),
    "join": Bench(
        about="a session filling up", quick={"people": 1_000}, full={"people": 1_000},
        takes=(7, 7), seconds=(60, 120), remote=True, runs=3,
    ),
    "commands": Bench(
        about="durable chat commands, beside python-socketio",
        quick={"seconds": 6.0}, full={"seconds": 6.0}, takes=(55, 58), seconds=(120, 500),
        remote=True, runs=5,
    ),
    "stage": Bench(
        about="people coming on screen and leaving",
        quick={"people": 60, "seconds": 6.0}, full={"people": 200, "seconds": 20.0},
        takes=(20, 32), seconds=(60, 300), remote=True,
    ),
    "breakout": Bench(
        about="breakout rooms opening and closing", quick={}, full={},
        takes=(5, 5), seconds=(90, 400), remote=True, runs=3,
    ),
    "book": Bench(
        about="a race for 1-1 slots",
        quick={"people": 300, "employees": 5, "slots": 50}, full={},
        takes=(8, 21), seconds=(90, 300),
        remote=True,
    ),
    "storm": Bench(
        about="everybody drops at once and comes back",
        quick={"clients": 1_000, "before": 2.0, "after": 3.0}, full={},
        takes=(12, 24), seconds=(60, 300),
        remote=True, there="storm_daemon",
        quick_there={"clients": 500, "before": 2.0, "after": 3.0},
    ),
    "storm_daemon": Bench(
        about="the same through the whole daemon: sessions, presence, chat and the journal",
        quick={"clients": 500, "before": 2.0, "after": 3.0}, full={},
        takes=(15, 43), seconds=(60, 300),
        remote=True, runs=3,
    ),
    "slow": Bench(
        about="one client that never reads, beside many that do",
        quick={"clients": 300, "rounds": 2}, full={},
        takes=(16, 58), seconds=(60, 240),
        remote=True, there="slow_remote",
        quick_there={"clients": 50, "rounds": 1}, runs=3,
    ),
    "media": Bench(
        about="forwarding packets, beside aiortc's relay and Janus",
        quick={"quick": True}, full={}, takes=(70, 270), seconds=(240, 600),
        remote=True, there="media_remote",
        quick_there={"publishers": 1, "viewers": 3, "seconds": 6.0},
    ),
    "page": Bench(
        about="the web client's page in a full session: frames and memory",
        quick={"people": 1_000, "seconds": 10.0}, full={"people": 1_000, "seconds": 90.0},
        takes=(25, 102), seconds=(90, 900),
    ),
    "media_soak": Bench(
        about="people see each other on stage, in rooms and chats, on good lines and bad",
        quick={"seconds": 5.0}, full={"seconds": 15.0}, takes=(112, 172), seconds=(150, 700),
    ),
    "media_crash": Bench(
        about="a media worker dies or hangs under a live stage",
        quick={"rounds": 1}, full={"rounds": 2}, takes=(40, 55), seconds=(90, 180),
    ),
    "mixed": Bench(
        about="a whole fair: ramps, think times, roles, drops",
        quick={"people": 60, "seconds": 12.0}, full={"people": 300, "seconds": 60.0},
        takes=(35, 125), seconds=(60, 400), remote=True,
    ),
    "soak": Bench(
        about="mixed for an hour while things die: does anything grow or get lost",
        quick={"people": 40, "seconds": 20.0}, full={"people": 150, "seconds": 3_600.0},
        takes=(170, 3_800), seconds=(240, 4_500), remote=True, apart=True,
    ),
    "cluster": Bench(
        about="commands and fan-out on one node with SQLite, and on one and two with NATS",
        quick={"talkers": 16, "listeners": 60, "seconds": 3.0}, full={},
        takes=(50, 75), seconds=(120, 240),
    ),
    "outage": Bench(
        about="three nodes, killed, stopped, cut off and restarted while a crowd acts",
        quick={"people": 40, "pause": 5.0, "scale": 0.4}, full={"people": 300},
        takes=(150, 182), seconds=(400, 900),
    ),
    "simulate": Bench(
        about="fairs on a clock that jumps, with faults: is a promise ever broken, and how fast",
        quick={"seeds": 4, "people": 50, "days": 1}, full={}, takes=(15, 110), seconds=(120, 900),
        module="simulated",
    ),
}  # fmt: skip


def available(name: str) -> bool:
    """Whether a bench is installed here."""
    module = BENCHES[name].module_of(name, remote=False)
    return importlib.util.find_spec(f"bench.{module}") is not None
