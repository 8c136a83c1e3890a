"""axe-core on every page, tab and dialog, in both schemes."""

from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from tests.browser.conftest import PAGES, Visitor, Visitors
from tests.browser.dialogs import Dialog, all_dialogs, all_pages, shown

pytestmark = pytest.mark.browser

HERE = Path(__file__).parent
AXE = (HERE / "node_modules" / "axe-core" / "axe.min.js").read_text()
RUN = (HERE / "axe.js").read_text()
TABS = ("company", "people", "qa", "chat")

ON_PAGES: set[Dialog] = {
    ("AskText", "organizer.ban"), ("AskText", "host.banTitle"), ("Confirm", "host.unban"),
    ("CompanyEditor", "company.editTitle"), ("Notifications", "notes.title"),
    ("SupportDialog", "support.title"),
    ("Confirm", "session.fullTitle"), ("Confirm", "session.unregisterTitle"),
}  # fmt: skip
IN_SESSIONS: set[Dialog] = {
    ("DeviceDialog", "stage.request"), ("DeviceDialog", "control.devices"),
    ("BackgroundDialog", "control.background"), ("AskText", "host.declineTitle"),
    ("AskText", "host.kickTitle"), ("Confirm", "host.banTitle"), ("AskText", "qa.answer"),
    ("Confirm", "qa.delete"), ("Confirm", "chat.delete"), ("Confirm", "host.endTitle"),
    ("Confirm", "session.leaveTitle"),
}  # fmt: skip
IN_ROOMS: set[Dialog] = {
    ("OpenRooms", "breakout.open"), ("RoomsDialog", "breakout.watch"),
    ("AskText", "breakout.broadcast"), ("AskText", "breakout.rename"),
    ("Confirm", "breakout.closeTitle"),
}  # fmt: skip
IN_CHATS: set[Dialog] = {
    ("ScheduleEditor", "editor.title"), ("DeclineDialog", "one.declineTitle"),
    ("AskText", "one.approve"), ("CancelDialog", "one.cancel"), ("SlotDialog", "one.pick"),
    ("SlotDialog", "one.reschedule"), ("AskText", "one.note"), ("RequestChat", "one.ask"),
}  # fmt: skip


USUAL: ViewportSize = {"width": 1360, "height": 820}
WHOLE: ViewportSize = {"width": 1360, "height": 3600}


@attrs.define
class Lookout:
    """Looks at pages with axe-core, and remembers which dialogs it has seen."""

    seen: set[Dialog] = attrs.field(factory=set)

    def page(self, visitor: Visitor, what: str, place: str = "body") -> None:
        """Assert that axe finds nothing serious: in light, and in dark what depends on colours.

        :param place: where to look.
        """
        page = visitor.page
        expect(page.locator(place).first).to_be_visible()
        if not page.evaluate("() => 'axe' in window"):
            page.evaluate(AXE)
        if place == "dialog":  # the whole of it, not what is half behind its buttons just now
            page.set_viewport_size(WHOLE)
        for scheme, only in (("dark", ["color-contrast"]), ("light", None)):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            assert page.evaluate(RUN, [place, only]) == [], (what, scheme)
        page.set_viewport_size(USUAL)

    def dialog(self, visitor: Visitor, opener: Locator | None = None, item: str = "") -> None:
        """Look at the dialog that a button opens, or an item of its menu, and leave it open."""
        if opener:
            opener.click()
        if item:
            visitor.page.get_by_role("menuitem", name=item).click()
        expect(visitor.page.get_by_role("dialog")).to_be_visible()
        found = shown(visitor)
        self.seen.add(found)
        self.page(visitor, str(found), "dialog")

    def past(self, visitor: Visitor, opener: Locator, item: str = "") -> None:
        """Look at a dialog and close it again, as Escape does."""
        self.dialog(visitor, opener, item)
        close(visitor.page)


def close(page: Page) -> None:
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)


def test_no_page_and_no_dialog_is_forgotten() -> None:
    lists: Sequence[set[Dialog]] = (ON_PAGES, IN_SESSIONS, IN_ROOMS, IN_CHATS)
    assert set.union(*lists) == all_dialogs()
    visited = {place.partition("/")[0] for place in PAGES} | {"session", "chat"}
    assert visited == all_pages()


