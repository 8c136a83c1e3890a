"""``greenroom token`` mints a token for a person."""

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from actors.rules.base import Person
from engine.cli.group import KEY_VARIABLE, KeyParameter
from engine.tokens import Authenticator, Key, mint

DIGITS, LONGEST_SECONDS = 10, 36_500 * 24 * 3600


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
        if not (number.isascii() and number.isdigit()) or unit not in self.units:
            self.fail(f"{value!r} is not a length of time such as 90s, 15m, 12h or 7d", param, ctx)
        seconds = timedelta(**{self.units[unit]: 1}).total_seconds()
        if len(number) > DIGITS or int(number) * seconds > LONGEST_SECONDS:
            self.fail(f"{value!r} is longer than a hundred years", param, ctx)
        return timedelta(**{self.units[unit]: int(number)})


@click.command()
@click.option("--key", type=KeyParameter(), required=True, envvar=KEY_VARIABLE, help="KEY:SECRET.")
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
    key: Key,
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
    person = Person(
        id=sub,
        name=name or sub,
        event=event,
        role=role,
        company=company,
        sessions=frozenset(host),
        grants=frozenset(grant),
    )
    minted = mint(key, person, now=datetime.now(UTC), ttl=ttl)
    Authenticator([key]).verify(minted)  # what an engine would refuse is told now
    click.echo(minted)
