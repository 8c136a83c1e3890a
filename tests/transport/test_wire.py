"""The wire through a real socket, spoken by hand with trio-websocket's client."""

import math
import time

import orjson
import pytest
import trio

from actors.errors import Refused
from transport.closing import retry_after
from transport.limits import Limits, Rate

JSON, MSGPACK = "greenroom.v1.json", "greenroom.v1.msgpack"


@pytest.mark.parametrize("codec", [JSON, MSGPACK])
async def test_connect_says_who_and_where_you_are(house, speaking, codec):
    async with speaking(house, codec) as ana:
        welcome = ana.welcome
        assert welcome["person"] == {"id": "ana", "name": "Ana", "role": "participant"}
        assert welcome["event"] == "fair"
        assert welcome["epoch"] == "e1"
        assert welcome["ping_interval"] == 25
        assert welcome["recovered"] == {}
        assert welcome["notifications"] == []


@pytest.mark.parametrize("codec", [JSON, MSGPACK])
async def test_an_event_reaches_every_subscriber_after_its_snapshot(house, speaking, codec):
    async with speaking(house, codec) as ana, speaking(house, JSON, sub="ben") as ben:
        for who in (ana, ben):
            await who.say(
                {
                    "jsonrpc": "2.0",
                    "id": 2,
                    "method": "test.join",
                    "params": {"topic": "session/ux"},
                }
            )
            snapshot = await who.hear()
            assert snapshot["params"]["type"] == "snapshot"
            assert snapshot["params"]["seq"] == 0
            assert await who.hear() == {"jsonrpc": "2.0", "id": 2, "result": {}}
        assert (await ben.ask("test.say", topic="session/ux", text="hi"))["result"] == {"seq": 1}
        event = await ana.hear()
        assert event["method"] == "event"
        assert event["params"]["topic"] == "session/ux"
        assert event["params"]["seq"] == 1
        assert event["params"]["type"] == "test.said"
        assert event["params"]["data"] == {"text": "hi"}
        assert event["params"]["at"].endswith("Z")


def request(method, ident=1, **params):
    return {"jsonrpc": "2.0", "id": ident, "method": method, "params": params}


async def refusal(speaker, value):
    await speaker.say(value)
    reply = await speaker.hear()
    return reply["id"], reply["error"]["code"], reply["error"]["data"]["reason"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, (None, -32600, "invalid_request")),
        (7, (None, -32600, "invalid_request")),
        ([], (None, -32600, "invalid_request")),
        ([[]] * 40, (None, -32600, "invalid_request")),
        ({"jsonrpc": "1.0", "id": 1, "method": "ping"}, (1, -32600, "invalid_request")),
        ({"jsonrpc": "2.0", "id": 1}, (1, -32600, "invalid_request")),
        ({"jsonrpc": "2.0", "id": {}, "method": "ping"}, (None, -32600, "invalid_request")),
        ({"jsonrpc": "2.0", "id": None, "method": "ping"}, (None, -32600, "invalid_request")),
        ({"jsonrpc": "2.0", "id": 1.5, "method": "ping"}, (None, -32600, "invalid_request")),
        (request("no.such"), (1, -32601, "method_not_found")),
        (
            {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []},
            (1, -32602, "invalid_params"),
        ),
        (request("ping", no=1), (1, -32602, "invalid_params")),
        (request("test.fail", how="refused"), (1, 409, "wrong_state")),
        (request("test.fail", how="unknown"), (1, -32603, "internal_error")),
        (request("connect", token="x"), (1, 409, "wrong_state")),
    ],
)
async def test_a_bad_request_gets_its_error_and_the_connection_lives(
    house, speaking, value, expected
):
    async with speaking(house) as ana:
        assert await refusal(ana, value) == expected
        assert "result" in await ana.ask("ping", 9)


