"""Every page: on every screen, in both languages, whatever people write."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PAGES, Visitor, Visitors

pytestmark = pytest.mark.browser

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


def describe(host: Visitor, text: str) -> None:
    """Change what the company says of itself, from the session's Company tab."""
    host.tab("company")
    host.panel().get_by_role("button", name="Edit").click()
    host.page.get_by_label("Description").fill(text)
    host.page.get_by_role("button", name="Save").click()
    expect(host.panel().locator(".prose").first).to_contain_text(text.splitlines()[0])


def test_texts_from_people_are_never_html(visit: Visitors) -> None:
    host = visit("hana", f"session/{visit.session()}")
    host.page.get_by_role("button", name="Start session").click()
    describe(host, "\n".join(XSS))
    session = host.page.url.rpartition("/")[2]
    attacker = visit("mallory", f"session/{session}", name=XSS[1])
    for tab, field, place in (("chat", "Write a message", ".message .text"),
                              ("qa", "Ask a question", ".question .text")):  # fmt: skip
        attacker.tab(tab)
        for text in XSS:
            attacker.panel().get_by_label(field).fill(text)
            attacker.page.keyboard.press("Enter")
            expect(attacker.panel().locator(place).last).to_have_text(text)
    for tab, shown in (("company", ".prose"), ("qa", ".question"), ("chat", ".message"),
                       ("people", ".person")):  # fmt: skip
        host.tab(tab)
        expect(host.panel().locator(shown).first).to_be_visible()
        assert host.panel().locator("script, iframe, img, math, b").count() == 0
    expect(host.panel().locator(".name", has_text=XSS[1])).to_be_visible()
    for visitor in (host, attacker):
        assert visitor.page.evaluate("() => window.hacked") is None
        assert visitor.page.locator("a[href^='javascript:']").count() == 0
    describe(host, "We build robots.")  # as the tests that follow expect it


LONG = (
    "Designing robots that hand people things: a hands-on introduction",
    "Batteries at scale, and what we learned about the grid in Lisbon " + "x" * 40,
)
BOOK = """async titles => {
  const [a, b] = titles.map((title, at) => ({
    type: "session", id: `long${at}`, title, kind: "workshop", role: "registered", live: false,
    joinable: false, start: "2099-12-01T10:00:00Z", end: "2099-12-01T11:00:00Z",
    overlaps: [`long${1 - at}`],
  }));
  const { dispatch } = await import("/app/store.js");
  dispatch({ type: "data", name: "schedule", value: { zone: "Europe/Berlin", items: [a, b] } });
}"""


def test_overlapping_bookings_fit_a_small_phone(visit: Visitors) -> None:
    guest = visit(visit.fresh("ana"), "schedule", viewport={"width": 360, "height": 740})
    expect(guest.page.locator("#main .empty")).to_be_visible()
    guest.page.evaluate(BOOK, LONG)
    expect(guest.page.locator("article").first).to_contain_text("At the same time")
    wider = "document.documentElement.scrollWidth - innerWidth"
    assert guest.page.evaluate(wider) == 0
    guest.shot("schedule_overlap")


def test_an_unknown_company_is_said_to_be_none(visit: Visitors) -> None:
    guest = visit("ana", "company/nobody")
    expect(guest.page.locator("#main")).to_contain_text("There is no such company")
    expect(guest.page.locator(".loading, .toast")).to_have_count(0)
    guest.shot("company_unknown")
    guest.page.get_by_role("button", name="Companies").click()
    guest.page.get_by_role("link", name="Acme").click()
    expect(guest.page.get_by_role("heading", name="Acme", exact=True)).to_be_visible()


def test_the_token_leaves_the_address_bar(visit: Visitors) -> None:
    session = visit.session()
    guest = visit("ana", f"session/{session}")
    title = guest.page.get_by_role("heading", name=f"Workshop {session}")
    expect(title).to_be_visible()
    assert "token" not in guest.page.url
    guest.page.reload()
    expect(title).to_be_visible()


def test_without_a_token_the_page_says_what_is_missing(visit: Visitors) -> None:
    guest = visit("ana")
    guest.page.evaluate("() => sessionStorage.clear()")
    guest.page.goto(f"{visit.daemon.address}/")
    guest.page.reload()
    expect(guest.page.get_by_role("heading")).to_have_text(["You need your personal link"])


def test_everything_is_there_in_german(visit: Visitors) -> None:
    guest = visit("ana", f"session/{visit.session()}", locale="de-DE")
    expect(guest.page.get_by_role("tab", name="Personen")).to_be_visible()
    expect(guest.page.get_by_role("button", name="Verlassen")).to_be_visible()
    guest.go("program")
    expect(guest.page.get_by_role("heading", name="Programm")).to_be_visible()
    guest.shot("german_program")


def test_nothing_is_cut_off_from_phone_to_desktop(visit: Visitors) -> None:
    guest = visit("olga", "lobby")
    for place in (*PAGES, f"session/{visit.session()}"):
        guest.go(place)
        expect(guest.page.locator("#main h1, .room-head h1").first).to_be_visible()
        expect(guest.page.locator(".loading")).to_have_count(0)
        for width in (360, 768, 1920):
            guest.page.set_viewport_size({"width": width, "height": 780})
            wide = guest.page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
            guest.shot(f"{place.split('/')[0]}_{width}")
            assert wide <= 0, (place, width)


def test_support_is_asked_for_answered_and_resolved(visit: Visitors) -> None:
    guest, staff = visit("ben", "lobby"), visit("olga", "support")
    guest.page.get_by_role("button", name="Technical support").click()
    guest.page.get_by_label("What is wrong?").fill("I hear nothing")
    guest.page.get_by_role("dialog").get_by_role("button", name="Send").click()
    ticket = staff.page.locator(".ticket", has_text="I hear nothing")
    ticket.click()
    staff.page.get_by_label("Your answer").fill("Is the tab muted?")
    staff.page.get_by_role("button", name="Send").click()
    expect(guest.page.get_by_role("dialog")).to_contain_text("Is the tab muted?")
    staff.shot("support_desk")
    staff.page.get_by_role("button", name="Resolved").click()
    expect(ticket).to_have_count(0)


def test_the_organizer_finds_bans_and_readmits_somebody(visit: Visitors) -> None:
    troll = visit.fresh("troll")
    guest = visit.live(troll)[1]
    olga = visit("olga", "organizer")
    page = olga.page
    expect(page.locator(".figure", has_text="Live now").locator("strong")).not_to_have_text("0")
    expect(page.get_by_role("region", name="1-1 chats")).to_be_visible()
    find = page.get_by_role("region", name="People in live sessions")
    find.get_by_label("Search people").fill("Troll")
    find.get_by_role("button", name="Find").click()
    find.locator(".person").last.get_by_label("More options for Troll").click()
    page.get_by_role("menuitem", name="Ban").click()
    page.get_by_role("dialog").get_by_label("Message").fill("Enough now")
    page.get_by_role("dialog").get_by_role("button", name="Ban").click()
    bans = page.get_by_role("region", name="Bans")
    expect(bans).to_contain_text("Enough now")
    olga.shot("organizer_bans")
    expect(guest.page.get_by_role("heading")).to_have_text(["You were removed"])
    bans.get_by_role("button", name=f"Lift the ban of {troll}").click()
    page.get_by_role("dialog").get_by_role("button", name="Lift the ban").click()
    expect(bans).not_to_contain_text(troll)
    guest.page.reload()
    expect(guest.page.locator(".room-head h1")).to_be_visible()
