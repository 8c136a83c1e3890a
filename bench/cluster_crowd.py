"""A crowd that chats, votes and books over all nodes, and keeps a book of what it was told."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import attrs
import trio

from actors.errors import TEMPORARY, GreenroomError, Refused
from actors.rules.base import Person
from bench.cluster_member import Member
from bench.cluster_servers import KEY
from engine.tokens import mint
from transport.client import Client, open_client

EVENT, COMPANY = "fair", "acme"
DESKS, QUESTIONS = 6, 5
MINUTES = 30

TEMPORARY_PAUSE = 0.2
"""Seconds until what was refused for the moment is asked again."""

HEARING_SECONDS = 30.0
"""How long the last message may take to everybody."""

AT_A_TIME = 40

START = datetime.now(UTC).replace(microsecond=0)
DAY = f"{START + timedelta(days=2):%Y-%m-%d}"

EVENT_FILE = f"""
[event]
id = "{EVENT}"
name = "Fair"
time_zone = "UTC"
days = ["{START:%Y-%m-%d}", "{DAY}"]
one_to_one = {{ initiators = "both", durations = [{MINUTES}], hours = ["08:00", "20:00"] }}

[[company]]
id = "{COMPANY}"
name = "Acme"
slots = 200
"""


def event_file(sessions: Iterable[str]) -> str:
    """Return the event with these sessions."""
    each = (
        f'[[session]]\nid = "{name}"\ntitle = "{name}"\nkind = "workshop"\ncompany = "{COMPANY}"\n'
        f'start = {START.isoformat()}\nminutes = 60\nhosts = ["hana"]\n'
        for name in sessions
    )
    return EVENT_FILE + "\n" + "\n".join(each)


def token(person: str, **claims: Any) -> str:
    """Return a person's token."""
    who = Person(id=person, name=person.title(), event=EVENT, **claims)
    return mint(KEY, who, now=datetime.now(UTC), ttl=timedelta(hours=1))


class Broken(GreenroomError):  # noqa: N818  said of the promise
    """Something acknowledged is lost, or there twice; the text says what."""


def _hold(condition: object, text: str) -> None:
    if not condition:
        raise Broken(text)


@attrs.frozen
class Wait:
    """How long somebody waited for an answer, from ``begun`` on, in seconds of trio's clock."""

    home: str
    method: str
    begun: float
    seconds: float