@pytest.mark.parametrize("codec", [JSON, MSGPACK])
@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"topic": "session/ux"}, "text"),
        ({"topic": "session/ux", "text": 5}, "text"),
        ({"topic": "session/ux", "text": "x", "tags": ["a", 1]}, "tags[1]"),
        ({"topic": "session/ux", "text": "x", "colour": "red"}, "colour"),
        ({"topic": "session/ux", "text": "x", "by": {"id": "host"}}, "by"),
        ({"topic": "session/ux", "text": "x", "connection": "other"}, "connection"),
        ({"topic": "session/ux", "text": "x", "key": "k" * 129}, "key"),
    ],
)
async def test_wrong_params_name_the_offending_member(house, speaking, codec, params, path):
    async with speaking(house, codec) as ana:
        reply = await ana.ask("test.say", **params)
        assert reply["error"]["code"] == -32602
        assert reply["error"]["data"]["path"] == path
        assert not house.door.calls


@pytest.mark.parametrize(
    "message",
    ["", "nonsense", "{", "[" * 100_000, "[" * 40 + "]" * 40, '{"a":' * 5000, b"\x00\xff"],
)
async def test_what_no_codec_reads_is_a_parse_error(house, speaking, message):
    async with speaking(house) as ana:
        await ana.websocket.send_message(message)
        reply = await ana.hear()
        assert reply["error"]["code"] == -32700
        assert reply["id"] is None
        assert "result" in await ana.ask("ping")


@pytest.mark.parametrize("message", [b"", b"\xc1", b"\x91" * 100_000, b"\xd6\xff\0\0\0\1", "{}"])
async def test_msgpack_that_is_none_is_a_parse_error(house, speaking, message):
    async with speaking(house, MSGPACK) as ana:
        await ana.websocket.send_message(message)
        assert (await ana.hear())["error"]["code"] == -32700
        assert "result" in await ana.ask("ping")


async def test_a_batch_is_answered_as_one_in_order_without_its_notifications(house, speaking):
    async with speaking(house) as ana:
        await ana.say(
            [
                request("test.say", "a", topic="session/ux", text="1"),
                {"jsonrpc": "2.0", "method": "test.say", "params": {"topic": "t", "text": "2"}},
                request("no.such", "b"),
                7,
            ]
        )
        replies = await ana.hear()
        assert [reply["id"] for reply in replies] == ["a", "b", None]
        assert len(house.door.calls) == 2


async def test_notifications_are_carried_out_and_never_answered(house, speaking):
    async with speaking(house) as ana:
        await ana.say({"jsonrpc": "2.0", "method": "test.fail", "params": {"how": "refused"}})
        await ana.say({"jsonrpc": "2.0", "method": "no.such"})
        assert (await ana.ask("ping", 5))["id"] == 5
        assert len(house.door.calls) == 1


@pytest.mark.parametrize(
    ("token", "reason", "code"),
    [("", "unauthorized", 3000), ("a.b.c", "unauthorized", 3000), (None, "token_expired", 3005)],
)
async def test_a_bad_token_is_refused_with_its_close_code(house, speaking, token, reason, code):
    token = house.token(ttl=-60) if token is None else token
    async with speaking(house, connect=False) as ana:
        reply = await ana.ask("connect", token=token)
        assert reply["error"]["data"]["reason"] == reason
        assert (await ana.ended()).code == code
    assert not house.door.entered


async def test_connect_comes_first_or_the_connection_ends(house, speaking):
    async with speaking(house, connect=False) as ana:
        assert (await ana.ask("ping"))["error"]["code"] == -32600
        assert (await ana.ended()).code == 3500


async def test_who_never_connects_is_sent_away(running, speaking):
    async with running(Limits(connect_seconds=0.1)) as house:
        async with speaking(house, connect=False) as ana:
            assert (await ana.ended()).code == 3500
        assert house.server.statistics().handshakes == 0


