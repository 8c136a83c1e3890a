"""The log tells what happened, and of people only pseudonyms."""

import json
import os
import subprocess
import sys

import pytest

PROGRAM = """
import logging, sys, structlog
from actors.rules.base import Person
from engine.logs import configure_logs
from transport.telemetry import pseudonym

configure_logs(sys.argv[1])
log = structlog.get_logger("test")
log.error("a", person=pseudonym(Person(id="ana@example.org", name="Ana", event="fair")))
log.error("b", entity="person/fair.ana@example.org", others=["session/ux", "agenda/fair.ana b"])
try:
    raise ValueError("person/fair.ana@example.org: no answer")
except ValueError:
    log.exception("c")
log.error("d", entity="chat/fair.ana@example.org.1", room="media/chat/fair.ana@example.org.1")
logging.getLogger("kernel").warning("%s failed", "person/fair.ana@example.org")
"""


def said(level):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, level], capture_output=True, text=True, check=True
    )
    *lines, last = done.stderr.splitlines()
    return [json.loads(line) for line in lines], last


@pytest.mark.parametrize("level", ["info", "warning"])
def test_people_go_by_pseudonyms_that_can_be_followed(level):
    (first, second, third, fourth), last = said(level)
    name = first["person"]
    assert second["entity"] == f"person/{name}"
    assert second["others"][0] == "session/ux"
    assert second["others"][1].startswith("agenda/")
    assert f"person/{name}: no answer" in third["exception"]
    assert last == f"WARNING:kernel:person/{name} failed"
    assert "ana" not in json.dumps([first, second, third["event"], fourth])
    assert fourth["entity"].startswith("chat/")
    assert fourth["room"] == f"media/{fourth['entity']}"
    assert "ana@example.org" not in "".join(third["exception"].splitlines()[-1:])


def test_whoever_is_after_a_fault_may_have_them_named():
    (first, second, *_), last = said("debug")
    assert first["person"] == "fair/ana@example.org"
    assert second["entity"] == "person/fair.ana@example.org"
    assert "ana@example.org" in last


def test_a_line_is_written_whole_whoever_else_writes_to_the_same_pipe():
    """Several workers do; unbuffered, a line and its end were two writes."""
    program = "for n in range(500): log.error('e', number=n)"
    begin = PROGRAM.partition("log.error")[0]
    read, write = os.pipe()
    workers = [
        subprocess.Popen([sys.executable, "-u", "-c", begin + program, "info"], stderr=write)
        for _ in range(3)
    ]
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as told:
        lines = [json.loads(line) for line in told]
    assert [worker.wait(30) for worker in workers] == [0, 0, 0]
    assert len(lines) == 3 * 500
