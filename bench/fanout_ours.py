"""Greenroom under the fan-out bench: server and hub, behind a door that subscribes everybody."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import trio

from actors.rules.base import Command, Person
from bench.fanout_servers import Meter
from engine.logs import configure_logs
from engine.tokens import Authenticator, Key, mint
from transport.collector import calm
from transport.hub import Hub
from transport.limits import Limits
from transport.server import Server

TOPIC = "session/bench"
KEY = Key("bench", "b" * 32)

MANY = 50_000
LIMITS = Limits(
    connections=MANY,
    connections_per_address=MANY,
    connections_per_person=MANY,
    handshakes=MANY,
    ping_seconds=3_600,  # the clients only read, and the peers are not pinging either
)

ENVELOPE = len(
    '{"jsonrpc":"2.0","method":"event","params":{"topic":"session/bench","seq":100,"type":'
    '"chat.posted","at":"2026-01-01T00:00:00.000Z","data":{"text":""}}}'
)


class SubscribingDoor:
    """Lets everybody listen to one topic."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def connect(self, _: Person, connection: str, *__: Any) -> Mapping[str, Any]:
        """Subscribe."""
        self._hub.subscribe(connection, TOPIC, 0, datetime.now(UTC), None)
        return {}

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


class Publisher:
    """Publishes when a line says so."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._meter = Meter()
        self._seq = 99

    async def run(self) -> None:
        """Obey each line from standard input, until its end."""
        stdin = trio.lowlevel.FdStream(os.dup(0))
        while lines := (await stdin.receive_some()).decode().splitlines():
            for size in map(self._meter.obey, lines):
                if size:
                    await self._publish("x" * max(1, size - ENVELOPE))

    async def _publish(self, text: str) -> None:
        self._meter.begin()
        self._seq += 1
        now = datetime.now(UTC)
        self._hub.publish(TOPIC, "chat.posted", now, {"text": text}, self._seq)
        while self._hub.statistics().backlog:
            await trio.lowlevel.checkpoint()
        self._meter.end()


async def _main() -> None:
    person = Person(id="bench", name="Bench", event="fair")
    token = mint(KEY, person, now=datetime.now(UTC), ttl=timedelta(hours=1))
    hub = Hub(LIMITS)
    server = Server(SubscribingDoor(hub), hub, Authenticator([KEY]), LIMITS)
    async with trio.open_nursery() as nursery:
        publisher = Publisher(hub)
        port = await nursery.start(server.serve, "127.0.0.1", 0)
        print(port, token, flush=True)
        await publisher.run()
        nursery.cancel_scope.cancel()


def serve() -> None:
    """Serve until standard input ends."""
    configure_logs("warning")  # as the daemon does, and so is the next
    calm()
    trio.run(_main)
