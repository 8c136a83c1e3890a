"""Pings a daemon from a process of its own, so that nobody's encoder stands in the way.

As a program it writes when each ping was sent, by the machine's monotonic clock, and the seconds it
took; :func:`pinging` runs it.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from websockets.sync.client import connect

PAUSE = 0.003
LONGEST = 120.0
"""Seconds after which nobody wants to know any more."""

TOKEN = "GREENROOM_PINGER_TOKEN"  # noqa: S105  the variable's name


@contextmanager
def pinging(url: str, token: str) -> Iterator[list[tuple[float, float]]]:
    """Ping a daemon without a pause; yields a growing list of when, and the seconds it took."""
    command = [sys.executable, "-m", "bench.load.pinger", url]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, TOKEN: token}
    )
    took: list[tuple[float, float]] = []

    def read() -> None:
        assert process.stdout is not None  # noqa: S101  asked for above
        for line in process.stdout:
            sent, seconds = line.split()
            took.append((float(sent), float(seconds)))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield took
    finally:
        process.kill()
        process.wait()
        reader.join()
        if process.stdout is not None:
            process.stdout.close()


def main() -> None:
    """Ping until killed."""
    with connect(sys.argv[1], subprotocols=["greenroom.v1.json"], max_size=2**24) as socket:  # type: ignore[list-item]

        def call(method: str, **params: str) -> None:
            request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            socket.send(json.dumps(request))
            while '"id"' not in str(socket.recv(10)):
                continue

        call("connect", token=os.environ[TOKEN])
        began = time.monotonic()
        while (started := time.monotonic()) - began < LONGEST:
            call("ping")
            sys.stdout.write(f"{started} {time.monotonic() - started}\n")
            sys.stdout.flush()
            time.sleep(PAUSE)


if __name__ == "__main__":
    main()
