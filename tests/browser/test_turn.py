"""Behind a firewall that lets nothing through but a TURN server, the page still shows the host."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Apart, Visitors

pytestmark = pytest.mark.browser

ONLY_RELAYED = """
globalThis.peers = [];
globalThis.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(options) {
    super({ ...options, iceTransportPolicy: "relay" });
    globalThis.peers.push(this);
  }
};
"""
WAYS = """async () => {
  const connected = globalThis.peers.filter((peer) => peer.connectionState === "connected");
  const reports = await Promise.all(connected.map((peer) => peer.getStats()));
  const ways = reports.flatMap((report) => [...report.values()]
    .filter((one) => one.type === "candidate-pair" && one.nominated && one.state === "succeeded")
    .map((pair) => report.get(pair.localCandidateId).candidateType));
  return ways.length > 0 ? [...new Set(ways)] : null;
}"""


@pytest.fixture
def relayed(apart: Apart, chromium: Browser) -> Iterator[Visitors]:
    """Visitors who may use nothing but relays."""
    visitors = Visitors(apart.daemon, chromium, apart.unused, scripts=[ONLY_RELAYED])
    yield visitors
    visitors.finish()


def test_sound_and_picture_come_through_turn_alone(relayed: Visitors) -> None:
    host, guest = relayed.live("ana")
    expect(guest.page.locator('[data-person="hana"]')).to_be_visible()
    host.page.get_by_role("button", name="Turn camera on").click()
    host.page.get_by_role("button", name="Unmute microphone").click()
    guest.sees("hana")
    for visitor in (host, guest):
        assert visitor.page.wait_for_function(WAYS).json_value() == ["relay"]
