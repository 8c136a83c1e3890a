"""A crowd that chats, votes and books over all nodes, and keeps a book of what it was told."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random

import attrs
import trio

from actors.errors import TEMPORARY, Refused
from tests.cluster.nodes import token
from transport.client import Client, open_client

TEMPORARY_PAUSE = 0.2


@attrs.define
class Crowd:
    """What the crowd was told.

    ``said`` is what was acknowledged; ``waits`` are url, begin and seconds of every call.
    """

    clients: list[Client] = attrs.field(factory=list)
    said: list[str] = attrs.field(factory=list)
    heard: list[list[str]] = attrs.field(factory=list)
    numbers: list[list[int]] = attrs.field(factory=list)
    booked: list[str] = attrs.field(factory=list)
    repeated: Counter = attrs.field(factory=Counter)
    failed: Counter = attrs.field(factory=Counter)
    homes: dict[int, str] = attrs.field(factory=dict)
    waits: list[tuple[str, float, float]] = attrs.field(factory=list)
    calls: int = 0
    stopping: bool = False

    def slowest(self, *, without: str = "") -> float:
        """Return the longest wait for an answer, in seconds, of clients elsewhere than there."""
        return max(wait for home, _, wait in self.waits if home != without)

    def at(self, url: str) -> list[Client]:
        """Return the clients that began at a node."""
        return [client for client in self.clients if self.homes[id(client)] == url]

    def reroute(self, lost: str, urls: Sequence[str]) -> None:
        """Let clients of a lost node come back elsewhere, as a balancer would."""
        for number, client in enumerate(self.clients):
            if client.url == lost:
                client.url = urls[number % len(urls)]

    async def call(self, client: Client, method: str, **params):
        """Call; a temporary refusal is asked again with the same key, as a client would."""
        begun, url = trio.current_time(), self.homes[id(client)]
        key = f"{method}-{self.calls}"
        self.calls += 1
        while True:
            try:
                return await client.call(method, key=key, **params)
            except Refused as error:
                if error.reason not in TEMPORARY:
                    self.failed[error.reason] += 1
                    return None
                self.repeated[error.reason] += 1
                await trio.sleep(TEMPORARY_PAUSE)
            finally:
                self.waits.append((url, begun, trio.current_time() - begun))


@asynccontextmanager
async def crowd(urls: Sequence[str], size: int) -> AsyncIterator[Crowd]:
    made = Crowd(heard=[[] for _ in range(size)], numbers=[[] for _ in range(size)])
    async with trio.open_nursery() as nursery:
        hosts = frozenset({"ux"})
        async with open_client(urls[0], token("hana", sessions=hosts)) as host:
            await host.call("session.join", session="ux")
            await host.call("session.start", session="ux")
        for number in range(size):
            made.clients.append(await nursery.start(_live, made, number, urls[number % len(urls)]))
        yield made
        nursery.cancel_scope.cancel()


async def _live(crowd: Crowd, number: int, url: str, *, task_status) -> None:
    async with open_client(url, token(f"p{number}")) as client:
        await client.call("session.join", session="ux")
        crowd.homes[id(client)] = url
        task_status.started(client)
        await _listen(crowd, number, client)


async def _listen(crowd: Crowd, number: int, client: Client) -> None:
    async for event in client.events():
        if event.topic == "session/ux" and event.seq is not None and event.type != "snapshot":
            crowd.numbers[number].append(event.seq)
            if event.type == "chat.posted":
                crowd.heard[number].append(event.data["text"])


async def talk(crowd: Crowd, number: int, pause: float = 0.5) -> None:
    """Chat at a steady pace until the crowd stops."""
    random, count = Random(number), 0
    while not crowd.stopping:
        count += 1
        text = f"p{number} says {count}"
        answer = await crowd.call(crowd.clients[number], "chat.send", topic="session/ux", text=text)
        if answer is not None:
            crowd.said.append(text)
        await trio.sleep(random.uniform(0.5, 1.5) * pause)
