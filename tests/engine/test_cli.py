import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress

import psutil
import pytest
from click.testing import CliRunner

from engine.cli import load, main
from engine.cli.group import Unreachable
from engine.loading import read_event_file
from engine.tokens import Authenticator, Key
from transport.webhooks import sign

SECRET = "a-secret-of-more-than-32-characters"


NEXT_YEARS = """
[event]
id = "fair"
name = "Spring Fair"
time_zone = "Europe/Berlin"
days = ["2099-12-01"]

[[company]]
id = "acme"
name = "Acme"

[[session]]
id = "ux"
title = "UX workshop"
kind = "workshop"
company = "acme"
start = 2099-12-01T10:00:00+01:00
minutes = 60
hosts = ["hana"]
"""


KEY = ("--key", f"k:{SECRET}")
VERIFY = ("webhook-verify", "--secret", "s")


def run(*args, stdin=None):
    return CliRunner().invoke(main, args, input=stdin, catch_exceptions=False)


def test_a_token_says_what_its_flags_said():
    flags = ["--sub", "ana", "--name", "Ana", "--event", "fair", "--role", "employee"]
    flags += ["--company", "acme", "--host", "ux", "--host", "grid", "--grant", "support"]
    printed = run("token", "--key", f"k:{SECRET}", *flags, "--ttl", "90m").output.strip()
    person, _ = Authenticator([Key("k", SECRET)]).verify(printed)
    assert (person.id, person.name, person.event, person.company) == ("ana", "Ana", "fair", "acme")
    assert (person.role, person.sessions) == ("employee", {"ux", "grid"})
    assert person.grants == {"support"}


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["token", "--key", "nosecret", "--sub", "a", "--event", "e"], "KEY:SECRET"),
        (["token", "--key", "k:s", "--sub", "a", "--event", "e", "--ttl", "soon"], "90s, 15m"),
        (["serve"], "no API key"),
        (["serve", "--config", "/nowhere.toml"], "No such file"),
        (["check", "--port", "99999"], "port must be between"),
        (["load", "/nowhere.toml", "--data", "d"], "No such file"),
        (["load", "x.toml", "--data", "d", "--url", "ws://e"], "give either --data or --url"),
        (["load", "x.toml", "--url", "ws://e"], "--url needs --key"),
        (["load", "x.toml", "--url", "http://e", *KEY], "expected ws://HOST:PORT/v1/ws"),
        (["load", "x.toml", "--url", "ws://e:x", *KEY], "Port could not be cast"),
        (["load", "x.toml", "--url", "ws://e", "--key", "nosecret"], "KEY:SECRET"),
        (["top", "--key", "nosecret"], "KEY:SECRET"),
        (["token", *KEY, "--sub", "a", "--event", "e", "--ttl", "²d"], "90s, 15m"),
        (["token", *KEY, "--sub", "a", "--event", "e", "--ttl", "9" * 5000 + "s"], "hundred years"),
        (["token", *KEY, "--sub", "a", "--event", "e", "--ttl", "3000000d"], "hundred years"),
        (["token", *KEY, "--sub", "", "--event", "e"], "sub must be text"),
        (["token", *KEY, "--sub", "a", "--event", "e", "--role", "employee"], "company must be"),
        ([*VERIFY, "--timestamp", "9" * 18, "--signature", "x", "--old"], "no greenroom-timestamp"),
        (["bench", "report", "--out", "/nowhere/page.md"], "/nowhere/page.md: No such file"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(args, complaint):
    result = run(*args)
    assert result.exit_code != 0
    assert complaint in result.output
    assert "Traceback" not in result.output
    assert "fault of ours" not in result.output


def test_of_several_keys_in_the_variable_the_first_mints(monkeypatch):
    monkeypatch.setenv("GREENROOM_KEY", f"new:{SECRET},old:{SECRET[::-1]}")
    printed = run("token", "--sub", "ana", "--event", "fair").output.strip()
    assert Authenticator([Key("new", SECRET)]).verify(printed)[0].id == "ana"


async def test_an_engine_that_does_not_answer_is_not_waited_for_for_ever(tmp_path, autojump_clock):
    file = tmp_path / "event.toml"
    file.write_text(NEXT_YEARS)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"ws://127.0.0.1:{taken.getsockname()[1]}/v1/ws"
    with pytest.raises(Unreachable, match="does not answer"):
        await load._load(read_event_file(file), None, url, Key("k", SECRET))


@pytest.fixture
def interruptible():
    """Let children be interrupted also where a shell has us ignore that, in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.slow
@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(
    ("arguments", "first", "last", "code"),
    [
        (("--bots", "1", "--port", "0"), "Stop with Ctrl-C", "Stopped; nothing was kept.", 0),
        (("--script", "workshop"), "Spring Fair", "Aborted!", 1),
    ],
)
def test_ctrl_c_ends_a_demo_with_a_word(arguments, first, last, code):
    command = [sys.executable, "-m", "engine.cli", "demo", *arguments]
    environment = {**os.environ, "GREENROOM_MEDIA_WORKERS": "0", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        assert any(first in line for line in process.stdout)
        process.send_signal(signal.SIGINT)
        said = process.stdout.read()
        assert process.wait(20) == code
    assert said.splitlines()[-1] == last
    assert "Traceback" not in said


def test_check_tells_who_sends_to_the_viewers(monkeypatch):
    key = ("--key", f"k:{SECRET}")
    assert "Media: fan-out in " in run("check", *key).output
    monkeypatch.setenv("GREENROOM_MEDIA_FAN_OUT", "python")
    assert "in Python, as configured" in run("check", *key).output


def test_check_warns_of_a_weak_secret_without_telling_it():
    checked = run("check", "--key", f"k:{SECRET}", "--key", "trial:s3cret", "--json")
    assert checked.stderr == "Warning: key trial has a weak secret, shorter than 32 bytes.\n"
    assert json.loads(checked.stdout)
    assert not run("check", *KEY).stderr


def test_check_prints_every_option_for_machines_without_secrets():
    rows = json.loads(run("check", "--key", f"k:{SECRET}", "--json").output)
    assert SECRET not in json.dumps(rows)
    assert {"port", "media.workers", "limits.message_bytes"} <= {row["option"] for row in rows}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[event]\nid = 5\n", "a table [event] with an id"),
        ('[event]\nid = "fair"\n', "event: "),
        (
            '[event]\nid = "fair"\nname = "F"\ntime_zone = "Mars/Base"\ndays = ["2026-12-01"]',
            "Mars",
        ),
        ("[evnt]\n", "unknown table evnt"),
        ("{", "event.toml: "),
    ],
)
def test_a_wrong_event_file_is_told_with_the_place(tmp_path, text, complaint):
    file = tmp_path / "event.toml"
    file.write_text(text)
    result = run("load", str(file), "--data", str(tmp_path / "data"))
    assert result.exit_code != 0
    assert complaint in result.output


def test_loading_a_file_again_changes_what_differs_and_nothing_else(tmp_path):
    file, data = tmp_path / "event.toml", str(tmp_path / "data")
    file.write_text(NEXT_YEARS)

    def load_and_count():
        assert "3 loaded" in run("load", str(file), "--data", data).output
        out = run("export", "sessions", "--data", data, "--format", "json").output
        return json.loads(out[out.index("[") :])[0]["title"], _rows(tmp_path / "data")

    assert load_and_count()[0] == "UX workshop"
    before = _rows(tmp_path / "data")
    assert load_and_count()[1] == before
    file.write_text(NEXT_YEARS.replace("UX workshop", "UX, hands on"))
    title, after = load_and_count()
    assert title == "UX, hands on"
    assert after > before


def _rows(data):
    with closing(sqlite3.connect(data / "greenroom.db")) as db:
        return db.execute("SELECT count(*) FROM journal").fetchone()[0]


@pytest.mark.parametrize(("body", "code"), [(b'{"a":1}', 0), (b'{"a":2}', 1)])
def test_webhook_verify_tells_a_genuine_body_from_another(body, code):
    args = ["--secret", "s", "--timestamp", "1796032800", "--old"]
    args += ["--signature", sign("s", 1796032800, b'{"a":1}')]
    result = run("webhook-verify", *args, stdin=body)
    assert result.exit_code == code, result.output


def serve(tmp_path, *arguments):
    command = [sys.executable, "-m", "engine.cli", "serve", "--key", f"k:{'s' * 32}"]
    command += ["--port", "0", "--data", str(tmp_path / "data"), *arguments]
    environment = {**os.environ, "GREENROOM_MEDIA_WORKERS": "0"}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=environment
    )


def test_a_daemon_that_cannot_start_says_why_in_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = tmp_path / "tls.toml"
        config.write_text('certificate = "x.pem"\nprivate_key = "y.pem"\n')
        for arguments, why in (
            (("--port", str(port)), f"cannot listen on 127.0.0.1:{port}: "),
            (("--config", str(config)), "x.pem and y.pem: No such file or directory"),
            (("--data", str(config)), "cannot be written"),
        ):
            done = serve(tmp_path, *arguments)
            assert done.returncode == 1
            last = done.stderr.splitlines()[-1]
            assert last.startswith("Error: ")
            assert why in last
            assert "Traceback" not in done.stderr
            assert "Exceptions from" not in done.stderr


def _kin(process):
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(process.pid).children(recursive=True)
    return []


@pytest.mark.slow
def test_a_bench_that_is_told_to_end_takes_what_it_has_started_along(tmp_path):
    command = [sys.executable, "-m", "engine.cli", "bench", "journal", "--results", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.STDOUT, stdout=subprocess.PIPE) as process:
        while not (started := _kin(process)):
            assert process.poll() is None
            time.sleep(0.05)
        process.terminate()
        assert process.wait(20) == 1
        assert b"Traceback" not in process.stdout.read()
    gone, alive = psutil.wait_procs(started, timeout=10)
    assert gone
    assert not alive
