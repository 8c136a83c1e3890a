"""People who race for 1-1 slots over the wire: they ask, are approved, and pick all at once."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import attrs
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedError

from actors.errors import GreenroomError

SUBPROTOCOL: Any = "greenroom.v1.json"
MINUTES = 30
HOURS = ["09:00", "19:00"]
PER_DAY = 10 * 60 // MINUTES
"""Slots of one employee between these hours."""

AT_A_TIME = 50
"""People who are being let in, or prepared, at the same time."""

PATIENCE = 60.0
"""Seconds after which an answer is not waited for any more."""

CLOSE_SECONDS = 2.0
"""How long a server may take to say goodbye."""

Item = TypeVar("Item")
Result = TypeVar("Result")

Token = Callable[..., str]
"""Mints a token from a person's id and further claims."""


class RaceFailed(GreenroomError):  # noqa: N818  said of the race
    """A promise was broken, or something answered that should not have; the text says what."""


@attrs.define(eq=False)
class Caller:
    """One person's connection."""

    socket: ClientConnection
    _ids: int = 0
    _waiting: dict[int, asyncio.Future[dict[str, Any]]] = attrs.field(factory=dict)

    async def listen(self) -> None:
        """Hand replies to those who wait for them, until the connection ends."""
        try:
            async for frame in self.socket:
                message = json.loads(frame)
                for one in message if isinstance(message, list) else [message]:
                    waiting = self._waiting.get(one.get("id"))
                    if waiting is not None and not waiting.done():
                        waiting.set_result(one)
        except ConnectionClosed:
            pass
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ConnectionClosedError(None, None))

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Return the reply, be it a result or an error.

        :raises ConnectionClosed: the connection ended first.
        :raises TimeoutError: there was none within :data:`PATIENCE` seconds.
        """
        self._ids += 1
        ident = self._ids
        future = self._waiting[ident] = asyncio.get_running_loop().create_future()
        request = {"jsonrpc": "2.0", "id": ident, "method": method, "params": params}
        try:
            await self.socket.send(json.dumps(request))
            return await asyncio.wait_for(future, PATIENCE)
        finally:
            self._waiting.pop(ident, None)

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Return the result.

        :raises RaceFailed: it was refused.
        """
        reply = await self.ask(method, **params)
        if "error" in reply:
            raise RaceFailed(f"{method}: {reply['error']}")
        result: dict[str, Any] = reply["result"]
        return result


@asynccontextmanager
async def caller(url: str, token: str) -> AsyncIterator[Caller]:
    """Connect as somebody."""
    async with connect(
        url, subprotocols=[SUBPROTOCOL], max_size=2**24, open_timeout=PATIENCE,
        close_timeout=CLOSE_SECONDS, ping_interval=None,
    ) as socket:  # fmt: skip
        someone = Caller(socket)
        listening = asyncio.create_task(someone.listen())
        try:
            await someone.call("connect", token=token)
            yield someone
        except BaseException:
            socket.transport.abort()  # a goodbye to each of a thousand would take its time
            raise
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


@attrs.frozen
class Pick:
    """What one participant is going to pick."""

    person: str
    meeting: str
    employee: str
    slot: str


@attrs.frozen
class Told:
    """What one participant was told.

    :param outcome: ``confirmed``, a refusal's reason, or ``lost`` when the connection ended first.
    :param seconds: from the start of the race.
    :param confirmed: ids of the chats that the participant's own list shows afterwards.
    """

    pick: Pick
    outcome: str
    seconds: float
    confirmed: Sequence[str] = ()


