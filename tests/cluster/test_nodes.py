"""Several nodes behave as one engine: each test's clients are spread over them."""

import trio

from tests.cluster.nodes import cluster, event_of


async def test_a_session_goes_on_across_nodes(nats, tmp_path):
    async with cluster(nats.url, tmp_path) as nodes:
        await nodes.load()
        one, two, three = nodes.nodes
        hosts = frozenset({"ux"})
        async with (
            one.client("hana", sessions=hosts) as hana,
            two.client("ana") as ana,
            three.client("ben") as ben,
        ):
            await hana.call("session.join", session="ux")
            await hana.call("session.start", session="ux")
            for client in (ana, ben):
                await client.call("session.join", session="ux")
                snapshot = await event_of(client, "snapshot")
                assert snapshot.data["session"]["state"] == "live"
            await ana.call("stage.request", session="ux", mic=True, camera=True)
            await event_of(hana, "stage.requested", person="ana")
            await hana.call("stage.accept", session="ux", person="ana")
            await event_of(ana, "stage.accepted", person="ana")
            await ana.call("stage.ready", session="ux")
            await event_of(ben, "stage.entered", person="ana")
            for number in range(8):
                await ben.call("chat.send", topic="session/ux", text=f"number {number}")
            for client in (hana, ana, ben):
                seen = [await event_of(client, "chat.posted") for _ in range(8)]
                assert [event.data["text"] for event in seen] == [f"number {n}" for n in range(8)]
                numbers = [event.seq for event in seen]
                assert numbers == list(range(numbers[0], numbers[0] + 8))


async def test_a_node_that_leaves_hands_over_and_its_clients_notice_nothing(nats, tmp_path):
    async with cluster(nats.url, tmp_path) as nodes:
        await nodes.load()
        owner = nodes.owner("session/ux")
        async with (
            owner.client("hana", sessions=frozenset({"ux"})) as hana,
            nodes.stranger("session/ux").client("ana") as ana,
        ):
            await hana.call("session.join", session="ux")
            await hana.call("session.start", session="ux")
            await ana.call("session.join", session="ux")
            await ana.call("chat.send", topic="session/ux", text="before")
            with trio.fail_after(15):
                await owner.node.leave()
            assert owner.node.membership.owner("session/ux") != owner.me
            await ana.call("chat.send", topic="session/ux", text="after")
            for client in (hana, ana):
                numbers = [(await event_of(client, "chat.posted", text="before")).seq]
                numbers.append((await event_of(client, "chat.posted", text="after")).seq)
                assert numbers[1] == numbers[0] + 1
                assert client.statistics().connects == 1