def test_axe_finds_nothing_serious_on_the_event_pages(visit: Visitors) -> None:
    visitor, look = visit("olga", "lobby"), Lookout()
    page = visitor.page
    for place in PAGES:
        visitor.go(place)
        expect(page.locator("#main h1").first).to_be_visible()
        expect(page.locator(".loading")).to_have_count(0)
        look.page(visitor, place)

    def button(name: str) -> Locator:
        return page.get_by_role("button", name=name)

    openers: list[tuple[str, Callable[[], Locator]]] = [
        ("company/acme", lambda: button("Edit")),
        ("lobby", lambda: button("Technical support")),
        ("lobby", lambda: button("Notifications")),
    ]
    for place, opener in openers:
        visitor.go(place)
        look.past(visitor, opener())
    page.locator(".menu button").first.click()
    look.page(visitor, "menu", ".menu-list")
    bans(visit, visitor, look)
    seats(visit, look)
    assert look.seen == ON_PAGES


def bans(visit: Visitors, olga: Visitor, look: Lookout) -> None:
    """Somebody is banned from the organizer's page, and readmitted."""
    troll = visit.fresh("troll")
    visit.live(troll)
    page = olga.page
    olga.go("organizer")
    expect(page.locator(".figure", has_text="Live now").locator("strong")).not_to_have_text("0")
    find = page.get_by_role("region", name="People in live sessions")
    find.get_by_label("Search people").fill("Troll")
    find.get_by_role("button", name="Find").click()
    look.past(olga, find.locator(".person").last.get_by_label("More options for Troll"), "Ban")
    look.dialog(olga, page.get_by_role("button", name="Ban a person"))
    page.get_by_role("dialog").get_by_role("textbox").fill(troll)
    page.get_by_role("dialog").get_by_role("button", name="Ban").click()
    look.past(olga, page.get_by_role("button", name=f"Lift the ban of {troll}"))
    look.page(olga, "organizer with a ban")


def seats(visit: Visitors, look: Lookout) -> None:
    """The last seat goes to somebody else while one is offline; later it is given up."""
    late, early = (visit(visit.fresh(name), "program") for name in ("ben", "cem"))
    card, other = (one.page.locator("article", has_text="Limited seats") for one in (late, early))
    expect(card.get_by_role("button", name="Register")).to_be_visible()
    late.lose()
    other.get_by_role("button", name="Register").click()
    expect(other).to_contain_text("Registered")
    card.get_by_role("button", name="Register").click()
    late.regain()
    look.dialog(late)
    close(late.page)
    more = other.get_by_label("More options for Limited seats")
    look.dialog(early, more, "Give up my seat")
    early.page.get_by_role("dialog").get_by_role("button", name="Give up my seat").click()
    expect(other).not_to_contain_text("Registered")
    late.go("session/limited")
    expect(late.page.locator(".waiting h2")).to_be_visible()
    look.page(late, "before the doors")


def test_axe_finds_nothing_serious_in_a_session(visit: Visitors) -> None:
    look = Lookout()
    host, guest = visit.live("ana")
    controls = guest.page.locator(".controls")
    look.dialog(guest, controls.get_by_role("button", name="Request to join"))
    expect(guest.page.locator("dialog video")).to_be_visible()
    guest.page.get_by_role("dialog").get_by_role("button", name="Send request").click()
    for tab, field in (("chat", "Write a message"), ("qa", "Ask a question")):
        guest.tab(tab)
        guest.panel().get_by_label(field).fill("Where?")
        guest.page.keyboard.press("Enter")
        expect(guest.panel().locator("article")).to_be_visible()
    expect(host.page.locator("#panel-tab-people .count")).to_have_text("1")
    for visitor in (host, guest):
        for tab in TABS:
            visitor.tab(tab)
            expect(visitor.page.locator("#panel-panel")).to_have_attribute(
                "aria-labelledby", f"panel-tab-{tab}"
            )
            whole = visitor is host and tab in {"company", "people"}
            look.page(visitor, f"session {visitor.who} {tab}", "body" if whole else ".panel")
    in_tabs(host, look)
    on_stage(host, guest, look)
    assert look.seen == IN_SESSIONS


def in_tabs(host: Visitor, look: Lookout) -> None:
    """What a host opens from the tabs."""
    panel = host.panel()
    host.tab("people")
    look.past(host, panel.get_by_role("button", name="Decline Ana"))
    for item in ("Remove from session", "Ban"):
        look.past(host, panel.get_by_label("More options for Ana"), item)
    host.tab("qa")
    for item in ("Answer in writing", "Delete question"):
        look.past(host, panel.get_by_label("Options for this question"), item)
    host.tab("chat")
    panel.locator(".message").hover()
    options = panel.get_by_label("Options for the message of Ana")
    look.past(host, options, "Delete message")
    host.tab("people")


