"""What is loaded: a daemon started for the purpose, a peer, or somebody's own deployment."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

import attrs
import psutil
import trio

from actors.rules.base import Person
from bench.load.dialects import GREENROOM
from bench.load.wire import Address, LoadFailed, Wire
from engine.loading import load_steps, over, steps
from engine.tokens import Key, mint
from transport.client import open_client

START_SECONDS = 30.0
STOP_SECONDS = 15.0
LOADING_SECONDS = 60.0
TOKEN_LIFE = timedelta(hours=6)

PROGRAM = ("engine.cli",)
"""``greenroom``, as arguments of ``python -m``."""


@attrs.frozen
class Flaws:
    """What is to go wrong in a daemon of our own, for soaks.

    :param kill_at: part of the time after which the daemon is killed.
    :param actor_seconds: mean time between two deaths of actors.
    :param worker_seconds: time between two deaths of media workers.
    :param idle_seconds: how soon an idle actor leaves memory.
    """

    kill_at: float
    actor_seconds: float
    worker_seconds: float
    idle_seconds: float


@attrs.define
class Target:
    """A server under load.

    :param pid: its process, if it runs here; without it its CPU and memory stay unknown.
    :param event: an event of its own that the load may fill.
    :param daemon: the daemon itself, if it is ours to kill.
    :param ours: whether it is a daemon of our own, here or in the process that told of it.
    :param media: whether it is one that has media workers.
    """

    url: str
    key: Key
    event: str
    pid: int | None = None
    daemon: "Daemon | None" = None
    ours: bool = False
    media: bool = False

    def told(self) -> dict[str, Any]:
        """Return what other processes need to load it too, as plain data."""
        key = [self.key.id, self.key.secret]
        kind = {"ours": self.ours, "media": self.media}
        return {"url": self.url, "key": key, "event": self.event, **kind}

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Target":
        """Return the target that another process has :meth:`told` of."""
        key = Key(*told["key"])
        return cls(told["url"], key, told["event"], ours=told["ours"], media=told["media"])

    @classmethod
    def bare(cls, port: int, pid: int) -> "Target":
        """Return a server here that is only looked at: it holds no event."""
        return cls(f"ws://127.0.0.1:{port}/v1/ws", Key("", ""), "", pid)

    def crash(self) -> None:
        """Kill the daemon and start it again on the same port and data.

        :raises LoadFailed: it is not ours, or does not come back.
        """
        if self.daemon is None:
            raise LoadFailed("a deployment is not ours to kill")
        self.daemon.kill()
        self.pid = self.daemon.start()

    def kill_worker(self) -> bool:
        """Kill a media worker of our own daemon; False if there is none now."""
        process = self.process() if self.daemon is not None else None
        try:
            workers = process.children() if process is not None else []
        except psutil.NoSuchProcess:
            return False
        for worker in workers[:1]:
            worker.kill()
        return bool(workers)

    def token(self, person: str, **claims: Any) -> str:
        """Return a token for somebody in the event."""
        who = Person(id=person, name=person.replace("-", " ").title(), event=self.event, **claims)
        return mint(self.key, who, now=datetime.now(UTC), ttl=TOKEN_LIFE)

    def process(self) -> psutil.Process | None:
        """Return the server's process, if it runs here."""
        return psutil.Process(self.pid) if self.pid else None

    def load(self, description: Mapping[str, Any]) -> None:
        """Bring the event's companies and sessions in line with a description.

        :raises LoadFailed: the server refused it.
        """

        async def bring() -> None:
            admin = self.token("greenroom-bench", role="organizer", grants=frozenset({"admin"}))
            with trio.fail_after(LOADING_SECONDS):
                async with open_client(self.url, admin) as client:
                    await load_steps(over(client), steps(description))

        try:
            trio.run(bring)
        except trio.TooSlowError as error:
            raise LoadFailed("the server did not take the event in time") from error


def described(event: str, sessions: Sequence[str], **more: Any) -> dict[str, Any]:
    """Return an event with sessions that can be started now, hosted by ``host-SESSION``."""
    now = datetime.now(UTC).replace(microsecond=0)
    days = [(now + timedelta(days=offset)).date().isoformat() for offset in range(-1, 3)]
    return {
        "event": {"id": event, "name": "Load", "time_zone": "UTC", "days": days, **more},
        "company": [{"id": f"{event}-acme", "name": "Acme", "slots": 200}],
        "session": [
            {
                "id": session,
                "title": "Load",
                "kind": "workshop",
                "company": f"{event}-acme",
                "start": now,
                "minutes": 240,
                "hosts": [f"host-{session}"],
            }
            for session in sessions
        ],
    }


