"""What happens to somebody is told to them, wherever they are, with a way to it."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import EVENT, Visitor, Visitors
from tests.browser.test_one_to_one_steps import both, publish

pytestmark = pytest.mark.browser


def in_minutes(minutes: int) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


def one_seat(visit: Visitors, minutes: int) -> tuple[str, Visitor, Visitor]:
    """Return a session of one seat that begins soon, who holds it, and who waits outside for it."""
    session = visit.fresh("seat")
    facts = {"title": "One seat", "kind": "workshop", "start": in_minutes(minutes), "minutes": 60}
    olga = visit("olga", "lobby")
    olga.does("session.create", session=session, event=EVENT, capacity=1, hosts=["hana"], **facts)
    ana, ben = visit(visit.fresh("ana"), "lobby"), visit(visit.fresh("ben"))
    ana.does("session.register", session=session)
    ben.does("session.register", session=session, wait=True)
    ben.go(f"session/{session}")
    return session, ana, ben


def test_whoever_waits_outside_is_let_in_to_a_seat_that_becomes_free(visit: Visitors) -> None:
    session, ana, ben = one_seat(visit, 4)
    expect(ben.page.locator(".waiting")).to_contain_text("Number 1 on the waiting list")
    ana.does("session.unregister", session=session)
    expect(ben.page.locator(".toasts")).to_contain_text("A seat in One seat is yours now.")
    ben.hears("A seat in One seat is yours now.")
    expect(ben.page.get_by_role("tab", name="Chat")).to_be_visible()
    ben.shot("notes_let_in")


def test_whoever_waits_outside_hears_of_another_time_and_of_a_cancellation(visit: Visitors) -> None:
    session, _, ben = one_seat(visit, 4)
    expect(ben.page.locator(".waiting")).to_contain_text("This session is full")
    olga = visit.opened[0]
    olga.does("session.change", session=session, start=in_minutes(60))
    expect(ben.page.locator(".toasts")).to_contain_text("One seat has a new time.")
    expect(ben.page.locator(".waiting")).to_contain_text("The doors are not open yet")
    ben.shot("notes_moved")
    olga.does("session.cancel", session=session)
    expect(ben.page.locator(".toasts")).to_contain_text("One seat was cancelled.")
    expect(ben.page.locator(".waiting h2")).to_have_text("Cancelled")
    ben.shot("notes_cancelled")


def open_rooms(host: Visitor, groups: list[list[str]]) -> str:
    """Open a room for each group, and return the session's id."""
    session = host.page.url.rpartition("/")[2]
    host.does("breakout.open", session=session, assign="manual", groups=groups)
    return session


def test_whom_a_host_moves_between_the_rooms_is_told_so(visit: Visitors) -> None:
    host, ana, ben = visit.live("ana", "ben")
    expect(host.page.locator(".present")).to_contain_text("3")
    session = open_rooms(host, [[], ["ben"]])
    ben.hears("You are in Room 2. Mic and camera are on.")
    host.does("breakout.move", session=session, person="ana", room="1")
    ana.hears("You are in Room 1. Mic and camera are on.")
    expect(ana.page.locator(".toast")).to_have_text(["You are in Room 1. Mic and camera are on."])
    ana.shot("notes_moved_in")
    ana.page.get_by_role("button", name="Mute microphone", exact=True).click()
    expect(ana.page.get_by_role("button", name="Unmute microphone")).to_be_visible()
    host.does("breakout.move", session=session, person="ana", room=None)
    ana.hears("You are back in the main call.")
    host.does("breakout.move", session=session, person="ana", room="1")
    ana.hears("You are in Room 1: mic off, camera on.")


def test_whoever_is_led_into_a_room_late_or_moved_while_away_is_told_so(visit: Visitors) -> None:
    host, ana, ben = visit.live("ana", "ben")
    expect(host.page.locator(".present")).to_contain_text("3")
    session = host.page.url.rpartition("/")[2]
    host.does("breakout.open", session=session, groups=[["ana"], ["ben"]], late="smallest",
              assign="manual")  # fmt: skip
    cleo = visit("cleo", f"session/{session}")
    cleo.hears("You are in Room 1. Mic and camera are on.")
    ben.lose()
    host.does("breakout.move", session=session, person="ben", room="1")
    ben.regain()
    ben.hears("You are in Room 1. Mic and camera are on.")
    host.does("breakout.close", session=session, countdown=0)
    for guest in (ana, ben, cleo):
        guest.hears("You are back in the main call.")


