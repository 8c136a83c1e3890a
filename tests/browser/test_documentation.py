"""The page for client authors: its program for browsers, in one."""

import time
from contextlib import closing

from tests.docs.test_clients import HANA, block, say
from tests.engine.daemon import running, token


def test_a_page_by_hand_hears_and_misses_nothing_through_a_crash(chromium, tmp_path):
    page, heard = chromium.new_page(), []
    page.on("console", lambda line: heard.extend(arg.json_value() for arg in line.args))
    with running(tmp_path) as daemon, closing(page):
        page.goto(f"http://127.0.0.1:{daemon.port}/healthz")  # an origin it takes as its own
        # Chromium lets a page wait after failed attempts; so the first one comes when it may work.
        program = block("In a browser").replace(
            "Math.random() * Math.min(30, 0.5", "Math.min(30, 1.5"
        )
        assert "1.5 * 2" in program
        program = program.replace("wss://live.example", f"ws://127.0.0.1:{daemon.port}")
        page.evaluate(f"token => {{ {program} }}", token("hana", **HANA))
        _wait(page, lambda: _types(heard).count("snapshot") == 1)
        say(daemon, "before")
        _wait(page, lambda: _texts(heard) == ["before"])
        daemon.kill()
        daemon.start()
        say(daemon, "after")
        _wait(page, lambda: _texts(heard)[1:] == ["after"])


def _events(heard):
    return [one["params"] for one in heard if isinstance(one, dict) and "params" in one]


def _types(heard):
    return [event["type"] for event in _events(heard)]


def _texts(heard):
    return [event["data"]["text"] for event in _events(heard) if event["type"] == "chat.posted"]


def _wait(page, done):
    deadline = time.monotonic() + 30
    while not done():
        assert time.monotonic() < deadline
        page.wait_for_timeout(50)
