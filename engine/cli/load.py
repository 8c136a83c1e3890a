"""``greenroom load``: bring an engine, running or not, in line with an event's file."""

import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import trio
from click.core import ParameterSource
from rich.console import Console
from rich.progress import Progress

from actors.rules.base import Person
from engine.cli.group import KEY_VARIABLE, KeyParameter, Unreachable
from engine.config import Config
from engine.loading import Call, Step, load_steps, over, read_event_file, within
from engine.stopping import run_stoppable
from engine.tokens import Key, mint
from transport.dialing import check_address

MINUTES = 10
"""How long the token is good for that a remote load uses."""

PATIENCE = 15.0
"""Seconds a running engine has to let us in, and to carry out each thing of the file."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    envvar="GREENROOM_DATA",
    help="Folder of a stopped engine's data; ./data if neither this nor --url is given.",
)
@click.option("--url", help="A running engine, as ws://HOST:PORT/v1/ws.")
@click.option("--key", type=KeyParameter(), envvar=KEY_VARIABLE, help="With --url: KEY:SECRET.")
def load(file: Path, data: Path | None, url: str | None, key: Key | None) -> None:
    """Create what FILE describes and change what differs: event, companies, program."""
    source = click.get_current_context().get_parameter_source("data")
    if source is ParameterSource.COMMANDLINE and url is not None:
        raise click.UsageError("give either --data or --url")
    if url is not None and key is None:
        raise click.UsageError("--url needs --key")
    if url is not None:
        try:
            check_address(url)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--url") from error
    found = read_event_file(file)
    run_stoppable(_load, found, data, url, key)


async def _load(found: Sequence[Step], data: Path | None, url: str | None, key: Key | None) -> None:
    async with _engine(found, data, url, key) as call:
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("loading", total=len(found))
            await load_steps(call, found, lambda: progress.advance(task))
    click.echo(f"{len(found)} loaded")


@asynccontextmanager
async def _engine(
    found: Sequence[Step], data: Path | None, url: str | None, key: Key | None
) -> AsyncIterator[Call]:
    if url is None or key is None:
        from engine.engine import Engine

        async with Engine.open(Config(data=data or Path("data"))) as engine:
            yield within(engine)
        return
    event = found[0].params["id"]
    person = Person(
        id="greenroom-load", name="greenroom load", event=event, role="organizer",
        grants=frozenset({"admin"}),
    )  # fmt: skip
    token = mint(key, person, now=datetime.now(UTC), ttl=timedelta(minutes=MINUTES))
    async with _running(url, token) as call:
        yield call


@asynccontextmanager
async def _running(url: str, token: str) -> AsyncIterator[Call]:
    """Carry steps out in a running engine.

    :raises Unreachable: it lets us wait; a client alone would go on trying.
    """
    from transport.client import open_client

    with trio.move_on_after(PATIENCE) as patience:
        async with open_client(url, token) as client:
            carry_out = over(client)

            async def call(step: Step) -> None:
                patience.deadline = trio.current_time() + PATIENCE
                await carry_out(step)

            patience.deadline = math.inf
            yield call
    if patience.cancelled_caught:
        raise Unreachable(f"{url} does not answer: nothing came within {PATIENCE:.0f} seconds")
