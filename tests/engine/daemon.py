"""A real daemon in a process of its own, and a client of another make."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from actors.rules.base import Person
from engine.tokens import Key, mint

KEY = Key("test", "a-secret-of-more-than-32-characters")
EVENT = "fair"
START = datetime.now(UTC).replace(microsecond=0)

EVENT_FILE = f"""
[event]
id = "fair"
name = "Spring Fair"
time_zone = "Europe/Berlin"
days = ["{START:%Y-%m-%d}"]

[[company]]
id = "acme"
name = "Acme"

[[session]]
id = "ux"
title = "UX workshop"
kind = "workshop"
company = "acme"
start = {START.isoformat()}
minutes = 60
hosts = ["hana"]
"""


def token(person: str, **claims: Any) -> str:
    ttl = claims.pop("ttl", timedelta(hours=1))
    event = claims.pop("event", EVENT)
    who = Person(id=person, name=person.title(), event=event, **claims)
    return mint(KEY, who, now=datetime.now(UTC), ttl=ttl)


class Daemon:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[str] | None = None
        self.port = 0
        self.config = ""
        self.media_workers = 0
        self.drain_seconds = 1.0

    def start(self) -> None:
        event = self.folder / "event.toml"
        event.write_text(EVENT_FILE)
        config = self.folder / "greenroom.toml"
        config.write_text(self.config)
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "engine.cli", "serve", "--port", str(self.port),
                "--key", f"{KEY.id}:{KEY.secret}", "--data", str(self.folder / "data"),
                "--load", str(event), "--config", str(config),
            ],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "GREENROOM_MEDIA_WORKERS": str(self.media_workers),
                 "GREENROOM_DRAIN_SECONDS": str(self.drain_seconds)},
        )  # fmt: skip
        for line in self.process.stderr:
            if '"ready"' in line:
                self.port = json.loads(line)["port"]
                return
        self.process.stderr.close()
        raise AssertionError(f"the daemon ended with {self.process.wait()}")

    def kill(self) -> None:
        self.end(signal.SIGKILL)

    def end(self, how: int = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        code = self.process.wait(20)
        self.process.stderr.close()
        self.process = None
        return code

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/ws"

    @contextmanager
    def client(self, person: str = "", **claims: Any) -> Iterator["Client"]:
        with connect(self.url, subprotocols=["greenroom.v1.json"], max_size=2**24) as socket:
            client = Client(socket)
            if person:
                client.call("connect", token=token(person, **claims))
            yield client


@contextmanager
def running(folder: Path, **settings: Any) -> Iterator[Daemon]:
    """Run a daemon for the length of a block, which may end it itself.

    :param settings: attributes of the :class:`Daemon`.
    """
    daemon = Daemon(folder)
    for name, value in settings.items():
        setattr(daemon, name, value)
    daemon.start()
    try:
        yield daemon
    finally:
        if daemon.process is not None:
            daemon.kill()


class Client:
    """Speaks JSON-RPC over the `websockets` package."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.events: list[dict[str, Any]] = []
        self._ids = 0

    def send(self, method: str, **params: Any) -> int:
        self._ids += 1
        request = {"jsonrpc": "2.0", "id": self._ids, "method": method, "params": params}
        self.socket.send(json.dumps(request))
        return self._ids

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        reply = self.ask(method, **params)
        assert "result" in reply, reply
        return reply["result"]

    def error(self, method: str, **params: Any) -> dict[str, Any]:
        reply = self.ask(method, **params)
        assert "error" in reply, reply
        return reply["error"]

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        ident = self.send(method, **params)
        while True:
            for message in self.receive():
                if message.get("id") == ident:
                    return message

    def receive(self, timeout: float = 10) -> list[dict[str, Any]]:
        """Return one frame's replies; keep its events."""
        frame = json.loads(self.socket.recv(timeout))
        messages = frame if isinstance(frame, list) else [frame]
        self.events += [one["params"] for one in messages if one.get("method") == "event"]
        return [one for one in messages if "id" in one]

    def wait_for(self, type_name: str, **data: Any) -> dict[str, Any]:
        """Return the next event of a type with these data, taking it out of the queue."""
        while True:
            for event in self.events:
                facts = event["data"].items()
                if event["type"] == type_name and data.items() <= facts:
                    self.events.remove(event)
                    return event
            self.receive()
