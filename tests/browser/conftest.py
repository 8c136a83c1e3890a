"""A real daemon and real browsers with fake devices; no console error goes unnoticed."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from actors.rules.base import Person
from engine.tokens import Key, mint
from tests.coturn import coturn

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream=fps=10",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
    "--no-sandbox",
]
KEY, SECRET = "test", "a secret for tests, as long as it should be"
EVENT = "fair"
ARTEFACTS = Path(__file__).parents[2] / "artifacts"
GO = """place => new Promise((drawn) => {
  if (location.hash === place) drawn();
  const later = () => requestAnimationFrame(() => requestAnimationFrame(drawn));
  addEventListener("hashchange", later, { once: true });
  location.hash = place;
})"""
HEAR = """
globalThis.heard = [];
addEventListener("DOMContentLoaded", () => {
  const announcer = document.getElementById("announcer");
  const told = () => heard.push(announcer.textContent);
  if (announcer) new MutationObserver(told).observe(announcer, { childList: true });
});
"""
CALL = """async ([method, params]) => {
  const { call } = await import("/app/actions.js");
  return call(method, params);
}"""
MOVES = """selector => {
  const video = document.querySelector(selector);
  return (video?.currentTime ?? 0) > 0.3 && video.videoWidth > 0;
}"""
WAIT = 30_000
"""Milliseconds a browser may take for one step."""

expect.set_options(timeout=WAIT)

SESSIONS = [f"s{number}" for number in range(1, 80)]
"""Each test takes the next, so that one that is tried again begins with a fresh one."""

PAGES = (
    *("lobby", "program", "schedule", "companies", "company/acme"),
    *("one-to-one", "support", "organizer"),
)
CAST: dict[str, dict[str, Any]] = {
    "hana": {"role": "employee", "company": "acme", "sessions": frozenset({"*"})},
    "hugo": {"role": "employee", "company": "acme", "sessions": frozenset({"*"})},
    "emil": {"role": "employee", "company": "acme"},
    "uma": {"role": "employee", "company": "umbra"},
    "ana": {},
    "ben": {},
    "cleo": {},
    "olga": {"role": "organizer", "grants": frozenset({"support"})},
}


def token(who: str, name: str | None = None) -> str:
    """Return a token for one of the cast, or for a participant who is not in it."""
    known = who.rstrip("0123456789")
    person = Person(id=who, name=name or known.capitalize(), event=EVENT, **CAST.get(known, {}))
    return mint(Key(KEY, SECRET), person, now=datetime.now(UTC), ttl=timedelta(hours=2))


def _early_evening(now: datetime) -> tuple[str, datetime]:
    """Return a time zone in which it is past six, and the time there.

    Whenever the tests run, the fair's day has hours to go, and not so many that its slots are slow.
    """
    ahead = (18 - now.hour + 12) % 24 - 12
    zone = f"Etc/GMT{-ahead:+d}"  # west of Greenwich counts as plus there
    return zone, now.astimezone(ZoneInfo(zone))


def _event_file(path: Path) -> Path:
    now = datetime.now(UTC)
    zone, local = _early_evening(now)
    days = ", ".join(f'"{(local + timedelta(days=day)).date()}"' for day in (0, 1))
    lines = [
        f'[event]\nid = "{EVENT}"\nname = "Spring Fair"\ntime_zone = "{zone}"\ndays = [{days}]',
        '[event.one_to_one]\ninitiators = "both"\ndurations = [5, 30]\nhours = ["00:00", "24:00"]',
        (
            '[[company]]\nid = "acme"\nname = "Acme"\ninfo = "We build robots."\nslots = 9000\n'
            'faqs = [{ question = "Remote?", answer = "Yes, anywhere." }]\n'
            'jobs = [{ title = "Engineer", url = "https://acme.example/jobs/1" }]'
        ),
    ]
    lines.append('[[company]]\nid = "umbra"\nname = "Umbra"\nslots = 20')
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
    event: Path
    settings: Mapping[str, str] = attrs.field(factory=dict)
    program: Sequence[str] = ("engine.cli",)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [
            *(sys.executable, "-m", *self.program, "serve", "--host", "127.0.0.1"),
            *("--port", str(self.port), "--data", str(self.folder), "--key", f"{KEY}:{SECRET}"),
            *("--load", str(self.event)),
        ]
        with (self.folder / "daemon.log").open("ab") as log:
            settings = {**os.environ, **self.settings}
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=settings)
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.address}/readyz", timeout=1):
                    return
            except OSError:
                time.sleep(0.1)
        raise TimeoutError((self.folder / "daemon.log").read_text())

    def end(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None


@contextmanager
def serving(
    folder: Path, settings: Mapping[str, str], program: Sequence[str] = ("engine.cli",)
) -> Iterator[Daemon]:
    """Run a daemon with the tests' event; ``settings`` are its environment."""
    _event_file(folder / "event.toml")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = Daemon(port, folder, folder / "event.toml", settings, program)
    try:
        running.start()
        yield running
    finally:
        running.end()


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with serving(tmp_path_factory.mktemp("daemon"), {}) as running:
        yield running


