"""Virtual backgrounds change the picture that others receive, and are absent without a fuss."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Visitor, Visitors

pytestmark = pytest.mark.browser

LOOK = (Path(__file__).parent / "picture.js").read_text().partition("\n")[2].strip()


def look(page: Page, person: str) -> dict[str, Any]:
    """Return the hard edges, and two colours, of the picture of somebody that is shown here."""
    found = page.wait_for_function(LOOK, arg=person).json_value()
    assert isinstance(found, dict)
    return found


def shows(page: Page, person: str, what: str) -> None:
    """Wait until the picture of somebody is as ``what``, a condition on ``seen``, says."""
    page.wait_for_function(
        f"(person) => {{ const seen = ({LOOK})(person); return seen !== null && ({what}); }}",
        arg=person,
        polling=200,
    )


def choose(visitor: Visitor, name: str) -> None:
    visitor.page.get_by_role("button", name="Background").click()
    dialog = visitor.page.get_by_role("dialog")
    dialog.get_by_role("button", name=name).click()
    expect(dialog.get_by_role("button", name=name)).to_have_attribute("aria-pressed", "true")
    dialog.get_by_role("button", name="Close").click()


SMALL = """() => {
  const { prototype } = MediaStreamTrack;
  const apply = prototype.applyConstraints;
  const small = { width: 320, height: 180 };
  prototype.applyConstraints = function () { return apply.call(this, small); };
}"""
"""A camera of few pixels: without a graphics card each of them takes its time."""


def test_step_3_a_background_changes_what_others_see(visit: Visitors) -> None:
    visit.allowed += ["gl_context", "GL Driver Message"]  # what the package says of the driver
    host, guest = visit.live("ana")
    host.page.evaluate(SMALL)
    host.page.get_by_role("button", name="Turn camera on").click()
    shows(guest.page, "hana", "seen.edges > 20")
    plain = look(guest.page, "hana")
    choose(host, "Quiet room")
    # The fake camera shows nobody, so that all of its picture is background: the drawn room.
    room = "Math.abs(seen.top[0] - 223) < 40 && seen.bottom[0] < 70 && seen.bottom[1] > 70"
    shows(guest.page, "hana", room)
    host.shot("step_3_background_image")
    choose(host, "Blur")
    shows(guest.page, "hana", f"seen.edges < {plain['edges'] // 3} && !({room})")
    guest.shot("step_3_background_blur")
    choose(host, "None")
    shows(guest.page, "hana", f"seen.edges > {plain['edges'] // 2}")


def test_without_the_package_the_camera_is_sent_as_it_is(visit: Visitors) -> None:
    host, guest = visit.live("ana")

    def absent(route: Route) -> None:
        route.fulfill(status=204)

    host.page.route("**/vendor/vision/ready.json", absent)
    host.page.get_by_role("button", name="Turn camera on").click()
    host.page.get_by_role("button", name="Background").click()
    dialog = host.page.get_by_role("dialog")
    expect(dialog).to_contain_text("not installed on this server")
    for name in ("Blur", "Quiet room"):
        expect(dialog.get_by_role("button", name=name)).to_be_disabled()
    expect(dialog.get_by_role("button", name="None")).to_be_enabled()
    host.page.keyboard.press("Escape")
    shows(guest.page, "hana", "seen.edges > 20")
