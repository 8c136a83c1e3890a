"""Where a loaded daemon spends its time: py-spy beside ``bench.commands``' own load.

``python -m bench.profile`` starts a daemon, lets 200 people chat as fast as they are answered,
samples its main thread, writes a flame graph, and prints the share of each layer.
"""

import argparse
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from bench.load.audience import audience
from bench.load.swarm import Load, Swarm
from bench.load.target import described, opened
from bench.load.wire import LoadFailed
from bench.script import command

RATE = 200
"""Samples a second."""

LAYERS = (
    ("write to sockets", "transport/outbox.py"),
    ("fan-out", "transport/hub.py"),
    ("journal", "storage/"),
    ("rules", "actors/rules/"),
    ("params", "transport/params.py"),
    ("entity and participant", "actors/"),
    ("mailboxes", "actors/kernel/"),
    ("connection", "transport/"),
    ("WebSocket", "websockets/"),
    ("WebSocket", "transport/websocket.py"),
    ("WebSocket", "trio_websocket"),
    ("trio", "trio/"),
)


def layer(stack: str) -> str:
    """Return the layer of a stack's innermost frame that is in one."""
    for frame in reversed(stack.split(";")):
        for name, path in sorted(LAYERS, key=lambda one: -len(one[1])):
            if path in frame:
                return name
    return "other"


def run(people: int = 200, seconds: float = 8.0, svg: Path | None = None) -> dict[str, float]:
    """Return each layer's share of the main thread's time.

    :raises LoadFailed: py-spy is not installed, or may not look.
    """
    spy = shutil.which("py-spy")
    if spy is None:
        raise LoadFailed("py-spy is not installed: pip install 'greenroom[bench]'")
    with opened() as target, tempfile.TemporaryDirectory() as folder:
        session = f"{target.event}-s"
        target.load(described(target.event, [session]))
        request = ("chat.send", {"topic": f"session/{session}", "text": "x" * 60})
        with Swarm(
            target, Load(audience(target, session, people), [request], seconds=seconds)
        ) as s:
            s.ready()
            raw = Path(folder) / "raw"
            command = [spy, "record", "--pid", str(target.pid), "--duration", str(int(seconds)),
                       "--rate", str(RATE), "--format", "raw", "--output", str(raw)]  # fmt: skip
            watching = [subprocess.Popen(command, stdout=subprocess.DEVNULL)]
            if svg is not None:
                svg.parent.mkdir(parents=True, exist_ok=True)
                drawn = [*command[:-3], "flamegraph", "--output", str(svg)]
                watching.append(subprocess.Popen(drawn, stdout=subprocess.DEVNULL))
            s.run()
            for one in watching:
                one.wait(seconds + 30)
        if not raw.exists():
            raise LoadFailed("py-spy may not look at the daemon: run it as root")
        return _shares(raw.read_text("utf-8"))


def _shares(raw: str) -> dict[str, float]:
    found: Counter[str] = Counter()
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        if "unrolled_run" in stack:
            found[layer(stack)] += int(count)
    total = sum(found.values()) or 1
    return {name: count / total for name, count in found.most_common()}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--svg", type=Path, default=Path("bench/results/profile.svg"))
    given = parser.parse_args()
    for name, share in run(given.people, given.seconds, given.svg).items():
        print(f"{name:24} {share:6.1%}")


if __name__ == "__main__":
    command(main)
