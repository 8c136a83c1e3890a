"""People see and hear each other, on a good line and a bad one: how long and how often it freezes.

``python -m bench.media_soak`` lets pages of Chromium and stock aiortc meet through a whole daemon:
on stage, in a breakout room, in 1-1 chats. It tells the frames each decoded of each other, every
freeze by its length, and how soon there is a picture again after moving between rooms.
"""

import argparse
import json
import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import psutil
import trio

from actors.rules.records import iso
from bench.load.target import Target, described, opened
from bench.media_line import WEATHERS, Line
from bench.media_people import Chromium, InPage, browser, in_page, played_out
from bench.media_stock import Person, Stock, stock, until
from bench.script import command
from transport.client import open_client
from transport.media.client import ThreadedClient

SCENES = ("stage", "breakout", "chat")
SETTLE = 3.0
"""Seconds in which encoders and jitter buffers find their level after the weather has changed."""

ENOUGH = 20
"""Frames that show that a picture is there."""

COUNTDOWN = 5.0


@attrs.define
class Hall:
    """An event with a session, and what people need to get in.

    :param line: the port of the line they go by; 0 for none.
    """

    target: Target
    line: int
    browser: Chromium
    threaded: ThreadedClient
    stack: AsyncExitStack

    @property
    def session(self) -> str:
        """The session's id."""
        return f"{self.target.event}-s"

    @property
    def stage(self) -> str:
        """The stage's topic."""
        return f"session/{self.session}"

    @property
    def room(self) -> str:
        """The breakout room's topic."""
        return f"room/{self.session}.1"

    async def page(self, name: str, **claims: Any) -> InPage:
        """Let somebody in with a page."""
        token = self.target.token(name, **claims)
        return await in_page(self.browser, self.target.url, name, token, self.line)

    async def stock(self, name: str, **claims: Any) -> Stock:
        """Let somebody in with stock aiortc."""
        token = self.target.token(name, **claims)
        context = stock(self.target.url, name, token, self.threaded, self.line)
        return await self.stack.enter_async_context(context)


@asynccontextmanager
async def hall(target: Target, line: int) -> AsyncIterator[Hall]:
    """Open a browser and a loop for stock clients."""
    threaded = ThreadedClient()
    try:
        async with browser() as chromium, AsyncExitStack() as stack:
            yield Hall(target, line, chromium, threaded, stack)
    finally:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(threaded.close)


async def on_stage(here: Hall) -> tuple[InPage, InPage, Stock]:
    """Bring a host and a participant in pages and a host on aiortc on screen."""
    host = {"sessions": frozenset({here.session})}
    hana = await here.page("hana", **host)
    ana = await here.page("ana")
    hugo = await here.stock("hugo", **host)
    hugo.media.room = here.stage
    people: Sequence[Person] = (hana, ana, hugo)
    for person in people:
        await person.here(here.stage)
        await person.call("session.join", session=here.session)
        if person is hana:
            await hana.call("session.start", session=here.session)
    for person in (hana, hugo):
        await person.call("media.set", topic=here.stage, mic=True, camera=True)
        await person.publish(here.stage)
    await ana.call("stage.request", session=here.session, mic=True, camera=True)
    await hana.call("stage.accept", session=here.session, person="ana")
    await ana.call("stage.ready", session=here.session)
    await until(lambda: ana.told("stage.entered", "ana"), "on screen", 2 * COUNTDOWN)
    await ana.publish(here.stage)
    return hana, ana, hugo


async def watched(
    people: Sequence[Person], pairs: Sequence[tuple[str, str]], seconds: float
) -> list[dict[str, Any]]:
    """Let people look at each other; return what each pair's first saw of its second."""
    by_name = {person.name: person for person in people}
    for viewer, shown in pairs:
        before = await by_name[viewer].frames(shown)

        async def enough(viewer: str = viewer, shown: str = shown, before: int = before) -> bool:
            return await by_name[viewer].frames(shown) >= before + ENOUGH

        await until(enough, f"{viewer} sees {shown}")
    await trio.sleep(SETTLE)
    for person in people:
        await person.look()
    await trio.sleep(seconds)
    seen = {person.name: await person.looked() for person in people}
    return [
        {
            "viewer": viewer,
            "with": by_name[viewer].kind,
            "of": shown,
            "who_has": by_name[shown].kind,
            **seen[viewer].get(shown, {"frames": 0, "freezes": [], "longest": seconds}),
        }
        for viewer, shown in pairs
    ]


