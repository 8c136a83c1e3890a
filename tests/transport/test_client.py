"""The client that resumes by itself."""

import pytest
import trio

from actors.errors import Refused
from transport.client import Disconnected, RemoteError, open_client
from transport.closing import Close


@pytest.mark.parametrize("codec", ["json", "msgpack"])
async def test_calls_are_answered_and_events_arrive_in_order(house, codec):
    async with open_client(house.url, house.token(), codec=codec) as client:
        await client.call("test.join", topic="session/ux")
        for number in range(20):
            assert await client.call("test.say", topic="session/ux", text=str(number)) == {
                "seq": number + 1
            }
        seen = []
        async for event in client.events():
            seen.append(event)
            if event.seq == 20:
                break
        assert [event.type for event in seen] == ["snapshot"] + ["test.said"] * 20
        assert [event.data["text"] for event in seen[1:]] == [str(n) for n in range(20)]


async def test_after_a_drop_exactly_what_was_missed_follows(house):
    async with open_client(house.url, house.token()) as client:
        await client.call("test.join", topic="session/ux")
        house.door.say("session/ux", "before")
        events = client.events()
        assert [(await anext(events)).seq for _ in range(2)] == [0, 1]
        client.interrupt()
        for number in range(50):
            house.door.say("session/ux", f"missed {number}")
        with trio.fail_after(10):
            assert [(await anext(events)).seq for _ in range(50)] == list(range(2, 52))
        assert client.statistics().connects == 2
        assert client.statistics().recovered == 1
        assert client.welcome["recovered"] == {"session/ux": True}


async def test_what_is_no_longer_held_comes_as_a_snapshot_and_is_told(house):
    async with open_client(house.url, house.token()) as client:
        await client.call("test.join", topic="session/ux")
        events = client.events()
        assert (await anext(events)).type == "snapshot"
        client.interrupt()
        for number in range(1100):
            house.door.say("session/ux", f"missed {number}")
        with trio.fail_after(10):
            event = await anext(events)
        assert (event.type, event.seq) == ("snapshot", 1100)
        assert client.welcome["recovered"] == {"session/ux": False}


async def test_what_was_left_meanwhile_is_not_resumed_for_ever(house):
    async with open_client(house.url, house.token()) as client:
        for topic in ("session/ux", "session/left"):
            await client.call("test.join", topic=topic)
        events = client.events()
        assert {(await anext(events)).topic for _ in range(2)} == {"session/ux", "session/left"}
        house.door.over.add("session/left")
        client.interrupt()
        with trio.fail_after(10):
            while client.statistics().connects < 2:
                await trio.sleep(0.01)
        assert client.welcome["recovered"] == {"session/ux": True, "session/left": False}
        assert client.topics.keys() == {"session/ux"}


async def test_no_more_topics_are_resumed_than_a_server_takes(house):
    rooms = [f"room/ux.{number}" for number in range(80)]
    async with open_client(house.url, house.token()) as client:
        events = client.events()
        await client.call("test.join", topic="session/ux")
        for room in rooms:
            await client.call("test.join", topic=room)
            house.hub.unsubscribe(house.door.entered[0][1], room)
        house.door.say("session/ux", "still here")
        while (await anext(events)).type != "test.said":
            pass
        client.interrupt()
        with trio.fail_after(10):
            while client.statistics().connects < 2:
                await trio.sleep(0.01)
        resumed = client.welcome["recovered"]
        assert resumed.keys() == {"session/ux", *rooms[17:]}
        assert resumed["session/ux"]


async def test_a_call_under_way_during_a_drop_is_sent_again_with_its_key(house):
    async with open_client(house.url, house.token()) as client:
        async with trio.open_nursery() as nursery:

            async def ask():
                assert await client.call("test.wait", seconds=0.2) == {"waited": 0.2}

            nursery.start_soon(ask)
            while not house.door.calls:
                await trio.sleep(0.001)
            client.interrupt()
        keys = [command.key for command in house.door.calls]
        assert len(keys) == 2
        assert keys[0] == keys[1]


async def test_refusals_and_unknown_methods_are_told_apart(house):
    async with open_client(house.url, house.token()) as client:
        with pytest.raises(Refused, match="Not now") as refused:
            await client.call("test.fail", how="refused")
        assert refused.value.reason == "wrong_state"
        assert refused.value.data == {"state": "ended"}
        with pytest.raises(RemoteError) as unknown:
            await client.call("no.such")
        assert unknown.value.code == -32601
        with pytest.raises(RemoteError, match="Something went wrong") as failed:
            await client.call("test.fail", how="unknown")
        assert failed.value.code == -32603


async def test_a_refused_token_ends_the_client_for_good(house):
    with pytest.raises(Refused) as caught:
        async with open_client(house.url, "no token"):
            pass
    assert caught.value.reason == "unauthorized"


async def test_a_kick_ends_the_client_for_good(house):
    async with open_client(house.url, house.token()) as client:
        house.server.expel("fair", "ana", Close.REMOVED)
        with pytest.raises(Disconnected) as caught:
            async for _ in client.events():
                pass
        assert caught.value.code == 3503
        with pytest.raises(Disconnected):
            await client.call("ping")


async def test_draining_sends_clients_away_and_they_come_back(house):
    async with open_client(house.url, house.token()) as client:
        await client.call("test.join", topic="session/ux")
        await house.server.drain(0.2)
        house.server.context.draining = False
        with trio.fail_after(20):
            while client.statistics().connects < 2:
                await trio.sleep(0.05)
        assert await client.call("ping")