async def test_who_leaves_before_connect_is_not_sent_away_later(house, speaking):
    async with speaking(house, connect=False):
        pass
    while house.server.statistics().connections:
        await trio.sleep(0.01)
    waited_for = list(house.server.context.connects.over(math.inf))
    assert waited_for
    for connection in waited_for:
        connection.late()
    assert "num_server_disconnects_total{" not in house.hub.metrics.text().decode()


async def test_the_banned_are_told_and_not_let_in(house, speaking):
    house.door.refusal = Refused("banned", "You cannot enter this event.")
    async with speaking(house, connect=False) as ana:
        reply = await ana.ask("connect", token=house.token())
        assert reply["error"]["data"]["reason"] == "banned"
        assert (await ana.ended()).code == 3503


async def test_what_is_resumed_follows_the_answer_in_order(house, speaking):
    async with speaking(house) as ana:
        await ana.ask("test.join", topic="session/ux")
        for number in range(5):
            house.door.say("session/ux", str(number))
    async with speaking(house, connect=False) as ana:
        resume = {"epoch": "e1", "topics": {"session/ux": 2}}
        await ana.say(request("connect", token=house.token(), resume=resume))
        welcome = await ana.hear()
        assert welcome["result"]["recovered"] == {"session/ux": True}
        assert [(await ana.hear())["params"]["seq"] for _ in range(3)] == [3, 4, 5]


async def test_another_epoch_gets_a_snapshot(house, speaking):
    house.door.say("session/ux", "x")
    resume = {"epoch": "older", "topics": {"session/ux": 1}}
    async with speaking(house, resume=resume) as ana:
        assert ana.welcome["recovered"] == {"session/ux": False}
        snapshot = (await ana.hear())["params"]
        assert (snapshot["type"], snapshot["seq"]) == ("snapshot", 1)


async def test_unsubscribed_means_not_sent(house, speaking):
    async with speaking(house) as ana:
        await ana.ask("test.join", topic="session/ux")
        assert (await ana.ask("unsubscribe", topic="session/ux"))["result"] == {}
        house.door.say("session/ux", "unheard")
        await ana.say(request("ping", 8))
        assert (await ana.hear())["id"] == 8


async def test_me_stands_for_the_persons_own_topic(house, speaking):
    async with speaking(house) as ana:
        await ana.ask("test.join", topic="person/fair.ana")
        house.door.say("person/fair.ana", "psst")
        assert (await ana.hear())["params"]["topic"] == "me"
        await ana.ask("unsubscribe", topic="me")
        assert house.hub.statistics().subscriptions == 0


async def test_a_token_is_refreshed_only_by_its_own_person(house, speaking):
    async with speaking(house) as ana:
        reply = await ana.ask("refresh", token=house.token("ben"))
        assert reply["error"]["data"]["reason"] == "unauthorized"
        reply = await ana.ask("refresh", token=house.token(role="organizer"))
        assert reply["result"]["expires"].endswith("Z")
        await ana.ask("test.say", topic="t", text="x")
        assert house.door.calls[-1].by.role == "organizer"


async def test_a_token_that_runs_out_ends_its_connection_unless_it_is_refreshed(running, speaking):
    async with running(Limits(ping_seconds=0.3)) as house, speaking(house, sub="ben") as ben:
        assert "result" in await ben.ask("refresh", token=house.token("ben", ttl=60))
        async with speaking(house, connect=False) as ana:
            await ana.ask("connect", token=house.token(ttl=1))
            assert (await ana.ended()).code == 3005
        assert "result" in await ben.ask("ping")


async def test_an_oversized_message_ends_its_connection_only(running, speaking):
    async with running(Limits(message_bytes=1000)) as house:  # noqa: SIM117  the house comes first
        async with speaking(house) as ana, speaking(house, sub="ben") as ben:
            await ana.websocket.send_message("x" * 1001)
            assert (await ana.ended()).code == 1009
            assert "result" in await ben.ask("ping")


