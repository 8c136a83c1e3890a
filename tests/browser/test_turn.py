"""Behind a firewall that lets nothing through but a TURN server, the page still shows the host."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import SESSIONS, Visitors, serving
from tests.coturn import coturn

pytestmark = pytest.mark.browser

SECRET = "north"
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
def relayed(tmp_path: Path, chromium: Browser) -> Iterator[Visitors]:
    """Visitors of a daemon that names a TURN server, who may use nothing else."""
    with coturn(tmp_path, SECRET) as port:
        turn = {
            "GREENROOM_MEDIA_TURN": f"turn:127.0.0.1:{port}?transport=udp",
            "GREENROOM_MEDIA_TURN_SECRET": SECRET,
        }
        with serving(tmp_path, turn) as daemon:
            visitors = Visitors(daemon, chromium, iter(SESSIONS), scripts=[ONLY_RELAYED])
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