def everybody(*people: Person) -> list[tuple[str, str]]:
    """Return all pairs of viewer and shown."""
    return [(one.name, other.name) for one in people for other in people if one is not other]


async def moves(here: Hall, hana: InPage, ana: InPage, hugo: Stock, times: int) -> dict[str, Any]:
    """Move Ana between the main call and her room; tell the seconds until each picture."""
    await ana.call("media.set", topic=here.stage, mic=True, camera=False)
    before = await flags(hana, here.stage, "ana")
    await hugo.here(here.room)
    await hana.call("breakout.open", session=here.session, assign="list", groups=[["ana"]])
    await until(lambda: ana.told("breakout.opened"), "rooms")
    await hugo.call("breakout.enter", session=here.session, room="1")
    await ana.here(here.room)
    await until(lambda: _shown(ana, "hugo"), "Ana sees Hugo in the room")
    found = []
    session = {"session": here.session}
    for _ in range(times):
        found.append(await ana.move("breakout.main", here.stage, "hana", session))
        after = await flags(hana, here.stage, "ana")
        back = {**session, "room": "1"}
        found.append(await ana.move("breakout.enter", here.room, "hugo", back))
    return {
        "seconds": [each["seconds"] for each in found],
        "kept": all(each["kept"] for each in found),
        "restored": all(each.get("mic") and not each.get("camera") for each in (before, after)),
    }


async def _shown(viewer: Person, person: str) -> bool:
    return await viewer.frames(person) > 0


async def flags(viewer: InPage, topic: str, person: str) -> Mapping[str, Any]:
    """Return what somebody has on in the main call, as the others were told last."""
    found: Mapping[str, Any] | None = await viewer.js("flagsOf", [topic, person])
    return found or {}


async def chats(here: Hall, ana: InPage) -> tuple[list[Person], list[tuple[str, str]]]:
    """Have two pairs meet, each in a 1-1 chat: in pages both, and page and aiortc."""
    employee = {"role": "employee", "company": f"{here.target.event}-acme"}
    eva, ben = await here.page("eva", **employee), await here.page("ben")
    emil = await here.stock("emil", **employee)
    people: list[Person] = [ana, eva, ben, emil]
    pairs: list[tuple[str, str]] = []
    for guest, other in ((ana, eva), (ben, emil)):
        chat = await agreed(here, guest, other)
        topic = f"chat/{chat}"
        both: tuple[Person, Person] = (guest, other)
        for person in both:
            await person.here(topic)
            await person.call("meeting.join", id=chat)
            await person.call("media.set", topic=topic, mic=True, camera=True)
            await person.publish(topic)
        pairs += everybody(*both)
    return people, pairs


async def agreed(here: Hall, guest: Person, employee: Person) -> str:
    """Have a participant and an employee agree on a chat that can be joined now."""
    day = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    await employee.call("agenda.draft", day=day, duration=30, slots="all")
    published = await employee.call("agenda.publish")
    asked = await guest.call("meeting.request", to=employee.name)
    chat = str(asked["meeting"]["id"])
    await employee.call("meeting.approve", id=chat)
    slots = [slot for each in published["days"] for slot in each["slots"]]
    await guest.call("meeting.pick", id=chat, slot=slots[0]["start"])
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=2)
    organizer = here.target.token("olga", role="organizer")
    async with open_client(here.target.url, organizer) as olga:
        await olga.call("meeting.move", id=chat, start=iso(soon))
    return chat


