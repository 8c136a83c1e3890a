"""Nodes in processes of their own, to be killed, stopped and continued."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from tests.cluster.natsd import free_port
from tests.engine.daemon import EVENT_FILE, KEY


class NodeProcess:
    def __init__(self, folder: Path, nats: str, number: int, replicas: int = 1) -> None:
        self.replicas = replicas
        self.folder = folder
        self.nats = nats
        self.number = number
        self.port = free_port()
        self.me = ""
        self.log: list[str] = []
        self.process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/ws"

    def start(self, *, load: bool = False) -> "NodeProcess":
        command = [sys.executable, "-m", "engine.cli", "serve"]
        for url in self.nats.split(","):
            command += ["--cluster", url]
        command += ["--port", str(self.port), "--data", str(self.folder / f"node{self.number}")]
        command += ["--key", f"{KEY.id}:{KEY.secret}"]
        if load:
            event = self.folder / "event.toml"
            event.write_text(EVENT_FILE)
            command += ["--load", str(event)]
        environment = {
            **os.environ,
            "GREENROOM_MEDIA_WORKERS": "0",
            "GREENROOM_DRAIN_SECONDS": "1",
            "GREENROOM_CLUSTER_REPLICAS": str(self.replicas),
        }
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        ready = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(ready, self.process), daemon=True)
        self._reader.start()
        if not ready.wait(60):
            raise AssertionError("".join(self.log[-20:]))
        return self

    def _read(self, ready: threading.Event, process) -> None:
        for line in process.stderr:
            self.log.append(line)
            if '"ready"' in line:
                self.me = json.loads(line)["node"]
                ready.set()
        process.stderr.close()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self) -> int:
        """Stop it gracefully; return its exit code."""
        self.signal(signal.SIGTERM)
        return self._ended()

    def kill(self) -> None:
        if self.process is not None:
            self.signal(signal.SIGKILL)
            self._ended()

    def _ended(self) -> int:
        code = self.process.wait(40)
        self._reader.join(5)
        self.process = None
        return code
