"""The container file's steps, one by one, where no container can be built.

What a registry, a base image and root would do stays untried: the dependencies are those of the
tests, and nobody becomes another user.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from engine.config import load_config
from tests.engine.daemon import running

ROOT = Path(__file__).parents[2]
FILE = (ROOT / "docs" / "deploy" / "Containerfile").read_text().replace("\\\n", " ")
STEPS = re.findall(r"^([A-Z]+) (.*)$", FILE, re.MULTILINE)
TREE = shutil.ignore_patterns("__pycache__", "node_modules", "vendor", "*.so")


def step(name):
    return [text for word, text in STEPS if word == name]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Copy and build as the file says; return the folder that the packages are in."""
    folder = tmp_path_factory.mktemp("image")
    for text in step("COPY"):
        *sources, target = text.split()
        if sources[0].startswith("--from"):
            continue
        for source in sources:
            place = folder / target.strip("/")
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, place, ignore=TREE)
            else:
                place.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, place)
    (install,) = [text for text in step("RUN") if "pip install" in text]
    assert install.endswith('"/src[cluster]"')
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    build += ["--no-build-isolation", "--wheel-dir", str(folder), str(folder / "src")]
    subprocess.run(build, check=True, capture_output=True, timeout=100)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder / "site")
    return folder / "site"


@pytest.mark.slow
def test_what_is_copied_builds_and_starts(installed, tmp_path):
    (info,) = installed.glob("*.dist-info")
    script = re.search(
        r"^greenroom = (\S+):(\S+)$", (info / "entry_points.txt").read_text(), re.MULTILINE
    )
    (entry,) = step("ENTRYPOINT")
    (command,) = step("CMD")
    assert json.loads(entry)[0].endswith("/bin/greenroom")
    program = f"import sys; from {script[1]} import {script[2]} as main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, *json.loads(command), "--help"],
        cwd=tmp_path, env={"PYTHONPATH": str(installed), "PATH": os.environ["PATH"]},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for needed in ("transport/web/index.html", "bench/peers/fanout.js"):
        assert (installed / needed).is_file()
    if shutil.which("cc"):
        assert (installed / "transport" / "media" / "fan_out.so").is_file()


def test_its_variables_are_options():
    (text,) = step("ENV")
    variables = dict(pair.split("=") for pair in text.split())
    config = load_config(None, variables, {"key": ("k:a-secret-of-more-than-32-characters",)})
    assert (config.host, config.port) == ("0.0.0.0", 8000)  # noqa: S104  in a container
    assert str(config.data) in step("VOLUME")
    assert f"{config.port}/tcp" in step("EXPOSE")[0]
    assert f"{config.media.port}/udp" in step("EXPOSE")[0]
    assert config.media.hosts == ("0.0.0.0",)  # noqa: S104  likewise


def test_the_check_of_its_health_tells_a_ready_daemon_from_none(tmp_path):
    (check,) = step("HEALTHCHECK")
    program = json.loads(check.removeprefix("CMD "))[2]
    with running(tmp_path) as daemon:
        here = program.replace(":8000/", f":{daemon.port}/")
        assert here != program
        assert subprocess.run([sys.executable, "-c", here], check=False).returncode == 0
    gone = subprocess.run([sys.executable, "-c", here], capture_output=True, check=False)
    assert gone.returncode != 0
