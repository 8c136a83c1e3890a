"""A microphone and a camera are on when the page says so, and at no other time."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor, Visitors

pytestmark = pytest.mark.browser

REQUEST = "Request to join with Mic & Camera"
TAKEN = """
globalThis.taken = [];
const { mediaDevices } = navigator;
const take = mediaDevices.getUserMedia.bind(mediaDevices);
mediaDevices.getUserMedia = async (wanted) => {
  const stream = await take(wanted);
  taken.push(...stream.getTracks());
  return stream;
};
"""
CAPTURED = """kinds => {
  const live = taken.filter((track) => track.readyState === "live").map((track) => track.kind);
  return live.sort().join() === kinds;
}"""


def captured(visitor: Visitor, *kinds: str) -> None:
    """Wait until exactly these are taken from this person's devices."""
    visitor.page.wait_for_function(CAPTURED, arg=",".join(sorted(kinds)))


def test_the_devices_dialog_does_what_the_bar_does(visit: Visitors) -> None:
    visit.scripts.append(TAKEN)
    host, guest = visit.live("ana")
    page, bar = host.page, host.page.locator(".controls")
    guest.tab("people")
    hana = guest.panel().locator(".person", has_text="Hana")
    bar.get_by_role("button", name="Unmute microphone").click()
    captured(host, "audio")
    expect(hana).to_contain_text("mic on")
    dialog = page.get_by_role("dialog")
    bar.get_by_role("button", name="Devices").click()
    expect(dialog).to_contain_text("Your camera is off")
    page.wait_for_function("() => document.querySelector('dialog meter').value > 0")
    captured(host, "audio")
    dialog.get_by_role("button", name="Turn microphone off").click()
    expect(hana).to_contain_text("mic off")
    captured(host)
    dialog.get_by_role("button", name="Turn camera on").click()
    expect(dialog.locator("video")).to_be_visible()
    host.shot("devices_live")
    dialog.get_by_role("button", name="Done").click()
    expect(bar.get_by_role("button", name="Turn camera off")).to_be_visible()
    expect(bar.get_by_role("button", name="Unmute microphone")).to_be_visible()
    captured(host, "video")
    guest.sees("hana")
    bar.get_by_role("button", name="Turn camera off").click()
    captured(host)


def test_what_a_host_has_blocked_cannot_be_turned_on_in_the_dialog(visit: Visitors) -> None:
    host, hugo = visit.live("hugo")
    session = host.page.url.rpartition("/")[2]
    expect(host.page.locator(".present")).to_contain_text("2")
    host.does("media.block", session=session, person="hugo", mic=True)
    hugo.page.locator(".controls").get_by_role("button", name="Devices").click()
    dialog = hugo.page.get_by_role("dialog")
    blocked = dialog.get_by_role("button", name="A host has blocked your microphone")
    expect(blocked).to_be_disabled()
    expect(dialog.get_by_role("button", name="Turn camera on")).to_be_enabled()


def test_what_was_taken_for_the_preview_is_let_go_with_it(visit: Visitors) -> None:
    visit.scripts.append(TAKEN)
    guest = visit.live("ana")[1]
    page, dialog = guest.page, guest.page.get_by_role("dialog")
    for name in ("Cancel", "Send request"):
        page.locator(".controls").get_by_role("button", name=REQUEST).click()
        captured(guest, "audio", "video")
        dialog.get_by_role("button", name="Turn camera off").click()
        captured(guest, "audio")
        dialog.get_by_role("button", name=name).click()
        captured(guest)
