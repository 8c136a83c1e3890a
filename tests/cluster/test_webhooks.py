"""Webhooks of several nodes: told in order, at least once, whichever node owns the entity."""

import json

import h11
import trio

from engine.config import WebhookOptions
from storage.jetstream_outbox import ENTERING
from tests.cluster.nodes import cluster

SECRET = "a-secret-of-more-than-32-characters"


class Receiver:
    """An endpoint that keeps what it is sent, and may refuse it."""

    def __init__(self):
        self.bodies = []
        self.status = 200

    async def handle(self, stream):
        connection, body = h11.Connection(h11.SERVER), b""
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                connection.receive_data(bytes(await stream.receive_some()))
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
        if self.status == 200:
            self.bodies.append(json.loads(body))
        await stream.send_all(b"HTTP/1.1 %d x\r\ncontent-length: 0\r\n\r\n" % self.status)
        await stream.aclose()

    def told(self, entity):
        return [(body["seq"], body["type"]) for body in self.bodies if body["entity"] == entity]

    async def until(self, entity, wanted):
        with trio.fail_after(20):
            while self.told(entity) != wanted:
                await trio.sleep(0.05)


async def test_the_owner_delivers_and_whoever_takes_over_goes_on(nats, tmp_path):
    receiver = Receiver()
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, receiver.handle, 0)
        port = listeners[0].socket.getsockname()[1]
        hook = WebhookOptions(url=f"http://127.0.0.1:{port}/", secret=SECRET)
        async with cluster(nats.url, tmp_path, webhook=(hook,)) as nodes:
            await nodes.load()
            async with nodes.nodes[0].client("hana", sessions=frozenset({"ux"})) as hana:
                await hana.call("session.join", session="ux")
                await hana.call("session.start", session="ux")
            await receiver.until("session/ux", [(1, "participant.joined"), (2, "session.started")])
            # The owner can tell nobody, and leaves; so does the one that enters.
            receiver.status = 500
            owner = nodes.owner("session/ux")
            stranger = nodes.stranger("session/ux")
            async with stranger.client("ana") as ana:
                await ana.call("session.join", session="ux")
                await trio.sleep(1)
                for leaving in {owner.me, nodes.owner(ENTERING).me}:
                    node = next(one for one in nodes.nodes if one.me == leaving)
                    if node is not stranger:
                        await node.node.leave()
                receiver.status = 200
                await ana.call("session.leave", session="ux")
            wanted = [(1, "participant.joined"), (2, "session.started")]
            wanted += [(3, "participant.joined"), (4, "participant.left")]
            await receiver.until("session/ux", wanted)
        nursery.cancel_scope.cancel()
