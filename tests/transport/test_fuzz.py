"""Whatever comes in, the answer is a documented one and the others do not notice."""

import attrs
import msgpack
import orjson
import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.rules.base import Command, Person
from transport import rpc
from transport.client import open_client
from transport.closing import Close, clip, may_reconnect, retry_after
from transport.codec import CODECS, JSON, MSGPACK, Unreadable, frame, payload_of
from transport.listener import Rejected, read_head
from transport.params import structure
from transport.topics import meant, spoken

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)
requests = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | values,
        "id": values,
        "method": st.sampled_from(["connect", "ping", "test.say", "test.join"]) | values,
        "params": values
        | st.fixed_dictionaries({}, optional={"token": values, "resume": values, "topic": values}),
    },
)
ANA = Person(id="ana", name="Ana", event="fair")


@attrs.frozen(kw_only=True)
class Posting(Command):
    topic: str
    text: str
    tags: list[str] = attrs.field(factory=list)


QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
CODES = {int(code) for code in Close}


@given(st.binary(max_size=300))
def test_any_bytes_are_msgpack_or_unreadable(data):
    try:
        MSGPACK.decode(data, 32)
    except Unreadable:
        return
    assert msgpack.unpackb(data) is not Ellipsis


@given(st.text(max_size=300))
def test_any_text_is_json_or_unreadable(text):
    try:
        value = JSON.decode(text, 32)
    except Unreadable:
        return
    assert value == orjson.loads(text)


@pytest.mark.parametrize("odd", [float("inf"), float("nan"), [1, {"a": float("-inf")}]])
def test_what_json_cannot_say_is_unreadable_in_msgpack_too(odd):
    with pytest.raises(Unreadable):
        MSGPACK.decode(msgpack.packb(odd), 32)


@given(values, st.sampled_from(CODECS))
def test_what_is_spelled_is_read_again(value, codec):
    payload = codec.encode(value)
    assert codec.decode(payload.decode() if codec is JSON else payload, 100) == value


@given(st.binary(max_size=200) | st.integers(0, 70_000).map(bytes))
def test_a_frame_gives_back_its_payload(payload):
    assert payload_of(frame(1, payload)) == payload


@given(values | requests)
def test_any_value_is_a_request_or_a_told_error(value):
    try:
        request = rpc.parse(value)
    except Exception as error:  # noqa: BLE001  the property is about every exception
        told = rpc.told(error)
        assert told is not None
        orjson.dumps(rpc.failure(None, told))
    else:
        assert isinstance(request.method, str)


@given(st.dictionaries(st.sampled_from(["topic", "text", "tags", "by", "key", "x"]), values))
def test_any_params_are_a_command_or_invalid_params(params):
    try:
        command = structure(Posting, params, ANA, "c1")
    except Exception as error:  # noqa: BLE001  the property is about every exception
        told = rpc.told(error)
        assert told is not None
        assert told.wire()["code"] == -32602
        assert isinstance(told.wire()["data"]["path"], str)
    else:
        assert command.connection == "c1"


@given(st.text(max_size=300))
def test_any_reason_fits_a_close_frame(reason):
    assert len(clip(reason).encode()) <= 123
    assert retry_after(reason) is None or isinstance(retry_after(reason), float)


@given(st.integers(3000, 4999))
def test_who_may_reconnect_follows_the_contract(code):
    assert may_reconnect(code) == (3000 < code < 3500)


class Script:
    """A stream that gives out prepared pieces."""

    def __init__(self, pieces):
        self._pieces = list(pieces)

    async def receive_some(self, _):
        await trio.lowlevel.checkpoint()
        return self._pieces.pop(0) if self._pieces else b""


@given(st.lists(st.binary(min_size=1, max_size=100) | st.just(b"\r\n\r\n"), max_size=10))
@QUICK
def test_any_head_is_read_or_rejected(pieces):
    async def read():
        try:
            head = await read_head(Script(pieces), 500)
        except Rejected as rejected:
            return rejected.status[:3]
        return head if head is None else head.is_websocket

    assert trio.run(read) in {None, True, False, "400", "431"}


async def _talk(house, speaking, codec, messages):
    """Say things as somebody who means no good; return how it ended, if it did."""
    async with speaking(house, codec.name, connect=False) as who:
        for message in messages:
            try:
                await who.websocket.send_message(message)
            except Exception:  # noqa: BLE001  it may have been sent away already
                break
        with trio.move_on_after(0.02):
            return (await who.ended()).code
    return None


async def test_no_stranger_ends_otherwise_than_documented_nor_disturbs_others(house, speaking):
    """One server, many strangers; somebody decent stays connected throughout."""
    strange = st.lists(
        requests.map(lambda value: orjson.dumps(value).decode())
        | st.text(max_size=50)
        | st.binary(max_size=50),
        min_size=1,
        max_size=4,
    )
    async with open_client(house.url, house.token("decent")) as decent:
        scripts = []

        @given(strange)
        @QUICK
        def collect(script):
            scripts.append(script)

        collect()
        for number, script in enumerate(scripts):
            code = await _talk(house, speaking, CODECS[number % 2], script)
            assert code is None or code in CODES, script
        assert await decent.call("ping")
        assert decent.statistics().connects == 1


async def test_no_bytes_on_the_socket_disturb_the_others(house):
    async with open_client(house.url, house.token("decent")) as decent:
        scripts = []

        @given(st.binary(max_size=200))
        @QUICK
        def collect(script):
            scripts.append(script)

        collect()
        upgrade = (
            b"GET /v1/ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
            b"sec-websocket-version: 13\r\nsec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
        )
        for number, script in enumerate(scripts):
            stream = await trio.open_tcp_stream("127.0.0.1", house.port)
            async with stream:
                with trio.move_on_after(1):
                    await stream.send_all((upgrade if number % 2 else b"") + script)
                    await stream.send_eof()
                    with trio.move_on_after(0.05):
                        async for _ in stream:
                            pass
        assert await decent.call("ping")
        assert decent.statistics().connects == 1
        with trio.fail_after(10):
            while house.server.statistics().connections > 1:
                await trio.sleep(0.01)


@given(st.text(max_size=30))
def test_a_topics_spoken_name_means_it_again(name):
    person = ANA
    assert meant(spoken(f"session/{name}"), person) == f"session/{name}"
    assert meant(spoken("person/fair.ana"), person) == "person/fair.ana"
    assert meant(spoken("support/fair"), person) == "support/fair"
