"""The load's own parts: latencies, the search for replies, the verdict, results and pages."""

import itertools
import json
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from bench import book, commands, page, runner
from bench.catalog import BENCHES, available
from bench.figure import Figure
from bench.figures import read
from bench.load.dialects import GREENROOM
from bench.load.generator import Generator, Plan, Tally
from bench.load.latency import Latencies, decoded
from bench.load.swarm import Load, _plans, limit, summed
from bench.load.target import opened
from bench.load.wire import Address, Known, LoadFailed, LoadMisused, Wire, masked
from bench.machine import revision
from bench.mixed import slope
from bench.plots import MARKS, of_load, round_marks
from bench.report import cells, complaints, html, markdown
from bench.results import Record, ResultError, Spread, all_in, compare, differences, load
from bench.runner import failure, measure
from bench.sizes import checked
from engine.cli import main

MACHINE = {
    "cpu": "A CPU", "cores": 2, "memory_gib": 4.0, "system": "Linux", "python": "CPython",
    "sqlite": "3", "packages": {}, "revision": "abc", "load_before": 0.1, "at": "2026-01-01",
}  # fmt: skip


def latencies(*seconds):
    found = Latencies()
    for one in seconds:
        found.record(one)
    return found


def record(cpu, *more):
    runs = [
        {
            "bench": "join", "people": 10, "latency": latencies(0.01).summary(), "snapshots": 10,
            "people_counted": 10, "connect_cpu_seconds": 0.1, "join_cpu_seconds": one,
        }
        for one in (cpu, *more)
    ]  # fmt: skip
    return Record("join", "greenroom bench join", MACHINE, runs)


def mixed_run():
    latency = latencies(0.01).summary()
    return {"commands_per_second": 9.0, "latency": latency, "failed": 0, "broken": []}


def test_histograms_add_up_and_keep_three_digits():
    one, other = latencies(0.001, 0.002), latencies(0.1)
    both = Latencies.merged([one.encode(), other.encode()])
    assert len(both) == 3
    assert both.at(100) == pytest.approx(100, rel=0.001)
    assert decoded(both.encode()).at(50) == both.at(50)
    assert Latencies().summary() == {"count": 0}


def test_a_request_is_charged_from_when_it_was_meant_to_be_sent():
    tally = Tally()
    # Meant for second 1, sent late because the server stalled, answered at second 3.
    tally.note(intended=1.0, now=3.0, begin=0.0, reason=None)
    assert tally.latencies.at(50) == pytest.approx(2000, rel=0.001)
    assert list(tally.by_second) == [1]
    tally.note(1.0, 3.0, 0.0, "rate_limited")
    assert (tally.done, tally.refused) == (1, {"rate_limited": 1})


def test_a_request_that_is_never_answered_is_charged_for_the_wait():
    generator, now = Generator(Plan("ws://h/", "greenroom", [])), time.monotonic()
    for _ in range(98):
        generator.tally.note(now, now + 0.001, now - 8.5, None)
    generator._intended = {1: now - 8.0, 2: now - 9.0}  # the other one belongs to the warm-up
    generator._give_up(now - 8.5)
    found = summed([generator._result(0, 0.1)], [], Load([], []))
    assert (found["done"], found["unanswered"], found["latency"]["count"]) == (98, 2, 99)
    assert 8_000 * 0.999 <= found["latency"]["max_ms"] <= 60_000  # of a real clock
    assert found["over_time"][0]["p99_ms"] == found["latency"]["max_ms"]


