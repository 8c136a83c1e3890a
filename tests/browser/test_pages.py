"""Every page: for everybody, on every screen, in both languages, whatever people write."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor, Visitors

pytestmark = pytest.mark.browser

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
PAGES = (
    *("lobby", "program", "schedule", "companies", "company/acme"),
    *("one-to-one", "support", "organizer"),
)
XSS = (
    "<script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "<svg onload='window.hacked = 1'>",
    "'\"><iframe srcdoc='<script>parent.hacked = 1</script>'>",
    "javascript:window.hacked=1",
    "</textarea><script>window.hacked = 1</script>",
    "{{constructor.constructor('window.hacked = 1')()}}",
    "<a href='javascript:window.hacked=1'>click</a>",
    "<math><mi xlink:href='data:x,<script>window.hacked=1</script>'></mi></math>",
    "\u202e\u2066<b>bidi</b>",
)


def serious(page: Page) -> list[str]:
    """Return what axe-core finds that is serious or worse."""
    page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate("() => axe.run(document)")
    return [
        f"{rule['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for rule in found["violations"]
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]


def go(visitor: Visitor, place: str) -> None:
    visitor.page.evaluate("place => { location.hash = '#/' + place }", place)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_the_event_pages(visit: Visitors, scheme: str) -> None:
    visitor = visit("olga", "lobby", color_scheme=scheme)
    for place in PAGES:
        go(visitor, place)
        expect(visitor.page.locator("#main h1").first).to_be_visible()
        visitor.page.wait_for_timeout(300)
        visitor.shot(f"{place.replace('/', '_')}_{scheme}")
        assert serious(visitor.page) == [], place


@pytest.mark.parametrize(("scheme", "session"), [("light", "s15"), ("dark", "s16")])
def test_axe_finds_nothing_serious_in_a_session(visit: Visitors, scheme: str, session: str) -> None:
    host = visit("hana", f"session/{session}", color_scheme=scheme)
    host.page.get_by_role("button", name="Start session").click()
    guest = visit("ana", f"session/{session}", color_scheme=scheme)
    guest.tab("chat")
    guest.panel().get_by_label("Write a message").fill("Hello")
    guest.page.keyboard.press("Enter")
    guest.tab("qa")
    guest.panel().get_by_label("Ask a question").fill("Where?")
    guest.page.keyboard.press("Enter")
    for visitor in (host, guest):
        for tab in ("company", "people", "qa", "chat"):
            visitor.tab(tab)
            visitor.page.wait_for_timeout(200)
            assert serious(visitor.page) == [], (visitor.who, tab)
    guest.page.locator(".controls").get_by_role("button", name="Request to join").click()
    guest.page.wait_for_timeout(500)
    assert serious(guest.page) == [], "devices"
    guest.page.get_by_role("dialog").get_by_role("button", name="Send request").click()
    host.tab("people")
    expect(host.page.locator(".queue")).to_be_visible()
    assert serious(host.page) == [], "queue"
    host.page.get_by_role("button", name="Breakout rooms").click()
    host.page.get_by_role("button", name="By hand").click()
    assert serious(host.page) == [], "rooms"
    host.shot(f"breakout_{scheme}")


def test_texts_from_people_are_never_html(visit: Visitors) -> None:
    host = visit("hana", "session/s17")
    host.page.get_by_role("button", name="Start session").click()
    host.panel().get_by_role("button", name="Edit").click()
    host.page.get_by_label("Description").fill("\n".join(XSS))
    host.page.get_by_role("button", name="Save").click()
    attacker = visit("mallory", "session/s17", name=XSS[1])
    for text in XSS:
        attacker.tab("chat")
        attacker.panel().get_by_label("Write a message").fill(text)
        attacker.page.keyboard.press("Enter")
        expect(attacker.panel().locator(".message .text").last).to_have_text(text)
        attacker.tab("qa")
        attacker.panel().get_by_label("Ask a question").fill(text)
        attacker.panel().get_by_role("button", name="Send").click()
        expect(attacker.panel().locator(".question .text").last).to_have_text(text)
    for tab in ("company", "people", "qa", "chat"):
        host.tab(tab)
        host.page.wait_for_timeout(200)
        assert host.panel().locator("script, iframe, img, math, b").count() == 0
    host.tab("people")
    expect(host.panel().get_by_text(XSS[1])).to_be_visible()
    for visitor in (host, attacker):
        assert visitor.page.evaluate("() => window.hacked") is None
        assert visitor.page.locator("a[href^='javascript:']").count() == 0


def test_the_token_leaves_the_address_bar(visit: Visitors) -> None:
    guest = visit("ana", "session/s18")
    expect(guest.page.get_by_role("heading", name="Workshop s18")).to_be_visible()
    assert "token" not in guest.page.url
    guest.page.reload()
    expect(guest.page.get_by_role("heading", name="Workshop s18")).to_be_visible()


def test_without_a_token_the_page_says_what_is_missing(visit: Visitors) -> None:
    guest = visit("ana")
    guest.page.evaluate("() => sessionStorage.clear()")
    guest.page.goto(f"{visit.daemon.address}/")
    guest.page.reload()
    expect(guest.page.get_by_role("heading")).to_have_text("You need your personal link")


def test_everything_is_there_in_german(visit: Visitors) -> None:
    guest = visit("ana", "session/s19", locale="de-DE")
    expect(guest.page.get_by_role("tab", name="Personen")).to_be_visible()
    expect(guest.page.get_by_role("button", name="Verlassen")).to_be_visible()
    go(guest, "program")
    expect(guest.page.get_by_role("heading", name="Programm")).to_be_visible()
    guest.shot("german_program")


@pytest.mark.parametrize("width", [360, 768, 1920])
def test_nothing_is_cut_off_from_phone_to_desktop(visit: Visitors, width: int) -> None:
    guest = visit("olga", "lobby", viewport={"width": width, "height": 780})
    for place in (*PAGES, "session/s20"):
        go(guest, place)
        guest.page.wait_for_timeout(400)
        wide = guest.page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        guest.shot(f"{place.replace('/', '_')}_{width}")
        assert wide <= 0, place


def test_the_session_works_from_the_keyboard_alone(visit: Visitors) -> None:
    _, guest = visit.live("s21", "ana")
    page = guest.page
    page.locator("#panel-tab-company").focus()
    page.keyboard.press("End")
    expect(page.locator("#panel-tab-chat")).to_be_focused()
    expect(page.locator("#panel-tab-chat")).to_have_attribute("aria-selected", "true")
    request = page.locator(".controls").get_by_role("button", name="Request to join")
    request.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("button", name="Send request")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(request).to_be_focused()


def test_support_is_asked_for_answered_and_resolved(visit: Visitors) -> None:
    guest, staff = visit("ben", "lobby"), visit("olga", "support")
    guest.page.get_by_role("button", name="Technical support").click()
    guest.page.get_by_label("What is wrong?").fill("I hear nothing")
    guest.page.get_by_role("dialog").get_by_role("button", name="Send").click()
    staff.page.locator(".ticket", has_text="I hear nothing").click()
    staff.page.get_by_label("Your answer").fill("Is the tab muted?")
    staff.page.get_by_role("button", name="Send").click()
    expect(guest.page.locator(".toasts")).to_contain_text("Is the tab muted?")
    staff.shot("support_desk")
    staff.page.get_by_role("button", name="Resolved").click()
    expect(staff.page.locator(".ticket")).to_have_count(0)
