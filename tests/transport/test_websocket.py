"""Frames: what becomes a message, and what ends a connection (RFC 6455)."""

from collections import deque

import pytest
import trio
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side

from transport.websocket import Closed, WebSocket

TEXT, BINARY, CONT, PING, CLOSE = (
    Opcode.TEXT, Opcode.BINARY, Opcode.CONT, Opcode.PING, Opcode.CLOSE,
)  # fmt: skip
LIMIT = 100


class Line:
    """An outbox whose peer has said some things already, and then ends."""

    def __init__(self, *said):
        self.said = deque(said)
        self.written = b""
        self.half_closed = False

    def write(self, data):
        self.written += data

    async def receive_some(self, _size):
        await trio.lowlevel.checkpoint()
        return self.said.popleft() if self.said else b""

    async def wait_below(self, _size):
        await trio.lowlevel.checkpoint()

    def say_no_more(self):
        self.half_closed = True

    def frames(self):
        """What a client makes of what was written."""
        client = Protocol(Side.CLIENT)
        client.receive_data(self.written)
        return [(frame.opcode, frame.data) for frame in client.events_received()]

    def closed_with(self):
        client = Protocol(Side.CLIENT)
        client.receive_data(self.written)
        return client.close_rcvd and client.close_rcvd.code


def spelled(opcode, data, *, fin=True, mask=True):
    return Frame(opcode, data, fin).serialize(mask=mask)


def closing(code):
    return spelled(CLOSE, code.to_bytes(2, "big"))


def opened(*said):
    line = Line(*said)
    return WebSocket(line, LIMIT), line


async def test_messages_come_out_as_they_were_said_however_they_are_cut():
    whole = (
        spelled(TEXT, "Grüße".encode())
        + spelled(BINARY, b"\x00\xff")
        + spelled(TEXT, "hé".encode()[:2], fin=False)
        + spelled(PING, b"there?")
        + spelled(CONT, "hé".encode()[2:] + b"!")
    )
    for size in (1, 3, len(whole)):
        pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
        websocket, line = opened(*pieces)
        assert [await websocket.get_message() for _ in range(3)] == ["Grüße", b"\x00\xff", "hé!"]
        assert line.frames() == [(Opcode.PONG, b"there?")]


async def test_what_came_with_the_handshake_is_read_first():
    line = Line(spelled(TEXT, b"second"))
    websocket = WebSocket(line, LIMIT, spelled(TEXT, b"first"))
    assert [await websocket.get_message() for _ in range(2)] == ["first", "second"]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (spelled(TEXT, b"\xff"), 1007),
        (spelled(TEXT, b"\xc3", fin=False) + spelled(CONT, b"("), 1007),
        (spelled(TEXT, b"hi", mask=False), 1002),
        (spelled(CONT, b"of what?"), 1002),
        (spelled(TEXT, b"a", fin=False) + spelled(TEXT, b"b"), 1002),
        (b"\xf1\x80\x00\x00\x00\x00", 1002),
        (b"GET / HTTP/1.1\r\n\r\n", 1002),
        (spelled(BINARY, bytes(LIMIT + 1)), 1009),
        (spelled(BINARY, bytes(LIMIT), fin=False) + spelled(CONT, b"!"), 1009),
        (b"\x82\xff" + (1 << 60).to_bytes(8, "big"), 1009),
    ],
    ids=[
        "not UTF-8",
        "not UTF-8 in parts",
        "not masked",
        "a part of nothing",
        "a message within another",
        "a bit that means nothing",
        "no frame",
        "too long",
        "too long in parts",
        "longer than anything",
    ],
)
async def test_what_must_not_be_is_refused_with_its_code_and_nothing_is_lost_before(said, code):
    websocket, line = opened(spelled(TEXT, b"before") + said, b"\x00" * 50)
    assert await websocket.get_message() == "before"
    with pytest.raises(Closed):
        await websocket.get_message()
    assert line.closed_with() == code
    assert not websocket.over
    await websocket.aclose(1000, "")  # the reason was told already
    assert line.closed_with() == code
    assert websocket.over
    assert not line.said
    assert line.half_closed == (code != 1007)  # after what is no frame, none can be awaited


async def test_a_message_may_be_as_long_as_the_limit():
    websocket, _ = opened(spelled(TEXT, b"a" * 60, fin=False) + spelled(CONT, b"a" * 40))
    assert await websocket.get_message() == "a" * LIMIT


async def test_parts_without_anything_in_them_are_not_kept():
    empty = spelled(CONT, b"", fin=False)
    websocket, _ = opened(spelled(TEXT, b"", fin=False), *[empty] * 1000)
    with pytest.raises(Closed):
        await websocket.get_message()
    assert len(websocket._parts) == 1


async def test_parts_may_be_empty():
    empty, end = spelled(CONT, b"", fin=False), spelled(CONT, b"")
    begin = spelled(TEXT, b"", fin=False)
    websocket, _ = opened(begin, empty, spelled(CONT, b"x", fin=False), end, begin, end)
    assert [await websocket.get_message() for _ in range(2)] == ["x", ""]


async def test_a_close_is_answered_and_ends_it():
    websocket, line = opened(spelled(TEXT, b"bye") + closing(1001), b"more")
    assert await websocket.get_message() == "bye"
    with pytest.raises(Closed):
        await websocket.get_message()
    assert line.closed_with() == 1001
    assert websocket.over


async def test_an_end_without_a_word_ends_it():
    websocket, line = opened(spelled(TEXT, b"bye"))
    assert await websocket.get_message() == "bye"
    with pytest.raises(Closed):
        await websocket.get_message()
    assert line.written == b""
    assert websocket.over


async def test_our_close_waits_for_the_peers_and_drops_what_it_still_says():
    websocket, line = opened(spelled(TEXT, b"late") * 3, spelled(TEXT, b"x") + closing(1000), b"y")
    await websocket.aclose(3505, "enough")
    assert line.closed_with() == 3505
    assert websocket.over
    assert list(line.said) == [b"y"]
    assert not line.half_closed