def test_whoever_is_refused_waits_as_long_as_the_refusal_says(monkeypatch):
    plan = Plan("ws://h/", "greenroom", [], depth=1)
    generator, sent = Generator(plan), []
    quick, limited = Wire(socket.socket(), GREENROOM), Wire(socket.socket(), GREENROOM)
    generator.wires = [quick, limited]

    def send(wire, intended):
        sent.append((wire, intended))
        reply = b'{"jsonrpc":"2.0","id":%d,"result":{}}'
        if wire is limited:
            reply = b'{"jsonrpc":"2.0","id":%d,"error":{"data":{"reason":"rate_limited",'
            reply += b'"temporary":true,"retry_after":0.2}}}'
        number = 1_000_000 + len(sent)
        generator._intended[number] = intended
        wire._search(reply % number)

    def poll(seconds, at_once):
        time.sleep(min(seconds, 0.01))
        return generator.wires

    monkeypatch.setattr(generator, "_send", send)
    monkeypatch.setattr(generator.bank, "poll", poll)
    generator.bank.wires = {1: quick, 2: limited}
    begin = time.monotonic()
    generator._closed_loop(begin, begin + 0.5)
    for wire in generator.wires:
        wire.sock.close()
    times = [at for wire, at in sent if wire is limited]
    assert len(times) == 3
    assert all(after - before >= 0.2 for before, after in itertools.pairwise(times))
    assert len(sent) > 10
    assert generator.tally.refused == {"rate_limited": 3}


@given(st.lists(st.integers(1, 60), max_size=40))
def test_replies_and_events_are_found_wherever_the_reads_cut_them(cuts):
    text = (
        b'\x81\x7e{"jsonrpc":"2.0","id":1000001,"result":{"id":"5"}}'
        b'\x81\x7e{"jsonrpc":"2.0","method":"event","params":{"type":"chat.posted","data":{}}}'
        b'\x81\x7e{"jsonrpc":"2.0","id":1000002,"error":{"code":429}}'
        b'\x81\x7e{"jsonrpc":"2.0","method":"event","params":{"type":"chat.posted","data":{}}}'
    )
    wire = Wire(socket.socket(), GREENROOM)
    with wire.sock:
        for cut in [*cuts, len(text)]:
            piece, text = text[:cut], text[cut:]
            wire._search(piece)
    assert [number for number, _ in wire.take()] == [1000001, 1000002]
    assert wire.events == 2


EVENT = b'\x81\x7e{"jsonrpc":"2.0","method":"event","params":{"type":"chat.posted","data":{}}}'


@given(
    st.lists(st.tuples(st.integers(1, 3), st.sampled_from([0, 0, 1, 2, 3])), max_size=12),
    st.lists(st.integers(1, 300), max_size=20),
)
def test_what_others_have_heard_too_is_counted_alike(broadcasts, cuts):
    """Three wires hear the same; each is given its own replies, the last in pieces of its own."""
    known = Known()
    wires = [Wire(socket.socket(), GREENROOM, known=known) for _ in range(3)]
    rest = b""
    for number, (events, answered) in enumerate(broadcasts):
        for at, wire in enumerate(wires, 1):
            reply = b'\x81\x7e{"jsonrpc":"2.0","id":%d,"result":{}}' % number
            data = (reply if at == answered else b"") + EVENT * events
            if at == len(wires):
                rest += data
            else:
                wire._search(data)
    for cut in [*cuts, len(rest)]:
        wires[-1]._search(rest[:cut])
        rest = rest[cut:]
    for at, wire in enumerate(wires, 1):
        wire.sock.close()
        assert wire.events == sum(events for events, _ in broadcasts)
        expected = [number for number, (_, answered) in enumerate(broadcasts) if answered == at]
        assert [number for number, _ in wire.take()] == expected


def test_a_ping_is_answered_once_wherever_the_reads_cut_it():
    text = b"\x81\x05hello"
    for cut in range(len(text) + 2):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            wire = Wire(ours, GREENROOM)
            stream = text + b"\x89\x00" + text
            wire._search(stream[:cut])
            wire._search(stream[cut:])
            wire._search(text)
            assert theirs.recv(100) == b"\x8a\x80\0\0\0\0"
            assert not wire.blocked


def test_each_answers_a_ping_although_another_has_had_the_same_bytes():
    known, data = Known(), EVENT + b"\x89\x00" + EVENT
    pairs = [socket.socketpair() for _ in range(2)]
    for ours, theirs in pairs:
        with ours, theirs:
            wire = Wire(ours, GREENROOM, known=known)
            wire._search(data)
            assert theirs.recv(100) == b"\x8a\x80\0\0\0\0"
            assert wire.events == 2


