"""Times are the event's; where the viewer's differ the zone is named, and their own time told."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitors
from tests.browser.test_one_to_one_steps import asks, confirmed, publish, request, tab

pytestmark = pytest.mark.browser

OTHER = "Asia/Kolkata"
"""Half an hour beside every zone the tests' event may be in."""

NAMED = r"\d\d:\d\d [AP]M Etc/GMT\S+ \(.*\d\d:\d\d [AP]M your time\)"


def test_a_link_into_a_session_tells_the_times_of_the_event(visit: Visitors) -> None:
    session = visit.session()
    host = visit("hana", f"session/{session}", timezone_id=OTHER)
    planned = re.compile(f"Planned beginning: .*{NAMED}")
    expect(host.page.locator(".waiting")).to_contain_text(planned)
    expect(host.page.locator(".room-head .who")).to_contain_text(re.compile(f"until .*{NAMED}"))
    host.shot("times_session")
    guest = visit("ana", "session/limited", timezone_id=OTHER)
    asks(guest, "session.register", session="limited")
    guest.page.reload()
    shown = guest.page.locator(".waiting")
    expect(shown).to_contain_text(re.compile(f"They open on .* at {NAMED}"))
    guest.shot("times_doors")
    asks(guest, "session.unregister", session="limited")


def test_a_new_time_of_a_chat_is_told_with_its_day_and_zone(visit: Visitors) -> None:
    employee = visit(visit.fresh("emil"), "one-to-one")
    guest = visit(visit.fresh("ana"), "one-to-one", timezone_id=OTHER)
    publish(employee)
    request(guest, employee.who)
    employee.page.get_by_role("article", name="Ana").get_by_role("button", name="Approve").click()
    tab(guest, "In scheduling")
    guest.page.get_by_role("button", name="Pick a slot").click()
    guest.page.get_by_role("dialog").locator(".slot").last.click()
    guest.page.get_by_role("dialog").get_by_role("button", name="Confirm").click()
    confirmed(guest)
    expect(guest.page.locator("article.meeting")).to_contain_text(re.compile(NAMED))
    chat = asks(guest, "meeting.list", tab="confirmed")["meetings"][0]["id"]
    later = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(days=3)
    asks(visit("olga"), "meeting.move", id=chat, start=later.isoformat())
    toast = guest.page.locator(".toast", has_text="was moved to")
    expect(toast).to_contain_text(re.compile(rf"was moved to \w+, \w+ \d+, {NAMED}"))
    guest.shot("times_moved")
    guest.go(f"chat/{chat}")
    expect(guest.page.locator(".waiting")).to_contain_text(re.compile(f"Opens .*{NAMED}"))
