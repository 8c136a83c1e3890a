"""The page for client authors: its programs, against a real daemon."""

import asyncio
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.engine.conftest import running
from tests.engine.daemon import token
from transport.webhooks import sign

PAGE = (Path(__file__).parents[2] / "docs" / "clients.md").read_text()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    yield from running(tmp_path_factory.mktemp("daemon"))


def block(heading):
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    (found, *_) = re.findall(r"(?:^    .*\n|^\n(?=    ))+", section, re.MULTILINE)
    return textwrap.dedent(found)


async def heard(program, tokens, until):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-u", "-c", program, *tokens,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    text = ""
    try:
        async with asyncio.timeout(20):
            while until not in text:
                line = await process.stdout.readline()
                assert line, text
                text += line.decode()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    return text


def test_a_client_by_hand_joins_and_hears(daemon):
    program = block("By hand, with `websockets`").replace(
        "127.0.0.1:8000", f"127.0.0.1:{daemon.port}"
    )
    program += "\nimport sys\nasyncio.run(main(sys.argv[1]))\n"
    hana = token("hana", sessions=frozenset({"ux"}))
    text = asyncio.run(heard(program, [hana], "'type': 'snapshot'"))
    assert "session/ux" in text


def test_the_python_client_joins_and_hears(daemon):
    lines = block("The Python client").splitlines()
    inner = [line for line in lines if not line.startswith("from ")]
    program = "import sys, trio\nfrom transport.client import open_client\nasync def main(token):\n"
    program += textwrap.indent("\n".join(inner), "    ") + "\ntrio.run(main, sys.argv[1])\n"
    program = program.replace("wss://live.example", f"ws://127.0.0.1:{daemon.port}")
    hana = token("hana", sessions=frozenset({"ux"}))
    assert "session/ux" in asyncio.run(heard(program, [hana], "snapshot"))


@pytest.mark.parametrize("body", [b'{"id": "x"}', b'{"id": "y"}'])
def test_the_check_of_a_webhook_tells_genuine_from_forged(body):
    signed = sign("secret", 1796032800, b'{"id": "x"}')
    names = {"secret": b"secret", "timestamp": b"1796032800", "body": body, "signature": signed}
    exec(block("Webhooks"), names)  # noqa: S102  our own documentation
    assert names["genuine"] is (body == b'{"id": "x"}')