@given(st.binary(max_size=70_000))
def test_a_masked_frame_says_what_it_was_given(payload):
    frame = masked(payload)
    size, start = frame[1] & 0x7F, 2
    if size == 126:
        size, start = int.from_bytes(frame[2:4], "big"), 4
    elif size == 127:
        size, start = int.from_bytes(frame[2:10], "big"), 10
    key, body = frame[start : start + 4], frame[start + 4 :]
    assert size == len(payload) == len(body)
    assert bytes(byte ^ key[n % 4] for n, byte in enumerate(body)) == payload


@pytest.mark.parametrize(
    ("generator", "late", "server", "machine", "expected"),
    [
        (0.95, 1.0, 0.5, 0.5, "generator"),
        (0.2, 40.0, 0.5, 0.5, "generator"),
        (0.2, 1.0, 0.97, 0.5, "server"),
        (0.2, 40.0, 0.97, 1.0, "server"),
        (0.2, 1.0, None, 0.99, "machine"),
        (0.2, None, 0.3, 0.3, "nothing"),
    ],
)
def test_what_was_saturated_is_said(generator, late, server, machine, expected):
    figures = {
        "generator_cpu": generator, "generator_late_p99_ms": late, "server_cpu": server,
        "machine_cpu": machine,
    }  # fmt: skip
    assert limit(figures) == expected


def test_the_rate_limit_is_named_when_it_decided_the_figures():
    busy = {
        "generator_cpu": 0.99, "generator_late_p99_ms": 40.0, "server_cpu": 0.97, "machine_cpu": 1,
        "done": 1_000,
    }  # fmt: skip
    assert limit({**busy, "refused": {"rate_limited": 3, "not_found": 900}}) == "generator"
    assert limit({**busy, "refused": {"rate_limited": 900}}) == "the rate limit"


def measured(**figures):
    usual = {"refused": {}, "unanswered": 0, "hung_up": 0, "limit": "server",
             "delivered_percent": 100.0, "latency": latencies(0.01).summary()}  # fmt: skip
    return {**usual, **figures}


def test_what_a_deployment_did_not_carry_out_is_told():
    rest = measured(refused={"rate_limited": 55_000}, unanswered=40, hung_up=3)
    servers = {
        "greenroom": {
            "saturation_per_second": 2_000.0, "at_saturation": measured(), "at_70_percent": rest
        }
    }  # fmt: skip
    run = {"people": 200, "servers": servers, "failures": commands.failures(servers)}
    told = {figure.name: figure for figure in read("commands", run)}
    lost = told["refused, not answered, hung up on"]
    assert (lost.value, lost.met) == (55_043, False)
    assert list(complaints(Record("commands", "", MACHINE, [run]))) == [
        "greenroom, at 70 percent: refused as rate_limited, 55000 times",
        "greenroom, at 70 percent: not answered, 40 times",
        "greenroom, at 70 percent: hung up on, 3 times",
    ]


@pytest.mark.slow
def test_a_deployment_with_its_usual_limits_is_limited_by_them(deployment):
    url, key = f"ws://127.0.0.1:{deployment.port}/v1/ws", deployment.key
    with commands.ours(3, url, f"{key.id}:{key.secret}") as contender:
        found = commands.once(contender, rate=0.0, seconds=2.0, generators=1)
    assert found["limit"] == "the rate limit"
    assert 0 < found["refused"]["rate_limited"] < 2 * found["done"]
    assert found["delivered_percent"] == 100


def test_a_load_is_shared_out_without_losing_anybody():
    people = [[("connect", {"token": str(n)})] for n in range(7)]
    plans = _plans(["ws://h/", "ws://i/"], Load(people, [("ping", {})], rate=70.0, generators=3))
    assert [plan.url for plan in plans] == ["ws://h/", "ws://i/", "ws://h/"]
    assert sorted(one[0][1]["token"] for plan in plans for one in plan.people) == list("0123456")
    assert sum(plan.rate for plan in plans) == pytest.approx(70.0)
    assert len({plan.seed for plan in plans}) == 3


