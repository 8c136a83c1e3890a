"""For everybody: axe-core on every page and dialog in both schemes, the keyboard alone, readers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PAGES, Visitor, Visitors

pytestmark = pytest.mark.browser

HERE = Path(__file__).parent
AXE = (HERE / "node_modules" / "axe-core" / "axe.min.js").read_text()
RUN, MOVING = ((HERE / name).read_text() for name in ("axe.js", "motion.js"))
REQUEST = "Request to join with Mic & Camera"


def check(visitor: Visitor, what: str, place: str = "body") -> None:
    """Assert that axe-core finds nothing serious, in light; and in dark what depends on colours.

    :param place: where to look; behind a dialog there is nothing to reach.
    """
    page = visitor.page
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE)
    if what.startswith("dialog"):
        place = "dialog"
        expect(page.locator("dialog")).to_be_visible()  # a click comes before what it opens
    for scheme, only in (("dark", ["color-contrast"]), ("light", None)):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert page.evaluate(RUN, [place, only]) == [], (what, scheme)


def close(page: Page) -> None:
    """Close the dialog that is open, as Escape does."""
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)


def test_axe_finds_nothing_serious_on_the_event_pages(visit: Visitors) -> None:
    visitor = visit("olga", "lobby")
    page = visitor.page
    for place in PAGES:
        visitor.go(place)
        expect(page.locator("#main h1").first).to_be_visible()
        expect(page.locator(".loading")).to_have_count(0)
        check(visitor, place)
    dialogs: list[tuple[str, str, Callable[[], Locator]]] = [
        ("organizer", "ban", lambda: page.get_by_role("button", name="Ban a person")),
        ("company/acme", "edit company", lambda: page.get_by_role("button", name="Edit")),
        ("one-to-one", "ask", lambda: page.get_by_role("button", name="Request a chat")),
        ("lobby", "life ring", lambda: page.get_by_role("button", name="Technical support")),
        ("lobby", "notifications", lambda: page.locator(".icon-button:has(+ [title])").first),
    ]
    for place, what, opener in dialogs:
        visitor.go(place)
        opener().click()
        expect(page.get_by_role("dialog")).to_be_visible()
        check(visitor, f"dialog {what}")
        close(page)
    page.locator(".menu button").first.click()
    check(visitor, "menu", ".menu")


def test_axe_finds_nothing_serious_in_a_session(visit: Visitors) -> None:
    host, guest = visit.live("ana")
    guest.tab("chat")
    guest.panel().get_by_label("Write a message").fill("Hello")
    guest.page.keyboard.press("Enter")
    guest.tab("qa")
    guest.panel().get_by_label("Ask a question").fill("Where?")
    guest.page.keyboard.press("Enter")
    controls = guest.page.locator(".controls")
    controls.get_by_role("button", name="Request to join").click()
    expect(guest.page.locator("dialog video")).to_be_visible()
    check(guest, "dialog devices")
    guest.page.get_by_role("dialog").get_by_role("button", name="Send request").click()
    expect(host.page.locator("#panel-tab-people .count")).to_have_text("1")
    for visitor in (host, guest):
        for tab in ("company", "people", "qa", "chat"):
            visitor.tab(tab)
            whole = visitor is host and tab == "people"
            check(visitor, f"session {visitor.who} {tab}", "body" if whole else ".panel")
    host.tab("people")
    host.page.get_by_role("button", name="Decline Ana").click()
    check(host, "dialog decline")
    close(host.page)
    host.page.get_by_role("button", name="Background").click()
    expect(host.page.get_by_role("dialog").get_by_role("button", name="Blur")).to_be_visible()
    check(host, "dialog backgrounds")
    close(host.page)
    host.page.get_by_role("button", name="Accept Ana").click()
    expect(guest.page.get_by_role("alertdialog")).to_be_visible()
    check(guest, "countdown", "main")
    host.page.get_by_role("button", name="End session").click()
    check(host, "dialog end")
    close(host.page)
    rooms(host, guest)


def rooms(host: Visitor, guest: Visitor) -> None:
    host.page.get_by_role("button", name="Breakout rooms").click()
    for way in ("By hand", "From a list", "Randomly"):
        host.page.get_by_role("button", name=way).click()
        check(host, f"dialog rooms {way}")
    host.page.get_by_role("button", name="Open rooms").click()
    expect(guest.page.get_by_role("button", name="Ask a host")).to_be_visible()
    guest.tab("people")
    check(guest, "room")
    guest.lose()
    check(guest, "reconnecting", ".banner")
    guest.regain()
    host.page.get_by_role("button", name="Watch rooms").click()
    check(host, "dialog watch rooms")


def test_axe_finds_nothing_serious_in_one_to_one_chats(visit: Visitors) -> None:
    employee = visit(visit.fresh("emil"), "one-to-one")
    page = employee.page
    page.get_by_role("button", name="More options").click()
    page.get_by_role("menuitem", name="Edit my schedule").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Select all").first.click()
    dialog.get_by_label("Your own question").fill("Which city?")
    check(employee, "dialog schedule")
    dialog.get_by_role("button", name="Confirm availability").click()
    expect(dialog).to_have_count(0)
    guest = visit(visit.fresh("ben"), "one-to-one")
    guest.page.get_by_role("button", name="Request a chat").click()
    guest.page.get_by_label("With whom?").fill(employee.who)
    guest.page.get_by_label("With whom?").press("Tab")
    guest.page.get_by_label("Which city?").fill("Berlin")
    guest.page.get_by_role("button", name="Send request").click()
    asked = page.get_by_role("article", name="Ben")
    expect(asked).to_be_visible()
    check(employee, "requested")
    asked.get_by_role("button", name="Decline").click()
    check(employee, "dialog decline chat")
    close(page)
    asked.get_by_role("button", name="Approve").click()
    guest.page.get_by_role("tab", name="In scheduling").click()
    guest.page.get_by_role("button", name="Pick a slot").click()
    guest.page.locator("dialog .slot").first.click()
    check(guest, "dialog slots")
    guest.page.get_by_role("button", name="Confirm").click()
    guest.page.get_by_role("tab", name="Confirmed").click()
    guest.page.get_by_role("button", name="Join").click()
    expect(guest.page.locator(".controls .control").first).to_be_visible()
    check(guest, "chat")


def step(page: Page, target: Locator, key: str = "Tab", most: int = 60) -> None:
    """Move the focus with the keyboard until it is on ``target``."""
    for _ in range(most):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press(key)
    raise AssertionError(f"the keyboard does not reach {target}")


def test_the_stage_is_asked_for_and_reached_from_the_keyboard_alone(visit: Visitors) -> None:
    host, guest = visit.live("ana")
    page = guest.page
    step(page, page.locator("#panel-tab-company"))
    page.keyboard.press("End")
    expect(page.locator("#panel-tab-chat")).to_be_focused()
    expect(page.locator("#panel-tab-chat")).to_have_attribute("aria-selected", "true")
    request = page.locator(".controls").get_by_role("button", name=REQUEST)
    step(page, request, "Shift+Tab")
    page.keyboard.press("Enter")
    send = page.get_by_role("dialog").get_by_role("button", name="Send request")
    expect(send).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(request).to_be_focused()
    page.keyboard.press("Enter")
    step(page, page.get_by_role("dialog").get_by_role("button", name="Turn camera off"))
    page.keyboard.press("Space")
    expect(page.get_by_role("dialog")).to_contain_text("Your camera is off")
    step(page, send)
    page.keyboard.press("Enter")
    expect(page.locator(".controls")).to_contain_text("You are number 1")
    decide = host.page.get_by_role("button", name="Accept Ana")
    step(host.page, host.page.locator("#panel-tab-company"))
    host.page.keyboard.press("ArrowRight")
    step(host.page, decide)
    host.page.keyboard.press("Enter")
    expect(page.get_by_role("alertdialog").get_by_role("button")).to_be_focused()
    expect(guest.said()).to_have_text("3")
    expect(page.get_by_role("button", name="Turn camera on")).to_be_visible()
    expect(guest.said()).to_have_text("You are on screen")
    expect(page.locator(":focus")).to_be_visible()
    step(page, page.locator(".controls").get_by_role("button", name="Deactivate"))
    page.keyboard.press("Enter")
    expect(page.locator('[data-person="ana"]')).to_have_count(0)


def test_people_are_put_into_rooms_from_the_keyboard_alone(visit: Visitors) -> None:
    host, ana, ben = visit.live("ana", "ben")
    expect(host.page.locator(".present")).to_contain_text("3")
    page = host.page
    step(page, page.get_by_role("button", name="Breakout rooms"))
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    step(page, dialog.get_by_role("button", name="By hand"))
    page.keyboard.press("Enter")
    for name, number in (("Ana", 1), ("Ben", 2)):
        choice = dialog.get_by_label(f"Room for {name}")
        step(page, choice)
        page.keyboard.press("R")
        for _ in range(number - 1):
            page.keyboard.press("ArrowDown")
        page.keyboard.press("Tab")
        expect(dialog.get_by_role("region", name=f"Room {number}")).to_contain_text(name)
    step(page, dialog.get_by_role("button", name="Open rooms"))
    page.keyboard.press("Enter")
    for guest, number in ((ana, 1), (ben, 2)):
        expect(guest.page.get_by_role("heading", level=1)).to_contain_text(f"Room {number}")
    expect(page.get_by_role("button", name="Watch rooms")).to_be_visible()


def test_the_focus_stays_in_a_dialog_and_comes_back(visit: Visitors) -> None:
    guest = visit("ben", "lobby")
    page = guest.page
    ring = page.get_by_role("button", name="Technical support")
    ring.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("What is wrong?")).to_be_focused()
    for _ in range(12):
        page.keyboard.press("Tab")
        inside = page.evaluate("() => document.activeElement === document.body"
                               " || document.activeElement.closest('dialog') !== null")  # fmt: skip
        assert inside
    close(page)
    expect(ring).to_be_focused()
    skip = page.get_by_role("link", name="Skip to the content")
    page.keyboard.press("Control+Home")
    step(page, skip, "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_nothing_moves_for_those_who_want_no_motion(visit: Visitors) -> None:
    host = visit.live(reduced_motion="reduce")[0]
    moving: list[Any] = host.page.evaluate(MOVING)
    assert moving == []
