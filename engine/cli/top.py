"""``greenroom top``: the live tree of a daemon's actors."""

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from typing import Any

import click
import trio

from actors.rules.base import Person
from engine.cli.group import KEY_VARIABLE, KeyParameter, Unreachable, until_stopped
from engine.stopping import run_stoppable
from engine.tokens import Key, mint

PATIENCE = 10.0
"""Seconds the daemon has to answer."""


def _fetch(url: str, token: str) -> dict[str, Any]:
    address = f"{url.rstrip('/')}/v1/api/tree"
    if not address.startswith(("http://", "https://")):
        raise Unreachable(f"{url}: expected http://HOST:PORT or https://…")
    request = urllib.request.Request(  # noqa: S310  the scheme is checked above
        address, headers={"authorization": f"Bearer {token}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:  # noqa: S310  as above
            sample: dict[str, Any] = json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            raise Unreachable(f"{url} answers {error.code}: is the key one of its own?") from error
    except (urllib.error.URLError, HTTPException, OSError, ValueError) as error:
        raise Unreachable(f"{url} does not answer: {error}") from error
    if not isinstance(sample, dict):
        raise Unreachable(f"{url} does not answer as an engine does")
    return sample


@click.command()
@click.option("--url", default="http://127.0.0.1:8000", show_default=True, help="The daemon.")
@click.option("--key", type=KeyParameter(), required=True, envvar=KEY_VARIABLE, help="KEY:SECRET.")
@click.option("--interval", default=1.0, show_default=True, type=click.FloatRange(min=0.1))
@click.option("--count", type=click.IntRange(min=1), help="Stop after so many looks.")
@click.option("--json", "as_json", is_flag=True, help="Print one look for machines.")
def top(*, url: str, key: Key, interval: float, count: int | None, as_json: bool) -> None:
    """Watch a daemon's actors: what they handle, what waits, what failed."""
    from engine.top import watch

    async def fetch() -> dict[str, Any]:
        # A token for each look, so that a long watch outlives none.
        grants = frozenset({"admin"})
        who = Person(id="greenroom-top", name="top", event="-", role="organizer", grants=grants)
        token = mint(key, who, now=datetime.now(UTC), ttl=timedelta(minutes=1))
        return await trio.to_thread.run_sync(_fetch, url, token)

    if as_json:
        click.echo(json.dumps(run_stoppable(fetch), indent=2))
        return
    with until_stopped():
        run_stoppable(lambda: watch(fetch, interval=interval, count=count))
