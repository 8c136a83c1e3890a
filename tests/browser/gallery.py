"""Pictures of every page to look at, in ``artifacts/gallery``: python -m tests.browser.gallery.

Each page and dialog in light and dark, on a phone and on a desktop, in English and German. With
``--docs`` the scenes of the documentation's pictures instead: ``session``, ``rooms``, ``one_chat``.
"""

import argparse
import json
import socket
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import trio
from playwright.sync_api import Browser, Page, sync_playwright

from engine.bots import CHAT
from engine.sample import sample_event
from tests.browser.conftest import ARTEFACTS, CHROMIUM, FLAGS, Daemon, token
from transport.client import Client, open_client

HERE = Path(__file__).parent
PORTRAITS = (HERE / "portraits.js").read_text()
WAYS = (("desktop", "light", "en-GB"), ("desktop", "dark", "de-DE"), ("phone", "light", "de-DE"),
        ("phone", "dark", "en-GB"))  # fmt: skip
SCREENS = {"desktop": (1360, 820), "phone": (390, 844)}
LOOKS = {"hana": ("Hana Novak", 0), "hugo": ("Hugo Brandt", 1), "ana": ("Ana Ruiz", 2),
         "ben": ("Ben Adeyemi", 3), "cleo": ("Cleo Martin", 2), "dora": ("Dora Lind", 0),
         "finn": ("Finn Adler", 1), "emil": ("Emil Sander", 1),
         "olga": ("Olga Meier", 0)}  # fmt: skip
AUDIENCE = ("Noor Haddad", "Lena Fischer", "Mateo Silva", "Yuki Tanaka", "Amara Okafor",
            "Jonas Weber", "Priya Nair", "Elif Demir", "Tom Brennan", "Zoë Laurent")  # fmt: skip
QUESTIONS = (
    ("How do you test with people who have never used a robot?", 7),
    ("Which tools do you prototype with?", 4),
    ("What did you throw away, and why?", 3),
    ("Do interns take part in user studies?", 2),
)


class Crowd:
    """Bots in an audience that talk, ask and vote; they live in a thread of their own."""

    def __init__(self, daemon: Daemon, session: str) -> None:
        self._url = f"ws://127.0.0.1:{daemon.port}/v1/ws"
        self._session = session
        self._ready = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: trio.run(self._live))

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    async def _live(self) -> None:
        async with trio.open_nursery() as nursery:
            clients: list[Client] = []
            for name in AUDIENCE:
                client = await nursery.start(self._member, name)
                clients.append(client)
            await self._talk(clients)
            self._ready.set()
            while not self._over.is_set():
                await trio.sleep(0.1)
            nursery.cancel_scope.cancel()

    async def _member(self, name: str, task_status: Any) -> None:
        ident = name.split(maxsplit=1)[0].lower()
        async with open_client(self._url, token(ident, name)) as client:
            await client.call("session.register", session=self._session)
            await client.call("session.join", session=self._session)
            task_status.started(client)
            await trio.sleep_forever()

    async def _talk(self, clients: Sequence[Client]) -> None:
        topic = f"session/{self._session}"
        for client, text in zip(clients, CHAT, strict=False):
            said = await client.call("chat.send", topic=topic, text=text)
            for other, emoji in zip(clients[2:5], ("👍", "🎉", "👍"), strict=True):
                if text.startswith("That prototype"):
                    await other.call("chat.react", topic=topic, id=said["message"]["id"],
                                     emoji=emoji, on=True)  # fmt: skip
        for client, (text, votes) in zip(clients, QUESTIONS, strict=False):
            asked = await client.call("qa.ask", session=self._session, text=text)
            for other in clients[:votes]:
                await other.call("qa.upvote", session=self._session, id=asked["question"]["id"])
        for client in clients[5:7]:
            await client.call("stage.request", session=self._session, mic=True, camera=True)


class Stagehand:
    """Opens windows and takes pictures of them."""

    def __init__(self, daemon: Daemon, browser: Browser, folder: Path) -> None:
        self._daemon = daemon
        self._browser = browser
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def open(self, who: str, place: str, screen: str = "desktop", scheme: str = "light",
             locale: str = "en-GB", scale: float = 1.0) -> Page:  # fmt: skip
        width, height = SCREENS[screen]
        name, look = LOOKS[who]
        context = self._browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, locale=locale,
            device_scale_factor=scale, timezone_id="Europe/Berlin",
            has_touch=screen == "phone", is_mobile=screen == "phone",
        )  # fmt: skip
        context.add_init_script(PORTRAITS.replace("LOOK", str(look)))
        page = context.new_page()
        page.goto(f"{self._daemon.address}/#token={token(who, name)}")
        page.evaluate("place => { location.hash = '#/' + place }", place)
        page.locator("#main h1, .room-head h1, .slots-box").first.wait_for()
        return page

    def shot(self, page: Page, name: str, **options: Any) -> None:
        page.wait_for_timeout(350)
        page.screenshot(path=self._folder / f"{name}.png", **options)


