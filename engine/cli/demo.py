"""``greenroom demo``: a sample event with bots, or a script that plays itself."""

import json

import click

from engine.cli.group import console, until_stopped
from engine.logs import configure_logs


@click.command()
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
    if script is not None:
        _play(script, as_json)
        return

    from engine.demo import DemoOptions, run_demo
    from engine.stopping import run_stoppable

    configure_logs("warning")
    chosen = DemoOptions(host=host, port=port, bots=bots, seconds=seconds, as_json=as_json)
    with until_stopped("Stopped; nothing was kept."):
        run_stoppable(run_demo, chosen, console())


def _play(name: str, as_json: bool) -> None:
    from engine.scripts import SCRIPTS

    if name not in SCRIPTS:
        there_are = ", ".join(SCRIPTS)
        raise click.BadParameter(
            f"no script {name!r}; there are: {there_are}", param_hint="--script"
        )
    configure_logs("warning")
    transcript = SCRIPTS[name](None if as_json else console())
    if as_json:
        click.echo(json.dumps([line.plain() for line in transcript.lines], indent=2))
