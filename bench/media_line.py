"""A bad line in a process of its own, so that its jitter is the weather's and nobody else's.

``python -m bench.media_line HOST PORT`` passes datagrams between clients and a media worker; it
prints its own port, and takes the weather as lines of JSON.
"""

import asyncio
import json
import sys
from typing import Self

import attrs

from bench.child import Child
from transport.media.impairment import Relay


@attrs.frozen
class Weather:
    """How a line is, in both directions.

    :param loss: share of datagrams lost.
    :param jitter: seconds; each datagram is late by up to it.
    """

    loss: float = 0.0
    jitter: float = 0.0


WEATHERS = {"clean": Weather(), "5 % loss and 50 ms jitter": Weather(0.05, 0.05)}


class Line:
    """The line as the bench holds it: a context that ends the process.

    :param port: the worker's.
    """

    def __init__(self, port: int) -> None:
        command = [sys.executable, "-m", "bench.media_line", "127.0.0.1", str(port)]
        self._process = Child.start(command)
        self.port = int(self._process.hear())

    def set(self, weather: Weather) -> None:
        """Change the weather, at once."""
        self._process.tell(json.dumps(attrs.asdict(weather)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.end()


async def serve(host: str, port: int) -> None:
    """Pass datagrams until standard input ends."""
    relay = Relay()
    relay.target = (host, port)
    print(await relay.listen(), flush=True)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        weather = json.loads(line)
        for direction in (relay.up, relay.down):
            direction.loss, direction.jitter = weather["loss"], weather["jitter"]
    relay.close()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
