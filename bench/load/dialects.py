"""How a server is spoken to, so that one generator loads ours and the peers alike.

A dialect spells requests so that the reply names the request's number; the generator looks for
that in the bytes it receives and parses nothing else, or it would be slower than the server.
"""

import re
from collections.abc import Mapping
from typing import Any

import attrs
import orjson


@attrs.frozen
class Dialect:
    """A way of spelling requests and of finding replies.

    :param path: of the WebSocket.
    :param opening: frames to send first, before anything is asked.
    :param reply: matches a reply; group 1 is the number, group 2 tells a refusal.
    :param event: what stands once in each broadcast that is counted.
    """

    name: str
    path: str
    subprotocol: str
    opening: tuple[str, ...]
    reply: "re.Pattern[bytes]"
    refused: bytes
    event: bytes

    def counting(self, event: bytes) -> "Dialect":
        """Return the same, counting other broadcasts."""
        return attrs.evolve(self, event=event)

    def spell(self, number: int, method: str, params: Mapping[str, Any]) -> bytes:
        """Return a request's payload."""
        if self.name == "greenroom":
            message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            return orjson.dumps(message)
        # Socket.IO 5: an event with acknowledgement id; the data carry the number as well.
        return b"42%d%b" % (number, orjson.dumps([method, {**params, "number": number}]))


GREENROOM = Dialect(
    "greenroom",
    "/v1/ws",
    "greenroom.v1.json",
    (),
    re.compile(rb'"2\.0","id":(\d+),"(result|error)"'),
    b"error",
    b'"type":"chat.posted"',
)
SOCKETIO = Dialect(
    "socketio",
    "/socket.io/?EIO=4&transport=websocket",
    "",
    ("40",),
    re.compile(rb'"acked":(\d+),"(ok|error)"'),
    b"error",
    b'["chat.posted"',
)
DIALECTS = {dialect.name: dialect for dialect in (GREENROOM, SOCKETIO)}
