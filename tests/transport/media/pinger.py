"""Pings a daemon from a process of its own, so that nobody's encoder stands in the way.

Writes when each ping was sent, by the machine's monotonic clock, and the seconds it took.
"""

import json
import sys
import time

from websockets.sync.client import connect

PAUSE = 0.003
LONGEST = 90.0
"""Seconds after which nobody wants to know any more."""


def main() -> None:
    url, token = sys.argv[1:]
    with connect(url, subprotocols=["greenroom.v1.json"], max_size=2**24) as socket:

        def call(method, **params):
            request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            socket.send(json.dumps(request))
            while '"id"' not in socket.recv(10):
                continue

        call("connect", token=token)
        began = time.monotonic()
        while (started := time.monotonic()) - began < LONGEST:
            call("ping")
            sys.stdout.write(f"{started} {time.monotonic() - started}\n")
            sys.stdout.flush()
            time.sleep(PAUSE)


if __name__ == "__main__":
    main()
