"""``greenroom bench``: measure this machine, or put load on a deployment of your own."""

import json
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from actors.errors import GreenroomError
from engine.cli.group import KEY_VARIABLE, KeyParameter
from engine.tokens import Key

PAGE = Path("docs") / "benchmarks.md"


class BenchUnavailable(GreenroomError):  # noqa: N818  said of the installation
    """What measuring needs is not installed."""


def _tools() -> Any:
    try:
        from bench import catalog, report, results, runner
    except ImportError as error:
        raise BenchUnavailable(
            f"measuring needs more packages ({error.name}): pip install 'greenroom[bench]'"
        ) from error
    return catalog, report, results, runner


@click.group()
def bench() -> None:
    """Measure Greenroom, or put load on a deployment of your own."""


@bench.command("list")
def list_() -> None:
    """List the benches."""
    catalog, *_ = _tools()
    table = Table("bench", "what it measures", "--url")
    for name, one in catalog.BENCHES.items():
        table.add_row(name, one.about, "yes" if one.remote else "")
    Console(highlight=False).print(table)


@bench.command("compare")
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
def compare(before: Path, after: Path, as_json: bool) -> None:
    """Compare two result files of one bench."""
    _, report, results, _ = _tools()
    one, other = results.load(before), results.load(after)
    changes = list(results.compare(one, other))
    for difference in results.differences(one, other):
        click.echo(f"Not measured alike: {difference}", err=True)
    if as_json:
        import attrs

        click.echo(json.dumps([attrs.asdict(change) for change in changes], indent=2))
        return
    table = Table("figure", "before", "after", "better", "", title=other.bench)
    for change in changes:
        times = "" if change.better is None else f"{change.better:.2f} x"
        table.add_row(
            change.name,
            f"{report.number(change.before)} {change.unit}",
            f"{report.number(change.after)} {change.unit}",
            times,
            change.verdict,
        )
    _console().print(table)


@bench.command("report")
@click.option("--results", "folder", type=click.Path(path_type=Path), help="Folder of results.")
@click.option("--out", type=click.Path(path_type=Path), default=PAGE, show_default=True)
@click.option("--html", type=click.Path(path_type=Path), help="Write the report with plots too.")
def report_(folder: Path | None, out: Path, html: Path | None) -> None:
    """Write the documentation's page from the files of results, measuring nothing."""
    _, report, results, _ = _tools()
    source = folder or results.FOLDER
    records = results.all_in(source)
    out.write_text(report.markdown(records, results.all_in(source / results.BEFORE)), "utf-8")
    if html is not None:
        html.write_text(report.html(records), "utf-8")
    click.echo(f"{out}: {len(records)} benches")


def _measured(name: str) -> click.Command:
    @click.command(name, help=f"Measure {name}." if name != "all" else "Measure everything.")
    @click.option("--quick", is_flag=True, help="The short form: a look, not a record.")
    @click.option("--runs", default=1, show_default=True, type=click.IntRange(1, 20))
    @click.option("--url", help="Load this deployment: ws://HOST:PORT/v1/ws or wss://….")
    @click.option(
        "--token-key", type=KeyParameter(), envvar=KEY_VARIABLE, help="Its API key, KEY:SECRET."
    )
    @click.option("--metrics", help="Where its /metrics are, if not beside the WebSocket.")
    @click.option("--results", "folder", type=click.Path(path_type=Path), help="Where to keep it.")
    @click.option("--html", type=click.Path(path_type=Path), help="Write a report with plots.")
    @click.option("--json", "as_json", is_flag=True, help="Print the result for machines.")
    def run(**options: Any) -> None:
        _run(name, **options)

    return run


def _run(  # noqa: PLR0913  one flag a parameter
    name: str,
    *,
    quick: bool,
    runs: int,
    url: str | None,
    token_key: Key | None,
    metrics: str | None,
    folder: Path | None,
    html: Path | None,
    as_json: bool,
) -> None:
    catalog, report, results, runner = _tools()
    names = _all(catalog, quick=quick, remote=url is not None) if name == "all" else [name]
    flags = shlex.join(
        [
            *(["--quick"] if quick else []),
            *(["--runs", str(runs)] if runs > 1 else []),
            *(["--url", url] if url is not None else []),  # never the key: results are shown
        ]
    )
    keep = folder or (results.FOLDER if name == "all" and url is None else None)

    def measure(one: str, said: Callable[[float], None]) -> Any:
        command = f"greenroom bench {one} {flags}".strip()
        try:
            record = runner.measure(
                one, quick=quick, runs=runs, command=command, url=url,
                token_key=token_key and token_key.spelled, metrics=metrics, said=said,
            )  # fmt: skip
        except GreenroomError as error:
            if len(names) == 1:
                raise
            record = runner.failure(one, command, str(error))  # the others are worth having
        if keep is not None:
            record.save(keep)
        return record

    records = _measure_all(names, measure)
    if name == "all" and keep is not None and PAGE.parent.is_dir():
        earlier = results.all_in(keep / results.BEFORE)
        PAGE.write_text(report.markdown(results.all_in(keep), earlier), "utf-8")
    if html is not None:
        html.write_text(report.html(records), "utf-8")
    _print(report, records, as_json)
    failures = [f"{record.bench}: {record.failed}" for record in records if record.failed]
    if failures:
        raise click.ClickException("; ".join(failures))


def _all(catalog: Any, *, quick: bool, remote: bool) -> list[str]:
    return [
        name
        for name, one in catalog.BENCHES.items()
        if catalog.available(name) and (quick or not one.apart) and (one.remote or not remote)
    ]


def _measure_all(
    names: Sequence[str], measure: Callable[[str, Callable[[float], None]], Any]
) -> list[Any]:
    records = []
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        for name in names:
            task = progress.add_task(name, total=1.0)

            def said(part: float, task: Any = task) -> None:
                progress.update(task, completed=part)

            records.append(measure(name, said))
            progress.update(task, completed=1.0)
    return records


def _console() -> Console:
    return Console(highlight=False, width=None if sys.stdout.isatty() else 140)


def _print(report: Any, records: Sequence[Any], as_json: bool) -> None:
    import attrs

    if as_json:
        found = [
            {**attrs.asdict(one), "figures": [attrs.asdict(s) for s in one.figures()]}
            for one in records
        ]
        click.echo(json.dumps(found if len(found) != 1 else found[0], indent=2))
        return
    out = _console()
    for record in records:
        if record.failed:
            continue
        took = f", {sum(record.took):,.0f} s" if record.took else ""
        table = Table(*report.HEADINGS, title=f"{record.bench}{took}")
        for spread in record.figures():
            table.add_row(*report.cells(spread))
        out.print(table)
        for name, limit in report.limits(record):
            out.print(f"{name}: the limit was {limit}")


NAMES = ("all", "actors", "journal", "inbound", "fanout", "join", "commands", "stage", "breakout",
         "book", "storm", "storm_daemon", "slow", "media", "media_soak", "media_crash", "page",
         "mixed", "soak", "cluster", "outage")  # fmt: skip
for _name in NAMES:
    bench.add_command(_measured(_name))