@pytest.mark.parametrize("url", ["http://h/", "h:80", "ws:///v1/ws"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(LoadFailed, match="expected ws://"):
        Address.parse(url)


def test_a_figure_knows_whether_it_is_better_and_good_enough():
    faster = Figure("rate", 300.0, "/s", "peer", 100.0, 3.0, of_ratio=True)
    assert (faster.ratio, faster.met) == (3.0, True)
    slower = attrs.evolve(faster, theirs=150.0)
    assert (slower.ratio, slower.met) == (2.0, False)
    late = Figure("late", 20.0, "ms", "peer", 40.0, 50.0, "at most", higher=False)
    assert (late.ratio, late.met) == (2.0, True)
    assert Figure("plain", 1.0, "").met is None


def test_a_result_survives_its_file_and_bad_files_are_refused(tmp_path):
    kept = record(2.0, 1.0, 4.0)
    assert load(kept.save(tmp_path)) == kept
    cpu = kept.figures()[0]
    assert cpu == Spread(cpu.figure, 1.0, 4.0, 3, 1)
    assert cpu.figure.value == 2.0
    for text in ("", "[]", '{"version": 1}', '{"version": 99}'):
        bad = tmp_path / "bad.json"
        bad.write_text(text)
        with pytest.raises(ResultError):
            load(bad)
    with pytest.raises(ResultError):
        load(tmp_path / "none.json")


def test_what_went_wrong_in_one_run_is_told_beside_the_others():
    """The figure in the middle is good, and what one run could not tell is not another's."""
    good = {"failed": 0, "broken": [], "failures": {}}
    bad = {"failed": 7, "broken": ["a seat is lost"], "failures": {"chat.send: overloaded": 7}}
    runs = [{**mixed_run(), **one} for one in (bad, good, good)]
    kept = attrs.evolve(record(1.0), bench="mixed", runs=runs)
    told = {row[0]: row for row in map(cells, kept.figures())}
    assert told["failed"][1] == "0 commands (0 to 7)"
    assert told["failed"][4] == "missed in 1 of 3 runs (at most 0)"
    assert told["invariants broken"][4] == "missed in 1 of 3 runs (at most 0)"
    assert list(complaints(kept)) == [
        "run 1: a seat is lost",
        "run 1: chat.send: overloaded, 7 times",
    ]
    untold = record(2.0, 1.0, 4.0)
    runs = [{**run, "connect_cpu_seconds": 9.0} for run in untold.runs]
    runs[0]["connect_cpu_seconds"] = None
    names = [spread.figure.name for spread in attrs.evolve(untold, runs=runs).figures()]
    assert "people that People counts" in names
    assert len(set(names)) == len(names)


def test_a_broken_promise_is_worse_than_none():
    before = attrs.evolve(record(1.0), bench="mixed", runs=[mixed_run()])
    after = attrs.evolve(before, runs=[{**mixed_run(), "failed": 3}])
    verdicts = {one.name: one.verdict for one in compare(before, after)}
    assert verdicts["failed"] == "worse, spread unknown: one run each"
    assert verdicts["invariants broken"] == "the same"


def test_two_results_are_compared_with_their_spread():
    (cpu, *_) = compare(record(2.0, 2.2), record(1.0, 1.1))
    assert cpu.better == pytest.approx(2.0, rel=0.1)
    assert cpu.beyond_spread
    (same, *_) = compare(record(2.0, 1.0), record(1.5, 1.6))
    assert not same.beyond_spread
    assert [cpu.verdict, same.verdict] == ["better, beyond the spread", "better, within the spread"]
    (once, *_) = compare(record(1.0), record(1.5))
    assert once.verdict == "worse, spread unknown: one run each"
    failed = attrs.evolve(record(1.0), runs=[], failed="no")
    with pytest.raises(ResultError, match="failed at"):
        list(compare(record(1.0), failed))
    moved = attrs.evolve(record(1.0), machine={**MACHINE, "cores": 8})
    assert differences(record(1.0), moved) == ["cores: 2 / 8"]
    other = attrs.evolve(record(1.0), bench="storm")
    with pytest.raises(ResultError):
        list(compare(record(1.0), other))


def test_a_stage_stands_beside_what_it_was():
    result = {
        "microseconds": {"decode": 2.0, "WebSocket": 4.0},
        "before": {"WebSocket": ["with wsproto", 12.0]},
    }
    decode, frame = read("inbound", result)
    assert (decode.ratio, frame.peer, frame.ratio) == (None, "with wsproto", 3.0)
    assert [one.value for one in read("inbound", {"microseconds": {"decode": 2.0}})] == [2.0]


def test_the_page_and_the_report_hold_the_figures_and_fetch_nothing():
    text = markdown([record(2.5, 3.5)])
    assert "| server CPU, 10 people join | 2.5 s (2.5 to 3.5) |" in text
    assert "    greenroom bench join\n" in text
    assert "A CPU, 2 cores" in text
    page = html([record(5.0)])
    assert "class=missed>missed (at most 3)" in page
    assert not re.search(r"(src|href)=|@import|url\(", page)


def test_plots_show_what_there_is():
    found = {
        "latency": latencies(0.01, 0.2).summary(),
        "over_time": [{"second": n, "p50_ms": 1.0 + n, "p99_ms": 10.0} for n in range(5)],
        "series": [{"at": n, "server": 0.5, "machine": 0.2, "rss": 1e8} for n in range(5)],
    }
    drawn = of_load("load <b>", found)
    assert drawn.count("<svg") == 4
    assert "<b>" not in drawn
    assert of_load("empty", {}) == ""


@given(st.floats(0, 1e6), st.floats(1e-6, 1e6))
def test_an_axis_is_marked_with_few_round_numbers_that_span_it(low, span):
    marks = round_marks(low, low + span)
    step = marks[1] - marks[0]
    assert 2 <= len(marks) <= MARKS + 3
    assert marks[0] <= low + step / 1e3
    assert marks[-1] >= low + span - step / 1e3


def test_memory_that_grows_has_a_slope():
    growing = [{"at": float(n), "rss": 1e8 + 1000.0 * n} for n in range(100)]
    assert slope(growing) == pytest.approx(3_600_000)
    assert slope(growing[:3]) is None


def test_every_bench_of_the_catalog_is_a_command():
    told = CliRunner().invoke(main, ["bench", "list"])
    assert told.exit_code == 0
    for name in BENCHES:
        assert name in told.output
        if available(name):
            assert CliRunner().invoke(main, ["bench", name, "--help"]).exit_code == 0


def test_the_help_is_there_where_what_measures_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "bench.soak", None)
    told = CliRunner().invoke(main, ["bench", "soak", "--help"])
    assert told.exit_code == 0
    assert "--url" in told.output
    assert "Sizes" not in told.output


def test_the_help_says_what_a_bench_measures_and_which_sizes_it_takes():
    told = CliRunner().invoke(main, ["bench", "--help"]).output
    assert re.search(r"^  join +A session filling up\.$", told, re.MULTILINE)
    told = CliRunner().invoke(main, ["bench", "soak", "--help"]).output
    assert re.search(r"^  people +a whole number above 0  \[default: 150\]$", told, re.MULTILINE)
    assert "Sizes" not in CliRunner().invoke(main, ["bench", "all", "--help"]).output


def test_a_bench_without_a_result_is_on_the_page_as_not_measured():
    parts = markdown([record(2.0)]).split("\n## ")
    told = {part.partition(":")[0]: "**Not measured:**" in part for part in parts[1:]}
    assert {name for name, missing in told.items() if not missing} == {"join"}
    assert set(told) == set(BENCHES)


def test_results_are_compared_and_shown_from_files_alone(tmp_path):
    record(2.0).save(tmp_path)
    path = str(tmp_path / "join.json")
    told = CliRunner().invoke(main, ["bench", "compare", path, path, "--json"])
    assert json.loads(told.output)[0]["better"] == 1.0
    out = tmp_path / "page.md"
    args = ["bench", "report", "--results", str(tmp_path), "--out", str(out)]
    assert CliRunner().invoke(main, args).exit_code == 0
    assert "server CPU, 10 people join" in out.read_text()


def test_what_a_fair_found_broken_is_told(monkeypatch):
    run = {**record(1.0).runs[0], "broken": [f"'p-{n} [says' is gone" for n in range(12)]}
    kept = attrs.evolve(record(1.0), runs=[{**run, "failures": {"chat.send: overloaded": 2}}])
    monkeypatch.setattr(runner, "measure", lambda *_, **__: kept)
    ended = CliRunner().invoke(main, ["bench", "join"])
    told = ended.output
    assert ended.exit_code == 1
    assert "join: 12 broken promises" in told
    for wrong in ("'p-0 [says' is gone", "and 2 more", "chat.send: overloaded, 2 times"):
        assert wrong in told
        assert wrong in markdown([kept])


@pytest.mark.parametrize(
    ("found", "code"),
    [({"broken": []}, 0), ({"failures": {"chat.send: overloaded": 2}}, 0),
     ({"broken": ["2 tasks were left behind"]}, 1), ({"small": {"broken": 0}}, 0),
     ({"small": {"broken": 2}}, 1)],
)  # fmt: skip
def test_a_broken_promise_ends_a_bench_with_1_once_it_is_written_down(
    monkeypatch, tmp_path, found, code
):
    kept = attrs.evolve(record(1.0), runs=[{**record(1.0).runs[0], **found}])
    monkeypatch.setattr(runner, "measure", lambda *_, **__: kept)
    ended = CliRunner().invoke(main, ["bench", "join", "--results", str(tmp_path)])
    assert ended.exit_code == code
    assert "server CPU, 10 people join" in ended.output
    assert load(tmp_path / "join.json") == kept


def test_all_of_it_takes_some_35_minutes():
    whole = [one for one in BENCHES.values() if not one.apart]
    assert sum(one.takes[1] * one.runs for one in whole) < 36 * 60
    for one in BENCHES.values():
        assert all(usual < patience for usual, patience in zip(one.takes, one.seconds, strict=True))


def test_a_tree_is_called_changed_for_its_code_not_for_what_benches_write(tmp_path):
    def git(*words):
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", *identity, *words], check=True, cwd=tmp_path, capture_output=True)

    kept, code = tmp_path / "bench" / "results" / "join.json", tmp_path / "bench" / "join.py"
    kept.parent.mkdir(parents=True)
    for file in (kept, code):
        file.write_text("1")
    git("init")
    git("add", ".")
    git("commit", "-m", "all")
    clean = revision(tmp_path)
    assert re.fullmatch("[0-9a-f]{7,}", clean)
    kept.write_text("2")
    assert revision(tmp_path) == clean
    code.write_text("2")
    assert revision(tmp_path) == f"{clean}-dirty"


def test_a_bench_that_failed_is_on_the_page_in_place_of_its_older_figures(tmp_path):
    record(2.0).save(tmp_path)
    failure("join", "greenroom bench join", "the server ended").save(tmp_path)
    (kept,) = all_in(tmp_path)
    text = markdown([kept])
    assert "the server ended" in text
    assert "server CPU" not in text
    assert "the server ended" in html([kept])


def test_all_goes_on_when_one_fails(tmp_path, monkeypatch):
    def measure(name, **_):
        if name == "actors":
            raise LoadFailed("it broke")
        return attrs.evolve(record(1.0), bench=name, runs=[])

    monkeypatch.setattr(runner, "measure", measure)
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(main, ["bench", "all", "--results", str(tmp_path), "--json"])
    assert told.exit_code == 1
    assert "actors: it broke" in told.stderr
    count = sum(not one.apart for one in BENCHES.values())
    assert re.search(rf"{count} benches, about \d+ minutes", told.stderr)
    assert f"actors (1 of {count}) failed: it broke" in told.stderr
    assert re.search(rf"simulate \({count} of {count}\) done in ", told.stderr)
    found = {one["bench"]: one["failed"] for one in json.loads(told.stdout)}
    assert found.pop("actors") == "it broke"
    assert set(found) == {name for name, one in BENCHES.items() if not one.apart} - {"actors"}
    assert not any(found.values())
    assert load(tmp_path / "actors.json").failed == "it broke"


def test_wrong_use_is_told_in_one_line():
    for words, why in (
        (["actors", "--url", "ws://h/"], "not a deployment"),
        (["join", "--quick", "--url", "ws://127.0.0.1:1/"], "--token-key"),
        (["join", "--set", "people=0"], "a whole number above 0"),
        (["join", "--set", "nope=3"], "has no size 'nope'"),
        (["join", "--html", "/proc/none/r.html"], "No such file or directory"),
    ):
        told = CliRunner().invoke(main, ["bench", *words])
        assert told.exit_code == 2
        assert why in told.output
    with (
        pytest.raises(LoadFailed, match="refused"),
        opened("ws://127.0.0.1:1/v1/ws", "k:" + "s" * 32),
    ):
        pass


def test_a_report_of_nothing_replaces_no_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("kept")
    args = ["bench", "report", "--results", str(tmp_path / "typo"), "--out", str(page)]
    told = CliRunner().invoke(main, args)
    assert told.exit_code == 1
    assert "there are no results in" in told.output
    assert page.read_text() == "kept"


def test_a_report_with_plots_is_written_where_there_was_no_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "measure", lambda *_, **__: record(1.0))
    file = tmp_path / "new" / "report.html"
    told = CliRunner().invoke(main, ["bench", "join", "--html", str(file)])
    assert told.exit_code == 0
    assert "<h2>join</h2>" in file.read_text()


