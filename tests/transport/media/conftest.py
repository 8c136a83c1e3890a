"""Settings of the media plane's tests."""

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import settings

from tests.transport.media.hall import room_with_two
from tests.transport.media.in_c import in_c
from transport.media import accelerator

# What is measured here is behaviour; a busy machine may take its time over an example.
settings.register_profile("media", deadline=None)
settings.load_profile("media")


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """The fan-out in C as this tree has it."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler here")
    built = tmp_path_factory.mktemp("fan_out") / "fan_out.so"
    source = Path(accelerator.__file__).with_name("fan_out.c")
    checks = ["-O2", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([compiler, *checks, "-shared", "-fPIC", source, "-o", built], check=True)
    return built


@pytest.fixture(params=["python", "c"])
def accelerated(request):
    """Each of the two that send to viewers; None for Python."""
    return in_c(request.getfixturevalue("library")) if request.param == "c" else None


@pytest.fixture
def hall(accelerated):
    """A room with Ana, who publishes, and Bob, who watches; both connected."""
    return room_with_two(accelerated)
