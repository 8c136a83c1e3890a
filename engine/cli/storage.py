"""The commands that work on the database file, and not on a running engine."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from storage import FILE_NAME, StorageRefused, calendars, export, maintenance, retention
from storage.readmodel import Progress as Report
from storage.salvage import salvage as save_what_is_left

P = ParamSpec("P")
T = TypeVar("T")

data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data"),
    envvar="GREENROOM_DATA",
    show_default=True,
    help="Folder of the database.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print for machines.")


def plain_errors(function: Callable[P, T]) -> Callable[P, T]:
    """Turn what the disk says into one line; refusals have their own text already."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except StorageRefused as refused:
            raise click.ClickException(str(refused)) from refused
        except (sqlite3.Error, OSError) as error:
            raise click.ClickException(f"the disk or the database says: {error}") from error

    return call


@contextmanager
def _bar(title: str) -> Iterator[Report]:
    """Show a progress bar on a terminal, nothing in a pipe."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _say(as_json: bool, text: str, **facts: Any) -> None:
    click.echo(json.dumps(facts) if as_json else text)


@click.command()
@data_option
@json_option
@plain_errors
def rebuild(data: Path, as_json: bool) -> None:
    """Build the tables for people anew from the journal (engine stopped)."""
    with _bar("projecting") as report:
        rows = maintenance.rebuild(data / FILE_NAME, report)
    _say(as_json, f"{rows} journal rows projected.", rows=rows)


@click.command()
@data_option
@json_option
@click.argument("target", type=click.Path(path_type=Path))
@plain_errors
def backup(data: Path, as_json: bool, target: Path) -> None:
    """Copy the database to TARGET, also while the engine runs."""
    with _bar("copying") as report:
        maintenance.backup(data / FILE_NAME, target, report)
    size = target.stat().st_size
    _say(as_json, f"{target}: {size} bytes, checked.", target=str(target), bytes=size)


@click.command()
@data_option
@json_option
@plain_errors
def vacuum(data: Path, as_json: bool) -> None:
    """Rewrite the database compactly (engine stopped)."""
    before, after = maintenance.vacuum(data / FILE_NAME)
    _say(as_json, f"{before} bytes before, {after} after.", before=before, after=after)


@click.command("export")
@data_option
@click.option("--event", help="Only this event.")
@click.option("--person", help="With calendar: this person's schedule, not the program.")
@click.option("--format", "form", type=click.Choice(["csv", "json"]), default="csv")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="File to write.")
@click.argument("what", type=click.Choice([*export.exportable(), "calendar"]), metavar="TABLE")
@plain_errors
def export_command(
    data: Path,
    event: str | None,
    person: str | None,
    form: export.Format,
    output: Path | None,
    what: str,
) -> None:
    """Write a TABLE as CSV or JSON, or a ``calendar`` as .ics; also while the engine runs."""
    if what == "calendar" and event is None:
        raise click.UsageError("a calendar needs --event")
    with (
        maintenance.reading(data / FILE_NAME) as db,
        click.open_file(str(output or "-"), "w", encoding="utf-8", atomic=True) as target,
    ):
        if what != "calendar":
            export.write(export.export(db, what, event), target, form)
        elif person is None:
            target.write(calendars.program(db, str(event)))
        else:
            target.write(calendars.schedule(db, str(event), person))


@click.command()
@data_option
@json_option
@click.option("--person", help="Blank everything this person wrote and is called.")
@click.option("--event", help="With --person: only in this event.")
@click.option(
    "--before-days", type=click.IntRange(1, 36_500), help="Drop events over for so many days."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@plain_errors
def forget(
    data: Path,
    as_json: bool,
    person: str | None,
    event: str | None,
    before_days: int | None,
    yes: bool,
) -> None:
    """Delete a person's data, or events long past (engine stopped). Backups keep them."""
    if (person is None) == (before_days is None):
        raise click.UsageError("give either --person or --before-days")
    if not yes:
        click.confirm("This cannot be undone. Go on?", abort=True)
    with maintenance.exclusive(data / FILE_NAME) as db, _bar("forgetting") as report:
        if person is not None:
            blanked = retention.forget(db, person, event, report)
            text = f"{blanked.entries} journal rows and {blanked.snapshots} snapshots blanked."
            facts: dict[str, Any] = {"entries": blanked.entries, "snapshots": blanked.snapshots}
        else:
            before = datetime.now(UTC) - timedelta(days=before_days or 0)
            dropped = retention.drop_before(db, before)
            text = f"dropped: {', '.join(dropped.events) or 'nothing'}, {dropped.entries} rows."
            facts = {"events": list(dropped.events), "entries": dropped.entries}
    _say(as_json, text, **facts)


@click.command()
@json_option
@click.argument("damaged", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@plain_errors
def salvage(as_json: bool, damaged: Path, target: Path) -> None:
    """Copy what can be read of the file DAMAGED into the new file TARGET."""
    with _bar("saving") as report:
        saved = save_what_is_left(damaged, target, report)
    cut = ", ".join(f"{name} after {seq}" for name, seq in saved.cut.items()) or "nothing"
    _say(
        as_json,
        f"{saved.entries} events and {saved.snapshots} snapshots saved,"
        f" {saved.unreadable} unreadable. Cut: {cut}.",
        entries=saved.entries,
        snapshots=saved.snapshots,
        unreadable=saved.unreadable,
        cut=saved.cut,
    )


COMMANDS: tuple[click.Command, ...] = (rebuild, backup, vacuum, export_command, forget, salvage)
"""To be added to the ``greenroom`` group."""
