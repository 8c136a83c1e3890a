"""Webhooks of several nodes: told in order, at least once, whichever node owns the entity."""

import gc
import json
from collections import defaultdict
from datetime import timedelta
from types import FunctionType, ModuleType
from unittest.mock import AsyncMock

import h11
import trio

from actors.ports import Write
from engine.config import WebhookOptions
from storage import Endpoint, jetstream_outbox
from storage.jetstream import JetStreamJournal
from storage.jetstream_outbox import ENTERING, JetStreamOutbox
from tests.cluster.nodes import cluster
from tests.cluster.test_migrate import NOW, Alone, joined
from transport.cluster.nats import Nats

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


GOOD, BAD = Endpoint("https://good.example.org/"), Endpoint("https://bad.example.org/")
FORMER = Endpoint("https://former.example.org/")


class Post:
    """An outbox with its journal, and who hears what it delivers: all but those that are down."""

    def __init__(self, journal, outbox, *down):
        self.journal, self.outbox = journal, outbox
        self.down = down
        self.heard = defaultdict(list)
        self.tried = set()

    async def happen(self, sessions, first, last):
        for name in sessions:
            events = [joined(seq) for seq in range(first, last + 1)]
            await self.journal.append(Write(f"session/{name}", first - 1, events))
        while await self.outbox.enter():
            pass

    async def deliver(self, now):
        """Deliver what is due until nothing is, and keep what was heard, by endpoint and entity."""
        while messages := await self.outbox.due(now, limit=4):
            for message in messages:
                if message.endpoint in self.down:
                    self.tried.add(message.entity)
                    await self.outbox.failed(message, now, "down")
                else:
                    self.heard[message.endpoint, message.entity].append(message.seq)
                    await self.outbox.delivered(message, now)

    def wanted(self, endpoint, sessions, last):
        return {(endpoint.url, f"session/{name}"): list(range(1, last + 1)) for name in sessions}

    def objects(self):
        """Return how many objects the outbox holds, but those that are not its own."""
        own = vars(self.outbox).copy()
        del own["_connection"], own["_journal"], own["_membership"]
        seen, more, keys = {}, list(own.values()), 0
        while more:
            one = more.pop()
            if id(one) not in seen and not isinstance(one, type | FunctionType | ModuleType):
                seen[id(one)] = one
                keys += len(one) if isinstance(one, dict) else 0  # among whose referents are none
                more += gc.get_referents(one)
        return len(seen) + keys


async def test_an_endpoint_that_is_down_fills_no_memory_and_holds_up_no_other(nats, monkeypatch):
    monkeypatch.setattr(jetstream_outbox, "COUNTS", 4)
    async with Nats.open([nats.url]) as connection:
        journal = await JetStreamJournal.open(connection)
        outbox = await JetStreamOutbox.open(
            connection, "main", journal, [BAD, GOOD], Alone(), window=3
        )
        post = Post(journal, outbox, BAD.url)
        await outbox.enter()
        few, many = "abcd", "abcdefgh"
        await post.happen(few, 1, 2)
        first = await outbox.due(NOW, limit=2)
        assert {message.endpoint for message in first} == {GOOD.url, BAD.url}
        await post.deliver(NOW)
        held = post.objects()
        assert post.heard == post.wanted(GOOD, few, 2)
        # Ten times as many wait for it, of twice the entities; it holds what it did.
        await post.happen("efgh", 1, 2)
        await post.happen(many, 3, 10)
        later = NOW + timedelta(hours=1)
        await post.deliver(later)
        assert post.heard == post.wanted(GOOD, many, 10)
        assert len(post.tried) == 3
        assert abs(post.objects() - held) < 6
        # Once it is up it hears all of it in order, though it had no room at first.
        post.down = ()
        await post.deliver(later + timedelta(hours=1))
        assert post.heard == post.wanted(GOOD, many, 10) | post.wanted(BAD, many, 10)


async def test_whoever_enters_later_tells_all_since_the_first_node_came(nats):
    outboxes = []
    async with Nats.open([nats.url]) as connection:
        journal = await JetStreamJournal.open(connection)
        await journal.append(Write("session/earlier", 0, [joined(1)]))

        async def come():
            outboxes.append(
                await JetStreamOutbox.open(connection, "main", journal, [GOOD], Alone())
            )

        async with trio.open_nursery() as nursery:  # all at once, as in a new cluster
            for _ in range(3):
                nursery.start_soon(come)
        await journal.append(Write("session/ux", 0, [joined(1), joined(2)]))
        await come()  # whoever was to enter is gone before it did
        post = Post(journal, outboxes[-1])
        await post.happen("b", 1, 1)
        await post.deliver(NOW)
        told = {(GOOD.url, "session/ux"): [1, 2], (GOOD.url, "session/b"): [1]}
        assert post.heard == told


async def test_what_waits_for_an_endpoint_that_is_not_configured_any_more_is_given_up(nats):
    async with Nats.open([nats.url]) as connection:
        journal = await JetStreamJournal.open(connection)
        before = await JetStreamOutbox.open(connection, "main", journal, [FORMER], Alone())
        await before.enter()
        await Post(journal, before).happen("ab", 1, 2)
        outbox = await JetStreamOutbox.open(connection, "main", journal, [GOOD], Alone(), window=1)
        post = Post(journal, outbox, FORMER.url)
        await post.happen("c", 1, 2)
        await post.deliver(NOW)
        assert post.heard == post.wanted(GOOD, "c", 2)
        assert outbox.given_up == 0
        await post.deliver(NOW + timedelta(days=4))
        assert outbox.given_up == 4
        after = await JetStreamOutbox.open(connection, "main", journal, [FORMER], Alone())
        assert not await after.due(NOW + timedelta(days=4))


async def test_a_message_that_somebody_else_removed_is_passed_over(nats):
    async with Nats.open([nats.url]) as connection:
        journal = await JetStreamJournal.open(connection)
        outboxes = [
            await JetStreamOutbox.open(connection, "main", journal, [GOOD], Alone(), window=2)
            for _ in range(2)
        ]
        one, other = (Post(journal, outbox) for outbox in outboxes)
        await one.outbox.enter()
        await one.happen("ab", 1, 2)
        assert len(await other.outbox.due(NOW)) == 2
        await one.deliver(NOW)
        await one.happen("c", 1, 2)
        for seconds in (0, 6, 7):
            await other.deliver(NOW + timedelta(seconds=seconds))
        assert other.heard == other.wanted(GOOD, "c", 2)


async def test_a_message_that_a_leader_does_not_know_yet_is_heard_later(nats, monkeypatch):
    async with Nats.open([nats.url]) as connection:
        journal = await JetStreamJournal.open(connection)
        outbox = await JetStreamOutbox.open(connection, "main", journal, [GOOD], Alone())
        post = Post(journal, outbox)
        await outbox.enter()
        await post.happen("a", 1, 2)
        with monkeypatch.context() as patched:
            patched.setattr(jetstream_outbox.api, "following", AsyncMock(return_value=None))
            assert not await outbox.due(NOW)
        await post.deliver(NOW + timedelta(seconds=6))
        assert post.heard == post.wanted(GOOD, "a", 2)