async def test_the_last_of_too_many_connections_replaces_the_first(running, speaking):
    async with running(Limits(connections_per_person=2)) as house:  # noqa: SIM117  as above
        async with speaking(house) as first, speaking(house), speaking(house) as third:
            assert (await first.ended()).code == 3504
            assert "result" in await third.ask("ping")
            assert house.server.statistics().people == 1


async def test_requests_have_a_rate_and_the_refusal_says_when_to_return(running, speaking):
    async with running(Limits(method_rates={"test.say": Rate(10, 3)})) as house:  # noqa: SIM117
        async with speaking(house) as ana:
            replies = [await ana.ask("test.say", topic="t", text="x") for _ in range(5)]
            refused = [reply["error"]["data"] for reply in replies if "error" in reply]
            assert refused
            assert refused[0]["reason"] == "rate_limited"
            assert refused[0]["temporary"] is True
            await trio.sleep(refused[-1]["retry_after"] + 0.01)
            assert "result" in await ana.ask("test.say", topic="t", text="x")


async def test_a_text_may_be_held_to_less_than_the_rules_allow(running, speaking):
    async with running(Limits(text_lengths={"test.say.text": 3})) as house:  # noqa: SIM117
        async with speaking(house) as ana:
            assert "result" in await ana.ask("test.say", topic="t", text="abc")
            error = (await ana.ask("test.say", topic="t", text="abcd"))["error"]
            assert (error["code"], error["data"]["path"]) == (-32602, "text")
            assert len(house.door.calls) == 1


async def test_draining_names_a_time_to_return(house, speaking):
    async with speaking(house) as ana:
        house.nursery.start_soon(house.server.drain, 3)
        reason = await ana.ended()
        assert reason.code == 3001
        assert 0 <= retry_after(reason.reason) <= 3
    async with speaking(house, connect=False) as late:
        reply = await late.ask("connect", token=house.token())
        assert reply["error"]["data"]["reason"] == "draining"
        assert (await late.ended()).code == 3001


async def test_the_server_pings_and_ends_who_does_not_answer(running, speaking):
    async with running(Limits(ping_seconds=0.2, pong_seconds=0.2)) as house:
        async with speaking(house) as ana:
            await trio.sleep(2)  # the client's library answers by itself
            assert "result" in await ana.ask("ping")
        stream = await mute(house)
        async with stream:
            with trio.fail_after(10):
                received = b""
                while b"no pong" not in received:
                    received += await stream.receive_some()
        assert (3012).to_bytes(2, "big") + b"no pong" in received


async def mute(house):
    """Connect by hand, and do nothing more."""
    stream = await trio.open_tcp_stream("127.0.0.1", house.port)
    await stream.send_all(
        b"GET /v1/ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        b"sec-websocket-version: 13\r\nsec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
    )
    assert (await stream.receive_some()).startswith(b"HTTP/1.1 101")
    payload = orjson.dumps(request("connect", token=house.token("mute")))
    size = len(payload).to_bytes(2, "big")
    await stream.send_all(b"\x81\xfe" + size + b"\0\0\0\0" + payload)
    await stream.receive_some()
    return stream


async def test_a_client_that_never_reads_is_cut_off_and_the_others_are_undisturbed(
    running, speaking
):
    async with running(Limits(outbox_bytes=200_000)) as house:
        stream = await mute(house)
        (slow,) = house.server.context.registry.by_id
        async with stream, speaking(house) as ana:
            await ana.ask("test.join", topic="session/ux")
            house.door._snapshot(slow, "session/ux")
            begun, heard = time.monotonic(), 0
            while slow in house.server.context.registry.by_id:
                house.door.say("session/ux", "x" * 50_000)
                assert (await ana.hear())["params"]["type"] == "test.said"
                heard += 1
                assert heard < 500
            assert time.monotonic() - begun < 10
            with trio.fail_after(10):
                tail = b""
                async for chunk in stream:
                    tail = (tail + chunk)[-100:]
            assert (3008).to_bytes(2, "big") + b"slow consumer" in tail
