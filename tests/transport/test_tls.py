"""The same port over TLS, where writes go through the queue."""

import ssl

import trio

from transport.client import open_client
from transport.limits import Limits
from transport.server import tls_context


async def test_calls_events_and_resume_work_over_tls(running, certificate):
    context = ssl.create_default_context(cafile=str(certificate[0]))
    async with running(ssl_context=tls_context(*certificate)) as house:
        url = f"wss://127.0.0.1:{house.port}/v1/ws"
        with trio.fail_after(30):
            async with open_client(url, house.token(), ssl_context=context) as client:
                await client.call("test.join", topic="session/ux")
                for number in range(50):
                    house.door.say("session/ux", str(number) + "x" * 5000)
                seen = [await client.next_event() for _ in range(51)]
                assert [event.seq for event in seen] == list(range(51))
                assert await client.call("ping")


async def test_a_failed_handshake_disturbs_nobody(running, certificate):
    async with running(ssl_context=tls_context(*certificate)) as house:
        stream = await trio.open_tcp_stream("127.0.0.1", house.port)
        async with stream:
            with trio.move_on_after(2):
                await stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
                async for _ in stream:
                    pass
        with trio.fail_after(10):
            while house.server.statistics().connections:
                await trio.sleep(0.01)


async def test_who_begins_no_handshake_is_sent_away(running, certificate):
    limits = Limits(head_seconds=0.2)
    async with running(limits, ssl_context=tls_context(*certificate)) as house:
        stream = await trio.open_tcp_stream("127.0.0.1", house.port)
        async with stream:
            with trio.fail_after(10):
                async for _ in stream:
                    pass
                while house.server.statistics().connections:
                    await trio.sleep(0.01)


async def test_who_never_reads_is_closed_and_counted_over_tls_too(running, certificate):
    context = ssl.create_default_context(cafile=str(certificate[0]))
    limits = Limits(outbox_bytes=300_000, closing_seconds=0.2)
    async with running(limits, ssl_context=tls_context(*certificate)) as house:
        url = f"wss://127.0.0.1:{house.port}/v1/ws"
        with trio.fail_after(30):
            async with (
                open_client(url, house.token("ana"), ssl_context=context) as ana,
                open_client(url, house.token("mute"), ssl_context=context) as mute,
            ):
                await ana.call("test.join", topic="session/ux")
                await mute.call("test.join", topic="session/mute")
                for outbox in _outboxes(house, "mute"):
                    outbox.hold()  # as if its socket took nothing
                while _closed_as_slow(house) == 0:
                    house.door.say("session/mute", "x" * 50_000)
                    house.door.say("session/ux", "x")
                    await trio.sleep(0.01)
                assert _closed_as_slow(house) == 1
                assert await ana.call("ping")
                assert ana.statistics().connects == 1


def _outboxes(house, person):
    connections = house.server.context.registry.by_person["fair", person]
    return [connection.outbox for connection in connections.values()]


def _closed_as_slow(house):
    name = "greenroom_client_num_server_disconnects_total"
    return house.hub.metrics.registry.get_sample_value(name, {"code": "3008"}) or 0