@attrs.define
class Crowd:
    """Everybody, and what was acknowledged.

    :param pause: seconds between two actions of one person, on average.
    """

    session: str
    pause: float
    members: list[Member] = attrs.field(factory=list)
    desks: dict[str, Client] = attrs.field(factory=dict)
    questions: list[str] = attrs.field(factory=list)
    said: list[str] = attrs.field(factory=list)
    repeated: Counter[str] = attrs.field(factory=Counter)
    outcomes: Counter[str] = attrs.field(factory=Counter)
    failed: Counter[str] = attrs.field(factory=Counter)
    waits: list[Wait] = attrs.field(factory=list)
    _calls: int = 0
    _holding: bool = False

    @property
    def clients(self) -> list[Client]:
        """Everybody's connection."""
        return [member.client for member in self.members]

    def at(self, url: str) -> list[Client]:
        """Return the clients that are to connect to a node."""
        everybody = [*self.clients, *self.desks.values()]
        return [client for client in everybody if client.url == url]

    def reroute(self, lost: str, urls: Sequence[str]) -> None:
        """Let clients of a lost node come back elsewhere, as a balancer would."""
        for number, client in enumerate(self.at(lost)):
            client.url = urls[number % len(urls)]

    def spread(self, urls: list[str]) -> None:
        """Spread everybody over the nodes again."""
        for member in self.members:
            member.home = urls[member.number % len(urls)]
        homes = [(member.client, member.home) for member in self.members]
        homes += zip(self.desks.values(), urls * len(self.desks), strict=False)
        for client, home in homes:
            if client.url != home:
                client.url = home
                client.interrupt()

    def slowest(self, since: float, *, without: str = "") -> Wait:
        """Return the longest wait for an answer since then, of those whose home is elsewhere."""
        ended = [one for one in self.waits if one.begun + one.seconds > since]
        asked = (one for one in ended if one.home != without)
        return max(asked, key=lambda one: one.seconds, default=Wait("", "", since, 0.0))

    # What they do

    async def call(self, member: Member, client: Client, method: str, **params: Any) -> Any:
        """Call; what is refused for the moment is asked again with the same key.

        :raises Refused: it was refused for good.
        """
        begun = trio.current_time()
        self._calls += 1
        key = f"{self.session}-{self._calls}"
        while True:
            try:
                return await client.call(method, key=key, **params)
            except Refused as error:
                if error.reason not in TEMPORARY:
                    raise
                self.repeated[error.reason] += 1
                await trio.sleep(TEMPORARY_PAUSE)
            finally:
                seconds = trio.current_time() - begun
                self.waits.append(Wait(member.home, method, begun, seconds))

    async def act(self, member: Member) -> None:
        """Do one thing after the other until cancelled."""
        random, count = Random(member.number), 0
        await trio.sleep(random.random() * self.pause)
        while True:
            while self._holding:  # noqa: ASYNC110  it is held for a moment only
                await trio.sleep(0.05)
            member.busy = True
            count += 1
            try:
                await self._act_once(member, count, random)
            except Refused as refused:
                self.failed[refused.reason] += 1
            member.busy = False
            await trio.sleep(random.uniform(0.5, 1.5) * self.pause)

    async def _act_once(self, member: Member, count: int, random: Random) -> None:
        match random.choices(["chat", "vote", "book"], [5, 3, 2])[0]:
            case "chat":
                text, topic = f"p{member.number} says {count}", f"session/{self.session}"
                await self.call(member, member.client, "chat.send", topic=topic, text=text)
                self.said.append(text)
            case "vote":
                question = random.choice(self.questions)
                verb = "qa.unvote" if question in member.votes else "qa.upvote"
                await self.call(member, member.client, verb, session=self.session, id=question)
                member.votes ^= {question}
            case _:
                await self._book(member, random)

    async def _book(self, member: Member, random: Random) -> None:
        if member.meeting is not None:
            await self.call(member, member.client, "meeting.cancel", id=member.meeting[0])
            member.meeting = None
            return
        name = random.choice(list(self.desks))
        asked = await self.call(member, member.client, "meeting.request", to=name)
        ident = asked["meeting"]["id"]
        try:
            approved = await self.call(member, self.desks[name], "meeting.approve", id=ident)
            slot = random.choice(approved["slots"])["start"]
            await self.call(member, member.client, "meeting.pick", id=ident, slot=slot)
        except Refused as refused:
            if refused.reason not in {"slot_taken", "no_free_slots"}:
                raise
            self.outcomes[refused.reason] += 1
            withdraw = "meeting.withdraw" if refused.reason == "no_free_slots" else "meeting.cancel"
            await self.call(member, member.client, withdraw, id=ident)
            return
        member.meeting = (ident, name, slot)
        self.outcomes["confirmed"] += 1

    # What they were told

    async def listen(self, member: Member) -> None:
        """Keep what somebody hears of the session."""
        topic = f"session/{self.session}"
        async for event in member.client.events():
            if event.topic == topic:
                member.hear(event)

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Let everybody finish what they are at, and rest for the length of the block."""
        self._holding = True
        try:
            with trio.move_on_after(HEARING_SECONDS):
                while any(member.busy for member in self.members):  # noqa: ASYNC110  as above
                    await trio.sleep(0.05)
            yield
        finally:
            self._holding = False

    async def check(self) -> int:
        """Compare what was acknowledged with what is kept, and with what everybody heard.

        Return how many messages were heard, counted for everybody.

        :raises Broken: something is lost, or there twice.
        """
        async with self.held():
            busy = [member.number for member in self.members if member.busy]
            _hold(not busy, f"{busy} still wait for an answer")
            _hold(not self.failed, f"refused for good: {dict(self.failed)}")
            messages = await self._check_chat()
            await self._check_votes()
            await self._check_bookings()
            return messages * len(self.members)

    def reloaded(self) -> list[Member]:
        """Return those who could not be given all they had missed, and got a snapshot instead."""
        return [member for member in self.members if member.skipped]

    async def _check_chat(self) -> int:
        kept = await self._history(self.members[0])
        _hold(len(kept) == len(set(kept)), "a message is kept twice")
        lost, more = set(self.said) - set(kept), set(kept) - set(self.said)
        _hold(not lost, f"acknowledged and lost: {sorted(lost)[:5]}")
        _hold(not more, f"kept and never acknowledged: {sorted(more)[:5]}")
        numbers = {text: number for one in self.members for text, number in one.heard.items()}
        with trio.move_on_after(HEARING_SECONDS):
            while any(one.unheard(kept, numbers) for one in self.members):  # noqa: ASYNC110  they come by themselves
                await trio.sleep(0.05)
        for member in self.members:
            who = f"p{member.number}, {member.client.statistics()}, skipped {member.skipped}"
            _hold(not member.gaps, f"{who}: {member.gaps[:5]}")
            missing = sorted(member.unheard(kept, numbers))
            _hold(not missing, f"{who} did not hear {missing[:5]}")
        for member in self.reloaded():
            theirs = await self._history(member)
            _hold(theirs == kept, f"p{member.number} was reloaded, and reads another history")
        return len(kept)

    async def _history(self, member: Member) -> list[str]:
        texts: list[str] = []
        before: dict[str, str] = {}
        while True:
            page = await self.call(
                member, member.client, "chat.history",
                topic=f"session/{self.session}", limit=100, **before,
            )  # fmt: skip
            texts = [message["text"] for message in page["messages"]] + texts
            if not page["more"] or not page["messages"]:
                return texts
            before = {"before": page["messages"][0]["id"]}

    async def _check_votes(self) -> None:
        member = self.members[0]
        listed = await self.call(member, member.client, "qa.list", session=self.session)
        kept = {question["id"]: question["votes"] for question in listed["questions"]}
        votes = Counter(question for member in self.members for question in member.votes)
        wanted = {question: votes[question] for question in self.questions}
        _hold(kept == wanted, f"votes acknowledged {wanted}, kept {kept}")

    async def _check_bookings(self) -> None:
        kept = []
        for name, desk in self.desks.items():
            listed = await self.call(self.members[0], desk, "meeting.list", tab="confirmed")
            kept += [(each["id"], name, each["start"]) for each in listed["meetings"]]
        twice = [slot for slot, n in Counter(each[1:] for each in kept).items() if n > 1]
        _hold(not twice, f"booked twice: {twice}")
        wanted = {member.meeting for member in self.members if member.meeting is not None}
        _hold(set(kept) == wanted, f"bookings differ: {sorted(set(kept) ^ wanted)[:5]}")


@asynccontextmanager
async def crowd(
    urls: Sequence[str], session: str, size: int, *, pause: float
) -> AsyncIterator[Crowd]:
    """Let so many people into a session, spread over the nodes, and have them act."""
    made = Crowd(session, pause)
    async with trio.open_nursery() as nursery:
        await nursery.start(_open_session, made, urls[0])
        for number in range(DESKS):
            await nursery.start(_open_desk, made, f"{session}-desk{number}", urls[number % 3])
        limiter = trio.CapacityLimiter(AT_A_TIME)
        ready = trio.Event()
        for number in range(size):
            nursery.start_soon(_live, made, number, urls[number % len(urls)], size, limiter, ready)
        await ready.wait()
        made.members.sort(key=lambda member: member.number)
        for member in made.members:
            nursery.start_soon(made.act, member)
        yield made
        nursery.cancel_scope.cancel()


async def _open_session(
    made: Crowd, url: str, *, task_status: "trio.TaskStatus[None]" = trio.TASK_STATUS_IGNORED
) -> None:
    hosts = frozenset({made.session})
    async with open_client(url, token("hana", sessions=hosts)) as host:
        await host.call("session.join", session=made.session)
        await host.call("session.start", session=made.session)
        for number in range(QUESTIONS):
            asked = await host.call("qa.ask", session=made.session, text=f"Question {number}?")
            made.questions.append(asked["question"]["id"])
        task_status.started()
        await trio.sleep_forever()


async def _open_desk(
    made: Crowd, name: str, url: str, *, task_status: "trio.TaskStatus[None]"
) -> None:
    claims = token(name, role="employee", company=COMPANY)
    async with open_client(url, claims) as client:
        await client.call("agenda.draft", day=DAY, duration=MINUTES, slots="all")
        await client.call("agenda.publish")
        made.desks[name] = client
        task_status.started()
        await trio.sleep_forever()


async def _live(
    made: Crowd, number: int, url: str, size: int, limiter: trio.CapacityLimiter, ready: trio.Event
) -> None:
    await limiter.acquire_on_behalf_of(number)
    async with open_client(url, token(f"{made.session}-p{number}")) as client:
        await client.call("session.join", session=made.session)
        limiter.release_on_behalf_of(number)
        member = Member(number, client, url)
        made.members.append(member)
        if len(made.members) == size:
            ready.set()
        await made.listen(member)