@attrs.frozen
class Race:
    """A fair to race at, or a part of it: some of the employees, and whoever asks these.

    :param token: mints a token from a person's id and further claims.
    :param company: whose employees offer the slots.
    :param slots: of all employees together.
    :param part: which of the parts, from 0.
    :param parts: how many there are; an employee each at least.
    """

    url: str
    token: Token
    event: str
    company: str
    people: int = 1000
    employees: int = 10
    slots: int = 100
    part: int = 0
    parts: int = 1

    def hosts(self) -> list[str]:
        """Return the ids of those who offer slots."""
        return [f"desk-{number}" for number in range(self.part, self.employees, self.parts)]

    def _racers(self) -> list[int]:
        """Return the numbers of those who race: they ask the employees in turn."""
        numbers = range(self.people)
        return [one for one in numbers if one % self.employees % self.parts == self.part]

    @property
    def each(self) -> int:
        """Slots of each employee."""
        return self.slots // self.employees

    def _desk(self, person: str) -> str:
        return self.token(person, role="employee", company=self.company)

    async def allow(self) -> str:
        """Let people book 1-1 chats on one day of the event; return the day."""
        day = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
        policy = {"initiators": "both", "durations": [MINUTES], "hours": HOURS}
        organizer = self.token("olga", role="organizer")
        async with caller(self.url, organizer) as olga:
            await olga.call("event.change", id=self.event, days=[day], one_to_one=policy)
        return day

    async def prepare(self, day: str) -> list[Pick]:
        """Publish the slots, have everybody ask, and have everybody approved.

        :param day: of the slots; 1-1 chats are allowed on it.
        """
        async with everybody(self.url, {host: self._desk(host) for host in self.hosts()}) as desks:
            starts = {host: await self._publish(desk, day) for host, desk in desks.items()}
            return await limited(partial(self._approved, desks, starts), self._racers())

    async def _publish(self, desk: Caller, day: str) -> list[str]:
        offered = await desk.call("agenda.draft", day=day, duration=MINUTES, slots=[])
        bookable = offered["bookable"][0]["slots"][str(MINUTES)]
        starts = [slot["start"] for slot in bookable][: self.each]
        await desk.call("agenda.draft", day=day, duration=MINUTES, slots=starts)
        await desk.call("agenda.publish")
        return starts

    async def _approved(
        self, desks: dict[str, Caller], starts: dict[str, list[str]], number: int
    ) -> Pick:
        person, host = f"racer-{number}", f"desk-{number % self.employees}"
        async with caller(self.url, self.token(person)) as someone:
            asked = await someone.call("meeting.request", to=host, message="Hello")
        meeting = asked["meeting"]["id"]
        await desks[host].call("meeting.approve", id=meeting)
        return Pick(person, meeting, host, starts[host][number // self.employees % self.each])

    def callers(self, picks: Sequence[Pick]) -> AbstractAsyncContextManager[dict[str, Caller]]:
        """Connect those who are going to pick."""
        return everybody(self.url, {pick.person: self.token(pick.person) for pick in picks})

    async def run(
        self, picks: Sequence[Pick], watch: Callable[[Told], None] = lambda _: None
    ) -> list[Told]:
        """Let everybody pick at once; return what each was told, and then sees in their list.

        :param watch: is shown each answer as it comes.
        """
        async with self.callers(picks) as callers:
            answers = await picked(callers, picks, time.monotonic(), watch)
            return await seen(callers, answers)

    async def booked(self) -> list[dict[str, Any]]:
        """Return the confirmed chats that the employees' lists show.

        :raises RaceFailed: a slot is there twice, or somebody has two chats.
        """
        async with everybody(self.url, {host: self._desk(host) for host in self.hosts()}) as desks:
            lists = [await desk.call("meeting.list", tab="confirmed") for desk in desks.values()]
        found = [meeting for listed in lists for meeting in listed["meetings"]]
        _once("the slot", ((each["employee"]["id"], each["start"]) for each in found))
        _once("the person", (each["participant"]["id"] for each in found))
        return found


def _once(what: str, values: Iterable[Any]) -> None:
    for value, count in Counter(values).items():
        if count > 1:
            raise RaceFailed(f"{what} {value} is booked {count} times")


async def picked(
    callers: dict[str, Caller],
    picks: Sequence[Pick],
    begin: float,
    watch: Callable[[Told], None],
) -> list[Told]:
    """Let everybody pick at once; return what each was told.

    :param begin: the start of the race, by the monotonic clock; it may be over.
    :param watch: is shown each answer as it comes.
    """

    async def one(pick: Pick) -> Told:
        outcome = await _outcome(callers[pick.person], pick)
        told = Told(pick, outcome, time.monotonic() - begin)
        watch(told)
        return told

    await asyncio.sleep(begin - time.monotonic())
    return await limited(one, picks, len(picks))


async def seen(callers: dict[str, Caller], answers: Sequence[Told]) -> list[Told]:
    """Return what each was told, and now sees in their list."""

    async def one(told: Told) -> Told:
        try:
            listed = await callers[told.pick.person].call("meeting.list", tab="confirmed")
        except ConnectionClosed:
            return told
        return attrs.evolve(told, confirmed=[each["id"] for each in listed["meetings"]])

    return await limited(one, answers)


async def _outcome(someone: Caller, pick: Pick) -> str:
    try:
        reply = await someone.ask("meeting.pick", id=pick.meeting, slot=pick.slot)
    except ConnectionClosed:
        return "lost"
    if "error" in reply:
        return str(reply["error"]["data"]["reason"])
    return str(reply["result"]["meeting"]["state"])


async def limited(
    do: Callable[[Item], Awaitable[Result]], items: Iterable[Item], at_a_time: int = AT_A_TIME
) -> list[Result]:
    """Do something with each, some of them at a time; return what came of it, in order.

    When one fails, the others are given up at once and its error is raised.
    """
    gate = asyncio.Semaphore(max(1, at_a_time))

    async def one(item: Item) -> Result:
        async with gate:
            return await do(item)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(item)) for item in items]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]


@asynccontextmanager
async def everybody(url: str, tokens: dict[str, str]) -> AsyncIterator[dict[str, Caller]]:
    """Connect many people."""
    async with AsyncExitStack() as stack:
        found = await limited(
            lambda token: stack.enter_async_context(caller(url, token)), tokens.values()
        )
        yield dict(zip(tokens, found, strict=True))
        await limited(lambda each: each.socket.close(), found)