def test_the_help_tells_a_deployments_sizes_beside_our_own():
    told = CliRunner().invoke(main, ["bench", "media", "--help"]).output
    ours, theirs = told.split("Sizes for --set:")[1].split("Sizes for --set with --url:")
    assert "quick" in ours
    assert re.search(r"^  publishers +a whole number above 0 ", theirs, re.MULTILINE)


@pytest.mark.parametrize(("slots", "employees"), [(30, 1), (2, 3)])
def test_a_race_for_more_slots_than_a_day_has_is_none(slots, employees):
    with pytest.raises(LoadMisused, match=f"slots={slots}"):
        book.run(people=42, employees=employees, slots=slots)


def test_sizes_are_the_benchs_own_and_kept_in_the_command(monkeypatch):
    taken = {}

    def apart(module, parameters, patience, *_):
        taken.update(module=module, parameters=parameters, patience=patience)
        return {"bench": module}

    monkeypatch.setattr(runner, "_apart", apart)
    kept = measure("book", quick=True, sizes={"people": 900}, url="ws://h/", token_key="k:s")
    assert taken["parameters"]["people"] == 900
    assert taken["patience"] == pytest.approx(3 * BENCHES["book"].seconds[0])
    assert kept.runs == [{"bench": "book"}]
    measure("storm", quick=True, url="ws://h/", token_key="k:s")
    assert taken["module"] == "storm_daemon"
    with pytest.raises(LoadFailed, match="has no size 'persons'; it has people, employees, slots"):
        measure("book", quick=True, sizes={"persons": 9})
    told = CliRunner().invoke(main, ["bench", "book", "--set", "people"])
    assert "expected NAME=NUMBER" in told.output
    told = CliRunner().invoke(main, ["bench", "all", "--set", "people=9"])
    assert told.exit_code == 2
    assert "for a single bench" in told.output
    monkeypatch.setattr(runner, "measure", lambda *_, **options: pytest.fail(options["command"]))
    with pytest.raises(pytest.fail.Exception, match=r"bench book --quick --set people=9$"):
        CliRunner().invoke(
            main, ["bench", "book", "--quick", "--set", "people=9"], catch_exceptions=False
        )


