"""``greenroom serve`` and ``greenroom check``: the engine, and the configuration it runs with."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from engine.cli.cluster import cluster_flags, with_cluster
from engine.cli.group import console
from engine.config import Config, ConfigError, load_config, options, variable
from engine.tokens import SECRET_BYTES, Key
from transport.limits import Rate

Function = TypeVar("Function", bound=Callable[..., Any])


def config_flags(function: Function) -> Function:
    """Add the flags that every command with a configuration takes."""
    for decorate in (
        click.option("--load", type=click.Path(path_type=Path), help="Load an event at start."),
        click.option("--key", multiple=True, help="API key as KEY:SECRET; may be repeated."),
        click.option("--data", type=click.Path(path_type=Path), help="Folder of the database."),
        click.option("--port", type=int, help="TCP port; 0 lets the system choose."),
        click.option("--host", help="Address to listen on."),
        click.option("--config", "file", type=click.Path(path_type=Path), help="TOML file."),
    ):
        function = decorate(function)
    return function


def _config(file: Path | None, **flags: Any) -> Config:
    return load_config(file, os.environ, flags)


@click.command()
@config_flags
@cluster_flags
def serve(file: Path | None, cluster: tuple[str, ...], workers: int | None, **flags: Any) -> None:
    """Run the engine until it is told to stop."""
    environment = with_cluster(os.environ, cluster, workers)
    config = load_config(file, environment, flags)
    if not config.key:
        raise ConfigError("no API key: give --key KEY:SECRET, so that tokens can be checked")
    if workers is not None:
        from engine.workers import run_workers as run_all

        run_all(config, file, workers)
    elif config.cluster.servers:
        from engine.cluster_daemon import run as run_node

        run_node(config)
    else:
        from engine.daemon import run

        run(config)


@click.command()
@config_flags
@click.option("--explain", is_flag=True, help="Print every option, its default and meaning.")
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
def check(file: Path | None, explain: bool, as_json: bool, **flags: Any) -> None:
    """Validate a configuration and the file it loads."""
    config = _config(file, **flags)
    rows = [
        {
            "option": option.name,
            "value": _shown(config, option.name),
            "variable": variable(option.name),
            "help": option.help,
        }
        for option in options()
    ]
    if config.load is not None:
        from engine.loading import read_event_file

        read_event_file(config.load)
    for key in map(Key.parse, config.key):
        if key.weak:
            weak = f"Warning: key {key.id} has a weak secret, shorter than {SECRET_BYTES} bytes."
            click.echo(weak, err=True)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    if explain:
        for row in rows:
            click.echo(f"{row['option']} = {row['value']}")
            click.echo(f"    {row['help']} [{row['variable']}]")
    if config.media.workers:
        from transport.media import accelerator

        console().print(f"Media: fan-out {accelerator.describe(config.media.fan_out)}.")
    console().print("[green]The configuration is valid.[/green]")


def _shown(config: Config, name: str) -> str:
    value: Any = config
    for part in name.split("."):
        value = getattr(value, part)
    if name == "key":
        return ", ".join(f"{pair.split(':', 1)[0]}:…" for pair in value)
    if name.endswith("secret") and value:
        return "…"
    if isinstance(value, (tuple, frozenset)):
        return ", ".join(sorted(map(str, value)))
    if isinstance(value, Rate):
        return _rate_text(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_item_text(item)}" for name, item in value.items())
    return "" if value is None else str(value)


def _item_text(item: Rate | int) -> str:
    return _rate_text(item) if isinstance(item, Rate) else str(item)


def _rate_text(rate: Rate) -> str:
    return f"{rate.per_second:g}/{rate.burst:g}"
