"""A result as one HTML file that needs nothing else, and as a page of the documentation."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from bench import cluster_paper, inbound_paper
from bench.catalog import BENCHES
from bench.machine import told
from bench.plots import plotted
from bench.results import Record, Spread

STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:1200px;margin:2rem auto;padding:0 1rem}
body{color:#1c2733;background:#fff}code{background:#f1f3f6;padding:.1rem .3rem}
table{border-collapse:collapse;margin:1rem 0}
td,th{padding:.3rem .8rem;border-bottom:1px solid #d8dee6;text-align:left}
td.n{text-align:right;font-variant-numeric:tabular-nums}
.met{color:#23703a}.missed{color:#a3301f;font-weight:600}
h2{margin-top:2.5rem}h3{margin:1.5rem 0 0;font-size:1rem}
figure{display:inline-block;margin:1rem 1rem 0 0;width:560px;max-width:100%}svg{width:100%}
figcaption{font-weight:600;font-size:13px}
svg text{font-size:11px;fill:#46535f}.grid{stroke:#e4e8ee}
@media (prefers-color-scheme:dark){body{background:#12181f;color:#dde4ec}
td,th,.grid{border-color:#2b3642;stroke:#2b3642}svg text{fill:#a9b5c1}
code{background:#1e2731}.met{color:#6fce8b}.missed{color:#f08a78}}
"""

INTRODUCTION = """# Benchmarks

Every figure here was measured by the command above its table, on the machine named there, and
read from the files under `bench/results/`; `make bench` measures them anew and writes this page.
Peers do the same work in the same run. *Better* says how many times: above 1 we are ahead.
A spread is given where a bench ran several times; the figure is then the run in the middle, and its
target is met if every run met it.
How the load is made, and how to load a deployment of your own, stands in
[load-testing.md](load-testing.md).
"""


def number(value: float) -> str:
    """Return a figure as people read it."""
    if value == int(value) or abs(value) >= 100:  # noqa: PLR2004  above, no digits
        return f"{value:,.0f}"
    return f"{value:.3g}"


def cells(spread: Spread) -> tuple[str, str, str, str, str]:
    """Return a figure's name, value, peer, how many times better, and whether the target is met."""
    figure = spread.figure
    value = f"{number(figure.value)} {figure.unit}".strip()
    if spread.runs > 1:
        value += f" ({number(spread.lowest)} to {number(spread.highest)})"
    peer = f"{figure.peer} {number(figure.theirs)}" if figure.theirs is not None else figure.peer
    better = f"{figure.ratio:.2f} x" if figure.ratio is not None else ""
    return figure.name, value, peer, better, _verdict(spread)


def _verdict(spread: Spread) -> str:
    figure = spread.figure
    if figure.met is None or figure.target is None:
        return ""
    wanted = f"{figure.sense} {number(figure.target)}{' x' if figure.of_ratio else ''}"
    if not spread.missed:
        return f"met ({wanted})"
    # A target is met by every run: what went wrong once may not hide behind the run in the middle.
    times = "" if spread.missed == spread.runs else f" in {spread.missed} of {spread.runs} runs"
    return f"missed{times} ({wanted})"


REMARKS = {"cluster": cluster_paper.text, "inbound": inbound_paper.text}
"""What follows from a bench's figures, as a part of the page."""

HEADINGS = ("figure", "Greenroom", "peer", "better", "target")


def limits(record: Record) -> Iterator[tuple[str, str]]:
    """Yield each load of a record and what was saturated in it, in any of its runs."""
    found: dict[str, dict[str, None]] = {}
    for run in record.runs:
        for name, load in loads(run):
            found.setdefault(name, {})[load["limit"]] = None
    for name, limits_ in found.items():
        yield name, ", or ".join(limits_)


COMPLAINTS = 10
"""Broken promises that are told one by one."""


def complaints(record: Record) -> Iterator[str]:
    """Yield what a record's runs found broken, or failed."""
    for number, run in enumerate(record.runs, 1):
        where = f"run {number}: " if len(record.runs) > 1 else ""
        for complaint in _complaints(run):
            yield where + complaint


