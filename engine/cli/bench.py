"""``greenroom bench``: measure this machine, or put load on a deployment of your own."""

import json
import os
import shlex
import signal
import ssl
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from actors.errors import GreenroomError
from bench.catalog import BENCHES
from bench.promises import wrong
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
    # A bench is a process with processes of its own, which end with this one only if it sees to it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


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
    if not records:
        raise click.ClickException(f"there are no results in {source}")
    out.write_text(report.markdown(records), "utf-8")
    if html is not None:
        html.write_text(report.html(records), "utf-8")
    click.echo(f"{out}: {len(records)} benches")


class _Measuring(click.Command):
    """A bench as a command, whose help names its sizes."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  click's
        """Write the sizes: only here is the bench itself looked at, if it is installed."""
        name = self.name or ""
        if name not in BENCHES:
            return
        one = BENCHES[name]
        _write_sizes(formatter, "Sizes for --set", one.module_of(name, remote=False), one.full)
        if one.there:
            _write_sizes(formatter, "Sizes for --set with --url", one.there, {})


def _write_sizes(
    formatter: click.HelpFormatter, title: str, module: str, full: Mapping[str, Any]
) -> None:
    try:
        from bench.sizes import sizes_of, usual_of

        kinds, usual = sizes_of(module), {**usual_of(module), **full}
    except ImportError:
        return
    with formatter.section(title):
        formatter.write_dl([
            (size, f"{kind.expected}  [default: {json.dumps(usual[size])}]")
            for size, kind in kinds.items()
        ])  # fmt: skip


def _measured(name: str, about: str) -> click.Command:
    @click.command(name, cls=_Measuring, help=f"{about[0].upper()}{about[1:]}.")
    @click.option("--quick", is_flag=True, help="The short form: a look, not a record.")
    @click.option(
        "--runs", type=click.IntRange(1, 20), help="How often.  [default: as its figures need]"
    )
    @click.option(
        "--set",
        "sizes",
        multiple=True,
        type=SizeParameter(),
        metavar="NAME=VALUE",
        help="A size of the load, such as people=500 or seconds=60; may be repeated.",
    )
    @click.option("--url", help="Load this deployment: ws://HOST:PORT/v1/ws or wss://….")
    @click.option(
        "--token-key", type=KeyParameter(), envvar=KEY_VARIABLE, help="Its API key, KEY:SECRET."
    )
    @click.option("--metrics", help="Where its /metrics are, if not beside the WebSocket.")
    @click.option(
        "--ca-file", type=click.Path(path_type=Path), help="PEM file of the CA of its certificate."
    )
    @click.option("--results", "folder", type=click.Path(path_type=Path), help="Where to keep it.")
    @click.option("--html", type=click.Path(path_type=Path), help="Write a report with plots.")
    @click.option("--json", "as_json", is_flag=True, help="Print the result for machines.")
    def run(
        folder: Path | None, html: Path | None, as_json: bool, ca_file: Path | None, **wanted: Any
    ) -> None:
        if name == "all" and wanted["sizes"]:
            raise click.UsageError("--set is for a single bench: each has sizes of its own")
        if ca_file is not None:
            _trust(ca_file)
        if html is not None:
            _writable(html)  # or all that was measured would be for nothing
        _run(name, _Wanted(**wanted), folder, html, as_json=as_json)

    return run


class SizeParameter(click.ParamType[tuple[str, Any]]):
    """A size of a load as NAME=VALUE; the value is JSON."""

    name = "size"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Any]:
        """Return name and value."""
        if isinstance(value, tuple):
            return value
        name, _, text = str(value).partition("=")
        try:
            return name.strip(), json.loads(text)
        except ValueError:
            self.fail(f"{value}: expected NAME=NUMBER, or NAME=[NUMBER, …]", param, ctx)


def _trust(ca_file: Path) -> None:
    """Have this process, and what it starts, trust certificates that a CA has signed.

    OpenSSL reads the variable beside the machine's own folder of CAs.

    :raises BenchUnavailable: the file holds no certificate.
    """
    try:
        ssl.create_default_context(cafile=str(ca_file))
    except ssl.SSLError as error:
        raise BenchUnavailable(f"{ca_file}: there is no certificate in PEM form in it") from error
    except OSError as error:
        raise BenchUnavailable(f"{ca_file}: {error.strerror}") from error
    os.environ["SSL_CERT_FILE"] = str(ca_file.absolute())


@attrs.frozen
class _Wanted:
    """What is to be measured, and where."""

    quick: bool
    runs: int | None
    sizes: Sequence[tuple[str, Any]]
    url: str | None
    token_key: Key | None
    metrics: str | None

    def command(self, bench: str) -> str:
        """Return the command that does the same again; never the key: results are shown."""
        flags = [
            *(["--quick"] if self.quick else []),
            *(["--runs", str(self.runs)] if self.runs is not None else []),
            *(part for name, value in self.sizes
              for part in ("--set", f"{name}={json.dumps(value, separators=(',', ':'))}")),
            *(["--url", self.url] if self.url is not None else []),
        ]  # fmt: skip
        return shlex.join(["greenroom", "bench", bench, *flags])

    def runs_of(self, bench: Any) -> int:
        """Return how often a bench is to be run."""
        usual: int = bench.usual_runs(quick=self.quick, remote=self.url is not None)
        return usual if self.runs is None else self.runs

    def options(self) -> dict[str, Any]:
        """Return the rest of it as the runner takes it."""
        return {
            "quick": self.quick,
            "sizes": dict(self.sizes),
            "url": self.url,
            "token_key": self.token_key and self.token_key.spelled,
            "metrics": self.metrics,
        }


def _run(
    name: str, wanted: _Wanted, folder: Path | None, html: Path | None, *, as_json: bool
) -> None:
    catalog, report, results, runner = _tools()
    names = [name]
    if name == "all":
        names = _all(catalog, quick=wanted.quick, remote=wanted.url is not None)
    keep = folder or (results.FOLDER if name == "all" and wanted.url is None else None)

    def measure(one: str, said: Callable[[float], None]) -> Any:
        command, runs = wanted.command(one), wanted.runs_of(catalog.BENCHES[one])
        try:
            record = runner.measure(one, runs=runs, command=command, said=said, **wanted.options())
        except runner.LoadMisused as error:
            raise click.UsageError(str(error)) from error
        except GreenroomError as error:
            if len(names) == 1:
                raise
            record = runner.failure(one, command, str(error))  # the others are worth having
        if keep is not None:
            record.save(keep)
        return record

    benches = {one: catalog.BENCHES[one] for one in names}
    takes = {
        name: wanted.runs_of(one) * one.takes[not wanted.quick] for name, one in benches.items()
    }
    records = _measure_all(takes, measure)
    if name == "all" and keep is not None and PAGE.parent.is_dir():
        PAGE.write_text(report.markdown(results.all_in(keep)), "utf-8")
    _print(report, records, as_json)
    if html is not None:
        html.write_text(report.html(records), "utf-8")
    if why := "; ".join(wrong(records)):
        raise click.ClickException(why)


def _writable(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.open("a").close()
    except OSError as error:
        raise click.UsageError(f"--html {file}: {error.strerror}") from error


def _all(catalog: Any, *, quick: bool, remote: bool) -> list[str]:
    found = {
        one.module_of(name, remote=remote): name
        for name, one in reversed(catalog.BENCHES.items())
        if catalog.available(name) and (quick or not one.apart) and (one.remote or not remote)
    }
    return list(reversed(found.values()))  # of two names of one measurement, the first


def _measure_all(
    takes: Mapping[str, float], measure: Callable[[str, Callable[[float], None]], Any]
) -> list[Any]:
    """Measure one after the other, with one progress bar for each and one for all.

    :param takes: for each bench the seconds it usually takes.
    """
    records, console = [], Console(stderr=True, highlight=False)
    if len(takes) > 1:
        minutes = sum(takes.values()) / 60
        console.print(f"{len(takes)} benches, about {minutes:.0f} minutes", soft_wrap=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        whole = progress.add_task("all", total=sum(takes.values()), visible=len(takes) > 1)
        done = 0.0
        for number, (name, seconds) in enumerate(takes.items(), 1):
            task = progress.add_task(name, total=1.0)
            progress.update(whole, description=f"all ({number} of {len(takes)})")

            def said(
                part: float, task: Any = task, seconds: float = seconds, done: float = done
            ) -> None:
                progress.update(task, completed=part)
                progress.update(whole, completed=done + part * seconds)

            records.append(measure(name, said))
            done += seconds
            if not console.is_terminal and len(takes) > 1:
                console.print(_over(records[-1], number, len(takes)), soft_wrap=True)
            progress.update(task, completed=1.0, visible=len(takes) == 1)
    return records


def _over(record: Any, number: int, count: int) -> str:
    """Say in a log that one of several benches is over."""
    how = f"failed: {record.failed}" if record.failed else f"done in {sum(record.took):,.0f} s"
    return escape(f"{record.bench} ({number} of {count}) {how}")


def _console() -> Console:
    return Console(highlight=False, width=None if sys.stdout.isatty() else 140)


def _print(report: Any, records: Sequence[Any], as_json: bool) -> None:
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
        for complaint in report.complaints(record):
            out.print(f"[red]wrong:[/red] {escape(complaint)}", soft_wrap=True)


bench.add_command(_measured("all", "everything there is"))
for _name, _one in BENCHES.items():
    bench.add_command(_measured(_name, _one.about))
