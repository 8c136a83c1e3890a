"""Runs a bench in a process of its own, so that none leaves traces in the next.

``python -m bench.runner NAME PARAMETERS FILE`` is that process.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from bench.catalog import BENCHES
from bench.load.lookout import Lookout
from bench.load.watch import METRICS, ask
from bench.load.wire import LoadFailed, LoadMisused
from bench.machine import describe
from bench.results import Record
from bench.script import last_word, reason
from bench.sizes import checked

LOOK = 0.1
WHY = "why it failed"
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
    sizes: Mapping[str, Any] | None = None,
    said: Said = lambda _: None,
) -> Record:
    """Run a bench several times and return it all.

    :param sizes: of the load, in place of the bench's own.
    :param metrics: where a deployment tells its metrics, if not beside its WebSocket.
    :param said: called with the part of the expected time that is over.
    :raises LoadFailed: it failed, or took too long.
    :raises LoadMisused: it cannot load a deployment, or not without a key, or has no such sizes.
    """
    bench = BENCHES[name]
    if url is not None and not bench.remote:
        raise LoadMisused(
            f"{name} measures parts of the program, not a deployment: leave out --url"
        )
    if url is not None and token_key is None:
        raise LoadMisused("a deployment's URL needs its API key: --token-key KEY:SECRET")
    if metrics is not None and not ask(metrics):
        raise LoadFailed(f"--metrics {metrics}: no metrics of Greenroom are told there")
    machine, module = describe(), bench.module_of(name, remote=url is not None)
    parameters = dict(bench.parameters(quick=quick, remote=url is not None))
    patience = bench.seconds[not quick]
    if sizes:
        patience = _longer(patience, parameters, checked(name, module, sizes))
        parameters |= sizes
    if url is not None:
        parameters |= {"url": url, "token_key": token_key}
    found, took = [], []
    for number in range(runs):
        begun = time.monotonic()
        part = partial(_part_of, said, number, runs, bench.takes[not quick])
        result = _apart(module, parameters, patience, part, metrics, name)
        found.append({**result, "bench": name})
        took.append(round(time.monotonic() - begun, 1))
    return Record(name, command, machine, found, took=took)


def _part_of(said: Said, done: int, runs: int, usual: float, seconds: float) -> None:
    """Say which part of all runs is over."""
    said(min(1.0, (done + min(0.99, seconds / usual)) / runs))


def _longer(patience: float, usual: Mapping[str, Any], sizes: Mapping[str, Any]) -> float:
    """Return how long a bench may take whose sizes are not its own."""
    times = 1.0
    for size, value in sizes.items():
        before = usual.get(size)
        if isinstance(value, (int, float)) and isinstance(before, (int, float)) and before:
            times *= max(1.0, value / before)
        elif size == "seconds":
            patience += 4 * float(value)  # some measure several times for so long
    return patience * times


def failure(name: str, command: str, why: str) -> Record:
    """Return what is kept of a bench that failed, in place of older figures."""
    return Record(name, command, describe(), [], failed=why)


def _apart(
    module: str,
    parameters: Mapping[str, Any],
    patience: float,
    said: Said,
    metrics: str | None,
    name: str,
) -> Mapping[str, Any]:
    with tempfile.TemporaryDirectory(prefix="greenroom-result-") as folder:
        out, log = Path(folder) / "out.json", Path(folder) / "log"
        with log.open("wb") as told:
            process = subprocess.Popen(
                [sys.executable, "-m", "bench.runner", module, json.dumps(parameters), str(out)],
                stdout=told, stderr=subprocess.STDOUT, start_new_session=True,
                env={**os.environ, **({METRICS: metrics} if metrics else {})},
            )  # fmt: skip
        try:
            _await(process, name, patience, said, parameters.get("url"))
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # and what it has started
                process.wait()
        if process.returncode:
            said_last = last_word(log.read_text("utf-8", "replace"))
            raise LoadFailed(f"{name} failed: {said_last}")
        result: Mapping[str, Any] = json.loads(out.read_text("utf-8"))
        if WHY in result:
            raise LoadFailed(f"{name} failed: {result[WHY]}")
        return result


def _await(
    process: "subprocess.Popen[bytes]", name: str, patience: float, said: Said, url: str | None
) -> None:
    """Wait until a bench is done.

    :param url: of the deployment it loads, if it does.
    :raises LoadFailed: it takes too long, or the deployment is gone.
    """
    begun = time.monotonic()
    with ExitStack() as stack:
        lookout = stack.enter_context(Lookout(url)) if url is not None else None
        while process.poll() is None:
            said(time.monotonic() - begun)
            if time.monotonic() - begun > patience:
                raise LoadFailed(f"{name} was not done within {patience:.0f} seconds")
            if lookout is not None and lookout.gone:
                raise LoadFailed(f"{name} failed: the server is gone ({lookout.gone})")
            time.sleep(LOOK)


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
