"""The examples in the documentation run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from engine.config import load_config

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SECONDS = 20
"""Time for an example to end; one that serves for ever has to be still alive after it."""


def blocks(language):
    for page in PAGES:
        found = re.findall(
            rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE
        )
        for number, text in enumerate(found, 1):
            yield pytest.param(text, id=f"{page.name}-{number}")


@pytest.mark.slow
@pytest.mark.parametrize("text", [p for p in blocks("python") if "trio.run" in p.values[0]])
def test_a_whole_program_runs(text, tmp_path):
    serves = "engine.serve()" in text
    # The port that a reader's engine listens on may be taken where tests run.
    text = text.replace("Config(key=", "Config(port=0, key=")
    try:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", text],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT), "GREENROOM_MEDIA_WORKERS": "0", "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=6 if serves else SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        assert serves
        return
    assert done.returncode == 0, done.stderr
    assert not serves, done.stderr


@pytest.mark.parametrize("text", [p for p in blocks("python") if "trio.run" not in p.values[0]])
def test_a_piece_of_a_program_is_sound(text):
    code = compile(text, "example", "exec")
    names = {"Journal": object, "Sessions": object}
    exec(code, names)  # noqa: S102  our own documentation


@pytest.mark.parametrize("text", [p for p in blocks("toml") if "[event]" not in p.values[0]])
def test_an_example_configuration_is_valid(text, tmp_path):
    file = tmp_path / "greenroom.toml"
    file.write_text(text)
    load_config(file, {}, {})


def test_every_link_between_pages_leads_somewhere():
    link = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
    missing = [
        f"{page.name}: {target}"
        for page in [*PAGES, ROOT / "ARCHITECTURE.md"]
        for target in link.findall(page.read_text("utf-8"))
        if not (page.parent / target).exists()
    ]
    assert not missing
