"""The ``greenroom`` command."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console

from actors.errors import GreenroomError
from actors.rules.base import Person
from engine.cli_bench import bench
from engine.cli_cluster import cluster_flags, migrate, with_cluster
from engine.cli_load import load
from engine.cli_simulate import simulate
from engine.cli_storage import COMMANDS as STORAGE_COMMANDS
from engine.cli_top import top
from engine.cli_webhook import webhook_verify
from engine.config import Config, ConfigError, load_config, options, variable
from engine.logs import configure_logs
from transport.limits import Rate

Function = TypeVar("Function", bound=Callable[..., Any])


class Commands(click.Group):
    """A group whose expected errors are one line each, never a stack trace."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, turning errors into one line each."""
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort, click.ClickException, BrokenPipeError):
            raise  # a pipe is closed by whoever has read enough
        except (Exception, ExceptionGroup) as error:
            if os.environ.get("GREENROOM_TRACE"):
                raise
            raise click.ClickException(explain(error)) from error


def explain(error: BaseException) -> str:
    """Return one line for an error: Greenroom's own say all there is to say."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, GreenroomError):
        return str(error)
    return (
        f"{type(error).__name__}: {error}. This is a fault of ours:"
        " set GREENROOM_TRACE=1 to see where, and please report it."
    )


def console(*, stderr: bool = False) -> Console:
    """Return a console that colours on a terminal and is plain in a pipe."""
    return Console(stderr=stderr, highlight=False)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="greenroom")
def main() -> None:
    """Greenroom: live sessions, breakout rooms and 1-1 chats for events."""


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


@main.command()
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


@main.command()
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


class Duration(click.ParamType[timedelta]):
    """A length of time such as 90s, 15m, 12h or 7d."""

    name = "duration"
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}  # noqa: RUF012  click's own style

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Return the timedelta that ``value`` spells."""
        if isinstance(value, timedelta):
            return value
        number, unit = value[:-1], value[-1:]
        if not number.isdigit() or unit not in self.units:
            self.fail(f"{value!r} is not a length of time such as 90s, 15m, 12h or 7d", param, ctx)
        return timedelta(**{self.units[unit]: int(number)})


@main.command()
@click.option("--key", required=True, envvar="GREENROOM_KEY", help="API key as KEY:SECRET.")
@click.option("--sub", required=True, help="The person's id.")
@click.option("--name", help="The person's name; the id if not given.")
@click.option("--event", required=True, help="The event's id.")
@click.option(
    "--role",
    type=click.Choice(["organizer", "employee", "participant"]),
    default="participant",
    show_default=True,
)
@click.option("--company", help="The company an employee belongs to.")
@click.option("--host", multiple=True, help="A session this person hosts; * for all.")
@click.option("--grant", multiple=True, type=click.Choice(["support", "admin"]))
@click.option("--ttl", type=Duration(), default="12h", show_default=True, help="Valid for.")
def token(  # noqa: PLR0913  one flag a claim
    *,
    key: str,
    sub: str,
    name: str | None,
    event: str,
    role: Any,
    company: str | None,
    host: tuple[str, ...],
    grant: tuple[str, ...],
    ttl: timedelta,
) -> None:
    """Print a token for a person."""
    from engine.tokens import Key, mint

    person = Person(
        id=sub,
        name=name or sub,
        event=event,
        role=role,
        company=company,
        sessions=frozenset(host),
        grants=frozenset(grant),
    )
    try:
        parsed = Key.parse(key)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--key") from error
    click.echo(mint(parsed, person, now=datetime.now(UTC), ttl=ttl))


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="TCP port; 0: any free one.")
@click.option("--bots", default=8, show_default=True, type=click.IntRange(0, 500))
@click.option("--seconds", type=float, help="Stop by itself after so long.")
@click.option(
    "--script", help="Play a script to its end instead and say what happens: fair, workshop."
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the links, or the script's transcript, for machines.",
)
def demo(
    *, host: str, port: int, bots: int, seconds: float | None, script: str | None, as_json: bool
) -> None:
    """Run a sample event with bots and print links to open; nothing is kept."""
    import trio

    if script is not None:
        _play(script, as_json)
        return

    from engine.demo import DemoOptions, run_demo

    configure_logs("warning")
    chosen = DemoOptions(host=host, port=port, bots=bots, seconds=seconds, as_json=as_json)
    try:
        trio.run(run_demo, chosen, console())
    except* KeyboardInterrupt:  # nurseries hand it on in a group
        console().print("Stopped; nothing was kept.")


def _play(name: str, as_json: bool) -> None:
    from engine.scripts import SCRIPTS

    if name not in SCRIPTS:
        there_are = ", ".join(SCRIPTS)
        raise click.BadParameter(
            f"no script {name!r}; there are: {there_are}", param_hint="--script"
        )
    configure_logs("warning")
    try:
        transcript = SCRIPTS[name](None if as_json else console())
    except KeyboardInterrupt:
        console().print("Stopped.")
        return
    if as_json:
        click.echo(json.dumps([line.plain() for line in transcript.lines], indent=2))


main.add_command(load)
main.add_command(top)
main.add_command(migrate)
main.add_command(bench)
main.add_command(simulate)
main.add_command(webhook_verify)
for _command in STORAGE_COMMANDS:
    main.add_command(_command)


if __name__ == "__main__":
    sys.exit(main())