@attrs.define
class Apart:
    """A daemon for what would disturb the others: it names a TURN server, and its clock jumps.

    :param unused: its sessions that no test has been in.
    """

    daemon: Daemon
    skew: Path
    unused: Iterator[str] = attrs.field(factory=lambda: iter(SESSIONS))

    def restart(self, *, later: float) -> None:
        """End it, and start it again so many seconds later, by its clock."""
        self.daemon.end()
        self.skew.write_text(str(float(self.skew.read_text()) + later))
        self.daemon.start()


@pytest.fixture(scope="session")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apart]:
    folder = tmp_path_factory.mktemp("apart")
    skew = folder / "skew"
    skew.write_text("0")
    with coturn(folder, SECRET) as port:
        turn = {
            "GREENROOM_MEDIA_TURN": f"turn:127.0.0.1:{port}?transport=udp",
            "GREENROOM_MEDIA_TURN_SECRET": SECRET,
        }
        with serving(folder, turn, ("bench.skewed", str(skew))) as running:
            yield Apart(running, skew)


@pytest.fixture(scope="session")
def unused() -> Iterator[str]:
    """Sessions that no test has been in."""
    return iter(SESSIONS)


@pytest.fixture(scope="session")
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

    def go(self, place: str) -> None:
        """Go to one of the client's pages, and wait until it is drawn."""
        self.page.evaluate(GO, f"#/{place}")

    def hears(self, text: str) -> None:
        """Wait until a screen reader has been told something, be it a moment ago."""
        self.page.wait_for_function("text => heard.includes(text)", arg=text)

    def does(self, method: str, **params: Any) -> Any:
        """Carry out a method as the page does, and return its result."""
        return self.page.evaluate(CALL, [method, params])

    def drop(self) -> None:
        """Lose the network and have it back."""
        self.lose()
        self.regain()

    def lose(self) -> None:
        """Lose the network."""
        self.context.set_offline(offline=True)
        expect(self.page.locator(".banner")).to_contain_text("Connection lost")

    def regain(self) -> None:
        """Have the network back; the client mends itself."""
        self.context.set_offline(offline=False)
        expect(self.page.locator(".banner")).to_have_count(0)

    def sees(self, person: str) -> None:
        """Wait until a person's picture is decoded here."""
        self.page.wait_for_function(MOVES, arg=f'[data-person="{person}"] video')

    def shot(self, name: str) -> None:
        """Keep a picture to look at."""
        ARTEFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTEFACTS / f"{name}.png")


@attrs.define
class Visitors:
    """Opens browser windows, and checks at the end that none of them complained."""

    daemon: Daemon
    chromium: Browser
    unused: Iterator[str]
    scripts: list[str] = attrs.field(factory=list)
    opened: list[Visitor] = attrs.field(factory=list)
    allowed: list[str] = attrs.field(factory=lambda: ["ERR_INTERNET_DISCONNECTED"])

    def __call__(
        self, who: str, place: str = "", *, name: str | None = None, **options: Any
    ) -> Visitor:
        options.setdefault("viewport", {"width": 1360, "height": 820})
        context = self.chromium.new_context(locale=options.pop("locale", "en-US"), **options)
        context.set_default_timeout(WAIT)
        for script in (HEAR, *self.scripts):
            context.add_init_script(script)
        page = context.new_page()
        visitor = Visitor(who, page, context)
        page.on("console", lambda line: self._heard(visitor, line))
        page.on("pageerror", lambda error: visitor.errors.append(str(error)))
        kind, _, key = place.partition("/")
        target = f"&{kind}={key}" if key else ""
        page.goto(f"{self.daemon.address}/#token={token(who, name)}{target}")
        self.opened.append(visitor)
        if place and not key:
            visitor.go(place)
        return visitor

    def _heard(self, visitor: Visitor, line: Any) -> None:
        if line.type in {"error", "warning"}:
            visitor.errors.append(f"{line.type}: {line.text}")

    def fresh(self, who: str) -> str:
        """Return the id of somebody like one of the cast who has done nothing yet."""
        return f"{who}{next(self.unused).removeprefix('s')}"

    def session(self) -> str:
        """Return the id of a session that nobody has been in."""
        return next(self.unused)

    def live(self, *others: str, **options: Any) -> list[Visitor]:
        """Have the host start a fresh session, and bring the others in."""
        session = self.session()
        host = self("hana", f"session/{session}", **options)
        host.page.get_by_role("button", name="Start session").click()
        host.page.locator(".badge.live").wait_for()
        return [host, *(self(other, f"session/{session}", **options) for other in others)]

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
def visit(daemon: Daemon, chromium: Browser, unused: Iterator[str]) -> Iterator[Visitors]:
    visitors = Visitors(daemon, chromium, unused)
    yield visitors
    visitors.finish()
