"""``greenroom webhook-verify`` tells whether a webhook is genuine."""

import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import click

from transport.webhooks import SIGNATURE, TIMESTAMP, BadSignature, verify


@click.command("webhook-verify")
@click.option("--secret", required=True, envvar="GREENROOM_WEBHOOK_SECRET", help="The endpoint's.")
@click.option("--timestamp", required=True, help=f"The request's {TIMESTAMP} header.")
@click.option("--signature", required=True, help=f"The request's {SIGNATURE} header.")
@click.option("--old", is_flag=True, help="Take a message of any age, such as one from a log.")
def webhook_verify(secret: str, timestamp: str, signature: str, old: bool) -> None:
    """Check a webhook's body, given on standard input, against its headers."""
    body = sys.stdin.buffer.read()
    now = datetime.now(UTC)
    if old:
        with suppress(ValueError, OverflowError):  # that it is no time is told below
            now = datetime.fromtimestamp(0, UTC) + timedelta(seconds=int(timestamp))
    headers = {TIMESTAMP: timestamp, SIGNATURE: signature}
    try:
        verify(secret, headers, body, now)
    except BadSignature as error:
        raise click.ClickException(f"not genuine: {error}") from error
    click.echo("genuine")
