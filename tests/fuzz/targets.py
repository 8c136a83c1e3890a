"""What is fuzzed: the places where bytes of a stranger first become something else.

Each target takes any bytes and returns; an exception that is not a documented refusal is a find.
"""

import contextlib
from datetime import UTC, datetime

from actors.errors import Refused
from engine.tokens import Authenticator, Key
from tests.transport.media.hall import STRANGER, room_with_two, video
from transport import rpc
from transport.builtin import TOKEN_LENGTH, Connect
from transport.codec import CODECS, JSON, Unreadable
from transport.listener import Head, Rejected, parse_head
from transport.media import rtcp, rtp
from transport.media.rtp import Malformed
from transport.params import structure_plain
from transport.webhooks import SIGNATURE, TIMESTAMP, BadSignature, sign, verify
from transport.websocket import HandshakeFailed, Proposal

DEPTH = 32
GUARD = Authenticator([Key("test", "0123456789abcdef0123456789abcdef")])


def head(data):
    """Read a request's head, and a WebSocket's handshake if it is one."""
    try:
        found = parse_head(data)
    except Rejected as rejected:
        assert rejected.status[:3].isdecimal()  # noqa: PT017  any other exception is the find
        return
    assert isinstance(found, Head)
    assert isinstance(found.values("origin"), list)
    try:
        proposal = Proposal.read(found.line, found.fields)
    except HandshakeFailed as failed:
        assert failed.status[:3] in {"400", "426"}  # noqa: PT017  as above
        return
    assert proposal.answer(None).endswith(b"\r\n\r\n")
    assert found.raw.endswith(found.rest)


def codec(data):
    """Read a message in both codecs."""
    for one in CODECS:
        try:
            message = data.decode() if one is JSON else data
            value = one.decode(message, DEPTH)
            one.decode(one.encode(value).decode() if one is JSON else one.encode(value), DEPTH)
        except (Unreadable, UnicodeDecodeError):
            continue


def connect(data):
    """Read a first request as far as its token."""
    try:
        value = JSON.decode(data.decode(), DEPTH)
    except (Unreadable, UnicodeDecodeError):
        return
    for one in value if isinstance(value, list) else [value]:
        try:
            asked = structure_plain(Connect, rpc.parse(one).params)
            person, expires = GUARD.verify(asked.token[:TOKEN_LENGTH])
        except Exception as error:
            told = rpc.told(error)
            if told is None:
                raise
            assert isinstance(told.wire()["code"], int)
            assert not isinstance(told, Refused) or told.reason
            continue
        assert person.id
        assert expires > datetime.now(UTC)


STRANGERS, OWN, MEDIA, FEEDBACK = range(4)
OWN_SSRC = 77


def datagram(data):
    """Give a media worker's door a datagram, and the core behind it what would be authentic.

    The first byte says whose it is: a stranger's, one that claims a client's address, or what a
    client's keys have decrypted, media or feedback. No libFuzzer guesses a key.
    """
    board, ana, bob, _ = room_with_two()
    kind, body = (data[0] % 4, data[1:]) if data else (STRANGERS, b"")
    if kind in (STRANGERS, OWN):
        ana.give(body[:2048], address=STRANGER if kind == STRANGERS else None)
    elif kind == MEDIA:
        with contextlib.suppress(Malformed):
            board.publications["c-ana"].packet(rtp.parse(body), 1.0)
    for message in rtcp.parse(body) if kind == FEEDBACK else ():
        board.publications["c-ana"].report(message, 1.0)
        board.subscriptions["c-bob"].report(message, 1.0)
    for step in range(30):
        board.tick(1.0 + step / 100)
    # Whatever that was, the next picture arrives. It follows what she sent: SRTP takes nothing that
    # is far behind, and what was decrypted here in its place must not lie about that.
    bob.received()
    layer = board.publications["c-ana"].tracks["1"].layers[0]
    sent = layer.missing.highest if layer.ssrc == OWN_SSRC else None
    for number in range(2):
        ana.rtp(video((70 if sent is None else sent + 1) + number & 0xFFFF, ssrc=OWN_SSRC), 1.5)
    assert bob.received()
    assert not board.counters["faults"]


def webhook(data):
    """Check the signature of a webhook: its headers, a blank line, its body."""
    head, _, body = data.partition(b"\n\n")
    lines = head.decode("latin-1").split("\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    try:
        verify("secret", headers, body, datetime.fromtimestamp(1796032800, UTC))
    except BadSignature:
        return
    assert sign("secret", int(headers[TIMESTAMP]), body) in headers[SIGNATURE]


TARGETS = {
    "head": head,
    "codec": codec,
    "connect": connect,
    "datagram": datagram,
    "webhook": webhook,
}
