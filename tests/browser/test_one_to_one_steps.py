"""The steps of 1-1 chats, from the schedule to the chat itself, in two real browsers."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Apart, Visitor, Visitors

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


def both(visit: Visitors, employee: str, guest: str) -> list[Visitor]:
    """Return two who have done nothing yet, on their 1-1 pages."""
    return [visit(visit.fresh(who), "one-to-one") for who in (employee, guest)]


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
    employee, guest = both(visit, "uma", "cleo")
    expect(employee.page.locator(".quota")).to_contain_text("of 20 slots of your company")
    expect(employee.page.locator(".slots-box")).to_contain_text("Not published yet")
    guest.page.get_by_role("button", name="Request a chat").click()
    dialog = guest.page.get_by_role("dialog")
    dialog.get_by_label("With whom?").fill(employee.who)
    dialog.get_by_label("With whom?").press("Tab")
    dialog.get_by_label("Message").fill("Too early")
    dialog.get_by_role("button", name="Send request").click()
    expect(guest.page.locator(".toast.bad")).to_be_visible()
    dialog.get_by_role("button", name="Cancel").click()
    employee.drop()
    publish(employee, every=False)
    expect(employee.page.locator(".slots-box")).to_contain_text("1 free slot")
    expect(employee.page.locator(".quota")).to_contain_text("1 of 20")
    employee.shot("one_schedule")
    more_slots(employee)
    expect(employee.page.locator(".slots-box")).to_contain_text("3 free slots")
    expect(employee.page.locator(".slots-box .day-slots")).to_have_count(2)


def more_slots(employee: Visitor) -> None:
    """Add slots to a published schedule: one more, and one of another length on the next day."""
    page = employee.page
    page.get_by_role("button", name="More options").click()
    page.get_by_role("menuitem", name="Edit my schedule").click()
    dialog = page.get_by_role("dialog")
    today, tomorrow = (dialog.locator("fieldset").nth(number) for number in (0, 1))
    expect(today.locator(".slot").last).to_have_attribute("aria-pressed", "true")
    today.locator(".slot").nth(-2).click()
    tomorrow.get_by_label("Duration").select_option("30")
    tomorrow.locator(".slot").first.click()
    dialog.get_by_role("button", name="Confirm availability").click()
    expect(dialog).to_have_count(0)


def test_more_slots_than_are_left_are_refused_with_their_number(visit: Visitors) -> None:
    employee, _ = both(visit, "uma", "cleo")
    page = employee.page
    page.get_by_role("button", name="More options").click()
    page.get_by_role("menuitem", name="Edit my schedule").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("fieldset").first.get_by_role("button", name="Select all").click()
    dialog.get_by_role("button", name="Confirm availability").click()
    refusal = r"Your company has 20 1-1 slots; you can offer at most \d+ of them\."
    expect(page.locator(".toast.bad")).to_have_text(re.compile(refusal))
    employee.shot("one_quota")


def test_a_participant_learns_that_the_employee_has_no_slot_left(visit: Visitors) -> None:
    employee, guest = both(visit, "emil", "ana")
    publish(employee, every=False)
    day = asks(employee, "agenda.get", employee=employee.who)["days"][0]
    asks(employee, "meeting.request", to=guest.who)
    asks(employee, "agenda.draft", day=day["day"], duration=day["duration"], slots=[])
    asks(employee, "agenda.publish")
    guest.page.get_by_role("button", name="Approve").click()
    dialog = guest.page.get_by_role("dialog")
    dialog.get_by_label("Which city?").fill("Lisbon")
    dialog.get_by_role("button", name="Approve").click()
    toast = guest.page.locator(".toast.bad")
    expect(toast).to_have_text("The employee has no free slot left.")
    guest.shot("one_none_left")


def confirmed(*visitors: Visitor) -> None:
    for visitor in visitors:
        tab(visitor, "Confirmed")
        expect(visitor.page.locator("article.meeting")).to_be_visible()


def test_request_approve_pick_join_and_talk(visit: Visitors) -> None:
    employee, guest = both(visit, "emil", "ana")
    publish(employee)
    request(guest, employee.who)
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
    confirmed(employee, guest)
    employee.shot("one_confirmed")
    employee.page.get_by_role("button", name="Join").click()
    guest.go("schedule")
    guest.page.locator("article", has_text="1-1 chat with Emil").get_by_role(
        "button", name="Join"
    ).click()
    for visitor, other in ((employee, guest.who), (guest, employee.who)):
        expect(visitor.page.locator(f'[data-person="{other}"]')).to_be_visible()
        controls = visitor.page.locator(".controls")
        for name in ("Unmute microphone", "Turn camera on", "Share screen", "Technical support"):
            expect(controls.get_by_role("button", name=name)).to_be_visible()
    guest.panel().get_by_label("Write a message").fill("Nice to meet you")
    guest.page.keyboard.press("Enter")
    expect(employee.panel()).to_contain_text("Nice to meet you")
    expect(employee.page.get_by_role("timer")).to_be_visible()
    employee.shot("one_chat")
    guest.lose()
    employee.panel().get_by_label("Write a message").fill("Still there?")
    employee.page.keyboard.press("Enter")
    guest.regain()
    expect(guest.panel()).to_contain_text("Still there?")


def test_a_chat_can_be_joined_once_its_time_has_come(visit: Visitors) -> None:
    employee, guest = both(visit, "emil", "ana")
    publish(employee)
    request(guest, employee.who)
    employee.page.get_by_role("article", name="Ana").get_by_role("button", name="Approve").click()
    tab(guest, "In scheduling")
    guest.page.get_by_role("button", name="Pick a slot").click()
    guest.page.get_by_role("dialog").locator(".slot").nth(3).click()
    guest.page.get_by_role("dialog").get_by_role("button", name="Confirm").click()
    confirmed(employee, guest)
    join = guest.page.get_by_role("button", name="Join")
    expect(join).to_have_count(0)
    begins = asks(guest, "meeting.list", tab="confirmed")["meetings"][0]["start"]
    guest.page.evaluate(
        "begins => { const at = Date.parse(begins) - 60_000; Date.now = () => at; }", begins
    )
    expect(join).to_be_visible()
    guest.shot("one_join")


@pytest.fixture
def visit_apart(apart: Apart, chromium: Browser) -> Iterator[Visitors]:
    visitors = Visitors(apart.daemon, chromium, apart.unused)
    visitors.allowed += ["ERR_CONNECTION_REFUSED", "WebSocket connection"]
    yield visitors
    visitors.finish()


def test_a_chat_that_took_place_is_completed(visit_apart: Visitors, apart: Apart) -> None:
    employee, guest = both(visit_apart, "emil", "ana")
    publish(employee)
    request(guest, employee.who)
    employee.page.get_by_role("article", name="Ana").get_by_role("button", name="Approve").click()
    tab(guest, "In scheduling")
    guest.page.get_by_role("button", name="Pick a slot").click()
    guest.page.get_by_role("dialog").locator(".slot").first.click()
    guest.page.get_by_role("dialog").get_by_role("button", name="Confirm").click()
    confirmed(employee, guest)
    for visitor in (employee, guest):
        visitor.page.get_by_role("button", name="Join").click()
    expect(employee.page.locator(f'[data-person="{guest.who}"]')).to_be_visible()
    apart.restart(later=15 * 60)
    for visitor, other in ((employee, "Ana"), (guest, "Emil")):
        page = visitor.page
        page.evaluate("() => dispatchEvent(new Event('online'))")  # not to wait out the pause
        expect(page.locator(".banner")).to_have_count(0)
        page.get_by_role("button", name="Leave").click()
        tab(visitor, "Completed")
        card = page.get_by_role("article", name=other)
        card.get_by_role("button", name="Private note").click()
        page.get_by_role("dialog").get_by_label("Only you see").fill(f"Well met, {other}")
        page.get_by_role("dialog").get_by_role("button", name="Save").click()
        card.get_by_role("button", name="Private note").click()
        note = page.get_by_role("dialog").get_by_label("Only you see")
        expect(note).to_have_value(f"Well met, {other}")


def test_decline_with_a_message_and_a_colleague(visit: Visitors) -> None:
    employee, guest = both(visit, "emil", "ben")
    colleague = visit(visit.fresh("hugo"), "one-to-one")
    for one in (colleague, employee):
        publish(one, every=False)
    employee.page.reload()
    request(guest, employee.who)
    asked = employee.page.get_by_role("article", name="Ben")
    asked.get_by_role("button", name="Decline").click()
    dialog = employee.page.get_by_role("dialog")
    dialog.get_by_label("Short message").fill("Hugo knows more about this")
    suggested = dialog.get_by_label("Suggest instead")
    suggested.select_option("Workshop s1")
    suggested.select_option(colleague.who)  # either the one or the other
    employee.shot("one_decline")
    dialog.get_by_role("button", name="Decline").click()
    tab(employee, "Declined")
    expect(asked).to_contain_text("Suggested instead: Hugo")
    expect(asked.get_by_role("button")).to_have_count(0)
    tab(guest, "Declined")
    declined = guest.page.get_by_role("article", name="Emil")
    expect(declined).to_contain_text("Hugo knows more about this")
    guest.drop()
    declined.get_by_role("button", name="Ask Hugo instead").click()
    expect(guest.page.get_by_role("dialog").get_by_label("Which city?")).to_be_visible()


def test_reschedule_agree_and_cancel(visit: Visitors) -> None:
    employee, guest = both(visit, "emil", "cleo")
    publish(employee)
    request(guest, employee.who)
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
    guest.drop()
    guest.page.get_by_role("button", name="Agree").click()
    expect(confirmed).not_to_contain_text("You proposed")
    confirmed.get_by_label("More options for 1-1 chat").click()
    employee.page.get_by_role("menuitem", name="Cancel chat").click()
    employee.page.get_by_role("dialog").get_by_label("Message").fill("I am ill, sorry")
    employee.page.get_by_role("dialog").get_by_role("button", name="Cancel chat").click()
    tab(guest, "Declined")
    expect(guest.page.get_by_role("article", name="Emil")).to_contain_text("I am ill, sorry")


def asks(visitor: Visitor, method: str, **params: Any) -> Any:
    """Carry out what the page has no button for."""
    script = "async ([method, params]) => (await import('/app/actions.js')).call(method, params)"
    return visitor.page.evaluate(script, [method, params])


def offered(visit: Visitors, guest: str, *colleagues: str) -> tuple[Visitor, Visitor]:
    """Return a guest who has asked an employee, and the colleague asked to take over."""
    employee, asker = both(visit, colleagues[0], guest)
    colleague = visit(visit.fresh(colleagues[1]), "one-to-one")
    for one in (colleague, employee):
        publish(one, every=False)
    request(asker, employee.who)
    expect(employee.page.locator("article.meeting")).to_be_visible()
    organizer = visit("olga")
    chat = asks(employee, "meeting.list", tab="requested")["meetings"][0]["id"]
    asks(organizer, "meeting.reassign", id=chat, to=colleague.who)
    return asker, colleague


def test_a_colleague_takes_a_chat_over_or_does_not(visit: Visitors) -> None:
    _, colleague = offered(visit, "ana", "emil", "hugo")
    asked = colleague.page.get_by_role("article", name="Ana")
    expect(asked).to_contain_text("You are asked to take this chat over from Emil.")
    expect(asked.get_by_role("button")).to_have_text(["Take over", "Decline"])
    colleague.shot("one_offer")
    asked.get_by_role("button", name="Take over").click()
    expect(asked.get_by_role("button")).to_have_text(["Approve", "Decline"])
    _, colleague = offered(visit, "ben", "emil", "hugo")
    asked = colleague.page.get_by_role("article", name="Ben")
    asked.get_by_role("button", name="Decline").click()
    expect(asked).to_have_count(0)


def test_an_employee_asks_a_participant_met_in_a_session(visit: Visitors) -> None:
    session = visit.session()
    employee, guest = visit(visit.fresh("emil"), "one-to-one"), visit(visit.fresh("ana"))
    publish(employee)
    host = visit("hana", f"session/{session}")
    host.page.get_by_role("button", name="Start session").click()
    guest.go(f"session/{session}")
    employee.go(f"session/{session}")
    employee.tab("people")
    employee.panel().get_by_label("More options for Ana").click()
    employee.page.get_by_role("menuitem", name="Request a chat").click()
    dialog = employee.page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Ana")).to_have_attribute("aria-pressed", "true")
    dialog.get_by_label("Message").fill("Your question was a good one")
    employee.lose()
    dialog.get_by_role("button", name="Send request").click()
    employee.regain()
    expect(dialog).to_have_count(0)
    guest.page.get_by_role("button", name="Leave").click()
    guest.go("one-to-one")
    guest.drop()
    asked = guest.page.get_by_role("article", name="Emil")
    expect(asked).to_contain_text("Your question was a good one")
    asked.get_by_role("button", name="Approve").click()
    guest.page.get_by_role("dialog").get_by_label("Which city?").fill("Lisbon")
    guest.page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    tab(guest, "In scheduling")
    expect(guest.page.get_by_role("button", name="Pick a slot")).to_be_visible()
