"""The wire through a real socket, spoken by trio-websocket's client by hand."""

from contextlib import asynccontextmanager

import msgpack
import orjson
import pytest
import trio
from trio_websocket import ConnectionClosed, open_websocket_url

JSON, MSGPACK = "greenroom.v1.json", "greenroom.v1.msgpack"


class Speaker:
    """A client that does nothing by itself."""

    def __init__(self, websocket, codec):
        self.websocket = websocket
        self.codec = codec

    async def say(self, value):
        if self.codec == JSON:
            await self.websocket.send_message(orjson.dumps(value).decode())
        else:
            await self.websocket.send_message(msgpack.packb(value))

    async def hear(self):
        message = await self.websocket.get_message()
        return orjson.loads(message) if self.codec == JSON else msgpack.unpackb(message)

    async def ask(self, method, ident=1, **params):
        request = {"jsonrpc": "2.0", "id": ident, "method": method, "params": params}
        await self.say(request)
        while True:
            reply = await self.hear()
            if "id" in reply:
                assert reply["id"] == ident
                return reply

    async def ended(self):
        try:
            while True:
                await self.websocket.get_message()
        except ConnectionClosed as closed:
            return closed.reason


@asynccontextmanager
async def speaking(house, codec=JSON, *, connect=True, sub="ana", **params):
    with trio.fail_after(20):
        async with open_websocket_url(house.url, subprotocols=[codec]) as websocket:
            speaker = Speaker(websocket, codec)
            if connect:
                reply = await speaker.ask("connect", token=house.token(sub), **params)
                assert "result" in reply, reply
                speaker.welcome = reply["result"]
            yield speaker


@pytest.mark.parametrize("codec", [JSON, MSGPACK])
async def test_connect_says_who_and_where_you_are(house, codec):
    async with speaking(house, codec) as ana:
        welcome = ana.welcome
        assert welcome["person"] == {"id": "ana", "name": "Ana", "role": "participant"}
        assert welcome["event"] == "fair"
        assert welcome["epoch"] == "e1"
        assert welcome["ping_interval"] == 25
        assert welcome["recovered"] == {}
        assert welcome["notifications"] == []


@pytest.mark.parametrize("codec", [JSON, MSGPACK])
async def test_an_event_reaches_every_subscriber_after_its_snapshot(house, codec):
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
