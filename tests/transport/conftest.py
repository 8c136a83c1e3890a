"""A server with a door of its own, so that the transport is tested without the actors."""

import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import attrs
import msgpack
import orjson
import pytest
import trio
from trio_websocket import ConnectionClosed

from actors.clock import SystemClock
from actors.errors import Refused
from actors.rules.base import COMMANDS, Command, Person
from engine.tokens import Authenticator, Key, mint
from transport.dialing import dial, shake_hands
from transport.hub import Hub
from transport.limits import Limits
from transport.server import Server

KEY = Key("test", "0123456789abcdef0123456789abcdef")


@attrs.frozen(kw_only=True)
class Say(Command):
    """Publish a text on a topic."""

    topic: str
    text: str
    tags: list[str] = attrs.field(factory=list)

    @property
    def entity(self) -> str:
        return self.topic


@attrs.frozen(kw_only=True)
class Join(Command):
    """Subscribe to a topic."""

    topic: str

    @property
    def entity(self) -> str:
        return self.topic


@attrs.frozen(kw_only=True)
class Fail(Command):
    """Fail in the way asked for."""

    how: str

    @property
    def entity(self) -> str:
        return "session/none"


@attrs.frozen(kw_only=True)
class Wait(Command):
    """Answer after a while."""

    seconds: float

    @property
    def entity(self) -> str:
        return "session/none"


COMMANDS_OF_TESTS = {"test.say": Say, "test.join": Join, "test.fail": Fail, "test.wait": Wait}


class FakeDoor:
    """Stands in for the actors: topics with a counter each."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.seqs: dict[str, int] = {}
        self.calls: list[Command] = []
        self.entered: list[tuple[Person, str]] = []
        self.left: list[tuple[Person, str]] = []
        self.over: set[str] = set()
        self.refusal: Refused | None = None

    async def connect(
        self, person: Person, connection: str, epoch: str | None, topics: Mapping[str, int]
    ) -> Mapping[str, Any]:
        await trio.lowlevel.checkpoint()
        if self.refusal is not None:
            raise self.refusal
        self.entered.append((person, connection))
        recovered = {}
        for topic, seq in topics.items():
            if topic in self.over:
                recovered[topic] = False
                continue
            recovered[topic] = epoch == self.hub.epoch and self.hub.resume(connection, topic, seq)
            if not recovered[topic]:
                self._snapshot(connection, topic)
        return {"recovered": recovered, "notifications": []}

    async def admit(self, person: Person) -> None:
        await trio.lowlevel.checkpoint()
        if self.refusal is not None:
            raise self.refusal

    def begin(self, command: Command) -> None:
        """Leave everything to :meth:`call`."""

    async def again(self, command: Command) -> Mapping[str, Any]:
        raise NotImplementedError(command)  # nothing is begun

    async def call(self, command: Command) -> Mapping[str, Any]:
        self.calls.append(command)
        await trio.lowlevel.checkpoint()
        match command:
            case Say(topic=topic, text=text):
                return {"seq": self.say(topic, text)}
            case Join(topic=topic):
                self._snapshot(command.connection, topic)
                return {}
            case Wait(seconds=seconds):
                await trio.sleep(seconds)
                return {"waited": seconds}
            case Fail(how="refused"):
                raise Refused("wrong_state", "Not now.", state="ended")
            case Fail(how="unknown"):
                raise LookupError("a secret detail")
        raise AssertionError(command)

    def gone(self, person: Person, connection: str) -> None:
        self.left.append((person, connection))

    def say(self, topic: str, text: str) -> int:
        self.seqs[topic] = seq = self.seqs.get(topic, 0) + 1
        self.hub.publish(topic, "test.said", datetime.now(UTC), {"text": text}, seq)
        return seq

    def _snapshot(self, connection: str, topic: str) -> None:
        at, seq = datetime.now(UTC), self.seqs.get(topic, 0)
        self.hub.subscribe(connection, topic, seq, at, {"count": seq})


@attrs.frozen
class House:
    """A running server and what a test needs of it."""

    server: Server
    door: FakeDoor
    hub: Hub
    port: int
    nursery: trio.Nursery
    authenticator: Authenticator

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/ws"

    def token(self, sub: str = "ana", ttl: float = 3600, **facts: Any) -> str:
        person = Person(id=sub, name=sub.title(), event=facts.pop("event", "fair"), **facts)
        return mint(KEY, person, now=SystemClock().now(), ttl=timedelta(seconds=ttl))


@asynccontextmanager
async def run_house(limits: Limits | None = None, **options: Any) -> AsyncIterator[House]:
    limits = limits or Limits()
    tls = options.pop("ssl_context", None)
    hub = Hub(limits, epoch="e1")
    door = FakeDoor(hub)
    authenticator = Authenticator([KEY])
    server = Server(door, hub, authenticator, limits, **options)
    async with trio.open_nursery() as nursery:
        serve = partial(server.serve, "127.0.0.1", 0, ssl_context=tls)
        port = await nursery.start(serve)
        yield House(server, door, hub, port, nursery, authenticator)
        nursery.cancel_scope.cancel()


@pytest.fixture(autouse=True)
def _commands(monkeypatch: pytest.MonkeyPatch) -> None:
    for method, cls in COMMANDS_OF_TESTS.items():
        monkeypatch.setattr(cls, "method", method)
        monkeypatch.setitem(COMMANDS, method, cls)


@pytest.fixture
def running():
    return run_house


@pytest.fixture
async def house():
    async with run_house() as running_house:
        yield running_house


JSON, MSGPACK = "greenroom.v1.json", "greenroom.v1.msgpack"


class Speaker:
    """A client that does nothing by itself."""

    def __init__(self, websocket, codec):
        self.websocket = websocket
        self.codec = codec

    async def say(self, value):
        if self.codec == JSON:
            await self.websocket.send_message(orjson.dumps(value).decode())
        else:
            await self.websocket.send_message(msgpack.packb(value))

    async def hear(self):
        message = await self.websocket.get_message()
        return orjson.loads(message) if self.codec == JSON else msgpack.unpackb(message)

    async def ask(self, method, ident=1, **params):
        request = {"jsonrpc": "2.0", "id": ident, "method": method, "params": params}
        await self.say(request)
        while True:
            reply = await self.hear()
            if "id" in reply:
                assert reply["id"] == ident
                return reply

    async def ended(self):
        try:
            while True:
                await self.websocket.get_message()
        except ConnectionClosed as closed:
            return closed.reason


@asynccontextmanager
async def speaking(house, codec=JSON, *, connect=True, sub="ana", **params):
    with trio.fail_after(20):
        stream = await dial(house.url, None)
        async with stream, trio.open_nursery() as nursery:
            websocket = await shake_hands(nursery, stream, house.url, codec)
            speaker = Speaker(websocket, codec)
            if connect:
                reply = await speaker.ask("connect", token=house.token(sub), **params)
                assert "result" in reply, reply
                speaker.welcome = reply["result"]
            yield speaker
            nursery.cancel_scope.cancel()


@pytest.fixture(name="speaking")
def _speaking():
    return speaking


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-keyout", "key.pem", "-out", "chain.pem", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return folder / "chain.pem", folder / "key.pem"
