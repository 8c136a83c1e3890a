"""Inputs that are odd each in its own way, kept as files; fuzzing adds those it finds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from tests.fuzz import targets
from transport.client import open_client
from transport.closing import Close

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).with_name("corpus")


def inputs(folder):
    found = sorted((CORPUS / folder).iterdir())
    assert len(found) >= 15
    return found


@pytest.mark.parametrize("name", sorted(targets.TARGETS))
def test_every_kept_input_is_taken_or_refused_as_documented(name):
    for file in inputs(name):
        targets.TARGETS[name](file.read_bytes())


@pytest.mark.slow
def test_a_moments_fuzzing_finds_nothing(tmp_path):
    command = [sys.executable, "-m", "tests.fuzz", "all", "-seed=1", "-runs=2000"]
    done = subprocess.run(
        [*command, "-max_total_time=2", f"-artifact_prefix={tmp_path}/"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split("\n")[:-1] == [f"{name}: well" for name in targets.TARGETS]


async def test_no_kept_head_disturbs_anybody(house):
    with trio.fail_after(60):
        async with open_client(house.url, house.token("decent")) as decent:
            for file in inputs("head"):
                stream = await trio.open_tcp_stream("127.0.0.1", house.port)
                async with stream:
                    with trio.move_on_after(0.1):
                        await stream.send_all(file.read_bytes())
                        await stream.send_eof()
                        async for _ in stream:
                            pass
            assert await decent.call("ping")
            assert decent.statistics().connects == 1


async def test_every_kept_first_message_ends_in_a_documented_close(house, speaking):
    for file in inputs("connect"):
        async with speaking(house, connect=False) as who:
            await who.websocket.send_message(file.read_bytes().decode())
            with trio.move_on_after(5):
                assert (await who.ended()).code in {Close.BAD_REQUEST, Close.INVALID_TOKEN}, file
                continue
            raise AssertionError(f"{file.name} did not end")