async def _play(
    target: Target, line: Line, seconds: float, weathers: Sequence[str], scenes: Sequence[str]
) -> dict[str, Any]:
    found: list[dict[str, Any]] = []
    moved: dict[str, Any] = {}

    async def scene(name: str, people: Sequence[Person], pairs: Sequence[tuple[str, str]]) -> None:
        for weather in weathers:
            line.set(WEATHERS[weather])
            seen = await watched(people, pairs, seconds)
            found.append({"scene": name, "weather": weather, "pairs": seen})
        line.set(WEATHERS["clean"])

    async with hall(target, line.port) as here:
        hana, ana, hugo = await on_stage(here)
        people = (hana, ana, hugo)
        if "stage" in scenes:
            await scene("stage", people, everybody(*people))
        if "breakout" in scenes:
            moved = await moves(here, hana, ana, hugo, 3)
            await hana.here(here.room)
            await hana.call("breakout.enter", session=here.session, room="1")
            await scene("breakout", people, everybody(*people))
        if "chat" in scenes:
            for person in people:
                await person.call("session.leave", session=here.session)
                await person.leave()
            await scene("chat", *await chats(here, ana))
    return {"scenes": found, "moves": moved}


def free_port() -> int:
    """Return a UDP port that is free now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def settings(port: int) -> dict[str, str]:
    """Return the variables of a daemon with one media worker on a port."""
    return {"GREENROOM_MEDIA_WORKERS": "1", "GREENROOM_MEDIA_PORT": str(port)}


def workers_cpu(pid: int | None) -> float:
    """Return the processor seconds that a daemon's media workers have used."""
    children = psutil.Process(pid).children(recursive=True) if pid else []
    return sum(sum(child.cpu_times()[:2]) for child in children)


def run(
    seconds: float = 60.0,
    weathers: Sequence[str] = tuple(WEATHERS),
    scenes: Sequence[str] = SCENES,
) -> dict[str, Any]:
    """Play the scenes, each in each weather.

    :param seconds: of each.
    :raises LoadFailed: there is no Chromium, or no picture came.
    """
    port = free_port()
    with opened(settings=settings(port)) as target, Line(port) as line:
        policy = {"initiators": "both", "durations": [30], "hours": ["08:00", "20:00"]}
        event = described(target.event, [f"{target.event}-s"], one_to_one=policy)
        event["session"][0]["hosts"] = ["hana", "hugo"]
        target.load(event)
        before = workers_cpu(target.pid)
        played = played_out(_play, target, line, seconds, weathers, scenes)
        spent = workers_cpu(target.pid) - before
    return {
        "bench": "media_soak",
        "seconds": seconds,
        **played,
        "worker_cpu_seconds": spent,
        "load": os.getloadavg()[0],
    }


def heard(pair: Mapping[str, Any]) -> str:
    """Say what somebody heard of another: each kind of client knows something else of it."""
    if "sounds" in pair:
        return f"{pair['sounds']} frames of sound, the loudest {pair['loudest']:.2f}"
    made_up = pair.get("concealed", 0) / max(1, pair.get("samples", 0))
    return f"{made_up:.1%} of the sound made up"


def main() -> int:
    """Soak and tell of it; return the exit status: 1 if a picture froze that should not."""
    parser = argparse.ArgumentParser(prog="python -m bench.media_soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each scene and weather")
    parser.add_argument("--scene", action="append", choices=SCENES)
    parser.add_argument("--weather", action="append", choices=WEATHERS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = run(options.seconds, options.weather or tuple(WEATHERS), options.scene or SCENES)
    if options.json:
        print(json.dumps(result, indent=2))
        return 0
    for scene in result["scenes"]:
        print(f"{scene['scene']}, {scene['weather']}")
        for pair in scene["pairs"]:
            freezes = [round(each, 2) for each in pair["freezes"]]
            print(
                f"  {pair['viewer']:>5} ({pair['with']:8}) of {pair['of']:>5} "
                f"({pair['who_has']:8}) {pair['frames']:5.0f} frames, "
                f"longest without one {pair['longest']:.2f} s, freezes {freezes}, {heard(pair)}"
            )
    if result["moves"]:
        print("moves", result["moves"])
    print(f"the worker took {result['worker_cpu_seconds']:.1f} s; load {result['load']:.1f}")
    return 0


if __name__ == "__main__":
    command(main)
