"""The server under the reconnect storm: Greenroom's transport with a door that only resumes."""

import json
import os
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import trio

from actors.rules.base import Command, Person
from bench.load.watched import Lateness
from engine.logs import configure_logs
from engine.tokens import Authenticator, Key, mint
from transport.closing import Close
from transport.collector import calm
from transport.hub import Hub
from transport.limits import Limits
from transport.server import Server

KEY = Key("storm", "s" * 32)


class ResumingDoor:
    """Resumes every topic a client names, with a snapshot where it must."""

    def __init__(self, hub: Hub, seqs: dict[str, int]) -> None:
        self._hub = hub
        self._seqs = seqs

    async def connect(
        self, _: Person, connection: str, epoch: str | None, topics: Mapping[str, int]
    ) -> Mapping[str, Any]:
        """Resume."""
        recovered = {}
        for topic, seq in topics.items():
            exact = epoch == self._hub.epoch and self._hub.resume(connection, topic, seq)
            if not exact:
                standing = self._seqs.get(topic, 0)
                self._hub.subscribe(connection, topic, standing, datetime.now(UTC), {})
            recovered[topic] = exact
        return {"recovered": recovered, "notifications": []}

    def begin(self, command: Command) -> None:
        """Leave everything to :meth:`call`."""

    async def again(self, command: Command) -> Mapping[str, Any]:
        """Nothing is begun."""
        raise NotImplementedError(command)

    async def call(self, command: Command) -> Mapping[str, Any]:
        """Nobody asks for anything."""
        raise NotImplementedError(command)

    async def admit(self, person: Person) -> None:
        """Everybody may come in."""

    def gone(self, person: Person, connection: str) -> None:
        """Nothing is kept of anybody."""


class Storm:
    """Publishes at a steady rate and watches the loop."""

    def __init__(self, topics: int, rate: float, outbox: int = 1 << 20, size: int = 100) -> None:
        self.limits = Limits(
            connections=50_000,
            connections_per_address=50_000,
            connections_per_person=50_000,
            handshakes=50_000,
            outbox_bytes=outbox,
        )
        self.hub = Hub(self.limits, epoch="storm")
        self.seqs: dict[str, int] = {}
        self.server = Server(
            ResumingDoor(self.hub, self.seqs), self.hub, Authenticator([KEY]), self.limits
        )
        self._topics = topics
        self._rate = rate
        self._size = size
        self._lateness = Lateness()

    async def publish(self) -> None:
        """Publish round the topics, for ever."""
        number, due = 0, trio.current_time()
        while True:
            topic = f"session/{number % self._topics}"
            self.seqs[topic] = seq = self.seqs.get(topic, 0) + 1
            data = {"sent": time.monotonic(), "text": "x" * self._size}
            self.hub.publish(topic, "chat.posted", datetime.now(UTC), data, seq)
            number += 1
            due += 1 / self._rate
            await trio.sleep_until(due)

    async def run(self) -> None:
        """Serve until told to stop; the lines on standard input drive it."""
        stdin = trio.lowlevel.FdStream(os.dup(0))
        async with trio.open_nursery() as nursery:
            port = await nursery.start(self.server.serve, "127.0.0.1", 0)
            print(port, flush=True)
            await stdin.receive_some()
            nursery.start_soon(self._lateness.watch)
            publishing = await nursery.start(self._publish_until_cancelled)
            await stdin.receive_some()
            publishing.cancel()
            print(json.dumps(self.seqs), flush=True)
            await stdin.receive_some()
            nursery.cancel_scope.cancel()
        report = {**self._lateness.report(), "slow_consumers": self._closed_as_slow()}
        print(json.dumps(report), flush=True)

    def _closed_as_slow(self) -> float:
        code = str(int(Close.SLOW_CONSUMER))
        registry = self.hub.metrics.registry
        name = "greenroom_client_num_server_disconnects_total"
        return registry.get_sample_value(name, {"code": code}) or 0.0

    async def _publish_until_cancelled(self, *, task_status: Any) -> None:
        with trio.CancelScope() as scope:
            task_status.started(scope)
            await self.publish()


def token(name: str) -> str:
    """Return a token for a client."""
    person = Person(id=name, name="Storm", event="fair")
    return mint(KEY, person, now=datetime.now(UTC), ttl=timedelta(hours=1))


def main() -> None:
    """Run with the topics, the rate, an outbox's bytes and a text's from the command line."""
    configure_logs("warning")  # as the daemon does, and so is the next
    calm()
    sizes = [int(size) for size in sys.argv[3:5]]
    trio.run(Storm(int(sys.argv[1]), float(sys.argv[2]), *sizes).run)


if __name__ == "__main__":
    main()