def _complaints(run: Mapping[str, Any]) -> Iterator[str]:
    broken = run.get("broken", ())
    if isinstance(broken, Sequence):
        yield from broken[:COMPLAINTS]
        if len(broken) > COMPLAINTS:
            yield f"and {len(broken) - COMPLAINTS} more"
    failures = run.get("failures", {})
    if isinstance(failures, Mapping):
        yield from (f"{name}, {times} times" for name, times in failures.items())


def loads(result: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every load within a result, with its name."""
    if "limit" in result and "latency" in result:
        yield path or "load", result
        return
    for key, value in result.items():
        if isinstance(value, Mapping):
            yield from loads(value, f"{path} {key}".strip().replace("_", " "))


TABLE_ONLY = "It keeps nothing over time and no distribution: the table is all there is to see."


def html(records: Sequence[Record]) -> str:
    """Return a page with the tables and plots of several results."""
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>Greenroom benchmarks</title>",
        f"<style>{STYLE}</style><h1>Greenroom benchmarks</h1>",
    ]
    for record in records:
        parts.append(f"<h2>{escape(record.bench)}</h2>")
        parts.append(f"<p>{escape(told(dict(record.machine)))}, revision ")
        parts.append(f"{escape(record.machine['revision'])}, {escape(record.machine['at'])}<br>")
        parts.append(f"<code>{escape(record.command)}</code></p>")
        if record.failed:
            parts.append(f"<p class=missed>It failed: {escape(record.failed)}</p>")
            continue
        parts.append("<table><tr>")
        parts += [f"<th>{heading}</th>" for heading in HEADINGS]
        parts += [_row(spread) for spread in record.figures()]
        parts.append("</table>")
        if said := [f"{name}: {limit}" for name, limit in limits(record)]:
            parts.append(f"<p>What was saturated: {escape('; '.join(said))}.</p>")
        plots = [f"<h3>{escape(name)}</h3>{those}" for name, those in plotted(record.runs[-1])]
        parts += plots or [f"<p>{TABLE_ONLY}</p>"]
    return "\n".join(parts) + "\n"


def _row(spread: Spread) -> str:
    name, value, peer, better, verdict = cells(spread)
    kind = verdict.partition(" ")[0]
    return (
        f"<tr><td>{escape(name)}<td class=n>{escape(value)}<td class=n>{escape(peer)}"
        f"<td class=n>{escape(better)}<td class={kind or 'none'}>{escape(verdict)}"
    )


def markdown(records: Sequence[Record]) -> str:
    """Return the documentation's page: a part for each bench, also for those without a result."""
    found = {record.bench: record for record in records}
    others = [name for name in found if name not in BENCHES]
    parts = [INTRODUCTION]
    for name in (*BENCHES, *others):
        parts.append(f"## {name}: {BENCHES[name].about if name in BENCHES else ''}\n")
        if name in found:
            parts += _measured(found[name])
        else:
            parts.append(f"    greenroom bench {name}\n")
            parts.append("**Not measured:** there is no result of it.\n")
    return "\n".join(parts)


def _measured(record: Record) -> Iterator[str]:
    machine = dict(record.machine)
    yield f"    {record.command}\n"
    yield (
        f"{told(machine)}; load of the machine before: {machine['load_before']}; "
        f"revision {machine['revision']}, {machine['at']}.\n"
    )
    if record.failed:
        yield f"**It failed, so there are no figures:** {record.failed}\n"
        return
    table = "| " + " | ".join(HEADINGS) + " |\n|---|---:|---:|---:|---|"
    yield table + "".join("\n| " + " | ".join(cells(s)) + " |" for s in record.figures()) + "\n"
    said = [f"{name}: {limit}" for name, limit in limits(record)]
    if said:
        yield f"What was saturated: {'; '.join(said)}.\n"
    if wrong := list(complaints(record)):
        yield f"What went wrong: {'; '.join(wrong)}.\n"
    if record.bench in REMARKS:
        yield REMARKS[record.bench](record.runs[-1])
