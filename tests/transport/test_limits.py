"""Each limit answers as its page says; some are tested beside the part they bound."""

from contextlib import AsyncExitStack

import httpx
import pytest
import trio

from actors.errors import Refused
from transport.limits import Limits, Rate

UPGRADE = (
    "GET /v1/ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    "sec-websocket-version: 13\r\nsec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n{}\r\n"
)


async def answer(house, head):
    stream = await trio.open_tcp_stream("127.0.0.1", house.port)
    async with stream:
        await stream.send_all(head.encode())
        return bytes(await stream.receive_some())


async def counted(house, reason):
    text = house.server.context.metrics.text().decode()
    return f'greenroom_transport_connections_rejected_total{{reason="{reason}"}} 1.0' in text


async def test_more_than_connections_in_all_are_sent_away_for_a_while(running, speaking):
    async with running(Limits(connections=2)) as house:  # noqa: SIM117  the house comes first
        async with speaking(house) as ana, speaking(house, sub="ben"):
            turned_away = await answer(house, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            assert turned_away.startswith(b"HTTP/1.1 503 ")
            assert b"retry-after: " in turned_away
            assert "result" in await ana.ask("ping")
            assert await counted(house, "connections")


async def test_only_so_many_are_on_their_way_in_and_those_who_are_in_do_not_count(
    running, speaking
):
    async with running(Limits(handshakes=2)) as house, AsyncExitStack() as stack:
        ana = await stack.enter_async_context(speaking(house))
        for _ in range(2):
            stream = await trio.open_tcp_stream("127.0.0.1", house.port)
            await stack.enter_async_context(stream)
            await stream.send_all(UPGRADE.format("").encode())
            assert b" 101 " in await stream.receive_some()
        assert (await answer(house, UPGRADE.format(""))).startswith(b"HTTP/1.1 503 ")
        assert "result" in await ana.ask("ping")
        assert await counted(house, "handshakes")


async def test_a_head_has_a_length(running):
    async with running(Limits(head_bytes=500)) as house:
        long = f"GET / HTTP/1.1\r\nhost: x\r\nx: {'y' * 600}"
        assert (await answer(house, long)).startswith(b"HTTP/1.1 431 ")


async def test_arrays_and_objects_stand_in_each_other_only_so_deep(running, speaking):
    async with running(Limits(depth=4)) as house, speaking(house) as ana:
        for value, code in (({"a": {"b": {}}}, -32601), ({"a": {"b": {"c": {}}}}, -32700)):
            await ana.say({"jsonrpc": "2.0", "id": 1, "method": "no", "params": value})
            assert (await ana.hear())["error"]["code"] == code


@pytest.mark.parametrize("size", [0, 4])
async def test_a_batch_holds_only_so_many_requests(running, speaking, size):
    async with running(Limits(batch=3)) as house, speaking(house) as ana:
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        await ana.say([ping] * 3)
        assert len(await ana.hear()) == 3
        await ana.say([ping] * size)
        assert (await ana.hear())["error"]["code"] == -32600


async def test_no_more_topics_are_resumed_than_a_connection_may_hold(running, speaking):
    async with running(Limits(topics=2)) as house, speaking(house, connect=False) as ana:
        resume = {"epoch": "e1", "topics": {f"t{number}": 0 for number in range(3)}}
        reply = await ana.ask("connect", token=house.token(), resume=resume)
        assert reply["error"]["data"]["path"] == "resume.topics"


async def test_a_request_that_takes_too_long_is_told_so_and_the_next_is_carried_out(
    running, speaking
):
    async with running(Limits(request_seconds=0.1)) as house, speaking(house) as ana:
        error = (await ana.ask("test.wait", seconds=60))["error"]
        assert (error["code"], error["data"]["reason"]) == (503, "overloaded")
        assert error["data"]["temporary"] is True
        assert "result" in await ana.ask("ping")


async def test_all_methods_of_a_person_share_a_rate(running, speaking):
    async with running(Limits(rate=Rate(0.1, 3))) as house, AsyncExitStack() as stack:
        tabs = [await stack.enter_async_context(speaking(house)) for _ in range(2)]
        ben = await stack.enter_async_context(speaking(house, sub="ben"))
        replies = [await tabs[n % 2].ask("test.say", topic="t", text="x") for n in range(4)]
        assert ["error" in reply for reply in replies] == [False, False, False, True]
        assert replies[-1]["error"]["data"]["retry_after"] > 1
        assert "result" in await ben.ask("test.say", topic="t", text="x")


async def test_the_server_api_has_a_rate_by_token(running):
    class Exporter:
        formats = ("json",)

        async def export(self, *_):
            raise Refused("not_found", "There is no such export.")

    async with running(Limits(api_rate=Rate(0.1, 2)), exporter=Exporter()) as house:
        headers = {"authorization": f"Bearer {house.token(grants=frozenset({'admin'}))}"}
        url = f"http://127.0.0.1:{house.port}"
        async with httpx.AsyncClient(base_url=url, headers=headers) as http:
            codes = [(await http.get("/v1/api/exports/none")).status_code for _ in range(3)]
        assert codes == [404, 404, 429]


async def test_pages_of_the_origins_listed_may_come(running):
    async with running(Limits(origins=frozenset({"https://fair.example"}))) as house:
        for origin, status in (("https://fair.example", 101), ("https://evil.example", 403)):
            head = UPGRADE.format(f"origin: {origin}\r\n")
            assert (await answer(house, head)).startswith(f"HTTP/1.1 {status} ".encode())


async def test_who_missed_more_than_is_kept_is_told_so(running, speaking):
    for limits in (Limits(history_events=2), Limits(history_bytes=400)):
        async with running(limits) as house, speaking(house) as ana:
            await ana.ask("test.join", topic="t")
            for _ in range(4):
                house.door.say("t", "x")
            resume = {"epoch": "e1", "topics": {"t": 3, "u": 0}}
            async with speaking(house, sub="ben", resume=resume) as ben:
                assert ben.welcome["recovered"]["t"] is True
            resume["topics"]["t"] = 0
            async with speaking(house, sub="ben", resume=resume) as ben:
                assert ben.welcome["recovered"]["t"] is False
