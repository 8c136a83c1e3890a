"""The server API holds what its OpenAPI document says, whatever is asked of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.daemon import token

SECONDS = 90
"""More than the bounded run takes on a busy machine."""


@pytest.mark.slow
def test_schemathesis_finds_nothing_the_document_does_not_say(shared_daemon, tmp_path):
    tool = Path(sys.executable).with_name("schemathesis")
    # Without positive_data_acceptance: the document tells types. That a name is not empty, a time
    # zone known or an id made of letters is for the rules to say; they do, with 400 and a path, and
    # the check would take each such answer for a fault.
    admin = token("service", grants=frozenset({"admin"}))
    done = subprocess.run(
        [
            tool, "run", f"http://127.0.0.1:{shared_daemon.port}/v1/openapi.json",
            "--header", f"Authorization: Bearer {admin}", "--max-examples", "4", "--seed", "1",
            "--phases", "examples,coverage,fuzzing", "--request-timeout", "10", "--no-color",
            "--max-failures", "9", "--exclude-checks", "positive_data_acceptance",
        ],
        cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS, check=False,
        env={**os.environ, "SCHEMATHESIS_HOOKS": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-1000:]
