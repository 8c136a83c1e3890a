"""What was measured stands in the generated page alone: prose names it, and links there."""

import json
import re
from pathlib import Path

import pytest

from bench.catalog import BENCHES

ROOT = Path(__file__).parents[2]
GENERATED = "benchmarks.md"
PAGES = sorted(page for page in (ROOT / "docs").glob("*.md") if page.name != GENERATED)
MEASURED = re.compile(r"\d[\d.,]* (?:us|ms|s|seconds|kB|MB|GB|%|times|commands|/s)\b(?! of)|\d %")
SOURCES = re.compile(r"bench/results|benchmarks\.md|\bmeasured\b|\bin a (?:run|soak)\b")


def sentences(text: str) -> list[str]:
    """Return sentences and cells, with the places of links left out of them."""
    plain = re.sub(r"```.*?```|^ {4}.*?$", "", text, flags=re.DOTALL | re.MULTILINE)
    rows = re.sub(r" \| ", ".\n\n", plain)
    joined = (" ".join(part.split()) for part in re.split(r"\n\n|\n- ", rows))
    return [one for part in joined for one in re.split(r"(?<=[.:;])\s", part)]


def slug(heading: str) -> str:
    """Return a heading's anchor, as GitHub and its like make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_figure_of_a_measurement_stands_in_prose(page):
    typed = [
        one for one in sentences(page.read_text())
        if SOURCES.search(one) and MEASURED.search(re.sub(r"\(\S+\.md\S*\)", "", one))
    ]  # fmt: skip
    assert typed == []


def test_a_connections_memory_is_told_by_the_bench_alone():
    text = (ROOT / "docs" / "limits.md").read_text()
    (row,) = re.findall(r"^\| a connection \|.*$", text, re.MULTILINE)
    assert GENERATED in row
    assert not re.search(r"connection takes about \d", text)


def test_every_fault_of_the_cluster_is_called_as_in_the_bench():
    kept = json.loads((ROOT / "bench" / "results" / "outage.json").read_text())
    faults = {fault["fault"] for fault in kept["runs"][-1]["faults"]}
    text = (ROOT / "docs" / "cluster.md").read_text()
    table = text.partition("| | | in the bench |")[2].partition("\n\n")[0]
    named = {line.split(" | ")[-1].strip(" |") for line in table.splitlines()[2:]}
    assert named - {""} == faults


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_a_bench_lead_to_its_table(page):
    known = {slug(f"{name}: {bench.about}") for name, bench in BENCHES.items()}
    linked = re.findall(r"benchmarks\.md#([\w-]+)", page.read_text())
    assert set(linked) <= known
