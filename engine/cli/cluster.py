"""The command line's part about several nodes: flags of ``serve``, and ``greenroom migrate``."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from engine.config import ConfigError

Function = TypeVar("Function", bound=Callable[..., Any])

SERVERS = "GREENROOM_CLUSTER_SERVERS"


def cluster_flags(function: Function) -> Function:
    """Add the flags by which ``serve`` becomes a node, or several."""
    for decorate in (
        click.option(
            "--workers",
            type=click.IntRange(1, 256),
            help="Run so many nodes on this machine, behind one port, with a NATS of their own.",
        ),
        click.option(
            "--cluster",
            multiple=True,
            metavar="NATS_URL",
            help="Be a node of the cluster on this NATS server; may be repeated.",
        ),
    ):
        function = decorate(function)
    return function


def with_cluster(
    environment: Mapping[str, str], servers: tuple[str, ...], workers: int | None
) -> Mapping[str, str]:
    """Return the environment with what the flags say.

    :raises ConfigError: the flags exclude each other.
    """
    if not servers:
        return environment
    if workers is not None:
        raise ConfigError("--workers brings a NATS server of its own; --cluster names another")
    return {**environment, SERVERS: ",".join(servers)}


@click.command()
@click.option("--from", "source", required=True, metavar="FILE_OR_NATS_URL")
@click.option("--to", "target", required=True, metavar="FILE_OR_NATS_URL")
@click.option("--name", default="main", show_default=True, help="The cluster's name in NATS.")
@click.option("--replicas", default="1", show_default=True, type=click.Choice(["1", "3", "5"]))
@click.option("--check-only", is_flag=True, help="Copy nothing, compare both.")
def migrate(*, source: str, target: str, name: str, replicas: str, check_only: bool) -> None:
    """Copy a journal between a database file and a cluster, then compare both.

    Webhooks that wait go along.

    One end is a database file of an engine that is stopped, the other the NATS of a cluster whose
    nodes are stopped. What was copied before is not copied again, so it can be repeated.
    """
    from engine.cli.group import console
    from engine.cluster_migrate import Plan, run_migration
    from engine.stopping import run_stoppable

    plan = Plan(_end(source), _end(target), name, int(replicas), check_only=check_only)
    counted = run_stoppable(run_migration, plan, console(stderr=True))
    click.echo(f"{counted.entities} entities, {counted.events} events: both ends are the same.")
    if counted.webhooks:
        click.echo(f"Webhooks that wait to be told: {counted.webhooks}.")


def _end(text: str) -> str | Path:
    return text if text.startswith(("nats://", "tls://")) else Path(text)