def event_file(path: Path) -> None:
    """Write the sample event, with one more company's worth of program."""
    event = sample_event(datetime.now(UTC))
    event["event"]["one_to_one"]["durations"] = [5, 15]
    event["session"][0].pop("capacity")
    path.write_text(json.dumps(event, default=lambda value: value.isoformat()))


@contextmanager
def running() -> Iterator[tuple[Daemon, Browser]]:
    """A daemon with the sample event, and a browser."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        event = Path(folder) / "event.json"
        event_file(event)
        daemon = Daemon(port, Path(folder), event=event)
        daemon.start()
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                yield daemon, browser
                browser.close()
        finally:
            daemon.end()


def on_air(hand: Stagehand, scale: float = 1.0) -> tuple[Page, Page]:
    """Two hosts with moving pictures in a live session."""
    hana = hand.open("hana", "session/ux", scale=scale)
    hana.get_by_role("button", name="Start session").click()
    hugo = hand.open("hugo", "session/ux")
    for page in (hana, hugo):
        page.get_by_role("button", name="Turn camera on").click()
        page.get_by_role("button", name="Unmute microphone").click()
    return hana, hugo


def tabs(hand: Stagehand, page: Page, name: str) -> None:
    for tab in ("company", "people", "qa", "chat"):
        page.locator(f"#panel-tab-{tab}").click()
        hand.shot(page, f"{name}_{tab}")


def session_scenes(hand: Stagehand, daemon: Daemon) -> None:
    hana, _ = on_air(hand)
    with Crowd(daemon, "ux"):
        audience_scenes(hand, hana)


def audience_scenes(hand: Stagehand, hana: Page) -> None:
    for who, (screen, scheme, locale) in zip(("ana", "cleo", "dora", "finn"), WAYS, strict=True):
        guest = hand.open(who, "session/ux", screen, scheme, locale)
        guest.wait_for_timeout(1500)
        tabs(hand, guest, f"session_{screen}_{scheme}")
        guest.locator(".controls .button.primary").click()
        guest.wait_for_timeout(500)
        hand.shot(guest, f"devices_{screen}_{scheme}")
        guest.locator("dialog .button.primary").click()
        hand.shot(guest, f"pending_{screen}_{scheme}")
        hana.locator("#panel-tab-people").click()
        hana.get_by_role("button", name=f"Accept {LOOKS[who][0]}").click()
        guest.get_by_role("alertdialog").wait_for()
        hand.shot(guest, f"countdown_{screen}_{scheme}")
        guest.locator(".control.device").first.wait_for()
        guest.wait_for_timeout(1500)
        hand.shot(guest, f"onscreen_{screen}_{scheme}")
        guest.locator(".controls .button.danger").click()
        guest.context.close()
    hana.emulate_media(color_scheme="light")
    tabs(hand, hana, "host_desktop_light")
    hana.emulate_media(color_scheme="dark")
    tabs(hand, hana, "host_desktop_dark")
    room_scenes(hand, hana)


def room_scenes(hand: Stagehand, hana: Page) -> None:
    hana.emulate_media(color_scheme="light")
    guest = hand.open("ben", "session/ux")
    hana.get_by_role("button", name="Breakout rooms").click()
    hand.shot(hana, "open_rooms")
    hana.get_by_role("button", name="By hand").click()
    hand.shot(hana, "open_rooms_hand")
    hana.get_by_label("Room for Ben Adeyemi").select_option("1")
    hana.get_by_role("button", name="Open rooms").click()
    guest.get_by_role("button", name="Ask a host").wait_for()
    guest.wait_for_timeout(1500)
    guest.locator("#panel-tab-people").click()
    hand.shot(guest, "room_desktop")
    guest.set_viewport_size({"width": 390, "height": 844})
    hand.shot(guest, "room_phone")
    hana.get_by_role("button", name="Watch rooms").click()
    hand.shot(hana, "watch_rooms")
    hana.get_by_role("button", name="Close rooms").click()
    hana.locator("dialog .button.danger").click()
    hand.shot(guest, "room_closing")


def chat_scenes(hand: Stagehand) -> None:
    """A 1-1 chat from the schedule to the talk, with both sides."""
    emil = hand.open("emil", "one-to-one")
    hand.shot(emil, "one_employee_empty")
    emil.get_by_role("button", name="More options").click()
    emil.get_by_role("menuitem", name="Edit my schedule").click()
    day = emil.get_by_role("dialog").locator("fieldset").first
    for slot in range(9):
        day.locator(".slot").nth(slot).click()
    emil.get_by_label("Background").fill("Designers and engineers who like hardware")
    emil.get_by_label("Your own question").fill("Which robot would you build?")
    hand.shot(emil, "one_editor")
    emil.get_by_role("button", name="Confirm availability").click()
    for who in ("ana", "ben", "cleo"):
        guest = hand.open(who, "one-to-one")
        guest.get_by_role("button", name="Request a chat").click()
        guest.locator(".person-choice").first.click()
        guest.get_by_label("Which robot would you build?").fill("One that waters plants")
        guest.get_by_label("Message").fill("I would like to hear how you work with designers.")
        hand.shot(guest, "one_ask")
        guest.get_by_role("button", name="Send request").click()
        guest.locator("article.meeting").wait_for()
        if who != "ana":
            guest.context.close()
        else:
            ana = guest
    agree(hand, emil, ana)
    talk(hand, emil, ana)


def agree(hand: Stagehand, emil: Page, ana: Page) -> None:
    hand.shot(emil, "one_requested")
    emil.get_by_role("article", name="Cleo").get_by_role("button", name="Decline").click()
    hand.shot(emil, "one_decline")
    emil.keyboard.press("Escape")
    emil.get_by_role("article", name="Ana").get_by_role("button", name="Approve").click()
    ana.get_by_role("tab", name="In scheduling").click()
    ana.get_by_role("button", name="Pick a slot").click()
    ana.locator("dialog .slot").first.click()
    hand.shot(ana, "one_pick")
    ana.get_by_role("button", name="Confirm").click()
    for page in (ana, emil):
        page.get_by_role("tab", name="Confirmed").click()
        page.locator("article.meeting").wait_for()
    hand.shot(emil, "one_confirmed")


def talk(hand: Stagehand, emil: Page, ana: Page) -> None:
    ana.evaluate("() => { location.hash = '#/schedule' }")
    hand.shot(ana, "one_my_schedule")
    ana.evaluate("() => { location.hash = '#/one-to-one' }")
    for page in (ana, emil):
        page.get_by_role("tab", name="Confirmed").click()
        if page.get_by_role("button", name="Join").count() == 0:
            return
        page.get_by_role("button", name="Join").click()
        page.get_by_role("button", name="Turn camera on").click()
        page.get_by_role("button", name="Unmute microphone").click()
    emil.get_by_label("Write a message").fill("Good to meet you! Shall I show you the lab first?")
    emil.keyboard.press("Enter")
    ana.wait_for_timeout(2500)
    hand.shot(ana, "one_chat")
    ana.set_viewport_size({"width": 390, "height": 844})
    hand.shot(ana, "one_chat_phone")
    ana.emulate_media(color_scheme="dark")
    hand.shot(ana, "one_chat_phone_dark")
    emil.get_by_role("button", name="Leave").click()
    hand.shot(ana, "one_chat_phone_waiting")
    emil.set_viewport_size({"width": 390, "height": 844})
    hand.shot(emil, "one_phone", full_page=True)


def pages(hand: Stagehand) -> None:
    for screen, scheme, locale in WAYS:
        page = hand.open("olga", "lobby", screen, scheme, locale)
        for place in ("lobby", "program", "schedule", "companies", "company/acme", "one-to-one",
                      "support", "organizer"):  # fmt: skip
            page.evaluate("place => { location.hash = '#/' + place }", place)
            name = f"{place.replace('/', '_')}_{screen}_{scheme}"
            hand.shot(page, name, full_page=True)
        page.get_by_role(
            "button", name="Technische Hilfe" if locale == "de-DE" else "Technical support"
        ).click()
        hand.shot(page, f"ring_{screen}_{scheme}")
        page.context.close()


def pictures(hand: Stagehand, daemon: Daemon) -> None:
    """Draw the documentation's pictures."""
    hana, _ = on_air(hand)
    with Crowd(daemon, "ux"):
        ana = hand.open("ana", "session/ux")
        ana.locator(".controls .button.primary").click()
        ana.locator("dialog .button.primary").click()
        hana.locator("#panel-tab-people").click()
        hana.get_by_role("button", name="Accept Ana Ruiz").click()
        ben = hand.open("ben", "session/ux")
        ben.set_viewport_size({"width": 1280, "height": 740})
        ben.locator("#panel-tab-qa").click()
        ben.locator(".vote").nth(1).click()
        ben.locator("#panel-tab-chat").click()
        ana.locator(".control.device").first.wait_for()
        hana.get_by_label("Write a message").or_(hana.locator("#panel-tab-chat")).first.click()
        hana.get_by_label("Write a message").fill("Here is the robot that everybody asked about.")
        hana.keyboard.press("Enter")
        ben.wait_for_timeout(9_000)
        hand.shot(ben, "session")
        hana.set_viewport_size({"width": 1280, "height": 740})
        hana.get_by_role("button", name="Breakout rooms").click()
        hana.get_by_role("button", name="By hand").click()
        for name, room in zip(sorted(AUDIENCE)[:6], (1, 1, 2, 2, 1, 2), strict=True):
            hana.get_by_label(f"Room for {name}").select_option(str(room))
        hand.shot(hana, "rooms")
        hana.keyboard.press("Escape")
    chat_scenes(hand)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("session", "chats", "pages"))
    parser.add_argument("--docs", action="store_true")
    options = parser.parse_args()
    with running() as (daemon, browser):
        hand = Stagehand(daemon, browser, ARTEFACTS / "gallery")
        if options.docs:
            pictures(hand, daemon)
            return
        if options.only in {None, "session"}:
            session_scenes(hand, daemon)
        if options.only in {None, "chats"}:
            chat_scenes(hand)
        if options.only in {None, "pages"}:
            pages(hand)


if __name__ == "__main__":
    main()