@pytest.mark.parametrize(
    ("bench", "size", "value", "complaint"),
    [
        ("book", "people", -9, "people=-9: expected a whole number above 0"),
        ("join", "people", "text", 'people="text": expected a whole number above 0'),
        ("join", "people", True, "people=true: expected a whole number above 0"),
        ("join", "people", [1, 2], r"people=\[1, 2\]: expected a whole number above 0"),
        ("stage", "seconds", 0, "seconds=0: expected a number above 0"),
        ("storm", "rate", 0, "rate=0: expected a number above 0"),
        ("storm", "away", -1, "away=-1: expected a number, 0 or more"),
        ("fanout", "sizes", 200, "sizes=200: expected a list of whole numbers above 0"),
        ("media_soak", "scenes", "chat", 'scenes="chat": expected a list of names'),
        ("journal", "folder", "data", "has no size 'folder'; it has writers, seconds"),
    ],
)  # fmt: skip
def test_a_size_that_is_none_is_told_with_what_is_expected(bench, size, value, complaint):
    with pytest.raises(LoadFailed, match=complaint):
        checked(bench, BENCHES[bench].module_of(bench, remote=False), {size: value})


def test_the_benchs_own_sizes_are_sizes():
    for name, bench in BENCHES.items():
        for quick, remote in itertools.product((True, False), {False, bench.remote}):
            module = bench.module_of(name, remote=remote)
            parameters = bench.parameters(quick=quick, remote=remote)
            assert checked(name, module, parameters) == parameters


