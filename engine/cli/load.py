"""``greenroom load``: bring an engine, running or not, in line with an event's file."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import trio
from rich.console import Console
from rich.progress import Progress

from actors.rules.base import Person
from engine.config import Config
from engine.loading import Call, Step, load_steps, over, read_event_file, within
from engine.tokens import Key, mint

MINUTES = 10
"""How long the token is good for that a remote load uses."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    envvar="GREENROOM_DATA",
    help="Folder of a stopped engine's data; ./data if neither this nor --url is given.",
)
@click.option("--url", help="A running engine, as ws://HOST:PORT/v1/ws.")
@click.option("--key", envvar="GREENROOM_KEY", help="With --url: its API key, KEY:SECRET.")
def load(file: Path, data: Path | None, url: str | None, key: str | None) -> None:
    """Create what FILE describes and change what differs: event, companies, program."""
    if data is not None and url is not None:
        raise click.UsageError("give either --data or --url")
    if url is not None and key is None:
        raise click.UsageError("--url needs --key")
    found = read_event_file(file)
    trio.run(_load, found, data, url, key)


async def _load(found: Sequence[Step], data: Path | None, url: str | None, key: str | None) -> None:
    async with _engine(found, data, url, key) as call:
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("loading", total=len(found))
            await load_steps(call, found, lambda: progress.advance(task))
    click.echo(f"{len(found)} loaded")


@asynccontextmanager
async def _engine(
    found: Sequence[Step], data: Path | None, url: str | None, key: str | None
) -> AsyncIterator[Call]:
    if url is None or key is None:
        from engine.engine import Engine

        async with Engine.open(Config(data=data or Path("data"))) as engine:
            yield within(engine)
        return
    from transport.client import open_client

    event = found[0].params["id"]
    person = Person(
        id="greenroom-load", name="greenroom load", event=event, role="organizer",
        grants=frozenset({"admin"}),
    )  # fmt: skip
    token = mint(Key.parse(key), person, now=datetime.now(UTC), ttl=timedelta(minutes=MINUTES))
    async with open_client(url, token) as client:
        yield over(client)
