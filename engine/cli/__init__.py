"""The ``greenroom`` command: a module for each of its commands, or for a few that are akin."""

import click

from engine.cli import (
    bench,
    cluster,
    demo,
    load,
    serve,
    simulate,
    storage,
    token,
    top,
    webhook,
)
from engine.cli.group import Commands


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="greenroom")
def main() -> None:
    """Greenroom: live sessions, breakout rooms and 1-1 chats for events."""


for _command in (
    serve.serve, serve.check, token.token, demo.demo, load.load, top.top, cluster.migrate,
    bench.bench, simulate.simulate, webhook.webhook_verify, *storage.COMMANDS,
):  # fmt: skip
    main.add_command(_command)