PAGE = Path(__file__).parents[2] / "docs" / "load-testing.md"
LINES = re.findall(r"^    greenroom bench (\w+)([^#\n]*)", PAGE.read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize(("name", "rest"), [line for line in LINES if line[0] in BENCHES])
def test_the_commands_of_the_documentation_are_understood(name, rest, monkeypatch):
    def apart(*_):
        raise LoadFailed("it would run now")

    monkeypatch.setattr(runner, "_apart", apart)
    key = {"GREENROOM_KEY": "key:" + "s" * 32}
    told = CliRunner().invoke(main, ["bench", name, *rest.split()], env=key)
    assert "it would run now" in told.output


def test_what_is_no_ca_and_what_tells_no_metrics_is_refused(tmp_path):
    ca = tmp_path / "ca.pem"
    run = ["bench", "join", "--ca-file", str(ca)]
    assert "No such file" in CliRunner().invoke(main, run).output
    ca.write_text("nothing")
    assert "no certificate in PEM form" in CliRunner().invoke(main, run).output
    for where in ("http://127.0.0.1:1/metrics", "http://h:x/metrics"):
        told = CliRunner().invoke(main, ["bench", "join", "--metrics", where])
        assert "no metrics of Greenroom are told there" in told.output


def test_who_reads_no_further_is_told_nothing():
    program = "from bench.script import command; command(lambda: print('x\\n' * 99999))"
    talking = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert talking.stdout.read(1) == b"x"
    talking.stdout.close()
    with talking.stderr:
        assert talking.stderr.read() == b""
    assert talking.wait() == 1


def test_of_several_keys_in_the_variable_the_first_is_loaded_with(monkeypatch):
    monkeypatch.setenv("GREENROOM_KEY", "new:one:two,old:three")
    taken = {}

    def measure(*_, **options):
        taken.update(options)
        raise LoadFailed("seen")

    monkeypatch.setattr(runner, "measure", measure)
    told = CliRunner().invoke(main, ["bench", "join", "--url", "ws://127.0.0.1:1/"])
    assert "seen" in told.output
    assert taken["token_key"] == "new:one:two"
    told = CliRunner().invoke(main, ["bench", "join", "--token-key", "nosecret"])
    assert "KEY:SECRET" in told.output


@pytest.mark.slow
def test_a_small_crowd_joins_a_daemon_of_its_own():
    found = measure("join", quick=True).runs[0]
    figures = {figure.name: figure for figure in read("join", found)}
    assert figures["people with a snapshot"].met
    assert figures["people that People counts"].met
    assert found["join_cpu_seconds"] > 0


def test_a_page_is_judged_by_its_slow_frames_and_its_full_heap():
    found = page.frames([16.0] * 90 + [50.0] * 10)
    assert (found["frames_a_second_p5"], found["frame_longest_ms"]) == (20.0, 50.0)
    assert found["frames_a_second"] == pytest.approx(1000 / 19.4, abs=0.1)
    assert found["frames_late_percent"] == 10.0
    growing = [page.Look(60.0 * at, 5.0 + at, 900, 100 * at) for at in range(20)]
    assert page.memory(growing)["heap_mb_an_hour"] is None
    full = [page.Look(60.0 * at, 8.0 + 0.1 * at, 900, page.FULL) for at in range(10)]
    assert page.memory(growing + full)["heap_mb_an_hour"] == pytest.approx(6.0)
    with pytest.raises(LoadFailed):
        page.frames([])
