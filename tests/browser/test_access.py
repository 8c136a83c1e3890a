"""For everybody: the keyboard alone, the focus, those who want no motion."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visitors

pytestmark = pytest.mark.browser

HERE = Path(__file__).parent
MOVING = (HERE / "motion.js").read_text()
REQUEST = "Request to join with Mic & Camera"


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
    guest.hears("3")
    expect(page.get_by_role("button", name="Turn camera on")).to_be_visible()
    guest.hears("You are on screen")
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
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
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


def test_a_countdown_is_said_now_and_then(visit: Visitors) -> None:
    host, guest = visit.live("ana")
    expect(host.page.locator(".present")).to_contain_text("2")
    session = host.page.url.rpartition("/")[2]
    host.does("breakout.open", session=session, assign="manual", groups=[["ana"]])
    guest.hears("You are in Room 1. Mic and camera are on.")
    host.does("breakout.close", session=session, countdown=13)
    note = guest.page.locator(".note", has_text="Back to the main call in")
    expect(note).to_be_visible()
    assert note.get_attribute("role") is None
    guest.hears("You are back in the main call.")
    heard = guest.page.evaluate("() => heard.filter((text) => text.startsWith('Back to'))")
    assert len(heard) == 2, heard
    assert heard[1].endswith("0:10"), heard
