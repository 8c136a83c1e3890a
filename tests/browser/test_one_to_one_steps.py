"""The steps of 1-1 chats, from the schedule to the chat itself, in two real browsers."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor, Visitors

pytestmark = pytest.mark.browser


def tab(visitor: Visitor, name: str) -> None:
    visitor.page.get_by_role("tab", name=name).click()


def publish(employee: Visitor, *, every: bool = True) -> None:
    """Offer slots through the schedule editor."""
    page = employee.page
    page.get_by_role("button", name="More options").click()
    page.get_by_role("menuitem", name="Edit my schedule").click()
    dialog = page.get_by_role("dialog")
    day = dialog.locator("fieldset").first
    day.get_by_label("Duration").select_option("5")
    if every:
        day.get_by_role("button", name="Select all").click()
    else:
        day.locator(".slot").last.click()
    dialog.get_by_label("Background").fill("Designers")
    dialog.get_by_label("Languages").fill("English, German")
    dialog.get_by_label("Your own question").fill("Which city?")
    dialog.get_by_role("button", name="Confirm availability").click()
    expect(dialog).to_have_count(0)


def request(asker: Visitor, employee: str) -> None:
    page = asker.page
    page.get_by_role("button", name="Request a chat").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("With whom?").fill(employee)
    dialog.get_by_label("With whom?").press("Tab")
    dialog.get_by_label("Which city?").fill("Berlin")
    dialog.get_by_label("Message").fill("I would like to hear about your team")
    dialog.get_by_role("button", name="Send request").click()
    expect(dialog).to_have_count(0)


def test_schedule_quota_and_confirmation_come_before_requests(visit: Visitors) -> None:
    employee, guest = visit("hugo", "one-to-one"), visit("cleo", "one-to-one")
    expect(employee.page.locator(".quota")).to_contain_text("of 400 slots of your company")
    expect(employee.page.locator(".slots-box")).to_contain_text("Not published yet")
    guest.page.get_by_role("button", name="Request a chat").click()
    dialog = guest.page.get_by_role("dialog")
    dialog.get_by_label("With whom?").fill("hugo")
    dialog.get_by_label("With whom?").press("Tab")
    dialog.get_by_label("Message").fill("Too early")
    dialog.get_by_role("button", name="Send request").click()
    expect(guest.page.locator(".toast.bad")).to_be_visible()
    dialog.get_by_role("button", name="Cancel").click()
    publish(employee, every=False)
    expect(employee.page.locator(".slots-box")).to_contain_text("1 free slot")
    expect(employee.page.locator(".quota")).to_contain_text("1 of 400")
    employee.shot("one_schedule")


def test_request_approve_pick_join_and_talk(visit: Visitors) -> None:
    employee, guest = visit("emil", "one-to-one"), visit("ana", "one-to-one")
    publish(employee)
    request(guest, "emil")
    asked = employee.page.get_by_role("article", name="Ana")
    expect(asked).to_contain_text("I would like to hear about your team")
    expect(asked).to_contain_text("Berlin")
    employee.shot("one_requested")
    asked.get_by_role("button", name="Approve").click()
    tab(employee, "In scheduling")
    expect(employee.page.get_by_role("article", name="Ana")).to_contain_text("being picked")
    tab(guest, "In scheduling")
    guest.page.get_by_role("button", name="Pick a slot").click()
    slots = guest.page.get_by_role("dialog")
    slots.locator(".slot").first.click()
    guest.shot("one_pick")
    slots.get_by_role("button", name="Confirm").click()
    for visitor in (employee, guest):
        tab(visitor, "Confirmed")
        expect(visitor.page.locator("article.meeting")).to_be_visible()
    employee.shot("one_confirmed")
    employee.page.get_by_role("button", name="Join").click()
    guest.page.evaluate("() => { location.hash = '#/schedule' }")
    guest.page.locator("article", has_text="1-1 chat with Emil").get_by_role(
        "button", name="Join"
    ).click()
    for visitor, other in ((employee, "ana"), (guest, "emil")):
        expect(visitor.page.locator(f'[data-person="{other}"]')).to_be_visible()
        controls = visitor.page.locator(".controls")
        for name in ("Unmute microphone", "Turn camera on", "Share screen", "Technical support"):
            expect(controls.get_by_role("button", name=name)).to_be_visible()
    guest.panel().get_by_label("Write a message").fill("Nice to meet you")
    guest.page.keyboard.press("Enter")
    expect(employee.panel()).to_contain_text("Nice to meet you")
    expect(employee.page.get_by_role("timer")).to_be_visible()
    employee.shot("one_chat")
    guest.context.set_offline(offline=True)
    expect(guest.page.get_by_role("alert").first).to_contain_text("Connection lost")
    employee.panel().get_by_label("Write a message").fill("Still there?")
    employee.page.keyboard.press("Enter")
    visit.allowed.append("ERR_INTERNET_DISCONNECTED")
    guest.context.set_offline(offline=False)
    expect(guest.panel()).to_contain_text("Still there?")


def test_decline_with_a_message_and_a_colleague(visit: Visitors) -> None:
    employee, guest = visit("hana", "one-to-one"), visit("ben", "one-to-one")
    publish(employee, every=False)
    request(guest, "hana")
    asked = employee.page.get_by_role("article", name="Ben")
    asked.get_by_role("button", name="Decline").click()
    dialog = employee.page.get_by_role("dialog")
    dialog.get_by_label("Short message").fill("Emil knows more about this")
    dialog.get_by_label("Suggest a colleague").fill("emil")
    dialog.get_by_role("button", name="Decline").click()
    tab(guest, "Declined")
    declined = guest.page.get_by_role("article", name="Hana")
    expect(declined).to_contain_text("Emil knows more about this")
    expect(declined.get_by_role("button", name="Ask emil instead")).to_be_visible()


def test_reschedule_agree_and_cancel(visit: Visitors) -> None:
    employee, guest = visit("emil", "one-to-one"), visit("cleo", "one-to-one")
    expect(employee.page.locator(".slots-box")).to_contain_text("free slots")
    request(guest, "emil")
    employee.page.get_by_role("article", name="Cleo").get_by_role("button", name="Approve").click()
    tab(guest, "In scheduling")
    guest.page.get_by_role("button", name="Pick a slot").click()
    guest.page.get_by_role("dialog").locator(".slot").nth(3).click()
    guest.page.get_by_role("dialog").get_by_role("button", name="Confirm").click()
    for visitor in (employee, guest):
        tab(visitor, "Confirmed")
    confirmed = employee.page.get_by_role("article", name="Cleo")
    confirmed.get_by_label("More options for 1-1 chat").click()
    employee.page.get_by_role("menuitem", name="Reschedule").click()
    employee.page.get_by_role("dialog").locator(".slot").nth(5).click()
    employee.page.get_by_role("dialog").get_by_role("button", name="Confirm").click()
    expect(confirmed).to_contain_text("You proposed")
    guest.page.get_by_role("button", name="Agree").click()
    expect(confirmed).not_to_contain_text("You proposed")
    confirmed.get_by_label("More options for 1-1 chat").click()
    employee.page.get_by_role("menuitem", name="Cancel chat").click()
    employee.page.get_by_role("dialog").get_by_label("Message").fill("I am ill, sorry")
    employee.page.get_by_role("dialog").get_by_role("button", name="Cancel chat").click()
    tab(guest, "Declined")
    expect(guest.page.get_by_role("article", name="Emil")).to_contain_text("I am ill, sorry")