def on_stage(host: Visitor, guest: Visitor, look: Lookout) -> None:
    """What one opens below and above the stage."""
    host.page.get_by_role("button", name="Background").click()
    expect(host.page.get_by_role("dialog").get_by_role("button", name="Blur")).to_be_visible()
    look.dialog(host)
    close(host.page)
    look.past(host, host.page.get_by_role("button", name="End session"))
    look.past(host, host.page.get_by_role("button", name="Leave"))
    host.page.get_by_role("button", name="Accept Ana").click()
    expect(guest.page.get_by_role("alertdialog")).to_be_visible()
    look.page(guest, "countdown", "main")
    expect(guest.page.get_by_role("button", name="Turn camera off")).to_be_visible()
    look.past(guest, guest.page.get_by_role("button", name="Devices"))
    look.page(guest, "on screen")


def test_axe_finds_nothing_serious_in_breakout_rooms(visit: Visitors) -> None:
    look = Lookout()
    host, guest = visit.live("ana")
    expect(host.page.locator(".present")).to_contain_text("2")
    host.page.get_by_role("button", name="Breakout rooms").click()
    for way in ("By hand", "From a list", "Randomly"):
        chosen = host.page.get_by_role("button", name=way)
        chosen.click()
        expect(chosen).to_have_attribute("aria-pressed", "true")
        look.dialog(host)
    host.page.get_by_role("button", name="Open rooms").click()
    expect(guest.page.get_by_role("button", name="Ask a host")).to_be_visible()
    guest.tab("people")
    look.page(guest, "room")
    guest.lose()
    look.page(guest, "reconnecting", ".banner")
    guest.regain()
    watch = host.page.get_by_role("button", name="Watch rooms")
    look.dialog(host, watch)
    dialog = host.page.get_by_role("dialog")
    look.past(host, dialog.get_by_label("More options for Room 1"), "Rename room")
    for name in ("Message to all rooms", "Close rooms"):
        watch.click()
        look.past(host, dialog.get_by_role("button", name=name))
    assert look.seen == IN_ROOMS


def test_axe_finds_nothing_serious_in_one_to_one_chats(visit: Visitors) -> None:
    look = Lookout()
    employee = visit(visit.fresh("emil"), "one-to-one")
    page = employee.page
    look.dialog(employee, page.get_by_role("button", name="More options"), "Edit my schedule")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Select all").first.click()
    dialog.get_by_label("Your own question").fill("Which city?")
    look.dialog(employee)
    dialog.get_by_role("button", name="Confirm availability").click()
    expect(dialog).to_have_count(0)
    guest = visit(visit.fresh("ben"), "one-to-one")
    ask(guest, employee.who, "Which city?")
    asked = page.get_by_role("article", name="Ben")
    expect(asked).to_be_visible()
    look.page(employee, "requested")
    look.past(employee, asked.get_by_role("button", name="Decline"))
    asked.get_by_role("button", name="Approve").click()
    guest.page.get_by_role("tab", name="In scheduling").click()
    cancel = guest.page.locator("article").get_by_role("button", name="Cancel")
    look.past(guest, cancel)
    look.dialog(guest, guest.page.get_by_role("button", name="Pick a slot"))
    guest.page.locator("dialog .slot").first.click()
    look.dialog(guest)
    guest.page.get_by_role("button", name="Confirm").click()
    guest.page.get_by_role("tab", name="Confirmed").click()
    more = guest.page.get_by_label("More options for 1-1 chat")
    look.past(guest, more, "Private note")
    look.dialog(guest, more, "Reschedule")
    expect(guest.page.locator("dialog .slot").first).to_be_visible()
    look.dialog(guest)
    close(guest.page)
    approve(visit, employee, look)
    guest.page.get_by_role("button", name="Join").click()
    expect(guest.page.locator(".controls .control").first).to_be_visible()
    look.page(guest, "chat")
    assert look.seen == IN_CHATS


def ask(asker: Visitor, whom: str, question: str = "") -> None:
    """Request a chat."""
    page = asker.page
    page.get_by_role("button", name="Request a chat").click()
    page.get_by_label("With whom?").fill(whom)
    page.get_by_label("With whom?").press("Tab")
    if question:
        page.get_by_label(question).fill("Berlin")
    page.get_by_role("button", name="Send request").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def approve(visit: Visitors, employee: Visitor, look: Lookout) -> None:
    """A participant approves an employee's request, and answers the employee's question."""
    cleo = visit(visit.fresh("cleo"), "one-to-one")
    look.past(cleo, cleo.page.get_by_role("button", name="Request a chat"))
    ask(employee, cleo.who)
    asked = cleo.page.get_by_role("article", name="Emil")
    look.past(cleo, asked.get_by_role("button", name="Approve"))
