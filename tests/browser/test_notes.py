"""What happens to somebody is told to them, wherever they are, with a way to it."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import EVENT, Visitor, Visitors

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
