"""Runs a bench in a process of its own, so that none leaves traces in the next.

``python -m bench.runner NAME PARAMETERS FILE`` is that process.
"""

import importlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from actors.errors import GreenroomError
from bench.catalog import BENCHES
from bench.child import BenchFailed
from bench.load.watch import METRICS
from bench.load.wire import LoadFailed
from bench.machine import describe
from bench.results import Record

LOOK = 0.1
WHY = "why it failed"
RAISED = re.compile(r"^[\s|]*(\w+\.)*[A-Z]\w*: ")
"""The class that the last line of a traceback begins with."""

Said = Callable[[float], None]


def measure(  # noqa: PLR0913  one flag of the command line a parameter
    name: str,
    *,
    quick: bool,
    runs: int = 1,
    command: str = "",
    url: str | None = None,
    token_key: str | None = None,
    metrics: str | None = None,
    said: Said = lambda _: None,
) -> Record:
    """Run a bench several times and return it all.

    :param metrics: where a deployment tells its metrics, if not beside its WebSocket.
    :param said: called with the part of the expected time that is over.
    :raises LoadFailed: it failed, took too long, or cannot load a deployment.
    """
    bench = BENCHES[name]
    if url is not None and not bench.remote:
        raise LoadFailed(f"{name} measures parts of the program, not a deployment: leave out --url")
    machine = describe()
    parameters = dict(bench.quick if quick else bench.full)
    if url is not None:
        parameters |= {"url": url, "token_key": token_key}
    module = bench.there if url is not None and bench.there else name
    patience = bench.seconds[0 if quick else 1]
    found, took = [], []
    for number in range(runs):
        begun = time.monotonic()

        def part(seconds: float, done: int = number) -> None:
            said(min(1.0, (done + min(0.99, seconds / patience)) / runs))

        found.append(_apart(module, parameters, patience, part, metrics))
        took.append(round(time.monotonic() - begun, 1))
    return Record(name, command, machine, found, took=took)


def failure(name: str, command: str, why: str) -> Record:
    """Return what is kept of a bench that failed, in place of older figures."""
    return Record(name, command, describe(), [], failed=why)


def _apart(
    name: str,
    parameters: Mapping[str, Any],
    patience: float,
    said: Said,
    metrics: str | None = None,
) -> Mapping[str, Any]:
    with tempfile.TemporaryDirectory(prefix="greenroom-result-") as folder:
        out, log = Path(folder) / "out.json", Path(folder) / "log"
        with log.open("wb") as told:
            process = subprocess.Popen(
                [sys.executable, "-m", "bench.runner", name, json.dumps(parameters), str(out)],
                stdout=told, stderr=subprocess.STDOUT, start_new_session=True,
                env={**os.environ, **({METRICS: metrics} if metrics else {})},
            )  # fmt: skip
        begun = time.monotonic()
        try:
            while process.poll() is None:
                said(time.monotonic() - begun)
                if time.monotonic() - begun > patience:
                    raise LoadFailed(f"{name} was not done within {patience:.0f} seconds")
                time.sleep(LOOK)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # and what it has started
                process.wait()
        if process.returncode:
            lines = log.read_text("utf-8", "replace").splitlines()
            # An exception group's traceback ends with the lower edge of its frame.
            said_last = [line for line in lines if line.strip(" |+-")][-1:] or ["no word"]
            raise LoadFailed(f"{name} failed: {RAISED.sub('', said_last[0]).strip(' |')}")
        result: Mapping[str, Any] = json.loads(out.read_text("utf-8"))
        if WHY in result:
            raise LoadFailed(f"{name} failed: {result[WHY]}")
        return result


def reason(error: BaseException) -> str | None:
    """Return in a line why a bench failed; None if by a mistake of its own."""
    leaves = [error]
    while isinstance(leaves[0], BaseExceptionGroup):
        leaves[:1] = leaves[0].exceptions
    for kind in (LoadFailed, GreenroomError, BenchFailed, OSError):
        for leaf in leaves:
            if isinstance(leaf, kind):
                return " ".join(str(leaf).split()) or type(leaf).__name__
    return None


def main() -> None:
    """Run one bench and write its result."""
    name, parameters, out = sys.argv[1:]
    module = importlib.import_module(f"bench.{name}")
    try:
        result = module.run(**json.loads(parameters))
    except Exception as error:
        why = reason(error)
        if why is None:
            raise
        result = {WHY: why}
    Path(out).write_text(json.dumps(result), "utf-8")


if __name__ == "__main__":
    main()
