"""The page for client authors: its program for browsers, in one."""

from tests.browser.conftest import token
from tests.docs.test_clients import block


def test_a_page_by_hand_connects_and_hears(chromium, daemon):
    program = block("In a browser").replace("wss://live.example", f"ws://127.0.0.1:{daemon.port}")
    page = chromium.new_page()
    page.goto(f"{daemon.address}/healthz")  # an origin the daemon takes as its own
    with page.expect_console_message(timeout=10_000) as heard:
        page.evaluate(f"token => {{ {program} }}", token("ana"))
    answer = heard.value.args[0].json_value()
    page.close()
    assert (answer["id"], answer["result"]["person"]["name"]) == (1, "Ana")
