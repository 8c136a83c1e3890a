"""A race for 1-1 slots over the wire: everybody picks at once, and each slot has one winner.

``python -m bench.book`` has 1,000 participants ask ten employees for a chat, has
all of them approved, and lets all of them pick one of 100 slots at the same moment. What is told
to each is measured, and afterwards compared with what the daemon lists.
"""

import argparse
import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import quantiles
from typing import Any, TypeVar

import attrs
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, WebSocketException

from actors.errors import GreenroomError
from bench.load.target import opened
from bench.load.watch import Stretch
from bench.script import command

SUBPROTOCOL: Any = "greenroom.v1.json"
MINUTES = 30
HOURS = ["09:00", "19:00"]
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
    """A fair to race at.

    :param token: mints a token from a person's id and further claims.
    :param company: whose employees offer the slots.
    """

    url: str
    token: Token
    event: str
    company: str
    people: int = 1000
    employees: int = 10
    slots: int = 100

    def participants(self) -> list[str]:
        """Return the ids of those who race."""
        return [f"racer-{number}" for number in range(self.people)]

    def hosts(self) -> list[str]:
        """Return the ids of those who offer slots."""
        return [f"desk-{number}" for number in range(self.employees)]

    @property
    def each(self) -> int:
        """Slots of each employee."""
        return self.slots // self.employees

    def _desk(self, person: str) -> str:
        return self.token(person, role="employee", company=self.company)

    async def prepare(self) -> list[Pick]:
        """Publish the slots, have everybody ask, and have everybody approved."""
        day = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
        policy = {"initiators": "both", "durations": [MINUTES], "hours": HOURS}
        organizer = self.token("olga", role="organizer")
        async with caller(self.url, organizer) as olga:
            await olga.call("event.change", id=self.event, days=[day], one_to_one=policy)
        async with everybody(self.url, {host: self._desk(host) for host in self.hosts()}) as desks:
            starts = {host: await self._publish(desk, day) for host, desk in desks.items()}
            approved = await limited(partial(self._approved, desks), enumerate(self.participants()))
        return [
            Pick(person, meeting, host, starts[host][number // self.employees % self.each])
            for number, (person, host, meeting) in enumerate(approved)
        ]

    async def _publish(self, desk: Caller, day: str) -> list[str]:
        offered = await desk.call("agenda.draft", day=day, duration=MINUTES, slots=[])
        bookable = offered["bookable"][0]["slots"][str(MINUTES)]
        starts = [slot["start"] for slot in bookable][: self.each]
        await desk.call("agenda.draft", day=day, duration=MINUTES, slots=starts)
        await desk.call("agenda.publish")
        return starts

    async def _approved(
        self, desks: dict[str, Caller], who: tuple[int, str]
    ) -> tuple[str, str, str]:
        number, person = who
        host = self.hosts()[number % self.employees]
        async with caller(self.url, self.token(person)) as someone:
            asked = await someone.call("meeting.request", to=host, message="Hello")
        meeting = asked["meeting"]["id"]
        await desks[host].call("meeting.approve", id=meeting)
        return person, host, meeting

    async def run(
        self, picks: Sequence[Pick], watch: Callable[[Told], None] = lambda _: None
    ) -> list[Told]:
        """Let everybody pick at once; return what each was told, and then sees in their list.

        :param watch: is shown each answer as it comes.
        """
        tokens = {pick.person: self.token(pick.person) for pick in picks}
        async with everybody(self.url, tokens) as callers:
            begun = time.perf_counter()

            async def one(pick: Pick) -> Told:
                outcome = await _outcome(callers[pick.person], pick)
                told = Told(pick, outcome, time.perf_counter() - begun)
                watch(told)
                return told

            answers = await limited(one, picks, len(picks))
            return await limited(lambda told: _seen(callers[told.pick.person], told), answers)

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


async def _seen(someone: Caller, told: Told) -> Told:
    try:
        listed = await someone.call("meeting.list", tab="confirmed")
    except ConnectionClosed:
        return told
    return attrs.evolve(told, confirmed=[each["id"] for each in listed["meetings"]])


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


def run(
    people: int = 1000,
    employees: int = 10,
    slots: int = 100,
    url: str | None = None,
    token_key: str | None = None,
) -> dict[str, Any]:
    """Race; return who won what, and how long it took.

    :param people: who pick, one slot each.
    :param slots: of all employees together.
    :raises RaceFailed: a promise was broken.
    """
    with opened(url, token_key) as target:
        company = f"{target.event}-acme"
        target.load(
            {
                "event": {
                    "id": target.event,
                    "name": "Race",
                    "time_zone": "UTC",
                    "days": [datetime.now(UTC).date().isoformat()],
                },
                "company": [{"id": company, "name": "Acme", "slots": slots}],
            }
        )
        race = Race(target.url, target.token, target.event, company, people, employees, slots)
        answered: list[Told] = []
        try:
            stretch = Stretch.begin(target)
            found = asyncio.run(_measured(race, answered.append))
            return {**found, "asking_and_picking": stretch.told()}
        except (OSError, TimeoutError, WebSocketException) as error:
            what = "did not answer" if isinstance(error, TimeoutError) else "hung up"
            well = sum(told.outcome != "lost" for told in answered)
            raise RaceFailed(f"the server {what}; until then {well} picks were answered") from error


async def _measured(race: Race, watch: Callable[[Told], None]) -> dict[str, Any]:
    begun = time.perf_counter()
    picks = await race.prepare()
    prepared = time.perf_counter() - begun
    told = await race.run(picks, watch)
    found = await race.booked()
    won = {each.pick.meeting for each in told if each.outcome == "confirmed"}
    if {meeting["id"] for meeting in found} != won:
        raise RaceFailed("the employees' lists are not what the winners were told")
    for each in told:
        if list(each.confirmed) != [each.pick.meeting] * (each.outcome == "confirmed"):
            raise RaceFailed(f"{each.pick.person} was told {each.outcome}, and sees something else")
    seconds = max(each.seconds for each in told)
    return {
        "people": race.people,
        "employees": race.employees,
        "slots": race.slots,
        "outcomes": dict(Counter(each.outcome for each in told)),
        "seconds": seconds,
        "picks_per_second": len(told) / seconds,
        "winners_ms": _spread(told, "confirmed"),
        "losers_ms": _spread(told, "slot_taken"),
        "requests_and_approvals_per_second": 2 * race.people / prepared,
    }


def _spread(told: Sequence[Told], outcome: str) -> dict[str, float]:
    times = [each.seconds * 1000 for each in told if each.outcome == outcome]
    if len(times) < 2:  # noqa: PLR2004  a spread needs two
        return {}
    cuts = quantiles(times, n=100, method="inclusive")
    return {"p50": cuts[49], "p99": cuts[98], "max": max(times)}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--employees", type=int, default=10)
    parser.add_argument("--slots", type=int, default=100)
    print(json.dumps(run(**vars(parser.parse_args())), indent=2))


if __name__ == "__main__":
    command(main)
