"""``greenroom demo``: an engine with a sample event, bots in it, and links to open.

Nothing is kept: the database lies in a folder that goes when the demo ends.
"""

import os
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import DEVNULL
from tempfile import TemporaryDirectory
from typing import Any

import attrs
import trio
from rich.console import Console

from actors.errors import Refused
from actors.rules.base import Person
from actors.rules.session.registration import Register
from engine import camera
from engine.bots import NAMES, AudienceBot, BotPlan, HostBot
from engine.config import Config
from engine.engine import Engine
from engine.loading import load_steps, steps, within
from engine.sample import EVENT, SESSION, sample_event
from engine.tokens import Key, mint
from transport.client import Disconnected, open_client

LIFETIME = timedelta(hours=12)


def _person(ident: str, **claims: Any) -> Person:
    return Person(id=ident, name=ident.title(), event=EVENT, **claims)


HOST: Mapping[str, Any] = {
    "role": "employee",
    "company": "acme",
    "sessions": frozenset({SESSION}),
}

CAST = (
    ("Hana, host", _person("hana", **HOST)),
    ("Ana, participant", _person("ana")),
    ("Ben, participant", _person("ben")),
    ("Emil, employee", _person("emil", role="employee", company="acme")),
    ("Olga, organizer", _person("olga", role="organizer", grants=frozenset({"support"}))),
)
"""Who the printed links are for."""


@attrs.frozen(kw_only=True)
class DemoOptions:
    """What the demo is asked to do.

    :param bots: people in the audience who are bots.
    :param camera: whether the second host, a bot, shows a generated picture.
    :param seconds: how long it runs; None: until it is stopped.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    bots: int = 8
    camera: bool = True
    seconds: float | None = None
    as_json: bool = False


async def run_demo(options: DemoOptions, console: Console) -> None:
    """Run the demo until it is cancelled or its time is up.

    :raises ListenError: the port is taken.
    """
    key = Key("demo", secrets.token_hex(32))
    with TemporaryDirectory(prefix="greenroom-demo-") as folder:
        config = Config(
            host=options.host,
            port=options.port,
            data=Path(folder),
            key=(f"{key.id}:{key.secret}",),
            drain_seconds=1.0,
        )
        async with Engine.open(config) as engine:
            await load_steps(within(engine), steps(sample_event(datetime.now(UTC))))
            for _, person in CAST[1:3]:
                await engine.call(Register(by=person, session=SESSION))
            async with trio.open_nursery() as nursery:
                port = await nursery.start(engine.serve)
                url = f"http://{options.host}:{port}"
                links = _links(url, key)
                if options.as_json:
                    console.print_json(data=links)
                else:
                    _print_links(console, links)
                with trio.move_on_after(options.seconds or float("inf")):
                    address = f"ws://{options.host}:{port}/v1/ws"
                    await _run_bots(address, key, options.bots, camera_on=options.camera)
                nursery.cancel_scope.cancel()


def _token(key: Key, person: Person) -> str:
    return mint(key, person, now=datetime.now(UTC), ttl=LIFETIME)


def _links(url: str, key: Key) -> list[dict[str, str]]:
    links = []
    for label, person in CAST:
        token = _token(key, person)
        link = f"{url}/#session={SESSION}&token={token}"
        links.append({"who": label, "person": person.id, "token": token, "link": link})
    return links


def _print_links(console: Console, links: Sequence[Mapping[str, str]]) -> None:
    console.print("[bold]Spring Fair[/bold] is live. Open these in browsers of your choice:\n")
    for link in links:
        # On lines of their own and never wrapped, so that they can be clicked and copied.
        console.print(f"[bold]{link['who']}[/bold]")
        console.print(link["link"], soft_wrap=True, style="blue")
    console.print("\nStop with Ctrl-C; nothing is kept.")


async def _run_bots(url: str, key: Key, count: int, *, camera_on: bool) -> None:
    plan = BotPlan(SESSION)
    people = [
        Person(id=f"bot{index}", name=NAMES[index % len(NAMES)], event=EVENT)
        for index in range(count)
    ]
    async with trio.open_nursery() as nursery:
        token = _token(key, _person("hugo", **HOST))
        nursery.start_soon(_host_bot, url, token, plan, [person.id for person in people])
        if camera_on:
            nursery.start_soon(_camera, url, token)
        for index, person in enumerate(people):
            nursery.start_soon(_audience_bot, url, _token(key, person), plan, index)
        await trio.sleep_forever()


async def _host_bot(url: str, token: str, plan: BotPlan, bots: Sequence[str]) -> None:
    with suppress_group(Refused, Disconnected):
        async with open_client(url, token) as client:
            await HostBot(client, plan, bots).run()


async def _audience_bot(url: str, token: str, plan: BotPlan, index: int) -> None:
    await trio.sleep(0.5 + 0.3 * index)
    with suppress_group(Refused, Disconnected):
        async with open_client(url, token) as client:
            await AudienceBot(client, plan, index).run()


async def _camera(url: str, token: str) -> None:
    command = [sys.executable, "-m", "engine.camera", url, SESSION]
    environment = {**os.environ, camera.TOKEN: token}
    # Its errors are a picture that is missing, which the page shows already.
    await trio.run_process(command, env=environment, stdout=DEVNULL, stderr=DEVNULL, check=False)


@contextmanager
def suppress_group(*kinds: type[Exception]) -> Iterator[None]:
    """Let a bot that is refused, kicked or left behind simply be gone."""
    try:
        yield
    except* kinds:
        pass