def test_an_answer_of_support_opens_where_one_is(visit: Visitors) -> None:
    session, who = visit.session(), visit.fresh("hugo")
    ana = visit(who, f"session/{session}")
    ana.page.get_by_role("button", name="Start session").click()
    ticket = ana.does("support.ask", text="My picture is green")["ticket"]["id"]
    olga = visit("olga", "lobby")
    olga.does("support.reply", id=ticket, text="Is it plugged in?")
    ana.page.locator(".toast", has_text="plugged in").get_by_role("button", name="Open").click()
    dialog = ana.page.get_by_role("dialog", name="Technical support")
    expect(dialog.get_by_role("log")).to_contain_text("Is it plugged in?")
    assert ana.page.url.endswith(f"session/{session}")
    dialog.get_by_label("Anything more?").fill("Yes, it is")
    dialog.get_by_role("button", name="Send").click()
    expect(dialog.locator(".bubble.mine")).to_have_count(2)
    olga.does("support.reply", id=ticket, text="Then try another one")
    expect(dialog.get_by_role("log")).to_contain_text("Then try another one")
    expect(ana.page.locator(".toast")).to_have_count(0)
    olga.does("support.resolve", id=ticket)
    expect(dialog.get_by_role("status")).to_have_text("Resolved")
    expect(dialog.get_by_role("log")).to_contain_text("Then try another one")
    ana.shot("notes_support")
    ana.page.keyboard.press("Escape")
    expect(ana.page.locator(f'[data-person="{who}"]')).to_be_visible()
    ana.go("support")
    ana.page.locator("main").get_by_role("button", name="Technical support").click()
    expect(dialog.get_by_label("What is wrong?")).to_be_visible()


def test_a_room_that_asks_for_a_host_is_heard_in_the_main_call(visit: Visitors) -> None:
    host, ana, hugo = visit.live("ana", "hugo")
    expect(host.page.locator(".present")).to_contain_text("3")
    open_rooms(host, [["ana"], []])
    ana.page.get_by_role("button", name="Ask a host").click()
    asked = ana.page.get_by_role("button", name="The hosts have been asked")
    expect(asked).to_be_disabled()
    for each in (host, hugo):
        each.hears("Ana in Room 1 asks for a host.")
        expect(each.page.locator(".stage-notes")).to_contain_text("Ana in Room 1 asks for a host.")
    host.shot("notes_help")
    host.page.get_by_role("button", name="Go to Room 1").click()
    expect(host.page.get_by_role("heading", level=1)).to_contain_text("Room 1")
    ana.hears("A host is on the way.")
    expect(ana.page.get_by_role("button", name="Ask a host")).to_be_enabled()
    for each in (host, hugo):
        expect(each.page.locator(".stage-notes")).not_to_contain_text("asks for a host")


NOTE = """async ([id, meeting]) => {
  const { dispatch } = await import("/app/store.js");
  const data = { id, kind: "meeting.waiting", data: { meeting } };
  const event = { topic: "me", type: "notification.added", at: new Date().toISOString(), data };
  dispatch({ type: "event", event });
}"""
UNREAD = """async () => {
  const { getState } = await import("/app/store.js");
  return getState().notifications.filter((note) => note.kind === "meeting.waiting").length;
}"""


def test_somebody_who_waits_in_a_chat_is_told_of_with_the_way_there(visit: Visitors) -> None:
    employee, guest = both(visit, "emil", "ana")
    publish(employee)
    meeting = guest.does("meeting.request", to=employee.who, answer="Rome")["meeting"]["id"]
    slots = employee.does("meeting.approve", id=meeting)["slots"]
    about = guest.does("meeting.pick", id=meeting, slot=slots[0]["start"])["meeting"]
    employee.page.reload()
    employee.go("lobby")
    for note in ("901", "902"):
        employee.page.evaluate(NOTE, [note, about])
    text = "Ana is waiting for you in your 1-1 chat."
    expect(employee.page.locator(".toast", has_text=text)).to_have_count(2)
    employee.shot("notes_waiting")
    employee.page.locator(".toast").last.get_by_role("button", name="Open").click()
    expect(employee.page.get_by_role("heading", name="1-1 chat with Ana")).to_be_visible()
    expect(employee.page.locator(".waiting")).to_contain_text("Waiting for Ana")
    assert employee.page.evaluate(UNREAD) == 0
    expect(employee.page.locator(".toast")).to_have_count(0)
    employee.page.evaluate(NOTE, ["903", about])
    employee.page.wait_for_timeout(300)
    assert employee.page.evaluate(UNREAD) == 0
    expect(employee.page.locator(".toast")).to_have_count(0)
