"""Golden traces: what a connection says and hears, byte for byte.

Each file holds lines ``> sent`` and ``< heard``; times, tokens and ids of connections are fixed.
A change here is a change of the contract.
"""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

FOLDER = Path(__file__).parents[1] / "golden" / "wire"
NOW = datetime(2026, 12, 1, 10, tzinfo=UTC)


class FixedAuthenticator:
    def __init__(self, house):
        self._house = house

    def verify(self, token):
        token = self._house.token(ttl=1e8) if token == "TOKEN" else token
        return self._house.authenticator.verify(token)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.txt")), ids=lambda file: file.stem)
async def test_the_wire_is_as_it_was(running, speaking, file):
    lines = file.read_text().splitlines()
    async with running(clock=SimpleNamespace(now=lambda: NOW)) as house:
        house.server.context.authenticator = FixedAuthenticator(house)
        async with speaking(house, connect=False) as ana:
            heard = []
            for line in lines:
                if line.startswith("> "):
                    await ana.websocket.send_message(line[2:])
                elif line.startswith("< "):
                    message = await ana.websocket.get_message()
                    heard.append(message)
                    assert message == line[2:]
                elif line.startswith("! "):
                    house.hub.publish("session/ux", "chat.posted", NOW, {"text": line[2:]}, 1)
                elif line.startswith("x "):
                    reason = await ana.ended()
                    assert f"{reason.code} {reason.reason}" == line[2:]
            assert heard
