"""What a report plots of a result: whatever is kept over time, and each distribution."""

import time
from pathlib import Path

import pytest

from bench import breakout, join
from bench.load import stretch
from bench.load.latency import Latencies
from bench.load.stretch import KEPT, MOST, Stretch, thinned
from bench.load.target import Target
from bench.plots import COLOURS, of_load, plotted
from bench.report import TABLE_ONLY, html
from bench.results import Record, all_in
from bench.storm_tally import summed

RESULTS = Path(__file__).parents[2] / "bench" / "results"
MACHINE = {
    "cpu": "A CPU", "cores": 2, "memory_gib": 4.0, "system": "Linux", "python": "CPython",
    "sqlite": "3", "packages": {}, "revision": "abc", "load_before": 0.1, "at": "2026-01-01",
}  # fmt: skip
WAITS = {"hdr": Latencies.of([0.01, 0.02]).encode()}
SERIES = [
    {"at": at, "server": 0.5, "machine": 0.3, "generator": 0.1, "rss": 1e8, "mailboxes": 3.0}
    for at in (0.0, 0.5)
]


def test_a_histogram_is_plotted_wherever_it_stands_in_a_result():
    found = {
        "latency": WAITS,
        "joining": {"limit": "nothing", "latency": {}, "series": SERIES},
        "cases": [{"name": "10 subscribers", "last": {"ours": WAITS}}, {"name": "none"}],
    }
    drawn = dict(plotted(found))
    assert list(drawn) == ["all of it", "joining", "10 subscribers last"]
    assert "latency by percentile" in drawn["all of it"].lower()
    for title in ("CPU", "memory of the server", "waiting in mailboxes"):
        assert title.lower() in drawn["joining"].lower()


def test_of_many_histograms_those_of_the_most_are_plotted():
    many = {f"m{number}": {"hdr": Latencies.of([0.01] * number).encode()} for number in range(1, 9)}
    drawn = of_load("", many)
    assert drawn.count("<polyline") == len(COLOURS)
    assert all(f">m{number}<" in drawn for number in range(5, 9))


@pytest.mark.parametrize("kept", all_in(RESULTS), ids=lambda kept: kept.bench)
def test_every_result_that_is_kept_is_shown_with_plots_or_says_there_are_none(kept):
    page = html([kept])
    assert ("<svg" in page) != (TABLE_ONLY in page)
    if kept.bench in {"join", "commands", "mixed", "soak", "stage"}:
        assert "latency by percentile" in page.lower()


def test_a_table_without_plots_says_so():
    assert TABLE_ONLY in html([Record("other", "greenroom bench", MACHINE, [{"a": 1.0}])])
    failed = Record("journal", "greenroom bench", MACHINE, [], failed="no")
    assert TABLE_ONLY not in html([failed])


def test_a_long_stretch_keeps_no_more_samples_than_a_plot_shows():
    seen = [{"at": float(n), "rss": 1.0, "files": 9.0} for n in range(990)]
    seen[988]["mailboxes"] = 7.0
    kept = thinned(seen)
    assert len(kept) <= MOST
    assert kept[-1] == {"at": 989.0, "rss": 1.0, "mailboxes": 7.0}
    assert set().union(*kept) <= set(KEPT)


def test_a_server_is_looked_at_at_the_begin_and_at_the_end_of_the_shortest_stretch(deployment):
    url = f"ws://127.0.0.1:{deployment.port}/v1/ws"
    for pid in (deployment.process.pid, None):  # of our own, and elsewhere
        with Stretch(Target(url, deployment.key, "fair", pid), lambda: [0.0]) as one:
            told = one.told()
        first, *_, last = told["series"]
        assert first["at"] == 0.0
        assert {"rss", "mailboxes", "deepest_mailbox"} <= first.keys()
        assert {"machine", "generator"} <= last.keys()


@pytest.mark.slow
def test_those_who_fill_a_session_or_are_moved_keep_a_series(monkeypatch):
    monkeypatch.setattr(stretch, "EVERY", 0.05)
    filled = join.run(people=20, generators=1)
    moved = breakout.run(people=6, rooms=2, generators=1)
    for bench, result in (("join", filled), ("breakout", moved)):
        page = html([Record(bench, "greenroom bench", MACHINE, [result])]).lower()
        assert "waiting in mailboxes" in page
        assert "memory of the server" in page


def test_what_is_saturated_is_judged_from_a_mark_on_and_the_series_is_not(deployment):
    url, used = f"ws://127.0.0.1:{deployment.port}/v1/ws", [0.0]
    with Stretch(Target(url, deployment.key, "fair", deployment.process.pid), lambda: used) as one:
        used = [1_000.0]
        one.mark()
        time.sleep(0.01)
        told = one.told()
    assert told["generator"] == 0.0
    assert told["series"][-1]["generator"] > 1.0


def test_a_storm_tells_how_late_messages_were_second_by_second():
    tally = {
        "clients": 2, "published": 2, "expected": 4, "received": 4, "missed": 0, "repeated": 0,
        "snapshots": 0, "back": [0.1, 0.2], "late": [[0.2, 0.01], [0.9, 0.02], [1.5, 0.5]],
    }  # fmt: skip
    found = summed([tally], {"server": 1.0, "clients": 0.5, "seconds": 1.0})
    rows = found["waits"]["over_time"]
    assert [(row["second"], row["done"]) for row in rows] == [(0, 2), (1, 1)]
    drawn = dict(plotted(found))["waits"]
    assert ">back<" in drawn
    assert "latency over time" in drawn.lower()
