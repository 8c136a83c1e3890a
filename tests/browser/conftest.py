"""A real daemon and real browsers with fake devices; no console error goes unnoticed."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from actors.rules.base import Person
from engine.tokens import Key, mint

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
    "--no-sandbox",
]
KEY, SECRET = "test", "a secret for tests, as long as it should be"
EVENT = "fair"
ARTEFACTS = Path(__file__).parents[2] / "artifacts"
WAIT = 30_000
"""Milliseconds a browser may take for one step."""

expect.set_options(timeout=WAIT)

SESSIONS = [f"s{number}" for number in range(1, 25)]
CAST: dict[str, dict[str, Any]] = {
    "hana": {"role": "employee", "company": "acme", "sessions": frozenset({"*"})},
    "hugo": {"role": "employee", "company": "acme", "sessions": frozenset({"*"})},
    "emil": {"role": "employee", "company": "acme"},
    "ana": {},
    "ben": {},
    "cleo": {},
    "olga": {"role": "organizer", "grants": frozenset({"support"})},
}


def token(who: str, name: str | None = None) -> str:
    """Return a token for one of the cast, or for a participant who is not in it."""
    person = Person(id=who, name=name or who.capitalize(), event=EVENT, **CAST.get(who, {}))
    return mint(Key(KEY, SECRET), person, now=datetime.now(UTC), ttl=timedelta(hours=2))


def _event_file(path: Path) -> Path:
    now = datetime.now(UTC)
    days = ", ".join(f'"{(now + timedelta(days=day)).date()}"' for day in (0, 1))
    lines = [
        f'[event]\nid = "{EVENT}"\nname = "Spring Fair"\ntime_zone = "UTC"\ndays = [{days}]',
        '[event.one_to_one]\ninitiators = "both"\ndurations = [5, 30]\nhours = ["00:00", "24:00"]',
        (
            '[[company]]\nid = "acme"\nname = "Acme"\ninfo = "We build robots."\nslots = 400\n'
            'faqs = [{ question = "Remote?", answer = "Yes, anywhere." }]\n'
            'jobs = [{ title = "Engineer", url = "https://acme.example/jobs/1" }]'
        ),
    ]
    lines += [
        f'[[session]]\nid = "{name}"\ntitle = "Workshop {name}"\nkind = "workshop"\n'
        f'company = "acme"\nstart = {now.isoformat(timespec="seconds")}\nminutes = 60\n'
        f'hosts = ["hana", "hugo"]'
        for name in SESSIONS
    ]
    soon = (now + timedelta(hours=1)).isoformat(timespec="seconds")
    lines.append(
        '[[session]]\nid = "limited"\ntitle = "Limited seats"\nkind = "coffee_chat"\n'
        f'company = "acme"\nstart = {soon}\nminutes = 30\ncapacity = 1\nhosts = ["hana"]'
    )
    path.write_text("\n\n".join(lines))
    return path


@attrs.define
class Daemon:
    """A running ``greenroom serve``."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [
            *(sys.executable, "-m", "engine.cli", "serve", "--host", "127.0.0.1"),
            *("--port", str(self.port), "--data", str(self.folder), "--key", f"{KEY}:{SECRET}"),
            *("--load", str(self.folder / "event.toml")),
        ]
        with (self.folder / "daemon.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.address}/readyz", timeout=1):
                    return
            except OSError:
                time.sleep(0.1)
        raise TimeoutError((self.folder / "daemon.log").read_text())

    def kill(self) -> None:
        """End it without a word, as a crash would."""
        self.end(signal.SIGKILL)

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            os.kill(self.process.pid, how)
            self.process.wait(20)
            self.process = None


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("daemon")
    _event_file(folder / "event.toml")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = Daemon(port, folder)
    try:
        running.start()
        yield running
    finally:
        running.end()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@attrs.define
class Visitor:
    """One person's browser window."""

    who: str
    page: Page
    context: BrowserContext
    errors: list[str] = attrs.field(factory=list)

    def tab(self, name: str) -> None:
        """Open one of the session's four tabs."""
        self.page.locator(f"#panel-tab-{name}").click()

    def panel(self) -> Any:
        return self.page.locator("aside.panel")

    def shot(self, name: str) -> None:
        """Keep a picture to look at."""
        ARTEFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTEFACTS / f"{name}.png")


@attrs.define
class Visitors:
    """Opens browser windows, and checks at the end that none of them complained."""

    daemon: Daemon
    chromium: Browser
    opened: list[Visitor] = attrs.field(factory=list)
    allowed: list[str] = attrs.field(factory=list)

    def __call__(
        self, who: str, place: str = "", *, name: str | None = None, **options: Any
    ) -> Visitor:
        options.setdefault("viewport", {"width": 1360, "height": 820})
        context = self.chromium.new_context(locale=options.pop("locale", "en-US"), **options)
        context.set_default_timeout(WAIT)
        page = context.new_page()
        visitor = Visitor(who, page, context)
        page.on("console", lambda line: self._heard(visitor, line))
        page.on("pageerror", lambda error: visitor.errors.append(str(error)))
        kind, _, key = place.partition("/")
        target = f"&{kind}={key}" if key else ""
        page.goto(f"{self.daemon.address}/#token={token(who, name)}{target}")
        if place and not key:
            page.evaluate("place => { location.hash = '#/' + place }", place)
        self.opened.append(visitor)
        return visitor

    def _heard(self, visitor: Visitor, line: Any) -> None:
        if line.type in {"error", "warning"}:
            visitor.errors.append(f"{line.type}: {line.text}")

    def live(self, session: str, *others: str) -> list[Visitor]:
        """Open a session, have the host start it, and bring the others in."""
        host = self("hana", f"session/{session}")
        host.page.get_by_role("button", name="Start session").click()
        host.page.locator(".badge.live").wait_for()
        return [host, *(self(other, f"session/{session}") for other in others)]

    def finish(self) -> None:
        complaints = {
            visitor.who: [
                error
                for error in visitor.errors
                if not any(allowed in error for allowed in self.allowed)
            ]
            for visitor in self.opened
        }
        for visitor in self.opened:
            visitor.context.close()
        assert not any(complaints.values()), complaints


@pytest.fixture
def visit(daemon: Daemon, chromium: Browser) -> Iterator[Visitors]:
    visitors = Visitors(daemon, chromium)
    yield visitors
    visitors.finish()
