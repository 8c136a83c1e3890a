"""Real nats-server processes for tests, on loopback."""

import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

SERVER = str(Path(sys.executable).parent / "nats-server")
if not Path(SERVER).exists():
    SERVER = shutil.which("nats-server") or SERVER


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class NatsServer:
    def __init__(self, folder: Path, *extra: str, port: int = 0) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.extra = extra
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> "NatsServer":
        arguments = [SERVER, "-a", "127.0.0.1", "-p", str(self.port), "-js"]
        arguments += ["-sd", str(self.folder / "jetstream"), *self.extra]
        with (self.folder / "nats.log").open("ab") as log:
            self.process = subprocess.Popen(arguments, stdout=log, stderr=log)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return self
        raise AssertionError("nats-server did not start")

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait(10)
            self.process = None
