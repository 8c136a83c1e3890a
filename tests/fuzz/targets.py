"""What is fuzzed: the places where bytes of a stranger first become something else.

Each target takes any bytes and returns; an exception that is not a documented refusal is a find.
"""

from datetime import UTC, datetime

from actors.errors import Refused
from engine.tokens import Authenticator, Key
from transport import rpc
from transport.builtin import TOKEN_LENGTH, Connect
from transport.codec import CODECS, JSON, Unreadable
from transport.listener import Head, Rejected, parse_head
from transport.params import structure_plain
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


TARGETS = {"head": head, "codec": codec, "connect": connect}