@contextmanager
def opened(
    url: str | None = None,
    token_key: str | None = None,
    flaws: Flaws | None = None,
    settings: Mapping[str, str] | None = None,
    program: Sequence[str] = PROGRAM,
) -> Iterator[Target]:
    """Yield a deployment at ``url``, or else a daemon of our own, in a folder of its own.

    :param flaws: of the daemon of our own.
    :param settings: more of its variables.
    :param program: what it is, as arguments of ``python -m``.
    :raises LoadFailed: the daemon did not start, nobody speaks WebSocket at ``url``, or no key was
        given for the deployment.
    """
    event = f"bench-{token_hex(3)}"
    if url is None:
        with tempfile.TemporaryDirectory(prefix="greenroom-bench-") as folder:
            daemon = Daemon(Path(folder), flaws, settings, program)
            try:
                pid = daemon.start()
                url = f"ws://127.0.0.1:{daemon.port}/v1/ws"
                kind = {"ours": True, "media": flaws is not None}
                yield Target(url, daemon.key, event, pid, daemon, **kind)
            finally:
                daemon.stop()
        return
    if token_key is None:
        raise LoadFailed("a deployment's URL needs its API key: --token-key KEY:SECRET")
    try:
        key = Key.parse(token_key)
    except ValueError as error:
        raise LoadFailed(f"--token-key: {error}") from error
    # The client proper would wait for a server that is not there; here it is a wrong address.
    knock(url)
    yield Target(url, key, event)


def knock(url: str) -> None:
    """Make sure that somebody speaks WebSocket at an address.

    :raises LoadFailed: nobody does.
    """
    wire = Wire.dial(Address.parse(url), attrs.evolve(GREENROOM, path=urlsplit(url).path or "/"))
    try:
        wire.upgraded()
    finally:
        wire.sock.close()


class Daemon:
    """A daemon of our own, in a folder of its own; it can be killed and started again.

    :param folder: for its data and its log.
    :param flaws: what is to go wrong in it; without any it has no media workers either.
    :param settings: more of its variables.
    :param program: what is run in place of ``greenroom``, as arguments of ``python -m``.
    """

    def __init__(
        self,
        folder: Path,
        flaws: Flaws | None = None,
        settings: Mapping[str, str] | None = None,
        program: Sequence[str] = PROGRAM,
    ) -> None:
        self._settings = settings or {}
        self._program = program
        self.key = Key("bench", token_hex(20))
        self.port = 0
        self._folder = folder
        self.flaws = flaws
        self._stack = ExitStack()
        self._starts = 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> int:
        """Start it and wait until it is ready; return its process id.

        :raises LoadFailed: it did not start.
        """
        flaws, program = self.flaws, self._program
        if flaws is not None:
            program = ("bench.load.faulty", str(flaws.actor_seconds), str(flaws.idle_seconds))
        command = [
            sys.executable, "-m", *program, "serve", "--port", str(self.port),
            "--key", f"{self.key.id}:{self.key.secret}", "--data", str(self._folder / "data"),
        ]  # fmt: skip
        workers = "0" if flaws is None else "1"
        environment = {
            "GREENROOM_MEDIA_WORKERS": workers,
            "GREENROOM_DRAIN_SECONDS": "0.1",
            **self._settings,
        }
        self._starts += 1
        log = self._folder / f"log-{self._starts}"
        process = self._stack.enter_context(running(command, log, environment))
        self.process = process
        self.port = awaited(process, log, lambda line: json.loads(line)["port"], '"ready"')
        return process.pid

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        """End it, and whatever was started before it."""
        self._stack.close()


@contextmanager
def running(
    command: Sequence[str], log: Path, environment: Mapping[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a server with its output in a file; end it at the block's end."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **environment}
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def awaited(process: "subprocess.Popen[bytes]", log: Path, read: Any, mark: str) -> int:
    """Return what ``read`` makes of the log's line with ``mark`` in it.

    :raises LoadFailed: the server ended, or took too long.
    """
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        for line in log.read_text("utf-8").splitlines():
            if mark in line:
                return int(read(line))
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise LoadFailed(f"the server did not start: {log.read_text('utf-8')[-500:]}")
