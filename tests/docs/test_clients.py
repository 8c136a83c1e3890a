"""The page for client authors: its programs, against a real daemon."""

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.engine.daemon import running, token
from transport.webhooks import sign

PAGE = (Path(__file__).parents[2] / "docs" / "clients.md").read_text()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    with running(tmp_path_factory.mktemp("daemon")) as daemon:
        yield daemon


def block(heading):
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    (found, *_) = re.findall(r"(?:^    .*\n|^\n(?=    ))+", section, re.MULTILINE)
    return textwrap.dedent(found)


class Program:
    """A program of the page, and what it has printed."""

    def __init__(self, text, *tokens):
        self.text = ""
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-c", text, *tokens],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def wait_for(self, wanted):
        while wanted not in self.text:
            line = self._process.stdout.readline()
            assert line, self.text
            self.text += line

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.communicate()


def hasty(program):
    """Return a program that waits a tenth as long before it comes back."""
    assert program.count("0.5 * 2") == 1
    return program.replace("0.5 * 2", "0.05 * 2")


HANA = {"sessions": frozenset({"ux"})}


def say(daemon, text):
    with daemon.client("hugo", **HANA) as hugo:
        hugo.call("session.join", session="ux")
        hugo.call("chat.send", topic="session/ux", text=text)


def test_a_client_by_hand_hears_and_misses_nothing_through_a_crash(daemon):
    program = hasty(block("By hand, with `websockets`"))
    program = program.replace("127.0.0.1:8000", f"127.0.0.1:{daemon.port}")
    program += "\nimport sys\nasyncio.run(main(sys.argv[1]))\n"
    with Program(program, token("hana", **HANA)) as running_program:
        running_program.wait_for("'type': 'snapshot'")
        say(daemon, "before")
        running_program.wait_for("before")
        daemon.kill()
        daemon.start()
        say(daemon, "after")
        running_program.wait_for("after")
    assert running_program.text.count("'text': 'before'") == 1
    assert running_program.text.count("'text': 'after'") == 1


def test_the_python_client_joins_and_hears(daemon):
    lines = block("The Python client").splitlines()
    inner = [line for line in lines if not line.startswith("from ")]
    program = "import sys, trio\nfrom transport.client import open_client\nasync def main(token):\n"
    program += textwrap.indent("\n".join(inner), "    ") + "\ntrio.run(main, sys.argv[1])\n"
    program = program.replace("wss://live.example", f"ws://127.0.0.1:{daemon.port}")
    with Program(program, token("hana", **HANA)) as running_program:
        running_program.wait_for("snapshot")
    assert "session/ux" in running_program.text


@pytest.mark.parametrize("body", [b'{"id": "x"}', b'{"id": "y"}'])
def test_the_check_of_a_webhook_tells_genuine_from_forged(body):
    signed = sign("secret", 1796032800, b'{"id": "x"}')
    names = {"secret": b"secret", "timestamp": b"1796032800", "body": body, "signature": signed}
    exec(block("Webhooks"), names)  # noqa: S102  our own documentation
    assert names["genuine"] is (body == b'{"id": "x"}')
