"""The steps of taking part in a Session, each in real browsers."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor, Visitors

pytestmark = pytest.mark.browser

REQUEST = "Request to join with Mic & Camera"
DEACTIVATE = "✌️ Deactivate Mic & Camera"


def ask_for_the_stage(visitor: Visitor) -> None:
    visitor.page.locator(".controls").get_by_role("button", name=REQUEST).click()
    dialog = visitor.page.get_by_role("dialog")
    expect(dialog.locator("video")).to_be_visible()
    dialog.get_by_role("button", name="Send request").click()
    expect(visitor.page.locator(".controls")).to_contain_text("Request sent")


def bring_on_screen(host: Visitor, guest: Visitor) -> None:
    ask_for_the_stage(guest)
    host.tab("people")
    host.page.get_by_role("button", name=f"Accept {guest.who.capitalize()}").click()
    expect(guest.page.locator(".controls").get_by_role("button", name=DEACTIVATE)).to_be_visible()


def test_organizers_decide_nothing_that_hosts_decide(visit: Visitors) -> None:
    host, guest = visit.live("ana")
    organizer = visit("olga", f"session/{host.page.url.rpartition('/')[2]}")
    bring_on_screen(host, guest)
    again = visit("ben", f"session/{host.page.url.rpartition('/')[2]}")
    ask_for_the_stage(again)
    expect(host.panel().locator(".queue")).to_contain_text("1 request to join")
    organizer.tab("people")
    more = organizer.panel().get_by_label("More options for Ana")
    more.click()
    items = ["Mute microphone", "Turn camera off", "Remove from session", "Ban"]
    expect(organizer.page.get_by_role("menuitem")).to_have_text(items)
    organizer.shot("organizer_in_session")
    expect(organizer.panel().locator(".queue")).to_have_count(0)
    organizer.go("one-to-one")
    expect(organizer.page.get_by_role("tab", name="Requested")).to_be_visible()
    expect(organizer.page.get_by_role("button", name="Request a chat")).to_have_count(0)


def test_the_number_of_rooms_can_be_written_anew(visit: Visitors) -> None:
    host = visit.live("ana")[0]
    host.page.get_by_role("button", name="Breakout rooms").click()
    number, keyboard = host.page.get_by_label("Number of rooms"), host.page.keyboard
    number.focus()
    for key in ("End", "Backspace", "1", "2"):
        keyboard.press(key)
    expect(number).to_have_value("12")
    for written, meant in (("", "12"), ("80", "50"), ("-3", "1"), ("5", "5")):
        number.fill(written)
        keyboard.press("Tab")
        expect(number).to_have_value(meant)
    number.focus()
    keyboard.press("End")
    keyboard.press("Backspace")
    keyboard.press("3")
    host.shot("rooms_number")
    keyboard.press("Enter")
    expect(host.page.get_by_role("dialog")).to_have_count(0)
    host.page.get_by_role("button", name="Watch rooms").click()
    expect(host.page.get_by_role("dialog")).to_contain_text("Room 3")
    expect(host.page.get_by_role("dialog")).not_to_contain_text("Room 4")


def test_step_0_four_ways_lead_into_a_session(visit: Visitors) -> None:
    host = visit.live()[0]
    title = host.page.locator(".room-head h1").inner_text()
    guest, hugo = visit("ana"), visit("hugo")
    for visitor, way in ((hugo, "schedule"), (guest, "lobby"), (guest, "program"),
                         (guest, "company/acme")):  # fmt: skip
        visitor.go(way)
        named = visitor.page.get_by_role("heading", name=title, exact=True)
        card = visitor.page.locator("article").filter(has=named)
        if way == "program":
            visitor.drop()
        card.get_by_role("button", name="Join").click()
        expect(
            visitor.page.locator(".room-head").get_by_role("heading", name=title)
        ).to_be_visible()
        expect(visitor.page).to_have_title(f"{title} · Spring Fair · Greenroom")


def test_step_0_a_seat_is_registered_for_and_stands_in_my_schedule(visit: Visitors) -> None:
    ana, ben = visit(visit.fresh("ana"), "program"), visit(visit.fresh("ben"), "program")
    card, other = (one.page.locator("article", has_text="Limited seats") for one in (ana, ben))
    expect(card).to_contain_text("1 seat left")
    ana.lose()
    card.get_by_role("button", name="Register").click()
    ana.regain()
    other.get_by_role("button", name="Join the waiting list").click()
    expect(other).to_contain_text("On the waiting list")
    ana.go("schedule")
    expect(card).to_contain_text("Registered")
    ana.go("program")
    card.get_by_label("More options for Limited seats").click()
    ana.page.get_by_role("menuitem", name="Give up my seat").click()
    ana.page.get_by_role("dialog").get_by_role("button", name="Give up my seat").click()
    expect(ben.page.locator(".toasts")).to_contain_text("A seat in Limited seats is yours now")
    ben.go("program")
    other.get_by_label("More options for Limited seats").click()
    ben.page.get_by_role("menuitem", name="Give up my seat").click()
    ben.page.get_by_role("dialog").get_by_role("button", name="Give up my seat").click()
    expect(other).to_contain_text("1 seat left")


def test_step_1_one_enters_the_audience_and_sees_the_hosts(visit: Visitors) -> None:
    host, guest, second = visit.live("ana", "hugo")
    page = guest.page
    for name in ("hana", "hugo"):
        expect(page.locator(f'[data-person="{name}"]')).to_be_visible()
    second.page.get_by_role("button", name="Share screen").click()
    expect(page.locator(".tile.share video")).to_be_visible()
    second.page.get_by_role("button", name="Stop sharing").click()
    expect(page.locator('[data-person="ana"]')).to_have_count(0)
    expect(page.locator(".controls").get_by_role("button", name=REQUEST)).to_be_visible()
    for tab in ("people", "qa", "chat"):
        guest.tab(tab)
        expect(guest.panel().get_by_role("button", name=REQUEST)).to_be_visible()
    guest.tab("company")
    expect(guest.panel().get_by_role("button", name=REQUEST)).to_have_count(0)
    expect(page.get_by_role("button", name="Technical support")).to_be_visible()
    host.page.get_by_role("button", name="Turn camera on").click()
    host.page.get_by_role("button", name="Unmute microphone").click()
    guest.sees("hana")
    guest.drop()
    guest.hears("Connected again.")
    guest.sees("hana")
    guest.shot("step_1_audience")


def test_step_2_request_withdraw_accept_and_cancel(visit: Visitors) -> None:
    host, guest = visit.live("ana")
    for place in ("controls", "people", "qa", "chat"):
        if place != "controls":
            guest.tab(place)
        ask_for_the_stage(guest)
        where = guest.page.locator(".controls" if place == "controls" else ".request-foot")
        where.get_by_role("button", name="Withdraw request").click()
        expect(where.get_by_role("button", name=REQUEST)).to_be_visible()
    ask_for_the_stage(guest)
    guest.drop()
    expect(guest.page.locator(".controls")).to_contain_text("You are number 1")
    host.tab("people")
    expect(host.panel()).to_contain_text("1 request to join")
    host.shot("step_2_queue")
    host.page.get_by_role("button", name="Accept Ana").click()
    countdown = guest.page.get_by_role("alertdialog")
    expect(countdown).to_be_visible()
    guest.hears("You are going on screen in five seconds. Cancel is focused.")
    expect(countdown.get_by_role("button", name="Cancel request")).to_be_focused()
    countdown.get_by_role("button", name="Cancel request").click()
    expect(guest.page.locator(".controls").get_by_role("button", name=REQUEST)).to_be_visible()
    ask_for_the_stage(guest)
    host.page.get_by_role("button", name="Decline Ana").click()
    host.page.get_by_role("dialog").get_by_label("Message").fill("A little later, please")
    host.page.get_by_role("dialog").get_by_role("button", name="Decline").click()
    expect(guest.page.locator(".toasts")).to_contain_text("A little later, please")


def test_step_2_devices_are_chosen_with_a_preview_and_a_level(visit: Visitors) -> None:
    _, guest = visit.live("ana")
    page = guest.page
    page.locator(".controls").get_by_role("button", name=REQUEST).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Microphone", exact=True).locator("option").first).to_be_attached()
    expect(dialog.get_by_label("Camera", exact=True).locator("option").first).to_be_attached()
    page.wait_for_function("() => document.querySelector('dialog meter').value > 0")
    guest.shot("step_2_devices")
    dialog.get_by_role("button", name="Turn camera off").click()
    expect(dialog).to_contain_text("Your camera is off")
    dialog.get_by_role("button", name="Send request").click()
    expect(page.locator(".controls")).to_contain_text("You are number 1")


def test_step_3_on_screen_with_share_and_back(visit: Visitors) -> None:
    host, guest, watcher = visit.live("ana", "ben")
    bring_on_screen(host, guest)
    watcher.sees("ana")
    guest.page.get_by_role("button", name="Share screen").click()
    expect(watcher.page.locator(".tile.share video")).to_be_visible()
    watcher.shot("step_3_share")
    guest.page.get_by_role("button", name="Stop sharing").click()
    expect(watcher.page.locator(".tile.share")).to_have_count(0)
    guest.page.get_by_role("button", name="Mute microphone", exact=True).click()
    expect(guest.page.get_by_role("button", name="Unmute microphone")).to_be_visible()
    guest.drop()
    expect(guest.page.get_by_role("button", name="Unmute microphone")).to_be_visible()
    guest.shot("step_3_on_screen")
    guest.page.locator(".controls").get_by_role("button", name=DEACTIVATE).click()
    expect(guest.page.locator('[data-person="ana"]')).to_have_count(0)
    guest.page.get_by_role("button", name="Return to the stage").first.click()
    guest.page.get_by_role("dialog").get_by_role("button", name="Send request").click()
    expect(host.page.locator('[data-person="ana"]')).to_be_visible()

    def choose(item: str) -> None:
        host.page.locator('[data-person="ana"]').get_by_label("More options for Ana").click()
        host.page.get_by_role("menuitem", name=item).click()

    choose("Mute microphone")
    blocked = guest.page.get_by_role("button", name="A host has blocked your microphone")
    expect(blocked).to_be_disabled()
    choose("Allow microphone")
    expect(guest.page.get_by_role("button", name="Unmute microphone")).to_be_enabled()
    guest.page.get_by_role("button", name="Share screen").click()
    expect(host.page.locator(".tile.share video")).to_be_visible()
    choose("Stop screen share")
    expect(host.page.locator(".tile.share")).to_have_count(0)
    choose("Back to the audience")
    expect(guest.page.locator(".controls").get_by_role("button", name=REQUEST)).to_be_visible()


def test_step_4_the_company_tab(visit: Visitors) -> None:
    host, guest = visit.live("ana")
    panel = guest.panel()
    expect(panel).to_contain_text("We build robots.")
    panel.get_by_text("Remote?").click()
    expect(panel.get_by_text("Yes, anywhere.")).to_be_visible()
    job = panel.get_by_role("link", name="See job")
    expect(job).to_have_attribute("href", "https://acme.example/jobs/1")
    guest.shot("step_4_company")
    guest.drop()
    host.panel().get_by_role("button", name="Edit").click()
    host.page.get_by_label("Description").fill("We build robots. And hire.")
    host.page.get_by_role("button", name="Save").click()
    expect(panel).to_contain_text("And hire.")


def test_step_5_everybody_is_listed(visit: Visitors) -> None:
    _, guest, ben = visit.live("ana", "ben")
    guest.tab("people")
    panel = guest.panel()
    expect(panel.locator(".person .name")).to_have_text(["Hana", "Ana (you)", "Ben"])
    guest.lose()
    ben.page.get_by_role("button", name="Leave").click()
    guest.regain()
    expect(panel.locator(".person .name")).to_have_text(["Hana", "Ana (you)"])
    ben.page.go_back()
    expect(panel.locator(".person .name")).to_have_text(["Hana", "Ana (you)", "Ben"])
    panel.get_by_label("Search people").fill("be")
    expect(panel.locator(".person .name")).to_have_text(["Ben"])


def test_step_6_questions_rise_by_votes(visit: Visitors) -> None:
    host, ana, ben = visit.live("ana", "ben")
    for visitor in (host, ana, ben):
        visitor.tab("qa")
    for question in ("Is it remote?", "How large is the team?"):
        ana.panel().get_by_label("Ask a question").fill(question)
        ana.panel().get_by_role("button", name="Send").click()
        expect(ben.panel()).to_contain_text(question)
    ana.lose()
    ben.panel().locator("article", has_text="How large").locator(".vote").click()
    ana.regain()
    expect(ana.panel().locator(".question .text").first).to_have_text("How large is the team?")
    expect(ben.panel().locator(".vote").first).to_have_attribute("aria-pressed", "true")
    ben.panel().locator(".vote").first.click()
    expect(ana.panel().locator(".question .text").first).to_have_text("Is it remote?")
    host.panel().get_by_label("Options for this question").first.click()
    host.page.get_by_role("menuitem", name="Answer in writing").click()
    host.page.get_by_role("dialog").locator("textarea").fill("Fully")
    host.page.get_by_role("dialog").get_by_role("button", name="Send").click()
    ana.panel().get_by_role("button", name="Answered").click()
    expect(ana.panel().locator(".answer")).to_contain_text("Fully")


def test_step_7_the_chat_reaches_everybody(visit: Visitors) -> None:
    _, ana, ben = visit.live("ana", "ben")
    expect(ben.page.locator("#panel-tab-company")).to_be_visible()
    ana.tab("chat")
    ana.panel().get_by_label("Write a message").fill("Hello everybody")
    ana.panel().get_by_role("button", name="Send").click()
    expect(ben.page.locator("#panel-tab-chat .unread")).to_contain_text("1")
    ben.tab("chat")
    text = ben.page.locator(".text", has_text="Hello everybody")
    message = ben.panel().locator(".message").filter(has=text)
    expect(message).to_be_visible()
    message.hover()
    message.get_by_label("Reply to Ana").click()
    ben.panel().get_by_label("Write a message").fill("Hello Ana")
    ben.page.keyboard.press("Enter")
    expect(ana.panel().locator(".message", has_text="Hello Ana")).to_contain_text("Ana: Hello")
    message.hover()
    message.get_by_label("Options for the message of Ana").click()
    ben.page.get_by_role("menuitem", name="React with 👍").click()
    expect(ana.panel().locator(".reaction")).to_contain_text("👍 1")
    ana.shot("step_7_chat")


def test_step_8_breakout_rooms_there_and_back(visit: Visitors) -> None:
    host, ana, ben = visit.live("ana", "ben")
    expect(host.page.locator(".present")).to_contain_text("3")
    host.page.get_by_role("button", name="Breakout rooms").click()
    dialog = host.page.get_by_role("dialog")
    dialog.get_by_role("button", name="By hand").click()
    dialog.get_by_label("Room for Ana").select_option("1")
    ben_chip = dialog.locator(".chip", has_text="Ben")
    second = dialog.get_by_role("region", name="Room 2")
    ben_chip.drag_to(second, source_position={"x": 12, "y": 12})
    expect(second).to_contain_text("Ben")
    host.shot("step_8_by_hand")
    dialog.get_by_role("button", name="Open rooms").click()
    for guest, number in ((ana, 1), (ben, 2)):
        expect(guest.page.get_by_role("heading", level=1)).to_contain_text(f"Room {number}")
        expect(guest.page.get_by_role("button", name="Mute microphone", exact=True)).to_be_visible()
        expect(guest.page.get_by_role("button", name="Turn camera off")).to_be_visible()
        guest.hears(f"You are in Room {number}. Mic and camera are on.")
        for name in ("Share screen", "Background", "Technical support"):
            tool = guest.page.locator(".controls").get_by_role("button", name=name)
            expect(tool).to_be_visible()
    ana.drop()
    expect(ana.page.get_by_role("heading", level=1)).to_contain_text("Room 1")
    ana.tab("chat")
    ana.panel().get_by_label("Write a message").fill("Only for room one")
    ana.page.keyboard.press("Enter")
    expect(ana.panel()).to_contain_text("Only for room one")
    ben.tab("chat")
    expect(ben.panel()).not_to_contain_text("Only for room one")
    ana.tab("people")
    expect(ana.panel().locator(".group-title")).to_have_text(["Room 1 · 1", "Main call · 1"])
    ana.shot("step_8_room")
    ana.page.get_by_role("button", name="Main call").click()
    expect(ana.page.locator('[data-person="hana"]')).to_be_visible()
    ana.page.get_by_role("button", name="Go to Room 1").click()
    expect(ana.page.get_by_role("heading", level=1)).to_contain_text("Room 1")
    ana.page.get_by_role("button", name="Ask a host").click()
    host.page.get_by_role("button", name="Watch rooms").click()
    expect(host.page.get_by_role("dialog")).to_contain_text("Ana asks for a host")
    host.shot("step_8_watch")
    host.page.get_by_role("button", name="Message to all rooms").click()
    host.page.get_by_role("dialog").locator("textarea").fill("Two minutes left")
    host.page.get_by_role("dialog").get_by_role("button", name="Send").click()
    expect(ben.page.locator(".stage-notes")).to_contain_text("Two minutes left")
    expect(ben.panel()).not_to_contain_text("Only for room one")
    host.page.get_by_role("button", name="Watch rooms").click()
    host.page.get_by_role("button", name="Close rooms").click()
    host.page.get_by_label("Close all rooms?").get_by_role("button", name="Close rooms").click()
    expect(ben.page.locator(".stage-notes")).to_contain_text("Back to the main call in")
    host.page.get_by_role("button", name="Watch rooms").click()
    host.page.get_by_role("button", name="Close now").click()
    for guest in (ana, ben):
        expect(guest.page.locator('[data-person="hana"]')).to_be_visible()
        expect(guest.page.locator(".controls").get_by_role("button", name=REQUEST)).to_be_visible()


def test_step_9_leave_is_at_the_top(visit: Visitors) -> None:
    host, guest = visit.live("ana")
    expect(host.page.locator(".present")).to_contain_text("2")
    leave = guest.page.get_by_role("button", name="Leave")
    stage = guest.page.locator(".stage-area").bounding_box()
    box = leave.bounding_box()
    assert box is not None
    assert stage is not None
    assert box["y"] + box["height"] <= stage["y"]
    leave.click()
    expect(guest.page.get_by_role("heading", name="Spring Fair")).to_be_visible()
    expect(guest.page.locator("#main")).to_be_focused()
    guest.drop()
    expect(host.page.locator(".present")).to_contain_text("1")


def test_a_host_ends_the_session_after_confirming(visit: Visitors) -> None:
    host, guest = visit.live("ana")
    expect(guest.page.locator('[data-person="hana"]')).to_be_visible()
    host.page.get_by_role("button", name="End session").click()
    host.page.get_by_role("dialog").get_by_role("button", name="End session").click()
    expect(guest.page.get_by_text("This session has ended")).to_be_visible()


def test_what_was_said_in_a_session_that_is_over_can_be_read(visit: Visitors) -> None:
    host, guest = visit.live("ana")
    session = host.page.url.rpartition("/")[2]
    expect(host.page.locator(".present")).to_contain_text("2")
    guest.does("chat.send", topic=f"session/{session}", text="Who is coming along?")
    guest.does("qa.ask", session=session, text="Where is the coffee?")
    guest.tab("chat")
    expect(guest.panel()).to_contain_text("Who is coming along?")
    host.does("session.end", session=session)

    def can_only_read(visitor: Visitor) -> None:
        expect(visitor.page.locator(".waiting h2")).to_have_text("This session has ended")
        for tab, said in (("chat", "Who is coming along?"), ("qa", "Where is the coffee?")):
            visitor.tab(tab)
            expect(visitor.panel()).to_contain_text(said)
            expect(visitor.panel()).to_contain_text("It is over: this can only be read now.")
            expect(visitor.panel().get_by_role("textbox")).to_have_count(0)
            expect(visitor.panel().get_by_role("combobox")).to_have_count(0)
            expect(visitor.panel().locator(".message-tools, .menu")).to_have_count(0)
        expect(visitor.panel().locator(".vote")).to_be_disabled()

    for visitor in (host, guest):
        can_only_read(visitor)
        visitor.page.reload()
        can_only_read(visitor)
    guest.shot("session_over")
    ben = visit(visit.fresh("ben"), f"session/{session}")
    expect(ben.page.locator(".waiting")).to_contain_text("Those who were in it can read")
    expect(ben.panel()).to_have_count(0)


def test_step_7_a_drop_heals_by_itself_and_nothing_is_missed(visit: Visitors) -> None:
    host, guest = visit.live("ana")
    for visitor in (host, guest):
        visitor.tab("chat")
    expect(guest.page.locator('[data-person="hana"]')).to_be_visible()
    guest.lose()
    expect(guest.page.get_by_role("alert")).to_contain_text("Connection lost")
    guest.shot("drop")
    host.panel().get_by_label("Write a message").fill("Said while you were away")
    host.page.keyboard.press("Enter")
    expect(host.panel()).to_contain_text("Said while you were away")
    guest.regain()
    expect(guest.panel()).to_contain_text("Said while you were away")
    expect(guest.panel().locator(".message")).to_have_count(1)
